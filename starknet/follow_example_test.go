package starknet_test

import (
	"context"
	"fmt"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// A store keeps events and the cursor in one transaction of its database.
type store struct {
	events []starknet.HistoryEvent[slastream.Event]
	cursor starknet.Cursor
}

func (s *store) apply(u starknet.Update[slastream.Event]) {
	if u.Retracted {
		s.events = s.events[:len(s.events)-1] // it is the newest
	} else {
		s.events = append(s.events, u.HistoryEvent)
	}
	s.cursor = u.Cursor
}

// Follow an escrow from its deployment, for ever. What was stored is handed
// back after a restart, so that a reorganization during the pause is noticed
// and resolved.
func ExampleEscrow_Follow() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	node := simulated.New(simulated.Options{})
	caller := jsonrpc.NewClient("http://in.process/rpc", node.Client()) // or any Caller
	escrow := starknet.NewEscrow(caller, node.Escrow())
	pause(ctx, node)

	var s store // or as it was stored
	for update, err := range escrow.Follow(ctx, s.cursor, s.events...) {
		if err != nil {
			fmt.Println(err) // of ctx, or one to act on
			return
		}
		s.apply(update)
		switch e := update.Event.(type) {
		case slastream.Paused:
			fmt.Println("paused by", e.By == node.Accounts()[0].Address, "in block", update.BlockNumber)
			cancel() // an example must end
		}
	}
	// Output:
	// paused by true in block 1
	// context canceled
}

// The transfers of a token that an account received, once they are accepted on
// L1: the class of this token has the accounts as keys.
func ExampleERC20_History() {
	var (
		ctx     = context.Background()
		caller  starknet.Caller // of a node
		token   slastream.Address
		account slastream.Address
	)
	follow := func() error {
		to, err := starknet.FeltFromWord(account.Word())
		if err != nil {
			return err
		}
		history := starknet.NewERC20(caller, token).History(starknet.WithFinality(starknet.AcceptedOnL1), starknet.WithKeys(nil, []*felt.Felt{to}))
		for update, err := range history.Follow(ctx, starknet.Cursor{Block: 1_000_000}) {
			if err != nil {
				return err
			}
			fmt.Println(update.ID, update.Event.From, update.Event.Amount, update.Retracted)
		}
		return nil
	}
	_ = follow
}

// The events of one deal, so far.
func ExampleHistory_Events() {
	var (
		ctx    = context.Background()
		escrow *starknet.Escrow
	)
	read := func(deal attestation.Word, deployed uint64) error {
		head, err := escrow.Head(ctx)
		if err != nil {
			return err
		}
		for event, err := range escrow.History(starknet.WithDeal(deal)).Events(ctx, deployed, head) {
			if err != nil {
				return err
			}
			if e, ok := event.Event.(slastream.ChunkReleased); ok {
				fmt.Println("chunk", e.ChunkIndex, "paid in", event.ID.TxHash)
			}
		}
		return nil
	}
	_ = read
}

// pause is somebody else's transaction: the owner stops the escrow.
func pause(ctx context.Context, node *simulated.Node) {
	owner := node.Accounts()[0]
	key, err := starknet.NewLocalKey(owner.PrivateKey)
	if err != nil {
		panic(err)
	}
	caller := jsonrpc.NewClient("http://in.process/rpc", node.Client())
	account := starknet.NewAccount(caller, starknet.Sepolia, owner.Address, key)
	if err := starknet.NewEscrow(caller, node.Escrow(), starknet.WithAccount(account)).Pause(ctx); err != nil {
		panic(err)
	}
}

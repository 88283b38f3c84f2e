package simulated_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/ethereum/go-ethereum/rpc"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// A client opens a deal, the provider proves nothing, and at the deadline the
// client gets everything back. Any JSON-RPC client can talk to the node; here
// it is go-ethereum's, without a socket.
func Example() {
	ctx := context.Background()
	node := simulated.New(simulated.Options{
		Key:   attestation.PublicKey{}, // of the signer under test
		Clock: func() uint64 { return 1_800_000_000 },
	})
	caller, err := rpc.DialOptions(ctx, "http://in.process/rpc", rpc.WithHTTPClient(node.Client()))
	if err != nil {
		log.Fatal(err)
	}
	me := node.Accounts()[1]
	key, err := starknet.NewLocalKey(me.PrivateKey)
	if err != nil {
		log.Fatal(err)
	}
	account := starknet.NewAccount(caller, starknet.Sepolia, me.Address, key, starknet.WithPoll(time.Millisecond))
	escrow := starknet.NewEscrow(caller, node.Escrow(), starknet.WithAccount(account))

	id, err := escrow.CreateDeal(ctx, slastream.Terms{
		Provider:    node.Accounts()[2].Address,
		Chunks:      10,
		ChunkAmount: slastream.AmountFromUint64(100),
		Duration:    3600,
	})
	if err != nil {
		log.Fatal(err)
	}
	err = escrow.Slash(ctx, id)
	fmt.Println("too early:", errors.Is(err, slastream.ErrDeadline))

	node.IncreaseTime(3600)
	if err := escrow.Slash(ctx, id); err != nil {
		log.Fatal(err)
	}
	deal, err := escrow.Deal(ctx, id)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("slashed:", deal.Slashed)
	// Output:
	// too early: true
	// slashed: true
}

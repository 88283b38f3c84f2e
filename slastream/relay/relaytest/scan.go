package relaytest

import (
	"errors"
	"fmt"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	model "github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/starknet"
)

// block is what starknet_getBlockWithReceipts answers, as far as the judge needs
// it.
type block struct {
	Number       uint64  `json:"block_number"`
	Timestamp    uint64  `json:"timestamp"`
	Transactions []entry `json:"transactions"`
}

// An entry is one transaction of a block.
type entry struct {
	Transaction struct {
		Type     string   `json:"type"`
		Sender   string   `json:"sender_address"`
		Nonce    string   `json:"nonce"`
		Calldata []string `json:"calldata"`
	} `json:"transaction"`
	Receipt struct {
		Hash      string `json:"transaction_hash"`
		Execution string `json:"execution_status"`
		Reason    string `json:"revert_reason"`
		Events    []struct {
			From string   `json:"from_address"`
			Keys []string `json:"keys"`
			Data []string `json:"data"`
		} `json:"events"`
	} `json:"receipt"`
}

// A payment is a chunk that the escrow paid, as the chain shows it.
type payment struct {
	attestation.Attestation
	sender slastream.Address
	at     uint64 // timestamp of the block
}

// A ledger is the whole history of the escrow, read from the blocks of the chain
// and run again by the model.
type ledger struct {
	model    *model.Contract
	tokens   *model.Ledger
	payments map[relay.ChunkID][]payment // from the calldata of the transactions that succeeded
	events   map[relay.ChunkID]int       // how many ChunkReleased there are
	reverted []string                    // transactions of the relay that the escrow refused
	sent     int                         // transactions of the relay that are in a block
	problems []string
}

// tokenHost is the model's token, whose events nobody needs.
type tokenHost struct{ *model.Ledger }

func (tokenHost) Emit(slastream.Event) {}

func felts(list []string) []*felt.Felt {
	out := make([]*felt.Felt, len(list))
	for i, s := range list {
		out[i] = must(starknet.ParseFelt(s))
	}
	return out
}

func address(s string) slastream.Address {
	return must(starknet.AddressFromFelt(must(starknet.ParseFelt(s))))
}

// scan reads the Starknet chain from its beginning. relays are the accounts of
// the relays under test.
func (w *world) scan(class slastream.Class, relays ...int) *ledger {
	ours := map[slastream.Address]bool{}
	for _, i := range relays {
		ours[w.stark.Accounts()[i].Address] = true
	}
	l := &ledger{tokens: model.NewLedger(nil), payments: map[relay.ChunkID][]payment{}, events: map[relay.ChunkID]int{}}
	l.model = model.New(model.Params{Class: class, Owner: w.stark.Accounts()[ownerAccount].Address, Key: w.key.PublicKey(), Token: w.stark.Token(), Address: w.stark.Escrow(), ChainID: starknet.Sepolia}, tokenHost{l.tokens})
	much := slastream.AmountFromWord(attestation.Word{16: 1})
	client := w.stark.Accounts()[clientAccount].Address
	check(l.tokens.Mint(client, much))
	check(l.tokens.Approve(client, w.stark.Escrow(), much))
	nonces := map[string]bool{}
	for n := range w.head() + 1 {
		var b block
		check(w.caller.CallContext(w.ctx, &b, "starknet_getBlockWithReceipts", map[string]uint64{"block_number": n}))
		for i := range b.Transactions {
			tx, receipt := &b.Transactions[i].Transaction, &b.Transactions[i].Receipt
			for _, e := range receipt.Events {
				if address(e.From) != w.stark.Escrow() {
					continue
				}
				event, err := starknet.ParseEvent(felts(e.Keys), felts(e.Data))
				check(err)
				if paid, ok := event.(slastream.ChunkReleased); ok {
					l.events[relay.ChunkID{Deal: paid.DealID, Index: paid.ChunkIndex}]++
				}
			}
			if tx.Type != "INVOKE" {
				continue
			}
			sender := address(tx.Sender)
			id := tx.Sender + " " + tx.Nonce
			if nonces[id] {
				l.problems = append(l.problems, fmt.Sprintf("nonce %s of %s is in two transactions", tx.Nonce, tx.Sender))
			}
			nonces[id] = true
			if ours[sender] {
				if l.sent++; receipt.Execution != "SUCCEEDED" {
					l.reverted = append(l.reverted, fmt.Sprintf("nonce %s in block %d: %q", tx.Nonce, n, starknet.ParseRevertReason(receipt.Reason).Reason))
				}
			}
			if receipt.Execution == "SUCCEEDED" {
				l.execute(w.stark.Escrow(), sender, b.Number, b.Timestamp, felts(tx.Calldata))
			}
		}
	}
	return l
}

// execute runs the calls of a transaction of an account in the model.
func (l *ledger) execute(escrow, sender slastream.Address, number, at uint64, calldata []*felt.Felt) {
	calls := calldata[0].Uint64()
	rest := calldata[1:]
	for range calls {
		to, selector, n := must(starknet.AddressFromFelt(rest[0])), rest[1], rest[2].Uint64()
		args := rest[3 : 3+n]
		rest = rest[3+n:]
		if to != escrow {
			continue
		}
		if err := l.call(model.Call{From: sender, At: at}, selector, args); err != nil {
			l.problems = append(l.problems, fmt.Sprintf("block %d: the model refuses what the chain has: %v", number, err))
		}
	}
}

func (l *ledger) call(c model.Call, selector *felt.Felt, args []*felt.Felt) error {
	pay := func(a attestation.Attestation) {
		id := relay.ChunkID{Deal: a.DealID, Index: a.ChunkIndex}
		l.payments[id] = append(l.payments[id], payment{a, c.From, c.At})
	}
	is := func(name string) bool { return selector.Equal(starknet.Selector(name)) }
	switch {
	case is("create_deal"):
		terms, err := starknet.DecodeCreateDeal(args)
		if err == nil {
			_, err = l.model.CreateDeal(c, terms)
		}
		return err
	case is("release_chunk"):
		signed, err := starknet.DecodeReleaseChunk(args)
		if err == nil {
			pay(signed.Attestation)
			err = l.model.ReleaseChunk(c, signed)
		}
		return err
	case is("release_batch"):
		items, sig, err := starknet.DecodeReleaseBatch(args)
		if err != nil {
			return err
		}
		for _, a := range items {
			pay(a)
		}
		return l.model.ReleaseBatch(c, items, sig)
	case is("slash"):
		return l.model.Slash(c, must(starknet.JoinU256(args[0], args[1])))
	case is("pause"):
		return l.model.Pause(c)
	case is("unpause"):
		return l.model.Unpause(c)
	}
	return errors.New("an entry point that the judge does not know")
}

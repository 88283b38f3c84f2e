package main

import (
	"context"
	"fmt"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/starknet"
)

// A model is the reference model of the contract, which does what the chain
// does and then is asked who should have what.
type model struct {
	*escrow.Memory
	escrow slastream.Address
	clock  func() uint64
}

// startBalance is what the simulated node gives each account.
var startBalance = tokens(1_000_000)

func newModel(p escrow.Params, clock func() uint64) *model {
	return &model{Memory: escrow.NewMemory(p, clock), escrow: p.Address, clock: clock}
}

// A balance is what one account ends with, in base units. Chain + Fees must be
// what the model says: it knows no fees.
type balance struct {
	Who   string           `json:"who"`
	Chain slastream.Amount `json:"chain"`
	Fees  slastream.Amount `json:"fees"`
	Model slastream.Amount `json:"model"`
	OK    bool             `json:"ok"`
}

// settle compares the balances on the chain with the model's and prints them.
func (f *flow) settle(ctx context.Context) error {
	fees, err := f.fees(ctx)
	if err != nil {
		return fmt.Errorf("read the fees: %w", err)
	}
	f.out.title("Who has what, in STRK")
	fmt.Fprintf(f.out.w, "  %-10s %28s %28s %28s\n", "account", "on chain", "paid in fees", "model")
	f.result.OK = true
	for _, a := range []struct {
		who     string
		address slastream.Address
	}{
		{"client", f.people.client},
		{"provider", f.people.provider},
		{"relay", f.people.relay},
		{"escrow", f.model.escrow},
	} {
		if a.who == "relay" && a.address == f.people.client {
			continue // one account is both
		}
		b := balance{Who: a.who, Fees: fees[a.address], Model: f.model.Balance(a.address)}
		if b.Chain, err = f.token.BalanceOf(ctx, a.address); err != nil {
			return err
		}
		sum, err := b.Chain.Add(b.Fees)
		b.OK = err == nil && sum == b.Model
		mark, colour := "equal", green
		if !b.OK {
			mark, colour = "DIFFERS", yellow
		}
		f.result.OK = f.result.OK && b.OK
		f.result.Balances = append(f.result.Balances, b)
		fmt.Fprintf(f.out.w, "  %-10s %28s %28s %28s  %s\n", b.Who, b.Chain.Format(18), b.Fees.Format(18), b.Model.Format(18), f.out.paint(colour, mark))
	}
	return nil
}

// fees returns what each account paid for its transactions: the transfers to
// the sequencer in the token's history.
func (f *flow) fees(ctx context.Context) (map[slastream.Address]slastream.Amount, error) {
	sequencer, err := slastream.ParseAddress("0x1000")
	if err != nil {
		return nil, err
	}
	fees := map[slastream.Address]slastream.Amount{}
	token := ""
	for {
		filter := map[string]any{
			"from_block": map[string]any{"block_number": f.since},
			"to_block":   "latest",
			"address":    f.token.Address(),
			"chunk_size": 500,
		}
		if token != "" {
			filter["continuation_token"] = token
		}
		var page struct {
			Events []struct{ Keys, Data []string }
			Token  string `json:"continuation_token"`
		}
		if err := f.caller.CallContext(ctx, &page, "starknet_getEvents", filter); err != nil {
			return nil, err
		}
		for _, e := range page.Events {
			keys, err := felts(e.Keys)
			if err != nil {
				return nil, err
			}
			data, err := felts(e.Data)
			if err != nil {
				return nil, err
			}
			event, err := starknet.ParseTokenEvent(keys, data)
			if err != nil {
				return nil, err
			}
			if t, ok := event.(starknet.Transfer); ok && t.To == sequencer {
				if fees[t.From], err = fees[t.From].Add(t.Amount); err != nil {
					return nil, err
				}
			}
		}
		if token = page.Token; token == "" {
			return fees, nil
		}
	}
}

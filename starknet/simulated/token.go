package simulated

import (
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// A token is an ERC-20 of the class that starknet-devnet deploys as STRK and
// ETH.
type token struct {
	name, symbol string
	minter       slastream.Address // may mint
	ledger       *escrow.Ledger
}

// Costs of the token's entry points.
var (
	costApprove  = cost{done: 286_080, undone: 110_720, failed: 60_000, data: 64}
	costTransfer = cost{done: 400_000, undone: 150_000, failed: 80_000, data: 128}
	costView     = cost{done: 120_000, undone: 120_000}
)

// tokenEntries is the part of STRK's ABI that holders use, and the minter's
// permissioned_mint.
var tokenEntries = []entry{
	getter("name", func(_ *state, c *call) []hexFelt { return []hexFelt{text(c.self.token.name)} }),
	getter("symbol", func(_ *state, c *call) []hexFelt { return []hexFelt{text(c.self.token.symbol)} }),
	getter("decimals", func(*state, *call) []hexFelt { return []hexFelt{number(18)} }),
	getter("total_supply", supply),
	getter("totalSupply", supply),
	{"balance_of", costView, balanceOf},
	{"balanceOf", costView, balanceOf},
	{"allowance", costView, func(_ *state, c *call, r *reader) ([]hexFelt, error) {
		owner, spender := r.address(), r.address()
		if err := r.end(); err != nil {
			return nil, err
		}
		return amount(c.self.token.ledger.Allowance(owner, spender)), nil
	}},
	{"approve", costApprove, func(_ *state, c *call, r *reader) ([]hexFelt, error) {
		spender, value := r.address(), r.amount()
		if err := r.end(); err != nil {
			return nil, err
		}
		return yes(c.self.token.ledger.Approve(c.caller, spender, value))
	}},
	{"transfer", costTransfer, func(_ *state, c *call, r *reader) ([]hexFelt, error) {
		to, value := r.address(), r.amount()
		if err := r.end(); err != nil {
			return nil, err
		}
		return yes(c.self.token.ledger.Transfer(c.caller, to, value))
	}},
	{"transfer_from", costTransfer, transferFrom},
	{"transferFrom", costTransfer, transferFrom},
	{"permissioned_mint", costTransfer, func(_ *state, c *call, r *reader) ([]hexFelt, error) {
		to, value := r.address(), r.amount()
		if err := r.end(); err != nil {
			return nil, err
		}
		if c.caller != c.self.token.minter {
			return nil, &slastream.RevertError{Reason: "MINTER_ONLY"}
		}
		return nil, c.self.token.ledger.Mint(to, value)
	}},
}

func supply(_ *state, c *call) []hexFelt { return amount(c.self.token.ledger.Supply()) }

func balanceOf(_ *state, c *call, r *reader) ([]hexFelt, error) {
	a := r.address()
	if err := r.end(); err != nil {
		return nil, err
	}
	return amount(c.self.token.ledger.Balance(a)), nil
}

func transferFrom(_ *state, c *call, r *reader) ([]hexFelt, error) {
	from, to, value := r.address(), r.address(), r.amount()
	if err := r.end(); err != nil {
		return nil, err
	}
	return yes(c.self.token.ledger.TransferFrom(c.caller, from, to, value))
}

// yes is the bool that ERC-20 calls return.
func yes(err error) ([]hexFelt, error) {
	if err != nil {
		return nil, err
	}
	return []hexFelt{flag(true)}, nil
}

// newToken deploys a token without supply.
func (s *state) newToken(at slastream.Address, class *class, name, symbol string) *contract {
	c := &contract{address: at, class: class, token: &token{name: name, symbol: symbol, minter: s.world.minter.Address}}
	c.token.ledger = escrow.NewLedger(func(e escrow.TokenEvent) {
		keys, data := tokenEvent(e)
		s.emit(at, keys, data)
	})
	s.contracts.set(at, c)
	return c
}

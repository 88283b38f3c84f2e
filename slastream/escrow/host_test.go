package escrow_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// token is what the tests need of an ERC-20.
type token interface {
	Approve(owner, spender slastream.Address, amount slastream.Amount) error
	Transfer(from, to slastream.Address, amount slastream.Amount) error
	TransferFrom(caller, from, to slastream.Address, amount slastream.Amount) error
	Balance(slastream.Address) slastream.Amount
	Snapshot() int
	Revert(int) bool
}

// host is a chain with one token. It records the events of the token and of
// the escrow in one list.
type host struct {
	token token
	log   []any
	marks []hostMark
	// before runs before each move of tokens; its error is the token's revert.
	before func(from, to slastream.Address, amount slastream.Amount) error
}

type hostMark struct{ token, log int }

var (
	_ escrow.Host   = (*host)(nil)
	_ escrow.Undoer = (*host)(nil)
	_ token         = (*escrow.Ledger)(nil)
	_ token         = (*mockToken)(nil)
)

// newHost returns a chain whose token is a Ledger.
func newHost() (*host, *escrow.Ledger) {
	h := &host{}
	ledger := escrow.NewLedger(func(e escrow.TokenEvent) { h.log = append(h.log, e) })
	h.token = ledger
	return h, ledger
}

func (h *host) Transfer(from, to slastream.Address, amount slastream.Amount) error {
	if h.before != nil {
		if err := h.before(from, to, amount); err != nil {
			return err
		}
	}
	return h.token.Transfer(from, to, amount)
}

func (h *host) TransferFrom(caller, from, to slastream.Address, amount slastream.Amount) error {
	if h.before != nil {
		if err := h.before(from, to, amount); err != nil {
			return err
		}
	}
	return h.token.TransferFrom(caller, from, to, amount)
}

func (h *host) Emit(e slastream.Event) { h.log = append(h.log, e) }

func (h *host) Snapshot() int {
	h.marks = append(h.marks, hostMark{h.token.Snapshot(), len(h.log)})
	return len(h.marks) - 1
}

func (h *host) Revert(id int) bool {
	m := h.marks[id]
	h.marks, h.log = h.marks[:id], h.log[:m.log]
	return h.token.Revert(m.token)
}

// mockToken is the mock ERC-20 of the reference's tests: other texts than
// STRK, no events, no check of addresses, no unlimited allowance.
type mockToken struct {
	balances   map[slastream.Address]slastream.Amount
	allowances map[[2]slastream.Address]slastream.Amount
	saved      []*mockToken
}

func newMockToken(owner slastream.Address, supply slastream.Amount) *mockToken {
	return &mockToken{
		balances:   map[slastream.Address]slastream.Amount{owner: supply},
		allowances: map[[2]slastream.Address]slastream.Amount{},
	}
}

func (t *mockToken) Approve(owner, spender slastream.Address, amount slastream.Amount) error {
	t.allowances[[2]slastream.Address{owner, spender}] = amount
	return nil
}

func (t *mockToken) Transfer(from, to slastream.Address, amount slastream.Amount) error {
	less, err := t.balances[from].Sub(amount)
	if err != nil {
		return &slastream.RevertError{Reason: "insufficient balance"}
	}
	t.balances[from] = less
	more, err := t.balances[to].Add(amount)
	if err != nil {
		return slastream.ErrAddOverflow
	}
	t.balances[to] = more
	return nil
}

func (t *mockToken) TransferFrom(caller, from, to slastream.Address, amount slastream.Amount) error {
	key := [2]slastream.Address{from, caller}
	less, err := t.allowances[key].Sub(amount)
	if err != nil {
		return &slastream.RevertError{Reason: "insufficient allowance"}
	}
	if err := t.Transfer(from, to, amount); err != nil {
		return err
	}
	t.allowances[key] = less
	return nil
}

func (t *mockToken) Balance(a slastream.Address) slastream.Amount { return t.balances[a] }

func (t *mockToken) Snapshot() int {
	t.saved = append(t.saved, &mockToken{balances: maps.Clone(t.balances), allowances: maps.Clone(t.allowances)})
	return len(t.saved) - 1
}

func (t *mockToken) Revert(id int) bool {
	old := t.saved[id]
	t.balances, t.allowances, t.saved = old.balances, old.allowances, t.saved[:id]
	return true
}

// addr returns a small, readable address.
func addr(n uint64) slastream.Address { return slastream.Address(attestation.WordFromUint64(n)) }

func amount(n uint64) slastream.Amount { return slastream.AmountFromUint64(n) }

func word(n uint64) attestation.Word { return attestation.WordFromUint64(n) }

// chain is an escrow with the host it runs on.
type chain struct {
	*escrow.Contract
	host   *host
	ledger *escrow.Ledger // nil if the token is another one
}

func newChain(p escrow.Params, h *host) *chain {
	ledger, _ := h.token.(*escrow.Ledger)
	return &chain{Contract: escrow.New(p, h), host: h, ledger: ledger}
}

// try runs f and takes back what it did.
func (c *chain) try(t testing.TB, f func()) {
	t.Helper()
	mark := c.host.Snapshot()
	require.True(t, c.At(c.Snapshot(), f))
	require.True(t, c.host.Revert(mark))
}

// openDeal returns an escrow with one active deal, id 1, client 1 and
// provider 2, 100 a chunk, collateral 50, deadline 1000. The client has
// 1,000,000 less what the deal locks, all of it approved; the log is empty.
func openDeal(t testing.TB, p escrow.Params, chunks uint64) *chain {
	t.Helper()
	h, ledger := newHost()
	c := newChain(p, h)
	require.NoError(t, ledger.Mint(addr(1), amount(1_000_000)))
	require.NoError(t, ledger.Approve(addr(1), p.Address, amount(1_000_000)))
	id, err := c.CreateDeal(escrow.Call{From: addr(1)}, slastream.Terms{
		Provider: addr(2), Chunks: chunks, ChunkAmount: amount(100), Collateral: amount(50), Duration: 1000,
	})
	require.NoError(t, err)
	require.Equal(t, word(1), id)
	h.log = nil
	return c
}

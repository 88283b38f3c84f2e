package escrow

import (
	"context"
	"slices"
	"sync"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A Memory is an escrow in memory with its own token, for tests and examples:
// what slastream.Escrow talks to when there is no chain. It is safe for
// concurrent use; make one with [NewMemory].
type Memory struct {
	clock func() uint64

	mu       sync.Mutex
	contract *Contract
	ledger   *Ledger
	events   []slastream.Event
}

// NewMemory returns an escrow without deals and a token without supply. clock
// is the block timestamp in Unix seconds: it is read once for each transaction
// and decides when a deadline has passed. It must not call the Memory.
func NewMemory(p Params, clock func() uint64) *Memory {
	m := &Memory{clock: clock, ledger: NewLedger(nil)}
	m.contract = New(p, host{m})
	return m
}

// host is a Memory as its contract sees it. It is no [Undoer]: Account.do
// undoes a failed transaction as a whole. The mutex is held meanwhile.
type host struct{ m *Memory }

func (h host) Transfer(from, to slastream.Address, amount slastream.Amount) error {
	return h.m.ledger.Transfer(from, to, amount)
}

func (h host) TransferFrom(caller, from, to slastream.Address, amount slastream.Amount) error {
	return h.m.ledger.TransferFrom(caller, from, to, amount)
}

func (h host) Emit(e slastream.Event) { h.m.events = append(h.m.events, e) }

// As returns the escrow as seen by one caller.
func (m *Memory) As(caller slastream.Address) *Account {
	return &Account{m: m, address: caller}
}

// Mint gives new tokens to an address.
func (m *Memory) Mint(to slastream.Address, amount slastream.Amount) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ledger.Mint(to, amount)
}

// Balance returns the tokens of an address; the escrow's own are those of
// Params.Address.
func (m *Memory) Balance(a slastream.Address) slastream.Amount {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ledger.Balance(a)
}

// Events returns the events of the escrow so far, oldest first.
func (m *Memory) Events() []slastream.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.events)
}

// An Account is a [Memory] as seen by one caller. Methods answer ctx.Err()
// before anything else, and otherwise only *slastream.RevertError.
type Account struct {
	m       *Memory
	address slastream.Address
}

var (
	_ slastream.Escrow = (*Account)(nil)
	_ slastream.State  = (*Account)(nil)
	_ slastream.Funds  = (*Account)(nil)
)

// do makes one transaction: f as a whole or nothing.
func (a *Account) do(ctx context.Context, f func(Call) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := a.m
	m.mu.Lock()
	defer m.mu.Unlock()
	ledger, events := m.ledger.Snapshot(), len(m.events)
	err := f(Call{From: a.address, At: m.clock()})
	if err != nil { // the contract undid its own part
		m.ledger.Revert(ledger)
		m.events = m.events[:events]
	}
	m.contract.Forget(m.contract.Snapshot())
	m.ledger.Forget(m.ledger.Snapshot())
	return err
}

// CreateDeal approves what the terms lock and opens a deal.
func (a *Account) CreateDeal(ctx context.Context, t slastream.Terms) (id attestation.Word, err error) {
	err = a.do(ctx, func(call Call) error {
		// Terms too large for a u256 have no sum to approve; the contract refuses
		// them before it asks the token.
		if locked, err := t.Locked(); err == nil {
			if err := a.m.ledger.Approve(call.From, a.m.contract.Params().Address, locked); err != nil {
				return err
			}
		}
		id, err = a.m.contract.CreateDeal(call, t)
		return err
	})
	return id, err
}

// Release pays one chunk to the provider.
func (a *Account) Release(ctx context.Context, s attestation.Signed) error {
	return a.do(ctx, func(call Call) error { return a.m.contract.ReleaseChunk(call, s) })
}

// ReleaseBatch pays many chunks with one signature; extended class only.
func (a *Account) ReleaseBatch(ctx context.Context, items []attestation.Attestation, sig attestation.Signature) error {
	return a.do(ctx, func(call Call) error { return a.m.contract.ReleaseBatch(call, items, sig) })
}

// Slash ends a deal whose deadline has passed and refunds the client.
func (a *Account) Slash(ctx context.Context, deal attestation.Word) error {
	return a.do(ctx, func(call Call) error { return a.m.contract.Slash(call, deal) })
}

// Pause stops new deals and releases; only the owner may.
func (a *Account) Pause(ctx context.Context) error { return a.do(ctx, a.m.contract.Pause) }

// Unpause allows new deals and releases again; only the owner may.
func (a *Account) Unpause(ctx context.Context) error { return a.do(ctx, a.m.contract.Unpause) }

// Deal returns the deal with that id, the zero Deal if there is none.
func (a *Account) Deal(ctx context.Context, id attestation.Word) (slastream.Deal, error) {
	return read(ctx, a.m, func(c *Contract) slastream.Deal { return c.Deal(id) })
}

// DealCount returns the id of the newest deal.
func (a *Account) DealCount(ctx context.Context) (attestation.Word, error) {
	return read(ctx, a.m, (*Contract).DealCount)
}

// ChunkReleased reports whether a chunk was paid.
func (a *Account) ChunkReleased(ctx context.Context, deal attestation.Word, chunk uint64) (bool, error) {
	return read(ctx, a.m, func(c *Contract) bool { return c.ChunkReleased(deal, chunk) })
}

// Paused reports whether the owner stopped new deals and releases.
func (a *Account) Paused(ctx context.Context) (bool, error) {
	return read(ctx, a.m, (*Contract).Paused)
}

// PublicKey returns the attestation key that releases chunks.
func (a *Account) PublicKey(ctx context.Context) (attestation.PublicKey, error) {
	return read(ctx, a.m, func(c *Contract) attestation.PublicKey { return c.Params().Key })
}

// BalanceOf returns the tokens of an address.
func (a *Account) BalanceOf(ctx context.Context, of slastream.Address) (slastream.Amount, error) {
	return read(ctx, a.m, func(*Contract) slastream.Amount { return a.m.ledger.Balance(of) })
}

func read[T any](ctx context.Context, m *Memory, f func(*Contract) T) (T, error) {
	if err := ctx.Err(); err != nil {
		var zero T
		return zero, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return f(m.contract), nil
}

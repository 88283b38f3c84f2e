package relay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
)

// A Report says what one turn did.
type Report struct {
	Observed int // chunks newly earned
	Sent     int // transactions handed to the node
	Released int // chunks that reached Accepted
	Refused  int // chunks that reached Refused
	Wasted   int // transactions that reverted
	Open     int // chunks that still have a way to go
}

// Step takes one turn: observe new proofs, look after the transactions that are
// on their way, and bring the chunks that are due as far as they go. One deal's
// trouble does not stop another's; the errors come back joined, and the next
// turn takes up where this one stopped. It is safe to stop at any point and to
// call Step again in another process with the same store.
func (r *Relay) Step(ctx context.Context) (Report, error) {
	if err := r.begin(ctx); err != nil {
		return Report{}, err
	}
	defer r.end()
	t := &turn{Relay: r, start: r.now(), renewed: r.Clock(), deals: newDeals()}
	t.run(ctx)
	if stats, err := r.Store.Stats(ctx); err == nil {
		for state := Observed; state < Accepted; state++ {
			t.report.Open += int(stats.Chunks[state])
		}
	}
	err := errors.Join(append(t.errs, ctx.Err())...)
	_, r.unsure = errors.AsType[*storeError](err)
	r.note(func(h *Health) {
		h.Turn, h.Err, h.Sending = r.Clock(), "", t.lease.Name != ""
		if err != nil {
			h.Err = shorten(err.Error())
		} else {
			h.OK = h.Turn
		}
	})
	if r.Observer != nil {
		r.Observer.Turned(t.report, err)
	}
	return t.report, err
}

// A storeError says that the store may or may not hold the last change. The
// turn ends: whether a nonce is taken is known again only from a new look at
// the store, and a gap in the nonces would hold up every later release.
type storeError struct{ cause error }

func (e *storeError) Error() string { return "store: " + e.cause.Error() }
func (e *storeError) Unwrap() error { return e.cause }

// A turn is what one turn of a relay knows.
type turn struct {
	*Relay
	start  uint64 // Unix milliseconds
	report Report
	errs   []error
	over   bool // nothing more is done in this turn
	deals  *deals
	// How the nodes answered about chunks that are observed, which both chains are
	// asked about, and about the others; since the last good answer, if any.
	answers [2]answers

	leasing sync.Mutex // guards the next two while workers run
	lease   Lease
	renewed time.Time // when the lease was

	flight   []*flying // the transactions that are not accepted, in order of their nonces
	nonce    uint64    // the account's next one on chain when the turn began
	floor    uint64    // the nonce after the highest of the accepted transactions
	failures int       // of the node, while signing
}

// fail notes an error of the turn. After one of the store, or a lost lease, the
// turn is over.
func (t *turn) fail(doing string, err error) {
	if err == nil {
		return
	}
	t.errs = append(t.errs, fmt.Errorf("relay: %s: %w", doing, err))
	_, store := errors.AsType[*storeError](err)
	t.over = t.over || store || errors.Is(err, ErrLease)
}

func (t *turn) run(ctx context.Context) {
	if err := t.bindAll(ctx); err != nil {
		t.errs = append(t.errs, err)
	}
	// Before what may take long: another process need not wait for that.
	mine := t.takeLease(ctx)
	n, err := t.observe(ctx)
	t.report.Observed = n
	t.fail("observe", err)
	if t.over || ctx.Err() != nil {
		return
	}
	if err := t.checkKey(ctx); err != nil {
		t.errs = append(t.errs, err)
		return
	}
	if stopped := t.Health().Stopped; stopped != "" {
		t.fail("stopped", errors.New(stopped))
	}
	if t.stale() { // what took long was that
		mine = t.takeLease(ctx)
	}
	if !mine || !t.load(ctx) {
		return
	}
	t.settle(ctx)
	t.work(ctx)
	t.settle(ctx)
}

// takeLease reports whether this process may send for the account.
func (t *turn) takeLease(ctx context.Context) bool {
	t.renewed = t.Clock()
	lease, err := t.Store.Lease(ctx, t.Escrow.Account().String(), t.Name, t.leaseTime())
	switch {
	case errors.Is(err, ErrLease):
		t.lease = Lease{}
		return false
	case err != nil:
		t.fail("lease", &storeError{err})
		return false
	}
	if lease.Token != t.token {
		t.token, t.highest = lease.Token, math.MaxUint64 // who had it before may have sent
	}
	t.lease = lease
	return true
}

// leaseTime leaves a quarter of Config.Lease for another process to come by.
func (t *turn) leaseTime() time.Duration { return t.Config.Lease / 4 * 3 }

// stale reports whether a part of the lease has passed.
func (t *turn) stale() bool { return t.Clock().Sub(t.renewed) > t.leaseTime()/3 }

// keepLease renews the lease when a part of it has passed. Workers call it between
// their questions, since a turn may take longer than a lease; a change finds out
// what becomes of an error. A lease that has run out is as good as before if nobody
// else had it meanwhile: each owner makes the token higher, and then it is higher
// by this renewal alone.
func (t *turn) keepLease(ctx context.Context) error {
	t.leasing.Lock()
	defer t.leasing.Unlock()
	if !t.stale() || t.lease.Name == "" {
		return nil
	}
	t.renewed = t.Clock()
	lease, err := t.Store.Lease(ctx, t.lease.Name, t.Name, t.leaseTime())
	switch {
	case err != nil:
		return &storeError{err}
	case lease.Token > t.lease.Token+1:
		return ErrLease
	}
	t.lease, t.token = lease, lease.Token
	return nil
}

// commit stores a change under the lease.
func (t *turn) commit(ctx context.Context, c Change) error {
	if err := t.keepLease(ctx); err != nil {
		return err
	}
	c.Lease = t.lease
	if err := t.Store.Commit(ctx, c); err != nil {
		return &storeError{err}
	}
	return nil
}

// put stores chunks in their new states, and tells who wants to know.
func (t *turn) put(ctx context.Context, before []Chunk, c Change) ([]Chunk, error) {
	if len(c.Chunks)+len(c.Tracks)+len(c.Put)+len(c.Drop)+len(c.Spend) == 0 {
		return nil, nil
	}
	now := t.now()
	for i := range c.Chunks {
		if c.Chunks[i].State != before[i].State {
			c.Chunks[i].Updated = now
		}
	}
	if err := t.commit(ctx, c); err != nil {
		return before, err
	}
	for i := range c.Chunks {
		c.Chunks[i].Version++
		if c.Chunks[i].State != before[i].State {
			t.moved(c.Chunks[i], before[i].State)
			switch c.Chunks[i].State {
			case Accepted:
				t.report.Released++
			case Refused:
				t.report.Refused++
			}
		}
	}
	return c.Chunks, nil
}

func (r *Relay) moved(c Chunk, from State) {
	if r.Observer != nil {
		r.Observer.Moved(c, from)
	}
	switch {
	case c.State == Refused:
		r.Logger.Warn("chunk refused", "deal", c.Deal.Big(), "chunk", c.Index, "reason", c.Retry.Reason)
	default:
		r.Logger.Debug("chunk", "deal", c.Deal.Big(), "chunk", c.Index, "state", c.State, "from", from)
	}
}

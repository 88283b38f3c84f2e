package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/slastream/slastream-go/attestation"
)

// A Report says what one turn did.
type Report struct {
	Observed int // chunks newly earned
	Released int // chunks that reached Released
	Refused  int // chunks that reached Refused
	Open     int // chunks that still have a way to go
}

// Step takes one turn: observe new proofs of every binding, then bring every
// open chunk as far as it goes. One deal's trouble does not stop another's;
// the errors come back joined, and the next turn takes up where this one
// stopped. It is safe to stop at any point and to call Step again in another
// process with the same store.
func (r *Relay) Step(ctx context.Context) (Report, error) {
	var report Report
	var errs []error
	for _, b := range r.Bindings {
		n, err := r.observe(ctx, b)
		report.Observed += n
		if err != nil {
			errs = append(errs, fmt.Errorf("relay: observe data set %v: %w", b.Set, err))
		}
	}
	var open []Chunk
	for chunk, err := range r.Store.Chunks(ctx, true) {
		if err != nil {
			return report, errors.Join(append(errs, fmt.Errorf("relay: store: %w", err))...)
		}
		open = append(open, chunk)
	}
	t := newTurn(r.Escrow, open)
	stopped := false
	if err := r.batch(ctx, open, t); err != nil {
		errs = append(errs, fmt.Errorf("relay: batch: %w", err))
		_, stopped = errors.AsType[*storeError](err)
	}
	slices.SortStableFunc(open, inOrderOfNonces)
	for _, chunk := range open {
		if stopped || ctx.Err() != nil {
			report.Open++
			continue
		}
		end, err := r.drive(ctx, chunk, t)
		if err != nil {
			errs = append(errs, fmt.Errorf("relay: chunk %d of deal %v: %w", chunk.Index, chunk.Deal, err))
			_, stopped = errors.AsType[*storeError](err)
		}
		switch end.State {
		case Released:
			report.Released++
		case Refused:
			report.Refused++
			r.Logger.Warn("chunk refused", "deal", end.Deal, "chunk", end.Index, "reason", end.Reason)
		default:
			report.Open++
		}
	}
	return report, errors.Join(append(errs, ctx.Err())...)
}

// inOrderOfNonces puts the chunks first that have a transaction: a node may not
// take a nonce before the one below it.
func inOrderOfNonces(a, b Chunk) int {
	none := attestation.Word{}
	switch {
	case a.Tx.Hash == none && b.Tx.Hash == none:
		return 0
	case a.Tx.Hash == none:
		return 1
	case b.Tx.Hash == none:
		return -1
	}
	return cmp.Compare(a.Tx.Nonce, b.Tx.Nonce)
}

// A storeError says that the store may or may not hold the last change. The
// turn ends: whether a nonce is taken is known again only from a new look at
// the store, and a gap in the nonces would hold up every later release.
type storeError struct{ cause error }

func (e *storeError) Error() string { return "store: " + e.cause.Error() }
func (e *storeError) Unwrap() error { return e.cause }

// observe stores the chunks that new final proofs of a binding earned, and the
// cursor with them.
func (r *Relay) observe(ctx context.Context, b Binding) (int, error) {
	head, err := r.Proofs.Head(ctx)
	if err != nil {
		return 0, err
	}
	next, earned, ok, err := r.Store.Cursor(ctx, b.Deal)
	if err != nil {
		return 0, err
	}
	if !ok {
		next = b.StartEpoch
	}
	if next > head {
		return 0, nil
	}
	if head == math.MaxUint64 {
		return 0, fmt.Errorf("the source says that epoch %d is final", head)
	}
	deal, err := r.Escrow.Deal(ctx, b.Deal)
	if err != nil {
		return 0, err
	}
	if !deal.Exists() {
		return 0, errors.New("the escrow has no such deal")
	}
	var chunks []Chunk
	for proof, err := range r.Proofs.Proofs(ctx, b.Set, next, head) {
		if err != nil {
			return 0, err
		}
		// A period after the last chunk earns nothing, and one after the end of
		// the deal may earn for the next deal of the data set.
		if earned == deal.Chunks {
			continue
		}
		keep := deal.Active
		if !keep {
			if keep, err = r.Escrow.ChunkReleased(ctx, b.Deal, earned); err != nil {
				return 0, err
			}
		}
		if keep {
			chunks = append(chunks, Chunk{Deal: b.Deal, Index: earned, Proof: proof})
		}
		earned++
	}
	if err := r.Store.Observe(ctx, b.Deal, head+1, earned, chunks); err != nil {
		return 0, err
	}
	return len(chunks), nil
}

// maxSteps bounds the changes of one chunk in one turn: a node that refuses
// every transaction must not keep the others waiting.
const maxSteps = 8

// drive moves a chunk from state to state until it is at its end or has to
// wait for the chain.
func (r *Relay) drive(ctx context.Context, c Chunk, t *turn) (Chunk, error) {
	for steps := 0; c.State.Open() && steps < maxSteps; steps++ {
		next, err := r.advance(ctx, c, t)
		if err != nil || next.State == c.State && next.Tx.Hash == c.Tx.Hash {
			return c, err
		}
		if err := r.Store.Update(ctx, next); err != nil {
			return c, &storeError{err}
		}
		if next.State == Stored {
			t.take(next.Tx.Nonce)
		}
		left := c.Batched && !next.Batched
		c = next
		if left && c.State == Observed {
			break // the next turn makes a new batch
		}
	}
	return c, nil
}

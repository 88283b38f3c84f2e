package relay

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A Difference is where the store is not what follows from the chains.
type Difference struct {
	Chunk    ChunkID
	What     string
	Repaired bool
}

// Reconcile compares the store with both chains, deal by deal, and yields what
// differs. A relay needs it only after something that should not happen, such as
// a store that was restored from a copy.
//
// With repair, a chunk that is missing is stored, and one that counts as paid and
// is not is taken up again. Where the store holds another proof for a chunk than
// the source, the deal is halted. A chunk that counts as refused is only told:
// its period may have earned another. It takes as long as reading everything;
// turns go on meanwhile, so a difference can be one that a turn was just about to
// make good.
func (r *Relay) Reconcile(ctx context.Context, repair bool) iter.Seq2[Difference, error] {
	return func(yield func(Difference, error) bool) {
		for t, err := range r.Store.Tracks(ctx, TrackQuery{}) {
			if err != nil {
				yield(Difference{}, fmt.Errorf("relay: reconcile: %w", err))
				return
			}
			if t.Halted != "" {
				continue
			}
			found, err := r.reconcileDeal(ctx, t, repair)
			for _, d := range found {
				if !yield(d, nil) {
					return
				}
			}
			if err != nil && !yield(Difference{}, fmt.Errorf("relay: reconcile deal %s: %w", t.Deal.Big(), err)) {
				return
			}
		}
	}
}

// reconcileDeal compares one deal as of the store's cursor.
func (r *Relay) reconcileDeal(ctx context.Context, t Track, repair bool) ([]Difference, error) {
	cursor, err := r.Store.Cursor(ctx)
	if err != nil {
		return nil, err
	}
	deal, err := r.Escrow.Deal(ctx, t.Deal)
	if err != nil {
		return nil, err
	}
	stored := map[uint64]Chunk{}
	for c, err := range r.Store.Chunks(ctx, ChunkQuery{Deal: &t.Deal}) {
		if err != nil {
			return nil, err
		}
		stored[c.Index] = c
	}
	fresh := t
	fresh.Earned, fresh.Next = 0, t.StartEpoch
	end := cursor
	if t.Behind {
		end = t.Next
	}
	var found []Difference
	if end > t.StartEpoch && !t.Over {
		for p, err := range r.Proofs.Proofs(ctx, t.Set, t.StartEpoch, end-1) {
			if err != nil {
				return found, err
			}
			want, ok := fresh.earn(p, r.now())
			if !ok {
				continue
			}
			have, ok := stored[want.Index]
			switch {
			case !ok:
				d, err := r.restore(ctx, want, repair)
				if found = append(found, d); err != nil {
					return found, err
				}
			case have.Proof != p:
				what := fmt.Sprintf("the store has the proof of period %d for it, the source that of period %d", have.Proof.Period, p.Period)
				found = append(found, Difference{want.ID(), what, false})
				if repair {
					return found, r.halt(ctx, t.Deal, what)
				}
			}
		}
	}
	for index := range t.Chunks {
		c, ok := stored[index]
		if !ok || c.State < Accepted {
			continue
		}
		d, err := r.reconcileEnd(ctx, c, deal, repair)
		if err != nil {
			return found, err
		}
		if d.What != "" {
			found = append(found, d)
		}
	}
	return found, nil
}

// restore stores a chunk that is missing.
func (r *Relay) restore(ctx context.Context, c Chunk, repair bool) (Difference, error) {
	d := Difference{c.ID(), "it is missing from the store", false}
	if !repair {
		return d, nil
	}
	cursor, err := r.Store.Cursor(ctx)
	if err != nil {
		return d, err
	}
	o := Observation{From: cursor, Next: cursor, Chunks: []Chunk{c}}
	if t, ok, err := r.track(ctx, c.Deal); err != nil {
		return d, err
	} else if ok && c.Index >= t.Earned { // or the next proof would earn the same chunk
		t.Earned = c.Index + 1
		o.Tracks = []Track{t}
	}
	err = r.Store.Observe(ctx, o)
	d.Repaired = err == nil
	return d, err
}

// reconcileEnd looks at a chunk that counts as done.
func (r *Relay) reconcileEnd(ctx context.Context, c Chunk, deal slastream.Deal, repair bool) (Difference, error) {
	paid, err := r.Escrow.ChunkReleased(ctx, c.Deal, c.Index)
	if err != nil {
		return Difference{}, err
	}
	d := Difference{Chunk: c.ID()}
	switch {
	case c.State == Refused && paid:
		d.What = "it counts as refused and is paid"
	case c.State == Refused && deal.Active && c.Index < deal.Chunks:
		d.What = "it counts as refused, and the deal is active"
	case c.State != Refused && !paid:
		d.What = "it counts as paid and is not"
	default:
		return d, nil
	}
	if !repair || c.State == Refused || c.State == Accepted && c.Tx != (TxID{}) {
		return d, nil // the last is looked after with its transaction
	}
	c.State, c.Tx, c.TxHash, c.Batched, c.Signed, c.Retry = Observed, TxID{}, attestation.Word{}, false, attestation.Signed{}, Retry{}
	err = r.Store.Commit(ctx, Change{Chunks: []Chunk{c}})
	if errors.Is(err, ErrConflict) {
		return Difference{}, nil // a turn was faster
	}
	d.Repaired = err == nil
	return d, err
}

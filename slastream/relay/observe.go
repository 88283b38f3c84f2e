package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

const (
	// stretch is how many epochs one observation covers: a day.
	stretch = 2880
	// catchUp is how many tracks that are behind are read in one observation, and
	// most is how many observations of them a turn makes.
	catchUp, most = 256, 64
)

// observe stores the chunks that final proofs earned, and the cursor with them.
// It returns how many there are.
func (r *Relay) observe(ctx context.Context) (int, error) {
	head, err := r.Proofs.Head(ctx)
	if err != nil {
		return 0, err
	}
	if head == math.MaxUint64 {
		return 0, fmt.Errorf("the source says that epoch %d is final", head)
	}
	cursor, err := r.Store.Cursor(ctx)
	if err != nil {
		return 0, &storeError{err}
	}
	if cursor == 0 {
		// A new store: what is below the head is read for each track.
		if _, err := r.store(ctx, Observation{Next: head + 1}); err != nil {
			return 0, elsewhere(err)
		}
		cursor = head + 1
	}
	total := 0
	for cursor <= head {
		next := min(head, cursor+stretch-1) + 1
		n, err := r.feed(ctx, cursor, next)
		total += n
		if err != nil {
			return total, elsewhere(err)
		}
		cursor = next
	}
	r.note(func(h *Health) { h.Head, h.Cursor = head, cursor })
	n, err := r.catchUp(ctx, cursor)
	return total + n, elsewhere(err)
}

// elsewhere is nil where another process has observed: the next turn goes on from
// there.
func elsewhere(err error) error {
	if errors.Is(err, ErrConflict) {
		return nil
	}
	return err
}

// feed observes the epochs from from to next-1 for all tracks that are not
// behind.
func (r *Relay) feed(ctx context.Context, from, next uint64) (int, error) {
	proofs, err := r.newProofs(ctx, from, next-1)
	if err != nil {
		return 0, err
	}
	tracks := map[attestation.Word]*Track{}
	var chunks []Chunk
	for _, p := range proofs {
		t, ok := tracks[p.SetID]
		if !ok {
			found, bound, err := one(r.Store.Tracks(ctx, TrackQuery{Set: &p.SetID}))
			if err != nil {
				return 0, &storeError{err}
			}
			if bound && !found.Behind && found.reading() {
				t = &found
			}
			tracks[p.SetID] = t
		}
		if t == nil {
			continue
		}
		if c, ok := t.earn(p, r.now()); ok {
			chunks = append(chunks, c)
		}
	}
	return r.store(ctx, Observation{From: from, Next: next, Tracks: changed(tracks, chunks), Chunks: chunks})
}

// changed are the tracks that earned one of the chunks.
func changed(tracks map[attestation.Word]*Track, chunks []Chunk) []Track {
	var list []Track
	done := map[attestation.Word]bool{}
	for _, c := range chunks {
		if !done[c.Proof.SetID] {
			done[c.Proof.SetID] = true
			list = append(list, *tracks[c.Proof.SetID])
		}
	}
	return list
}

// newProofs returns the proofs of all tracks that are not behind, in chain
// order.
func (r *Relay) newProofs(ctx context.Context, from, to uint64) ([]slastream.Proof, error) {
	if feed, ok := r.Proofs.(Feed); ok {
		return collect(feed.All(ctx, from, to))
	}
	var proofs []slastream.Proof
	for t, err := range r.Store.Tracks(ctx, TrackQuery{}) {
		if err != nil {
			return nil, &storeError{err}
		}
		if t.Behind || !t.reading() || t.Earned >= t.Chunks {
			continue
		}
		of, err := collect(r.Proofs.Proofs(ctx, t.Set, from, to))
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			if err := r.leaveBehind(ctx, t, from, err); err != nil {
				return nil, err
			}
			continue
		}
		proofs = append(proofs, of...)
	}
	slices.SortStableFunc(proofs, func(a, b slastream.Proof) int {
		return cmp.Or(cmp.Compare(a.BlockNumber, b.BlockNumber), cmp.Compare(a.LogIndex, b.LogIndex))
	})
	return proofs, nil
}

// leaveBehind has a track whose proofs cannot be read from an epoch on wait for
// [Relay.catchUp], if it is not the source that is down.
func (r *Relay) leaveBehind(ctx context.Context, t Track, from uint64, cause error) error {
	if _, err := r.Proofs.Head(ctx); err != nil {
		return fmt.Errorf("data set %s: %w", t.Set.Big(), cause)
	}
	r.Logger.Warn("proofs cannot be read", "deal", t.Deal.Big(), "set", t.Set.Big(), "err", cause)
	t.Next, t.Behind = max(t.Next, from), true
	if err := r.Store.Commit(ctx, Change{Tracks: []Track{t}}); err != nil {
		return &storeError{err}
	}
	return nil
}

// catchUp reads what is below the cursor for tracks that are behind. A track
// whose proofs cannot be read stays behind and does not hold up the others.
func (r *Relay) catchUp(ctx context.Context, cursor uint64) (int, error) {
	total, failed, down, after := 0, 0, false, attestation.Word{}
	var errs []error
	for i := 0; i < most && !down; i++ {
		var tracks []Track
		var chunks []Chunk
		n := 0
		for t, err := range r.Store.Tracks(ctx, TrackQuery{Behind: true, After: after, Limit: catchUp}) {
			if err != nil {
				return total, &storeError{err}
			}
			n, after = n+1, t.Deal
			earned, err := r.readTrack(ctx, &t, cursor)
			if ctx.Err() != nil {
				return total, ctx.Err()
			}
			if err != nil {
				if failed++; failed <= maxErrors {
					errs = append(errs, fmt.Errorf("data set %s: %w", t.Set.Big(), err))
				}
				if failed%maxErrors == 0 { // is it these data sets, or the source?
					if _, err := r.Proofs.Head(ctx); err != nil {
						down = true
						break
					}
				}
				continue
			}
			tracks, chunks = append(tracks, t), append(chunks, earned...)
		}
		if len(tracks) > 0 {
			stored, err := r.store(ctx, Observation{From: cursor, Next: cursor, Tracks: tracks, Chunks: chunks})
			total += stored
			if err != nil {
				return total, errors.Join(append(errs, err)...)
			}
		}
		if n < catchUp {
			break
		}
	}
	return total, errors.Join(errs...)
}

// maxErrors is how many failures of one kind a turn takes before it believes
// that it is the node.
const maxErrors = 3

// readTrack reads the proofs of a track below the cursor, after which it is not
// behind.
func (r *Relay) readTrack(ctx context.Context, t *Track, cursor uint64) ([]Chunk, error) {
	var chunks []Chunk
	if from := max(t.Next, t.StartEpoch); from < cursor && t.Earned < t.Chunks {
		for p, err := range r.Proofs.Proofs(ctx, t.Set, from, cursor-1) {
			if err != nil {
				return nil, err
			}
			if c, ok := t.earn(p, r.now()); ok {
				chunks = append(chunks, c)
			}
		}
	}
	t.Next, t.Behind = max(t.Next, cursor), false
	return chunks, nil
}

// store stores an observation. If a proof was used before, the deal is halted and
// left out: that two deals claim one period is for a person to look at. Where the
// other deal is over and its chunk not paid yet, the deal is only left behind: if
// the chunk ends as refused, which it does at once if it waits for that, the
// period is free. If another process has observed,
// the error is [ErrConflict].
func (r *Relay) store(ctx context.Context, o Observation) (int, error) {
	for {
		err := r.Store.Observe(ctx, o)
		used, twice := errors.AsType[*ProofUsedError](err)
		switch {
		case err == nil:
			for _, c := range o.Chunks {
				r.moved(c, Observed)
			}
			return len(o.Chunks), nil
		case errors.Is(err, ErrConflict):
			return 0, err
		case !twice:
			return 0, &storeError{err}
		}
		deal := used.Chunk.Deal
		other, undecided, otherErr := r.undecided(ctx, used.By)
		switch {
		case otherErr != nil:
		case undecided && other.Retry.Class == ClassOver && r.stillOver(ctx, other):
			if otherErr = r.refuse(ctx, other); otherErr == nil {
				continue // the period is free
			}
		case undecided:
			otherErr = r.setBack(ctx, deal, "")
		default:
			otherErr = r.halt(ctx, deal, err.Error())
		}
		if otherErr != nil {
			return 0, &storeError{otherErr}
		}
		o.Tracks = slices.DeleteFunc(o.Tracks, func(t Track) bool { return t.Deal == deal })
		o.Chunks = slices.DeleteFunc(o.Chunks, func(c Chunk) bool { return c.Deal == deal })
	}
}

// undecided returns a chunk, and whether it is one of a deal that is over, not
// paid yet and not refused.
func (r *Relay) undecided(ctx context.Context, id ChunkID) (Chunk, bool, error) {
	c, ok, err := one(r.Store.Chunks(ctx, ChunkQuery{IDs: []ChunkID{id}}))
	if err != nil || !ok || !c.State.Open() {
		return c, false, err
	}
	t, ok, err := r.track(ctx, id.Deal)
	return c, ok && t.Over, err
}

// stillOver asks once more whether the deal of a chunk was slashed and the chunk is
// not paid: what the store says of it can be as old as Config.SettleAfter, and was
// one answer.
func (r *Relay) stillOver(ctx context.Context, c Chunk) bool {
	deal, err := r.Escrow.Deal(ctx, c.Deal)
	if err != nil || deal.Active || !deal.Slashed {
		return false
	}
	paid, err := r.Escrow.ChunkReleased(ctx, c.Deal, c.Index)
	return err == nil && !paid
}

// refuse ends a chunk of a deal that is over before that is accepted on L1: a
// live deal claims its proving period, and would wait for hours.
func (r *Relay) refuse(ctx context.Context, c Chunk) error {
	from := c.State
	c.State, c.Updated = Refused, r.now()
	if err := r.Store.Commit(ctx, Change{Chunks: []Chunk{c}}); err != nil {
		return err
	}
	r.moved(c, from)
	return nil
}

func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var list []T
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

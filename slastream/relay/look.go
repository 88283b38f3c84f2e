package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

const (
	// portion is how many chunks are worked on at once.
	portion = 512
	// haltedPause is how often the chunks of a halted deal are looked at.
	haltedPause = time.Minute
	// giveUp is how many failed questions without an answer say that the node is
	// not there.
	giveUp = 8
	// unaskedPause is how long a chunk waits at most that was not asked about
	// because of that.
	unaskedPause = time.Minute
)

var errNotAsked = errors.New("not asked")

// deals are what the accepted state of the escrow said of deals in this turn,
// and what the store says of their tracks.
type deals struct {
	mu      sync.Mutex
	known   map[attestation.Word]slastream.Deal
	settled map[attestation.Word]slastream.Deal // at the newest block accepted on L1
	tracks  map[attestation.Word]Track
}

func newDeals() *deals {
	return &deals{
		known: map[attestation.Word]slastream.Deal{}, settled: map[attestation.Word]slastream.Deal{}, tracks: map[attestation.Word]Track{},
	}
}

// answers count how a node answered.
type answers struct{ good, bad atomic.Int32 }

func (a *answers) none() bool { return a.bad.Load() >= giveUp && a.good.Load() == 0 }

func (a *answers) count(err error) {
	if err == nil {
		a.good.Add(1)
	} else {
		a.bad.Add(1)
	}
}

// once returns what a cache has of a deal, or asks and keeps it. A turn asks for a
// deal once; what changes after that is found out by the escrow.
func (d *deals) once(cache map[attestation.Word]slastream.Deal, id attestation.Word, ask func() (slastream.Deal, error)) (slastream.Deal, error) {
	d.mu.Lock()
	known, ok := cache[id]
	d.mu.Unlock()
	if ok {
		return known, nil
	}
	deal, err := ask()
	if err != nil {
		return deal, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	cache[id] = deal
	return deal, nil
}

// deal is a deal in the accepted state.
func (t *turn) deal(ctx context.Context, id attestation.Word) (slastream.Deal, error) {
	return t.deals.once(t.deals.known, id, func() (slastream.Deal, error) {
		d, err := t.Escrow.Deal(ctx, id)
		switch {
		case err != nil:
			return d, err
		case !d.Exists():
			// A node that lags behind the one that was asked before.
			return d, errors.New("the escrow has no such deal")
		case !d.Active && !d.Slashed && d.Released < d.Chunks:
			return d, errors.New("the node says of the deal that it is over, and that it is neither completed nor slashed")
		}
		return d, nil
	})
}

// dealSettled is a deal at the newest block accepted on L1.
func (t *turn) dealSettled(ctx context.Context, reader SettledReader, id attestation.Word) (slastream.Deal, error) {
	return t.deals.once(t.deals.settled, id, func() (slastream.Deal, error) { return reader.DealSettled(ctx, id) })
}

// trackOf is the track of a deal, asked for once a turn.
func (t *turn) trackOf(ctx context.Context, deal attestation.Word) (Track, error) {
	if known, ok := t.deals.tracks[deal]; ok {
		return known, nil
	}
	found, _, err := t.track(ctx, deal)
	if err != nil {
		return found, &storeError{err}
	}
	t.deals.tracks[deal] = found
	return found, nil
}

// look takes chunks that have no transaction to Final, or to their end: what the
// accepted state of the escrow says comes before everything. It returns those
// that are to be signed and released now.
func (t *turn) look(ctx context.Context, chunks []Chunk) []Chunk {
	next := make([]Chunk, len(chunks))
	errs := make([]error, len(chunks))
	each(ctx, t.Workers, len(chunks), func(i int) {
		// Of the others, the source is not asked: it may be down alone.
		from := &t.answers[min(chunks[i].State, Final)]
		if next[i], errs[i] = chunks[i], errNotAsked; from.none() {
			return
		}
		next[i], errs[i] = t.lookAt(ctx, chunks[i])
		from.count(errs[i])
		_ = t.keepLease(ctx)
	})
	if ctx.Err() != nil {
		return nil
	}
	for i := range t.answers {
		if t.answers[i].good.Swap(0) > 0 {
			t.answers[i].bad.Store(0)
		}
	}
	var before []Chunk
	var change Change
	var ready []Chunk
	wanted := map[ChunkID]bool{}
	failures, halted := 0, map[attestation.Word]bool{}
	for i, c := range next {
		switch {
		case errs[i] == errNotAsked:
			c.Retry.At = t.now() + 1 + millis(t.Jitter(unaskedPause))
		case orphaned(errs[i]):
			t.fail(fmt.Sprintf("chunk %v", c.ID()), errs[i])
			if err := t.halt(ctx, c.Deal, errs[i].Error()); err != nil {
				t.fail("halt", &storeError{err})
				return nil
			}
			halted[c.Deal] = true
			delete(t.deals.tracks, c.Deal) // it is another now
			c = t.failed(chunks[i], errs[i])
		case errs[i] != nil:
			if failures++; failures <= maxErrors {
				t.fail(fmt.Sprintf("chunk %v", c.ID()), errs[i])
			}
			c = t.failed(chunks[i], errs[i])
		}
		if c.State == Refused || c.Retry.Class == ClassOver {
			delete(t.suspects, c.Deal) // it is known now what is wrong
		}
		if c.State == Refused {
			if over, err := t.overTrack(ctx, c.Deal); err != nil {
				t.fail("track", err)
				return nil
			} else if over != nil {
				change.Tracks = append(change.Tracks, *over)
			}
		}
		// Not those that wait, however short.
		wanted[c.ID()] = errs[i] == nil && (c.Retry == chunks[i].Retry || c.Retry == (Retry{}))
		if c != chunks[i] {
			before, change.Chunks = append(before, chunks[i]), append(change.Chunks, c)
		} else {
			ready = append(ready, c)
		}
	}
	if err := t.recordForeign(ctx, change.Chunks); err != nil {
		t.fail("record what others paid", err)
		for i, c := range change.Chunks {
			if c.State == Settled {
				change.Chunks[i] = t.failed(before[i], err)
			}
		}
	}
	stored, err := t.put(ctx, before, change)
	if err != nil {
		t.fail("look", err)
		return nil
	}
	for _, c := range stored {
		if (c.State == Final || c.State == Attested) && wanted[c.ID()] {
			ready = append(ready, c)
		}
	}
	// What comes after an orphaned proof has the wrong number.
	return slices.DeleteFunc(ready, func(c Chunk) bool { return halted[c.Deal] })
}

// recordForeign tells the recorder of chunks that are settled and that others
// paid.
func (t *turn) recordForeign(ctx context.Context, chunks []Chunk) error {
	if t.Recorder == nil {
		return nil
	}
	foreign := slices.DeleteFunc(slices.Clone(chunks), func(c Chunk) bool { return c.State != Settled })
	if len(foreign) == 0 {
		return nil
	}
	return t.Recorder.Record(ctx, Payment{Chunks: foreign})
}

// lookAt asks about one chunk. It runs beside others.
func (t *turn) lookAt(ctx context.Context, c Chunk) (Chunk, error) {
	paid, err := t.Escrow.ChunkReleased(ctx, c.Deal, c.Index)
	if err != nil {
		return c, err
	}
	if paid {
		return t.paid(ctx, c)
	}
	if c.State == Accepted { // a reorganization of Starknet took the payment back
		c.State, c.TxHash, c.Retry = Observed, attestation.Word{}, Retry{}
		if c.Signed != (attestation.Signed{}) && !c.Batched {
			c.State = Attested
		}
	}
	deal, err := t.deal(ctx, c.Deal)
	if err != nil {
		return c, err
	}
	switch {
	case !deal.Active:
		return t.ended(ctx, c, deal)
	case c.Index >= deal.Chunks:
		return t.refused(c, slastream.ErrChunkOutOfBounds), nil
	case c.Retry.Class == ClassOver: // a reorganization of Starknet took the end back
		c.Retry = Retry{}
	}
	// Not longer than the others need, if the clock has gone back since.
	if wait := min(t.turnOf(c), t.now()+t.rank(c.ID())*millis(t.Stagger)); wait > t.now() {
		return later(c, wait, ClassTurn, "another relay goes first"), nil
	}
	if c.State == Observed {
		if confirmer, ok := t.Proofs.(Confirmer); ok {
			if err := confirmer.Confirm(ctx, c.Proof); err != nil {
				return c, err
			}
		}
		c.State = Final
	}
	return c, nil
}

// paid takes a chunk that somebody paid to Accepted, and later to Settled.
func (t *turn) paid(ctx context.Context, c Chunk) (Chunk, error) {
	settled := c.State == Accepted
	if reader, ok := t.Escrow.(SettledReader); ok && settled {
		var err error
		if settled, err = reader.ChunkSettled(ctx, c.Deal, c.Index); err != nil {
			return c, err
		}
	}
	if settled {
		c.State, c.Retry = Settled, Retry{}
		return c, nil
	}
	c.State, c.Retry = Accepted, Retry{At: t.now() + millis(t.SettleAfter)}
	return c, nil
}

// ended is a chunk that is not paid, of a deal that is over. If the escrow can be
// asked at a block accepted on L1, it is refused when the end of the deal is
// there, without a payment: one that a reorganization of Starknet takes back ends
// nothing.
func (t *turn) ended(ctx context.Context, c Chunk, deal slastream.Deal) (Chunk, error) {
	if deal.Completed() && c.Index < deal.Chunks {
		return c, errors.New("the node says that the deal is completed, and that a chunk of it is not paid")
	}
	reader, ok := t.Escrow.(SettledReader)
	if !ok {
		return t.refused(c, slastream.ErrDealNotActive), nil
	}
	why := reason(slastream.ErrDealNotActive)
	if c.Retry.Class != ClassOver {
		return later(c, t.now()+millis(t.Jitter(transientMin)), ClassOver, why), nil
	}
	settled, err := t.dealSettled(ctx, reader, c.Deal)
	if err != nil {
		return c, err
	}
	if settled.Exists() && settled.Slashed && !settled.Active {
		if paid, err := reader.ChunkSettled(ctx, c.Deal, c.Index); err != nil {
			return c, err
		} else if !paid {
			c.State = Refused
			return c, nil
		}
	}
	return later(c, t.now()+millis(t.SettleAfter), ClassOver, why), nil
}

// refused ends a chunk that will never be paid. It takes two turns: one answer of
// a node ends nothing for good, and a turn asks for a deal once.
func (t *turn) refused(c Chunk, err error) Chunk {
	if c.Retry.Reason == reason(err) && c.Retry.At <= t.start {
		c.State = Refused
		return c
	}
	return later(c, t.now()+1+millis(t.Jitter(transientMin)), ClassReverted, reason(err))
}

// reason is what the escrow would revert with.
func reason(err error) string {
	revert, _ := errors.AsType[*slastream.RevertError](err)
	return revert.Reason
}

// overTrack is the track of a deal that has ended, if it is not over yet: its
// data set is free for another deal.
func (t *turn) overTrack(ctx context.Context, deal attestation.Word) (*Track, error) {
	track, err := t.trackOf(ctx, deal)
	if err != nil || track.Over || track.Version == 0 {
		return nil, err
	}
	after := track
	after.Over = true
	track.Over = true
	t.deals.tracks[deal] = track
	return &after, nil
}

// each calls f for 0 to n-1, at most workers of them at the same time, and
// returns when all have returned. It stops beginning when ctx is done.
func each(ctx context.Context, workers, n int, f func(i int)) {
	if workers <= 1 || n <= 1 {
		for i := range n {
			if ctx.Err() != nil {
				return
			}
			f(i)
		}
		return
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	next := 0
	for range min(workers, n) {
		wg.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= n {
					return
				}
				f(i)
			}
		})
	}
	wg.Wait()
}

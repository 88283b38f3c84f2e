package storetest_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// faulty is a good store with one method replaced.
type faulty struct {
	*relay.MemoryStore
	bind         func(context.Context, relay.Track) error
	tracks       func(context.Context, relay.TrackQuery) iter.Seq2[relay.Track, error]
	observe      func(context.Context, relay.Observation) error
	chunks       func(context.Context, relay.ChunkQuery) iter.Seq2[relay.Chunk, error]
	transactions func(context.Context, slastream.Address, uint64) iter.Seq2[relay.Transaction, error]
	commit       func(context.Context, relay.Change) error
	lease        func(context.Context, string, string, time.Duration) (relay.Lease, error)
	spent        func(context.Context, string, relay.Hour) (slastream.Amount, error)
	stats        func(context.Context) (relay.Stats, error)
	reopen       func()
}

func newFaulty() *faulty {
	m := relay.NewMemoryStore()
	return &faulty{m, m.Bind, m.Tracks, m.Observe, m.Chunks, m.Transactions, m.Commit, m.Lease, m.Spent, m.Stats, nil}
}

func (f *faulty) Bind(ctx context.Context, t relay.Track) error { return f.bind(ctx, t) }

func (f *faulty) Tracks(ctx context.Context, q relay.TrackQuery) iter.Seq2[relay.Track, error] {
	return f.tracks(ctx, q)
}

func (f *faulty) Observe(ctx context.Context, o relay.Observation) error { return f.observe(ctx, o) }

func (f *faulty) Chunks(ctx context.Context, q relay.ChunkQuery) iter.Seq2[relay.Chunk, error] {
	return f.chunks(ctx, q)
}

func (f *faulty) Transactions(ctx context.Context, a slastream.Address, due uint64) iter.Seq2[relay.Transaction, error] {
	return f.transactions(ctx, a, due)
}

func (f *faulty) Commit(ctx context.Context, c relay.Change) error { return f.commit(ctx, c) }

func (f *faulty) Lease(ctx context.Context, name, owner string, ttl time.Duration) (relay.Lease, error) {
	return f.lease(ctx, name, owner, ttl)
}

func (f *faulty) Spent(ctx context.Context, scope string, from relay.Hour) (slastream.Amount, error) {
	return f.spent(ctx, scope, from)
}

func (f *faulty) Stats(ctx context.Context) (relay.Stats, error) { return f.stats(ctx) }

// each changes what an iterator yields; false leaves it out.
func each[T any](seq iter.Seq2[T, error], change func(T) (T, bool)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v, err := range seq {
			if v, ok := change(v); (ok || err != nil) && !yield(v, err) {
				return
			}
		}
	}
}

// backwards yields in the other order.
func backwards[T any](seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var list []T
		for v := range seq {
			list = append(list, v)
		}
		for _, v := range slices.Backward(list) {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// chunkFault changes the chunks that a store yields.
func chunkFault(change func(relay.Chunk) (relay.Chunk, bool)) func(*faulty) {
	return func(f *faulty) {
		f.chunks = func(ctx context.Context, q relay.ChunkQuery) iter.Seq2[relay.Chunk, error] {
			return each(f.MemoryStore.Chunks(ctx, q), change)
		}
	}
}

// queryFault changes what a store is asked for.
func queryFault(change func(*relay.ChunkQuery)) func(*faulty) {
	return func(f *faulty) {
		f.chunks = func(ctx context.Context, q relay.ChunkQuery) iter.Seq2[relay.Chunk, error] {
			change(&q)
			return f.MemoryStore.Chunks(ctx, q)
		}
	}
}

func trackFault(change func(*relay.TrackQuery), after func(relay.Track) (relay.Track, bool)) func(*faulty) {
	return func(f *faulty) {
		f.tracks = func(ctx context.Context, q relay.TrackQuery) iter.Seq2[relay.Track, error] {
			change(&q)
			return each(f.MemoryStore.Tracks(ctx, q), after)
		}
	}
}

func commitFault(change func(f *faulty, ctx context.Context, c relay.Change) relay.Change) func(*faulty) {
	return func(f *faulty) {
		f.commit = func(ctx context.Context, c relay.Change) error {
			return f.MemoryStore.Commit(ctx, change(f, ctx, c))
		}
	}
}

// newestLease lets a change pass as if it had the newest lease.
func newestLease(passes func(l, newest relay.Lease) bool) func(*faulty) {
	return func(f *faulty) {
		var newest atomic.Pointer[relay.Lease]
		newest.Store(&relay.Lease{})
		f.lease = func(ctx context.Context, name, owner string, ttl time.Duration) (relay.Lease, error) {
			l, err := f.MemoryStore.Lease(ctx, name, owner, ttl)
			if err == nil {
				newest.Store(&l)
			}
			return l, err
		}
		commitFault(func(_ *faulty, _ context.Context, c relay.Change) relay.Change {
			if l := newest.Load(); passes(c.Lease, *l) {
				c.Lease = *l
			}
			return c
		})(f)
	}
}

func transactionFault(change func(relay.Transaction) (relay.Transaction, bool)) func(*faulty) {
	return func(f *faulty) {
		f.transactions = func(ctx context.Context, a slastream.Address, due uint64) iter.Seq2[relay.Transaction, error] {
			return each(f.MemoryStore.Transactions(ctx, a, due), change)
		}
	}
}

func keep(t relay.Track) (relay.Track, bool) { return t, true }

func observeCursor(f *faulty) {
	f.observe = func(ctx context.Context, o relay.Observation) error {
		err := f.MemoryStore.Observe(ctx, o)
		if err != nil {
			f.MemoryStore.Observe(ctx, relay.Observation{From: o.From, Next: o.Next}) // a fault
		}
		return err
	}
}

func observeAnyCursor(f *faulty) {
	f.observe = func(ctx context.Context, o relay.Observation) error {
		o.From, _ = f.MemoryStore.Cursor(ctx)
		return f.MemoryStore.Observe(ctx, o)
	}
}

func observeAnyVersion(f *faulty) {
	f.observe = func(ctx context.Context, o relay.Observation) error {
		o.Tracks = slices.Clone(o.Tracks)
		for i := range o.Tracks {
			for old := range f.MemoryStore.Tracks(ctx, relay.TrackQuery{Deal: &o.Tracks[i].Deal}) {
				o.Tracks[i].Version = old.Version
			}
		}
		return f.MemoryStore.Observe(ctx, o)
	}
}

func observeTwins(f *faulty) {
	f.observe = func(ctx context.Context, o relay.Observation) error {
		seen := map[attestation.PeriodKey]bool{}
		o.Chunks = slices.DeleteFunc(slices.Clone(o.Chunks), func(c relay.Chunk) bool {
			twice := seen[c.Proof.Key()]
			seen[c.Proof.Key()] = true
			return twice
		})
		return f.MemoryStore.Observe(ctx, o)
	}
}

func observeConflict(f *faulty) {
	f.observe = func(ctx context.Context, o relay.Observation) error {
		err := f.MemoryStore.Observe(ctx, o)
		if _, used := errors.AsType[*relay.ProofUsedError](err); used {
			return relay.ErrConflict
		}
		return err
	}
}

func observeTakes(f *faulty) {
	taken := map[attestation.PeriodKey]relay.ChunkID{}
	f.observe = func(ctx context.Context, o relay.Observation) error {
		for _, c := range o.Chunks {
			if by, ok := taken[c.Proof.Key()]; ok && by != c.ID() {
				return &relay.ProofUsedError{Chunk: c.ID(), By: by, Key: c.Proof.Key()}
			}
		}
		err := f.MemoryStore.Observe(ctx, o)
		for _, c := range o.Chunks {
			if errors.Is(err, relay.ErrConflict) {
				taken[c.Proof.Key()] = relay.ChunkID{}
			}
		}
		return err
	}
}

func commitKeepsPeriod(f *faulty) {
	used := map[attestation.PeriodKey]relay.ChunkID{}
	f.observe = func(ctx context.Context, o relay.Observation) error {
		for _, c := range o.Chunks {
			if by, ok := used[c.Proof.Key()]; ok && by != c.ID() {
				return &relay.ProofUsedError{Chunk: c.ID(), By: by, Key: c.Proof.Key()}
			}
		}
		err := f.MemoryStore.Observe(ctx, o)
		for _, c := range o.Chunks {
			if err == nil {
				used[c.Proof.Key()] = c.ID()
			}
		}
		return err
	}
}

// commitGivesAgain frees the period of whatever chunk has it by now.
func commitGivesAgain(f *faulty) {
	f.commit = func(ctx context.Context, c relay.Change) error {
		err := f.MemoryStore.Commit(ctx, c)
		for _, refused := range c.Chunks {
			if err != nil || refused.State != relay.Refused {
				continue
			}
			for other := range f.MemoryStore.Chunks(ctx, relay.ChunkQuery{}) {
				if other.Proof.Key() == refused.Proof.Key() && other.State != relay.Refused {
					state := other.State
					other.State = relay.Refused
					f.MemoryStore.Commit(ctx, relay.Change{Chunks: []relay.Chunk{other}}) // a fault
					other.State, other.Version = state, other.Version+1
					f.MemoryStore.Commit(ctx, relay.Change{Chunks: []relay.Chunk{other}}) // a fault
				}
			}
		}
		return err
	}
}

// commitInParts compares the version of a chunk, and stores it a little later.
func commitInParts(f *faulty) {
	f.commit = func(ctx context.Context, c relay.Change) error {
		c.Chunks = slices.Clone(c.Chunks)
		stored := func(i int) (version uint64) {
			for old := range f.MemoryStore.Chunks(ctx, relay.ChunkQuery{IDs: []relay.ChunkID{c.Chunks[i].ID()}}) {
				version = old.Version
			}
			return version
		}
		for i := range c.Chunks {
			if stored(i) != c.Chunks[i].Version {
				return relay.ErrConflict
			}
		}
		time.Sleep(time.Millisecond)
		for i := range c.Chunks {
			c.Chunks[i].Version = stored(i)
		}
		return f.MemoryStore.Commit(ctx, c)
	}
}

func dueFault(due func(relay.Chunk) bool) func(*faulty) {
	return func(f *faulty) {
		f.chunks = func(ctx context.Context, q relay.ChunkQuery) iter.Seq2[relay.Chunk, error] {
			return each(f.MemoryStore.Chunks(ctx, q), func(c relay.Chunk) (relay.Chunk, bool) {
				return c, q.Due == 0 || q.IDs != nil || due(c)
			})
		}
	}
}

// leaseFault changes the owner and the time of a lease.
func leaseFault(change func(f *faulty, name, owner string, ttl time.Duration) (string, time.Duration)) func(*faulty) {
	return func(f *faulty) {
		f.lease = func(ctx context.Context, name, owner string, ttl time.Duration) (relay.Lease, error) {
			as, ttl := change(f, name, owner, ttl)
			l, err := f.MemoryStore.Lease(ctx, name, as, ttl)
			l.Owner = owner
			return l, err
		}
	}
}

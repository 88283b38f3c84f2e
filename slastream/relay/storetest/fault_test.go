package storetest_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/storetest"
)

// faults are what the suite must find.
var faults = map[string]func(*faulty){
	"bind says nothing when a deal is bound": func(f *faulty) {
		f.bind = func(ctx context.Context, t relay.Track) error {
			if err := f.MemoryStore.Bind(ctx, t); !errors.Is(err, relay.ErrBound) {
				return err
			}
			return nil
		}
	},
	"bind fails with another error": func(f *faulty) {
		f.bind = func(ctx context.Context, t relay.Track) error {
			if f.MemoryStore.Bind(ctx, t) != nil {
				return relay.ErrConflict
			}
			return nil
		}
	},
	"a data set stays bound": func(f *faulty) {
		sets := map[attestation.Word]bool{}
		f.bind = func(ctx context.Context, t relay.Track) error {
			if sets[t.Set] {
				return relay.ErrBound
			}
			sets[t.Set] = true
			return f.MemoryStore.Bind(ctx, t)
		}
	},
	"tracks backwards": func(f *faulty) {
		f.tracks = func(ctx context.Context, q relay.TrackQuery) iter.Seq2[relay.Track, error] {
			return backwards(f.MemoryStore.Tracks(ctx, q))
		}
	},
	"tracks without a limit": trackFault(func(q *relay.TrackQuery) { q.Limit = 0 }, keep),
	"tracks from after on": trackFault(func(q *relay.TrackQuery) {
		if n, ok := q.After.Uint64(); ok && n > 1 {
			q.After = attestation.WordFromUint64(n - 1)
		}
	}, keep),
	"tracks at most 512": trackFault(func(q *relay.TrackQuery) {
		if q.Limit == 0 {
			q.Limit = 512
		}
	}, keep),
	"behind means all":    trackFault(func(q *relay.TrackQuery) { q.Behind = false }, keep),
	"behind is forgotten": trackFault(func(*relay.TrackQuery) {}, func(t relay.Track) (relay.Track, bool) { t.Behind = false; return t, true }),
	"a halt is cut at a zero byte": trackFault(func(*relay.TrackQuery) {}, func(t relay.Track) (relay.Track, bool) {
		t.Halted, _, _ = strings.Cut(t.Halted, "\x00")
		return t, true
	}),
	"a halt is made valid text":        trackFault(func(*relay.TrackQuery) {}, func(t relay.Track) (relay.Track, bool) { t.Halted = strings.ToValidUTF8(t.Halted, "?"); return t, true }),
	"a deadline is 63 bits":            trackFault(func(*relay.TrackQuery) {}, func(t relay.Track) (relay.Track, bool) { t.Deadline &= 1<<63 - 1; return t, true }),
	"the cursor moves at a refusal":    observeCursor,
	"the cursor is not compared":       observeAnyCursor,
	"observe takes any version":        observeAnyVersion,
	"a period pays for two at once":    observeTwins,
	"a used proof is a conflict":       observeConflict,
	"a period is taken by a refusal":   observeTakes,
	"a period is not given back":       commitKeepsPeriod,
	"a period is given back too often": commitGivesAgain,
	"chunks backwards": func(f *faulty) {
		f.chunks = func(ctx context.Context, q relay.ChunkQuery) iter.Seq2[relay.Chunk, error] {
			return backwards(f.MemoryStore.Chunks(ctx, q))
		}
	},
	"chunks by id in order":       queryFault(func(q *relay.ChunkQuery) { q.IDs = slices.Clone(q.IDs); slices.SortFunc(q.IDs, relay.ChunkID.Compare) }),
	"no ids are all chunks":       queryFault(func(q *relay.ChunkQuery) { q.IDs = append([]relay.ChunkID(nil), q.IDs...) }),
	"chunks without a limit":      queryFault(func(q *relay.ChunkQuery) { q.Limit = 0 }),
	"chunks of all deals":         queryFault(func(q *relay.ChunkQuery) { q.Deal = nil }),
	"chunks from the start":       queryFault(func(q *relay.ChunkQuery) { q.After = nil }),
	"chunks that are not open":    queryFault(func(q *relay.ChunkQuery) { q.Open = false }),
	"due a millisecond later":     queryFault(func(q *relay.ChunkQuery) { q.Due -= min(q.Due, 1) }),
	"due is always":               queryFault(func(q *relay.ChunkQuery) { q.Due = -min(q.Due, 1) }),
	"accepted chunks are not due": dueFault(func(c relay.Chunk) bool { return c.State < relay.Accepted }),
	"a chunk's version stays":     chunkFault(func(c relay.Chunk) (relay.Chunk, bool) { c.Version = min(c.Version, 1); return c, true }),
	"a class is lost":             chunkFault(func(c relay.Chunk) (relay.Chunk, bool) { c.Retry.Class = min(c.Retry.Class, 4); return c, true }),
	"a statement is the chunk's": chunkFault(func(c relay.Chunk) (relay.Chunk, bool) {
		c.Signed.Attestation.RootCID = c.Proof.RootCID
		return c, true
	}),
	"transactions backwards": func(f *faulty) {
		f.transactions = func(ctx context.Context, a slastream.Address, due uint64) iter.Seq2[relay.Transaction, error] {
			return backwards(f.MemoryStore.Transactions(ctx, a, due))
		}
	},
	"accepted transactions are always due": func(f *faulty) {
		f.transactions = func(ctx context.Context, a slastream.Address, due uint64) iter.Seq2[relay.Transaction, error] {
			return f.MemoryStore.Transactions(ctx, a, 1<<64-1)
		}
	},
	"accepted transactions are never due": transactionFault(func(t relay.Transaction) (relay.Transaction, bool) { return t, t.State < relay.Accepted }),
	"only the newest is kept": transactionFault(func(t relay.Transaction) (relay.Transaction, bool) {
		t.Signed = t.Signed[len(t.Signed)-1:]
		return t, true
	}),
	"a body of at most 64 KB": transactionFault(func(t relay.Transaction) (relay.Transaction, bool) {
		t.Signed = slices.Clone(t.Signed)
		for i, s := range t.Signed {
			t.Signed[i].Body = s.Body[:min(len(s.Body), 1<<16)]
		}
		return t, true
	}),
	"commit whatever the token": newestLease(func(l, newest relay.Lease) bool { return l.Name == newest.Name }),
	"commit without a lease":    newestLease(func(l, newest relay.Lease) bool { return l.Name == "" }),
	"nothing is dropped":        commitFault(func(_ *faulty, _ context.Context, c relay.Change) relay.Change { c.Drop = nil; return c }),
	"a nonce is taken over": commitFault(func(f *faulty, ctx context.Context, c relay.Change) relay.Change {
		for _, t := range c.Put {
			f.MemoryStore.Commit(ctx, relay.Change{Lease: c.Lease, Drop: []relay.TxID{t.TxID}}) // a fault
		}
		return c
	}),
	"spends are counted first": commitFault(func(f *faulty, ctx context.Context, c relay.Change) relay.Change {
		f.MemoryStore.Commit(ctx, relay.Change{Spend: c.Spend}) // a fault
		c.Spend = nil
		return c
	}),
	"the last commit wins": commitFault(func(f *faulty, ctx context.Context, c relay.Change) relay.Change {
		c.Chunks = slices.Clone(c.Chunks)
		for i := range c.Chunks {
			for old := range f.MemoryStore.Chunks(ctx, relay.ChunkQuery{IDs: []relay.ChunkID{c.Chunks[i].ID()}}) {
				c.Chunks[i].Version = old.Version
			}
		}
		return c
	}),
	"commit is slow between its parts": commitInParts,
	"a lease is anybody's":             leaseFault(func(f *faulty, name, owner string, ttl time.Duration) (string, time.Duration) { return "one", ttl }),
	"a lease is not given up": leaseFault(func(f *faulty, name, owner string, ttl time.Duration) (string, time.Duration) {
		return owner, max(ttl, time.Minute)
	}),
	"a lease runs out at once": leaseFault(func(f *faulty, name, owner string, ttl time.Duration) (string, time.Duration) { return owner, 0 }),
	"tokens do not grow": func(f *faulty) {
		f.lease = func(ctx context.Context, name, owner string, ttl time.Duration) (relay.Lease, error) {
			l, err := f.MemoryStore.Lease(ctx, name, owner, ttl)
			l.Token = min(l.Token, 1)
			return l, err
		}
	},
	"hours after the first": func(f *faulty) {
		f.spent = func(ctx context.Context, scope string, from relay.Hour) (slastream.Amount, error) {
			return f.MemoryStore.Spent(ctx, scope, from+min(from, 1))
		}
	},
	"scopes in lower case": func(f *faulty) {
		f.spent = func(ctx context.Context, scope string, from relay.Hour) (slastream.Amount, error) {
			return f.MemoryStore.Spent(ctx, strings.ToLower(scope), from)
		}
	},
	"a sum that is too great is none": func(f *faulty) {
		f.spent = func(ctx context.Context, scope string, from relay.Hour) (slastream.Amount, error) {
			sum, err := f.MemoryStore.Spent(ctx, scope, from)
			if sum.Word()[0] == 0xff {
				return slastream.Amount{}, slastream.ErrAmountRange
			}
			return sum, err
		}
	},
	"spends end with the process": func(f *faulty) {
		f.reopen = func() {
			f.spent = func(context.Context, string, relay.Hour) (slastream.Amount, error) { return slastream.Amount{}, nil }
		}
	},
	"tokens begin again with the process": func(f *faulty) { f.reopen = func() { f.lease = relay.NewMemoryStore().Lease } },
	"what was behind is not, after a restart": func(f *faulty) {
		f.reopen = func() {
			f.tracks = func(ctx context.Context, q relay.TrackQuery) iter.Seq2[relay.Track, error] {
				if q.Behind {
					return func(func(relay.Track, error) bool) {}
				}
				return f.MemoryStore.Tracks(ctx, q)
			}
		}
	},
	"the oldest is not counted": func(f *faulty) {
		f.stats = func(ctx context.Context) (relay.Stats, error) {
			s, err := f.MemoryStore.Stats(ctx)
			s.Oldest = 0
			return s, err
		}
	},
	"refused chunks are not counted": func(f *faulty) {
		f.stats = func(ctx context.Context) (relay.Stats, error) {
			s, err := f.MemoryStore.Stats(ctx)
			s.Chunks[relay.Refused] = 0
			return s, err
		}
	},
}

const faultEnv = "STORETEST_FAULT"

// The suite must fail for each fault, so it runs in a process of its own. Without
// a fault the same store passes.
func TestTheSuiteFindsFaults(t *testing.T) {
	if name := os.Getenv(faultEnv); name != "" {
		storetest.Run(t, func(*testing.T) relay.Store {
			f := newFaulty()
			if fault := faults[name]; fault != nil {
				fault(f)
			}
			return f
		}, storetest.Options{Reopen: func(_ *testing.T, s relay.Store) relay.Store {
			if f := s.(*faulty); f.reopen != nil {
				f.reopen()
			}
			return s
		}})
		return
	}
	run := func(t *testing.T, name string) (string, error) {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheSuiteFindsFaults$", "-test.failfast", "-test.timeout=60s", "-rapid.shrinktime=0s", "-rapid.nofailfile")
		cmd.Env = append(os.Environ(), faultEnv+"="+name)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run(t, "none")
	require.NoError(t, err, "%s", out)
	for name := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := run(t, name)
			_, failed := errors.AsType[*exec.ExitError](err)
			require.True(t, failed, "%v: %s", err, out)
			require.NotContains(t, out, "panic:")
			for line := range strings.Lines(out) {
				if strings.Contains(line, "--- FAIL: TestTheSuiteFindsFaults/") {
					t.Log(strings.TrimSpace(line))
				}
			}
		})
	}
}

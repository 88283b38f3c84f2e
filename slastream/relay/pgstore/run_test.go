package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/pgstore"
)

// A stepper counts turns. It takes the lease in each, as a relay does.
type stepper struct {
	store *pgstore.Store
	owner string
	lease time.Duration
	turns atomic.Int64
	held  atomic.Int64
	do    func(ctx context.Context) error
}

func (s *stepper) Step(ctx context.Context) (relay.Report, error) {
	s.turns.Add(1)
	if s.lease > 0 {
		_, err := s.store.Lease(ctx, "account", s.owner, s.lease)
		if errors.Is(err, relay.ErrLease) {
			return relay.Report{}, nil
		} else if err != nil {
			return relay.Report{}, err
		}
		s.held.Add(1)
	}
	if s.do != nil {
		return relay.Report{}, s.do(ctx)
	}
	return relay.Report{}, nil
}

// running starts Run and returns what ends it.
func running(t *testing.T, store *pgstore.Store, s *stepper, o pgstore.Options) (end func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	o.Account, o.Owner = "account", s.owner
	go func() { done <- store.Run(ctx, s, o) }()
	end = func() error {
		cancel()
		select {
		case err := <-done:
			done <- err
			return err
		case <-time.After(20 * time.Second):
			return errors.New("Run does not end")
		}
	}
	t.Cleanup(func() { require.ErrorIs(t, end(), context.Canceled) })
	return end
}

func count(t *testing.T, pool *pgxpool.Pool, query string, args ...any) (n int) {
	require.NoError(t, pool.QueryRow(context.Background(), query, args...).Scan(&n))
	return n
}

// TestRun has River bring the turns: they come faster than Run would take them
// on its own, and leave few rows.
func TestRun(t *testing.T) {
	store, pool, schema := openStore(t)
	s := &stepper{store: store, owner: "one", lease: time.Hour}
	running(t, store, s, pgstore.Options{Poll: 2 * time.Second, Lease: time.Hour})
	require.Eventually(t, func() bool { return s.turns.Load() >= 4 }, 20*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool {
		return count(t, pool, "SELECT count(*) FROM "+schema+".river_job WHERE state = 'completed'") >= 2
	}, 20*time.Second, 100*time.Millisecond)
	require.LessOrEqual(t, count(t, pool, "SELECT count(*) FROM "+schema+".river_job"), 6)
	var leader string
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT leader_id FROM "+schema+".river_leader").Scan(&leader))
	require.NotEmpty(t, leader)
}

// TestRunWithoutLeader has a River leader that is dead for hours: nobody inserts
// ticks, and turns come all the same.
func TestRunWithoutLeader(t *testing.T) {
	store, pool, schema := openStore(t)
	_, err := pool.Exec(t.Context(), "INSERT INTO "+schema+".river_leader (name, leader_id, elected_at, expires_at) VALUES ('default', 'dead', now(), now() + interval '1 day')")
	require.NoError(t, err)
	s := &stepper{store: store, owner: "one", lease: 2 * time.Second}
	running(t, store, s, pgstore.Options{Poll: time.Minute, Lease: 2 * time.Second})
	began := time.Now()
	require.Eventually(t, func() bool { return s.turns.Load() >= 4 }, 20*time.Second, 10*time.Millisecond)
	require.Greater(t, time.Since(began), 3*2*time.Second/4, "turns come too fast")
	require.Less(t, time.Since(began), 3*2*time.Second, "the lease was not renewed in time")
	require.Equal(t, 1, count(t, pool, "SELECT token::int FROM "+schema+".lease"), "it was lost in between")
	require.Zero(t, count(t, pool, "SELECT count(*) FROM "+schema+".river_job"))
}

// TestStandby has two processes: the second takes no turn as long as the first
// has the lease, and one soon after it has run out.
func TestStandby(t *testing.T) {
	store, pool, schema := openStore(t)
	lease, err := store.Lease(t.Context(), "account", "first", 2*time.Second)
	require.NoError(t, err)
	s := &stepper{store: store, owner: "second", lease: time.Hour}
	running(t, store, s, pgstore.Options{Poll: 100 * time.Millisecond, Lease: time.Hour})
	time.Sleep(1500 * time.Millisecond)
	require.Zero(t, s.turns.Load(), "it took a turn")
	require.Eventually(t, func() bool { return s.held.Load() > 0 }, 5*time.Second, time.Millisecond)
	require.WithinDuration(t, lease.Until, time.Now(), 300*time.Millisecond)
	require.Equal(t, 2, count(t, pool, "SELECT token::int FROM "+schema+".lease"))
}

// TestWakeUp has one process observe a proof and the other, which may send, take
// a turn at once.
func TestWakeUp(t *testing.T) {
	store, pool, schema := openStore(t)
	holder := &stepper{store: store, owner: "holder", lease: time.Hour}
	running(t, store, holder, pgstore.Options{Poll: time.Hour, Lease: 3 * time.Hour})
	require.Eventually(t, func() bool { return holder.turns.Load() == 1 }, 10*time.Second, time.Millisecond)
	// River's leader is elected and has inserted its first tick.
	require.Eventually(t, func() bool {
		return count(t, pool, "SELECT count(*) FROM "+schema+".river_job WHERE state = 'completed'") == 1
	}, 10*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool { return holder.turns.Load() == 2 }, 10*time.Second, time.Millisecond)

	other, err := pgstore.Open(t.Context(), connect(t, server.url), schema)
	require.NoError(t, err)
	observed := relay.Observation{Next: 1, Chunks: []relay.Chunk{{Deal: attestation.Word{1}}}}
	t.Run("by a process that runs nothing", func(t *testing.T) {
		require.NoError(t, other.Observe(t.Context(), observed))
		require.Equal(t, 1, count(t, pool, "SELECT count(*) FROM "+schema+".river_job"), "a job that nobody may take")
	})

	standby := &stepper{store: other, owner: "standby", lease: time.Hour}
	running(t, other, standby, pgstore.Options{Poll: time.Hour, Lease: 3 * time.Hour})
	require.Eventually(t, func() bool {
		return count(t, pool, "SELECT count(*) FROM "+schema+".river_queue") == 1
	}, 10*time.Second, time.Millisecond)
	time.Sleep(100 * time.Millisecond)
	observed = relay.Observation{From: 1, Next: 2, Chunks: []relay.Chunk{{Deal: attestation.Word{2}, Proof: slastream.Proof{Evidence: attestation.Evidence{Period: 2}}}}}

	t.Run("a refused observation wakes nobody", func(t *testing.T) {
		wrong := observed
		wrong.From = 7
		require.ErrorIs(t, other.Observe(t.Context(), wrong), relay.ErrConflict)
		require.Equal(t, 1, count(t, pool, "SELECT count(*) FROM "+schema+".river_job"))
	})
	t.Run("at once", func(t *testing.T) {
		at := time.Now()
		require.NoError(t, other.Observe(t.Context(), observed))
		require.Eventually(t, func() bool { return holder.turns.Load() == 3 }, 5*time.Second, time.Millisecond)
		t.Logf("the turn begins after %v", time.Since(at))
		require.Less(t, time.Since(at), 2*time.Second)
		require.Zero(t, standby.turns.Load())
	})
	t.Run("not by itself", func(t *testing.T) {
		observed = relay.Observation{From: 2, Next: 3, Chunks: []relay.Chunk{{Deal: attestation.Word{3}, Proof: slastream.Proof{Evidence: attestation.Evidence{Period: 3}}}}}
		require.NoError(t, store.Observe(t.Context(), observed))
		require.Equal(t, 2, count(t, pool, "SELECT count(*) FROM "+schema+".river_job"))
	})
}

// TestRunEnds ends a turn that is under way: within Grace it comes to its end,
// then the lease is given up, and nothing of Run is left.
func TestRunEnds(t *testing.T) {
	for _, test := range []struct {
		name  string
		turn  time.Duration
		grace time.Duration
		ended bool
	}{
		{"a short turn ends by itself", 500 * time.Millisecond, 10 * time.Second, true},
		{"a long one is cancelled", time.Hour, 300 * time.Millisecond, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			store, pool, _ := openStore(t)
			require.NoError(t, pool.Ping(t.Context()))
			leaks := goleak.IgnoreCurrent()
			began, ended := make(chan bool, 1), make(chan bool, 1)
			s := &stepper{store: store, owner: "one", lease: time.Hour, do: func(ctx context.Context) error {
				began <- true
				select {
				case <-time.After(test.turn):
					ended <- true
				case <-ctx.Done():
					ended <- false
				}
				return ctx.Err()
			}}
			end := running(t, store, s, pgstore.Options{Poll: time.Hour, Lease: time.Hour, Grace: test.grace})
			<-began
			at := time.Now()
			require.ErrorIs(t, end(), context.Canceled)
			require.Less(t, time.Since(at), 5*time.Second)
			require.Equal(t, test.ended, <-ended)
			lease, err := store.Lease(t.Context(), "account", "two", time.Second)
			require.NoError(t, err, "the lease was not given up")
			require.Equal(t, uint64(2), lease.Token)
			// The pool may have opened connections meanwhile; they are its own.
			require.NoError(t, goleak.Find(leaks, goleak.IgnoreAnyFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck")))
		})
	}
}

func TestRunRefuses(t *testing.T) {
	store, _, _ := openStore(t)
	for _, test := range []struct {
		name    string
		options pgstore.Options
		want    string
	}{
		{"no account", pgstore.Options{Owner: "o"}, "Options.Account is missing"},
		{"no owner", pgstore.Options{Account: "a"}, "Options.Owner is missing"},
		{"negative time", pgstore.Options{Account: "a", Owner: "o", Poll: -1}, "Options.Poll, Lease or Grace is negative"},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.ErrorContains(t, store.Run(t.Context(), &stepper{}, test.options), "pgstore: "+test.want)
		})
	}
	t.Run("a pool of three connections", func(t *testing.T) {
		small, err := pgstore.Open(t.Context(), poolWith(t, serverURL(t), func(c *pgxpool.Config) { c.MaxConns = 3 }), newSchema(t))
		require.NoError(t, err)
		require.ErrorContains(t, small.Run(t.Context(), &stepper{}, pgstore.Options{Account: "a", Owner: "o"}), "want 4 or more")
	})
	t.Run("a server that is away", func(t *testing.T) {
		pool := poolWith(t, serverURL(t), func(*pgxpool.Config) {})
		gone, err := pgstore.Open(t.Context(), pool, newSchema(t))
		require.NoError(t, err)
		pool.Close()
		require.ErrorContains(t, gone.Run(t.Context(), &stepper{}, pgstore.Options{Account: "a", Owner: "o"}), "pgstore: River: ")
	})
}

func BenchmarkCommit(b *testing.B) {
	store, _, _ := openStore(b)
	lease, err := store.Lease(b.Context(), "account", "one", time.Hour)
	require.NoError(b, err)
	var chunks []relay.Chunk
	for i := range uint64(16) {
		chunks = append(chunks, relay.Chunk{Deal: attestation.WordFromUint64(1), Index: i, Proof: slastream.Proof{Evidence: attestation.Evidence{Period: i}}})
	}
	require.NoError(b, store.Observe(b.Context(), relay.Observation{Next: 1, Chunks: chunks}))
	for i := range chunks {
		chunks[i].Version = 1
	}
	n := uint64(0)
	for _, size := range []int{1, 16} {
		b.Run(fmt.Sprint(size, " chunks"), func(b *testing.B) {
			for b.Loop() {
				n++
				tx := relay.Transaction{TxID: relay.TxID{Nonce: n}, Signed: []slastream.SignedTx{{Nonce: n, Body: make([]byte, 1000)}}}
				require.NoError(b, store.Commit(b.Context(), relay.Change{Lease: lease, Chunks: chunks[:size], Put: []relay.Transaction{tx}}))
				for i := range size {
					chunks[i].Version++
				}
			}
		})
	}
}

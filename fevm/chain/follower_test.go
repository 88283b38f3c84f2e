package chain_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/fevm/simulated"
)

func client(t testing.TB, c chain.Caller, head chain.Tag) *chain.Client {
	t.Helper()
	out, err := chain.New(c, chain.Config{ChainID: 314159, Head: head})
	require.NoError(t, err)
	return out
}

// TestFollowThroughEveryReorg replaces 1, 2, … 900 tipsets under a follower of
// the newest one.
func TestFollowThroughEveryReorg(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		w := newWorld()
		w.mine(t, 1000)
		l := newLedger()
		ctx, cancel := context.WithCancel(t.Context())
		f := chain.NewFollower(client(t, w.caller, chain.Latest), chain.FollowerConfig{Query: chain.Query{Address: w.address(), From: 10_000}})
		ended := make(chan error, 1)
		go func() { ended <- l.run(ctx, f) }()
		for depth := uint64(1); depth <= 900; depth += depthStep {
			for range 2 {
				w.emit(t, 1+rng.IntN(2))
				w.mine(t, 1+rng.Uint64N(3))
			}
			if rng.IntN(4) == 0 {
				_, err := w.NullRound()
				require.NoError(t, err)
				w.mine(t, 1)
			}
			if rng.IntN(2) == 0 { // sometimes the follower sees the old fork, sometimes not
				time.Sleep(time.Minute)
			}
			_, err := w.Reorg(depth)
			require.NoError(t, err)
			w.emit(t, rng.IntN(2))
			w.mine(t, 1)
			if depth%10 == 0 || depthStep > 1 {
				time.Sleep(10 * time.Minute)
				require.Equal(t, w.logs(t, w.Head()), l.snapshot(), "depth %d", depth)
			}
		}
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		require.Empty(t, l.faults)
		require.NotZero(t, l.retracted)
	})
}

// TestFollowBadNodes is about nodes that leave logs out, fail, fall behind and
// lie: at the end, the ledger holds what is final, once, and nothing else.
func TestFollowBadNodes(t *testing.T) {
	for _, tt := range []struct {
		name  string
		need  int
		nodes []faults
	}{
		{"one good node", 1, []faults{{}}},
		{"two nodes that leave out a fifth of the logs", 2, []faults{{drop: .2}, {drop: .2}}},
		{"one of two fails", 1, []faults{{fail: 1}, {fail: .3}}},
		{"failing, late and dropping", 2, []faults{{fail: .3, stale: .1, drop: .2}, {fail: .3, stale: .1, drop: .2}, {fail: .3, stale: .1, drop: .2}}},
		{"one of three lies", 2, []faults{{fail: .3, stale: .1}, {fail: .3, stale: .1, lie: .05}, {fail: .3, stale: .1}}},
		{"one of three lies always", 2, []faults{{}, {lie: 1}, {}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range uint64(badSeeds) {
				synctest.Test(t, func(t *testing.T) { followBadNodes(t, seed, tt.need, tt.nodes) })
			}
		})
	}
}

func followBadNodes(t *testing.T, seed uint64, need int, nodes []faults) {
	rng := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(simulated.WithFinality(20, 40))
	w.mine(t, 100)
	clients := make([]*chain.Client, len(nodes))
	for i, f := range nodes {
		clients[i] = client(t, &faulty{Caller: w.caller, faults: f, rng: rand.New(rand.NewPCG(seed, uint64(i)))}, chain.Finalized)
	}
	reader, err := chain.NewNodes(need, clients...)
	require.NoError(t, err)
	f := chain.NewFollower(reader, chain.FollowerConfig{Query: chain.Query{Address: w.address(), From: 10_000}, Poll: 90 * time.Second})
	l := newLedger()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	follow := func() { go func() { ended <- l.run(ctx, f) }() }
	follow()
	for range 80 {
		w.emit(t, rng.IntN(3))
		w.mine(t, 1+rng.Uint64N(3))
		switch rng.IntN(8) {
		case 0:
			_, err := w.Reorg(1 + rng.Uint64N(30)) // above finalized
			require.NoError(t, err)
		case 1:
			_, err := w.NullRound()
			require.NoError(t, err)
		case 2: // the program stops and goes on from the stored cursor
			cancel()
			require.ErrorIs(t, <-ended, context.Canceled)
			stored, err := json.Marshal(l.cursor)
			require.NoError(t, err)
			l.cursor = chain.Cursor{}
			require.NoError(t, json.Unmarshal(stored, &l.cursor))
			ctx, cancel = context.WithCancel(t.Context())
			follow()
		}
		time.Sleep(time.Duration(rng.IntN(90)) * time.Second)
	}
	w.mine(t, 41)
	time.Sleep(time.Hour)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Empty(t, l.faults)
	require.Equal(t, w.logs(t, l.head), l.snapshot(), "seed %d", seed)
	require.GreaterOrEqual(t, l.head, w.Head()-41)
	require.Zero(t, l.retracted, "nothing final is retracted")
	require.NotEmpty(t, l.logs)
}

// TestFollowStopsAnywhere stops after each update and goes on from its cursor.
func TestFollowStopsAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		w := newWorld()
		l := newLedger()
		f := chain.NewFollower(client(t, w.caller, chain.Latest), chain.FollowerConfig{Query: chain.Query{Address: w.address(), From: 10_000}})
		for range 300 {
			w.emit(t, 1+rng.IntN(3))
			w.mine(t, 1+rng.Uint64N(2))
			if rng.IntN(3) == 0 && w.Head() > 10_100 {
				_, err := w.Reorg(1 + rng.Uint64N(60))
				require.NoError(t, err)
			}
			stored, err := json.Marshal(l.cursor)
			require.NoError(t, err)
			var cursor chain.Cursor
			require.NoError(t, json.Unmarshal(stored, &cursor))
			left := 1 + rng.IntN(4)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			for u, err := range f.Follow(ctx, cursor) {
				if err != nil {
					require.ErrorIs(t, err, context.DeadlineExceeded)
					break
				}
				l.take(u)
				if left--; left == 0 {
					break
				}
			}
			cancel()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		require.ErrorIs(t, l.run(ctx, f), context.DeadlineExceeded)
		require.Empty(t, l.faults)
		require.Equal(t, w.logs(t, w.Head()), l.snapshot())
		require.NotZero(t, l.retracted)
	})
}

func TestFollowBounded(t *testing.T) {
	w := newWorld()
	w.emit(t, 3)
	w.mine(t, 6000)
	w.emit(t, 2)
	w.mine(t, 10)
	f := chain.NewFollower(client(t, w.caller, chain.Latest), chain.FollowerConfig{Query: chain.Query{Address: w.address(), From: 10_000, To: 16_005}})
	l := newLedger()
	require.NoError(t, l.run(t.Context(), f))
	require.Equal(t, w.logs(t, 16_005), l.snapshot())
	require.Len(t, l.logs, 5)
	require.Equal(t, uint64(16_006), l.cursor.Next())
	// Once more from there: nothing.
	require.NoError(t, l.run(t.Context(), f))
	require.Empty(t, l.faults)
}

func TestFollowWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.mine(t, 10)
		wake := make(chan struct{})
		defer close(wake)
		l := newLedger()
		f := chain.NewFollower(client(t, w.caller, chain.Latest), chain.FollowerConfig{
			Query: chain.Query{Address: w.address(), From: 10_000},
			Poll:  time.Hour,
			Wake: func(ctx context.Context) error {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-wake:
					return nil
				}
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.run(ctx, f) }()
		synctest.Wait()
		w.emit(t, 1)
		w.mine(t, 1)
		start := time.Now()
		wake <- struct{}{}
		synctest.Wait()
		require.Len(t, l.snapshot(), 1)
		require.Less(t, time.Since(start), time.Minute)
		cancel()
		<-ended
	})
}

// TestFollowBadHints: a hint that floods, fails or sleeps changes how often the
// nodes are asked, within bounds, and nothing else.
func TestFollowBadHints(t *testing.T) {
	for name, tt := range map[string]struct {
		wake        func(context.Context) error
		least, most int // turns in ten minutes
	}{
		"none":            {nil, 40, 42},
		"one that fails":  {func(context.Context) error { return errors.New("no socket") }, 40, 42},
		"one that waits":  {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, 40, 42},
		"one that floods": {func(context.Context) error { return nil }, 380, 402},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.mine(t, 10)
				var turns atomic.Int64
				caller := counter{w.caller, &turns}
				l := newLedger()
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				f := chain.NewFollower(client(t, caller, chain.Latest), chain.FollowerConfig{Query: chain.Query{Address: w.address(), From: 10_000}, Wake: tt.wake})
				go func() { ended <- l.run(ctx, f) }()
				time.Sleep(10 * time.Minute)
				cancel()
				require.ErrorIs(t, <-ended, context.Canceled)
				require.GreaterOrEqual(t, int(turns.Load()), tt.least)
				require.LessOrEqual(t, int(turns.Load()), tt.most)
			})
		})
	}
}

// A counter counts the questions for logs.
type counter struct {
	chain.Caller
	n *atomic.Int64
}

func (c counter) CallContext(ctx context.Context, result any, method string, params ...any) error {
	if method == "eth_getLogs" {
		c.n.Add(1)
	}
	return c.Caller.CallContext(ctx, result, method, params...)
}

func TestFollowGivesUp(t *testing.T) {
	w := newWorld()
	other, err := chain.New(w.caller, chain.Config{ChainID: 314})
	require.NoError(t, err)
	for _, err := range chain.NewFollower(other, chain.FollowerConfig{}).Follow(t.Context(), chain.Cursor{}) {
		var wrong *chain.ChainIDError
		require.ErrorAs(t, err, &wrong)
	}
}

func TestCursorRefuses(t *testing.T) {
	for _, text := range []string{``, `[]`, `{}`, `{"version":2}`, `{"version":1,"next":-1}`,
		fmt.Sprintf(`{"version":1,"recent":[{"id":"%064d"},{"id":"%064d"}]}`, 1, 1)} {
		var c chain.Cursor
		require.Error(t, json.Unmarshal([]byte(text), &c), text)
	}
}

package watch_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/watch"
)

// A process is what stands between a tower and everything else. It can be killed
// at any call, before the call has its effect or after: from then on nothing has
// an effect, and the next process starts from the store.
type process struct {
	w     *world
	store watch.Store
	calls int
	kill  func(call int) (before, after bool)
	dead  bool
	sends int
}

func (p *process) call(effect func() error) error {
	before, after := p.kill(p.calls)
	p.calls++
	if p.dead = p.dead || before; p.dead {
		return errKilled
	}
	err := effect()
	if p.dead = after; p.dead {
		return errKilled
	}
	return err
}

func (p *process) Load(ctx context.Context) (b []byte, err error) {
	err = p.call(func() (e error) { b, e = p.store.Load(ctx); return e })
	return b, err
}

func (p *process) Save(ctx context.Context, b []byte) error {
	return p.call(func() error { return p.store.Save(ctx, b) })
}

func (p *process) Deal(ctx context.Context, id attestation.Word) (d slastream.Deal, err error) {
	err = p.call(func() (e error) { d, e = p.w.memory.As(anyone).Deal(ctx, id); return e })
	return d, err
}

func (p *process) DealCount(ctx context.Context) (n attestation.Word, err error) {
	err = p.call(func() (e error) { n, e = p.w.memory.As(anyone).DealCount(ctx); return e })
	return n, err
}

func (p *process) Now(ctx context.Context) (now uint64, err error) {
	err = p.call(func() (e error) { now, e = p.w.Now(ctx); return e })
	return now, err
}

// ReleasePending says that a release of deal 5 is on its way for five hours.
func (p *process) ReleasePending(_ context.Context, id attestation.Word) (pending bool, err error) {
	err = p.call(func() error { pending = id == word(5) && p.w.now.Load() < start+5*hour; return nil })
	return pending, err
}

// outlook says that the cadence is not known.
func (p *process) outlook(context.Context, slastream.Deal) (c slastream.Cadence, s slastream.Progress, err error) {
	return c, s, p.call(func() error { return nil })
}

func (p *process) ChunkReleased(context.Context, attestation.Word, uint64) (bool, error) {
	panic("not asked for")
}

func (p *process) Slash(ctx context.Context, id attestation.Word) error {
	return p.call(func() error { p.sends++; return p.w.memory.As(anyone).Slash(ctx, id) })
}

func (p *process) Notify(ctx context.Context, a watch.Alert) error {
	return p.call(func() error { return p.w.mail.Notify(ctx, a) })
}

// scenario is a day of eight deals. Whenever the process is killed the next one
// takes its place. It returns what was told, each id once, and how many slashes
// were sent.
func scenario(t *testing.T, kill func(call int) (before, after bool)) (told []string, calls, sends int) {
	w := newWorld(t)
	w.release(w.create(1, hour), 0) // history
	p := &process{w: w, store: &watch.MemoryStore{}, kill: kill}
	w.config.Store, w.config.Escrow, w.config.Slasher, w.config.Notifier, w.config.Clock, w.config.Pending = p, p, p, p, p, p
	w.config.Warn, w.config.Outlook = 2*time.Hour, p.outlook
	tower := w.tower()
	turn := func(at uint64) {
		w.now.Store(at)
		for range 3 {
			for more := true; more; {
				report, err := tower.Step(t.Context())
				more = report.More || p.dead
				if p.dead {
					p.dead = false
					tower = w.tower()
				} else {
					require.NoError(t, err)
				}
			}
			time.Sleep(2 * time.Second) // the pause before a second attempt
		}
	}
	for range 4 {
		w.create(1, 4*hour) // 2 to 5: all are slashed, 5 after its release got lost
	}
	turn(start)
	w.create(2, 6*hour) // 6: is paid in time
	w.create(1, 8*hour) // 7: is slashed by somebody else
	turn(start + hour)
	w.release(6, 0)
	for at := start + 2*hour; at < start+9*hour; at += hour / 4 {
		switch at {
		case start + 6*hour - hour/2:
			w.release(6, 1)
			w.create(1, hour) // 8: begins and ends between two turns
			w.release(8, 0)
		case start + 8*hour:
			w.now.Store(at)
			require.NoError(t, w.memory.As(client).Slash(t.Context(), word(7)))
		}
		turn(at)
		turn(at + 121) // a slash that may have been lost is sent again
	}
	seen := map[string]string{}
	for i, what := range w.mail.told() {
		seen[w.mail.alerts[i].ID] = what
	}
	for _, what := range seen {
		told = append(told, what)
	}
	slices.Sort(told)
	for id := uint64(2); id <= 8; id++ {
		require.False(t, w.deal(id).Active)
	}
	calls = p.calls
	p.kill = func(int) (bool, bool) { return false, false }
	require.Equal(t, 0, w.step(w.tower()).Open)
	return told, calls, p.sends
}

// A tower may be killed at any call to store, node or receiver: no alert is lost, none has two ids, no deal two ends, and at most one slash is sent in vain.
func TestCrashAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want, calls, sends := scenario(t, func(int) (bool, bool) { return false, false })
		require.Equal(t, []string{
			"at_risk final 2", "at_risk final 3", "at_risk final 4", "at_risk final 5", "at_risk final 6", "at_risk final 7",
			"completed final 6", "completed final 8",
			"deadline final 2", "deadline final 3", "deadline final 4", "deadline final 5",
			"slashed final 2", "slashed final 3", "slashed final 4", "slashed final 5", "slashed final 7",
			"slashed pending 2", "slashed pending 3", "slashed pending 4", "slashed pending 5",
		}, want)
		require.Equal(t, 4, sends)
		require.Greater(t, calls, 100)
		for at := 0; at < calls; at += crashEvery {
			for _, after := range []bool{false, true} {
				told, _, sends := scenario(t, func(call int) (bool, bool) { return call == at && !after, call == at && after })
				require.Equal(t, want, told, "killed at call %d, after it: %v", at, after)
				require.LessOrEqual(t, sends, 5)
			}
		}
	})
}

// The same with many kills in one run.
func TestCrashOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want, _, _ := scenario(t, func(int) (bool, bool) { return false, false })
		for seed := range uint64(crashSeeds) {
			r := rand.New(rand.NewPCG(seed, 0))
			told, _, _ := scenario(t, func(int) (bool, bool) { return r.IntN(60) == 0, r.IntN(60) == 0 })
			require.Equal(t, want, told, "seed %d", seed)
		}
	})
}

// What the watchers tell is not lost either: a tower that runs is killed at each
// document that it stores, before it is stored and after.
func TestCrashFollowing(t *testing.T) {
	run := func(t *testing.T, kill int, after bool) (told []string, saves int) {
		w := newWorld(t)
		w.create(9, day)
		accepted, settled := &feed{}, &feed{}
		w.config.Accepted, w.config.Settled = accepted, settled
		store := &fatalStore{kill: kill, after: after}
		w.config.Store, w.config.Notifier = store, store.notifier(w.mail)
		stop := running(t, w.tower())
		more := func() {
			w.pass(3)
			if store.dead.Load() {
				require.Error(t, stop())
				store.dead.Store(false)
				stop = running(t, w.tower())
				w.pass(3)
			}
		}
		more()
		for chunk := range uint64(3) {
			e := accepted.add(chunkReleased(1, chunk), 10+chunk, 0)
			more()
			if chunk == 1 {
				accepted.retract(e)
				more()
				accepted.add(chunkReleased(1, chunk), 10+chunk, 1)
				more()
			}
			settled.add(chunkReleased(1, chunk), 10+chunk, 0)
			more()
		}
		require.ErrorIs(t, stop(), context.Canceled)
		w.config.Store = &store.MemoryStore
		stop = running(t, w.tower())
		w.pass(10)
		require.ErrorIs(t, stop(), context.Canceled)
		seen := map[string]bool{}
		for _, a := range w.mail.alerts {
			if !seen[a.ID] {
				told = append(told, fmt.Sprintln(a.Kind, a.Phase, a.Chunk, a.BlockHash))
			}
			seen[a.ID] = true
		}
		return sorted(told), store.saves
	}
	synctest.Test(t, func(t *testing.T) {
		want, saves := run(t, -1, false)
		require.Len(t, want, 8)
		require.Greater(t, saves, 12)
		for at := range saves {
			for _, after := range []bool{false, true} {
				told, _ := run(t, at, after)
				require.Equal(t, want, told, "killed at document %d, after it: %v", at, after)
			}
		}
	})
}

// A fatalStore kills its tower at one Save: nothing that it does has an effect
// from then on.
type fatalStore struct {
	watch.MemoryStore
	saves, kill int
	after       bool
	dead        atomic.Bool
}

func (s *fatalStore) Save(ctx context.Context, b []byte) error {
	if s.dead.Load() {
		return errKilled
	}
	kills := s.saves == s.kill
	s.saves++
	if !kills || s.after {
		if err := s.MemoryStore.Save(ctx, b); err != nil {
			return err
		}
	}
	if kills {
		s.dead.Store(true)
		return errKilled
	}
	return nil
}

func (s *fatalStore) notifier(to watch.Notifier) watch.Notifier {
	return notifierFunc(func(ctx context.Context, a watch.Alert) error {
		if s.dead.Load() {
			return errKilled
		}
		return to.Notify(ctx, a)
	})
}

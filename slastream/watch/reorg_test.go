package watch_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/slastream/watch"
)

// A fork is an escrow that a reorganisation can replace by another one.
type fork struct{ branch atomic.Pointer[escrow.Memory] }

func (f *fork) Deal(ctx context.Context, id attestation.Word) (slastream.Deal, error) {
	return f.branch.Load().As(anyone).Deal(ctx, id)
}

func (f *fork) DealCount(ctx context.Context) (attestation.Word, error) {
	return f.branch.Load().As(anyone).DealCount(ctx)
}

func (f *fork) ChunkReleased(context.Context, attestation.Word, uint64) (bool, error) {
	panic("not asked for")
}

func (f *fork) Slash(ctx context.Context, id attestation.Word) error {
	return f.branch.Load().As(anyone).Slash(ctx, id)
}

// branches returns a world with one deal of one chunk, an hour long, and how to
// go to a branch of the chain on which nothing has happened to it yet.
func branches(t *testing.T) (w *world, other func()) {
	w = newWorld(t)
	w.create(1, hour)
	f := &fork{}
	f.branch.Store(w.memory)
	w.config.Escrow, w.config.Slasher = f, f
	next := newWorld(t)
	next.create(1, hour)
	next.now.Store(start + 10*day)
	return w, func() {
		w.memory = next.memory
		f.branch.Store(next.memory)
	}
}

var dealSlashed = slastream.DealSlashed{DealID: word(1), Provider: provider, SlashAmount: slastream.AmountFromUint64(15), Client: client}

// A reorganisation takes the slash back: the tower slashes again, says that what
// it had told was taken back, and tells the final alert once the end is settled.
// It does so although it starts again at any point.
func TestSlashTakenBack(t *testing.T) {
	for name, restart := range map[string]bool{"one run": false, "restarts in between": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, other := branches(t)
				accepted, settled := &feed{}, &feed{}
				w.config.Accepted, w.config.Settled = accepted, settled
				stop := running(t, w.tower())
				told := func(want ...string) {
					t.Helper()
					w.pass(4)
					require.Equal(t, want, sorted(w.mail.told()))
					if restart {
						require.ErrorIs(t, stop(), context.Canceled)
						stop = running(t, w.tower())
						w.pass(4)
						require.Equal(t, want, sorted(w.mail.told()), "a restart tells nothing")
					}
				}
				told()
				w.now.Store(start + hour)
				told("deadline final 1", "slashed pending 1")
				require.True(t, w.deal(1).Slashed)
				end := accepted.add(dealSlashed, 20, 0)
				told("deadline final 1", "slashed pending 1")

				other()
				accepted.retract(end)
				again := []string{"deadline final 1", "deadline final 1", "slashed pending 1", "slashed pending 1", "slashed retracted 1"}
				told(again...)
				require.True(t, w.deal(1).Slashed, "on the other branch too")
				accepted.add(dealSlashed, 21, 1)
				told(again...)
				settled.add(dealSlashed, 21, 1)
				told("deadline final 1", "deadline final 1", "slashed final 1", "slashed pending 1", "slashed pending 1", "slashed retracted 1")
				final := w.mail.alerts[len(w.mail.alerts)-1]
				require.Equal(t, slastream.AmountFromUint64(15), final.Amount)
				require.True(t, final.Deal.Slashed)
				w.pass(hour)
				require.ErrorIs(t, stop(), context.Canceled)
				require.Len(t, w.mail.alerts, 6)
			})
		})
	}
}

// Without watchers too, at the next look, whoever slashed: the end is final at
// once then, and taken back.
func TestSlashTakenBackWithoutEvents(t *testing.T) {
	for name, restart := range map[string]bool{"one run": false, "restarts in between": true} {
		t.Run(name, func(t *testing.T) {
			w, other := branches(t)
			tower := w.tower()
			w.now.Store(start + hour)
			w.step(tower)
			require.Equal(t, []string{"deadline final 1", "slashed pending 1", "slashed final 1"}, w.mail.told())
			other()
			slashed := 0
			for range 2 * day / 60 {
				w.now.Add(60)
				if restart {
					tower = w.tower()
				}
				slashed += len(w.step(tower).Slashed)
				require.True(t, w.now.Load() < start+hour+21*60 || w.deal(1).Slashed)
			}
			require.Equal(t, 1, slashed)
			require.Equal(t, []string{"slashed retracted 1", "deadline final 1", "slashed pending 1", "slashed final 1"}, w.mail.told()[3:])
		})
	}
}

// A final alert that nobody took yet is not told any more when it is taken back.
func TestFinalAlertIsRecalled(t *testing.T) {
	w, other := branches(t)
	w.mail.refuse = func(watch.Alert) error { return errDown }
	tower := w.tower()
	w.now.Store(start + hour)
	w.step(tower)
	other()
	w.config.Observer = true // so that it is not slashed again
	w.mail.refuse = nil
	w.now.Add(hour)
	time.Sleep(time.Second) // the longest wait after one attempt
	tower = w.tower()
	w.step(tower)
	require.Contains(t, w.mail.told(), "slashed retracted 1")
	require.NotContains(t, w.mail.told(), "slashed final 1")
}

// A deal that completed on one branch and is slashed on the other.
func TestAnotherEndAfterAReorganisation(t *testing.T) {
	w, other := branches(t)
	tower := w.tower()
	w.step(tower)
	w.release(1, 0)
	w.now.Store(start + hour)
	w.step(tower)
	require.Equal(t, []string{"completed final 1"}, w.mail.told())
	other()
	require.NoError(t, w.memory.As(client).Slash(t.Context(), word(1)))
	w.now.Add(hour)
	require.Empty(t, w.step(tower).Slashed)
	require.Equal(t, []string{"completed final 1", "completed retracted 1", "slashed final 1"}, w.mail.told())
}

// The settled end of a deal that the tower has not looked at yet is final at once;
// of history, and of deals that are not chosen, nobody is told.
func TestSettledBeforeSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.release(w.create(1, hour), 0) // 1: history
		w.create(1, day)                // 2
		w.create(2, day)                // 3: not chosen
		settled := &feed{}
		w.config.Settled = settled
		var down atomic.Bool
		w.config.Escrow = brokenReader{w.config.Escrow, func(attestation.Word) error {
			if down.Load() {
				return errDown
			}
			return nil
		}}
		w.config.Filter = func(d slastream.Deal) bool { return d.Chunks == 1 }
		completed := func(id uint64) slastream.DealCompleted {
			return slastream.DealCompleted{DealID: word(id), Provider: provider, TotalPaid: slastream.AmountFromUint64(10)}
		}
		settled.add(completed(1), 5, 0)
		settled.add(slastream.DealCompleted{DealID: attestation.Word{0: 1}}, 6, 0)
		settled.add(completed(1<<60), 6, 0)
		stop := running(t, w.tower())
		w.pass(3)
		require.ErrorIs(t, stop(), context.Canceled)
		w.release(2, 0)
		w.release(3, 0)
		w.release(3, 1)
		settled.add(completed(2), 7, 0)
		settled.add(completed(3), 8, 0)
		down.Store(true) // no turn sees the deal before its event comes
		stop = running(t, w.tower())
		w.pass(3)
		down.Store(false)
		w.pass(40)
		require.ErrorIs(t, stop(), context.Canceled)
		require.Equal(t, []string{"completed final 2"}, w.mail.told())
	})
}

// A tower that is killed at any document that it stores slashes again all the
// same, and tells the same.
func TestCrashAroundAReorganisation(t *testing.T) {
	run := func(t *testing.T, kill int, after bool) (told []string, saves int) {
		w, other := branches(t)
		store := &fatalStore{kill: kill, after: after}
		w.config.Store, w.config.Notifier = store, store.notifier(w.mail)
		slasher := w.config.Slasher
		w.config.Slasher = slasherFunc(func(ctx context.Context, d attestation.Word) error {
			if store.dead.Load() {
				return errKilled
			}
			return slasher.Slash(ctx, d)
		})
		tower := w.tower()
		turns := func(from, to uint64) {
			for now := from; now < to; now += 60 {
				w.now.Store(now)
				_, err := tower.Step(t.Context())
				require.True(t, err == nil || store.dead.Load(), err)
				if store.dead.Load() {
					store.dead.Store(false)
					tower = w.tower()
				}
			}
		}
		turns(start+hour-120, start+hour+300)
		require.True(t, w.deal(1).Slashed)
		other()
		turns(start+hour+300, start+2*hour)
		require.True(t, w.deal(1).Slashed)
		seen := map[string]bool{}
		for i, what := range w.mail.told() {
			if id := w.mail.alerts[i].ID; !seen[id] {
				seen[id], told = true, append(told, what)
			}
		}
		return sorted(told), store.saves
	}
	want, saves := run(t, -1, false)
	require.Equal(t, []string{"deadline final 1", "slashed final 1", "slashed pending 1", "slashed retracted 1"}, want)
	require.Greater(t, saves, 6)
	for at := range saves {
		for _, after := range []bool{false, true} {
			told, _ := run(t, at, after)
			require.Equal(t, want, told, "killed at document %d, after it: %v", at, after)
		}
	}
}

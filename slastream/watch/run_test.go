package watch_test

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running starts Run and returns how to stop it; block time goes with the
// bubble's clock, a block for each two seconds.
func running(t *testing.T, tower *watch.Tower) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- tower.Run(ctx) }()
	return func() error { cancel(); return <-done }
}

// pass lets time go by.
func (w *world) pass(seconds uint64) {
	for range seconds {
		time.Sleep(time.Second)
		w.now.Add(1)
	}
	synctest.Wait()
}

// A receiver that hangs, or is slow, does not delay a slash.
func TestRunSlashesWhileTheReceiverHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var now []watch.Report
		w.config.OnTurn = func(r watch.Report, err error) {
			require.NoError(t, err)
			now = append(now, r)
		}
		w.config.Notifier = notifierFunc(func(ctx context.Context, _ watch.Alert) error {
			<-ctx.Done()
			return ctx.Err()
		})
		for n := range uint64(20) {
			w.create(1, 100+n)
		}
		stop := running(t, w.tower())
		w.pass(125)
		for id := uint64(1); id <= 20; id++ {
			require.True(t, w.deal(id).Slashed)
		}
		require.ErrorIs(t, stop(), context.Canceled)
		require.Greater(t, len(now), 50)
		slashed, failed := 0, 0
		for _, r := range now {
			for range r.Slashed {
				slashed++
			}
			failed += r.Failed
		}
		require.Equal(t, 20, slashed)
		require.Positive(t, failed)

		w.config.Notifier = w.mail // what was not delivered is delivered by the next run
		stop = running(t, w.tower())
		w.pass(3700)
		require.ErrorIs(t, stop(), context.Canceled)
		require.Len(t, w.mail.alerts, 60)
	})
}

// Run goes on whatever the node and the store do, and takes up what it could not.
func TestRunSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		store := &brokenStore{}
		w.config.Store, w.config.Parallel = store, 4
		var last error
		w.config.OnTurn = func(_ watch.Report, err error) { last = err }
		w.create(1, 60)
		stop := running(t, w.tower())
		store.set(errors.New("no space left on device"))
		w.pass(70)
		require.True(t, w.deal(1).Slashed, "a full disk does not stop a refund")
		require.ErrorContains(t, last, "no space left")
		require.Empty(t, w.mail.told(), "what is not stored is not told")
		store.set(nil)
		w.pass(10)
		require.NoError(t, last)
		require.Equal(t, []string{"deadline final 1", "slashed final 1", "slashed pending 1"}, sorted(w.mail.told()))
		require.ErrorIs(t, stop(), context.Canceled)
	})
}

type brokenStore struct {
	watch.MemoryStore
	mu  sync.Mutex
	err error
}

func (s *brokenStore) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *brokenStore) Save(ctx context.Context, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	return s.MemoryStore.Save(ctx, b)
}

type notifierFunc func(context.Context, watch.Alert) error

func (f notifierFunc) Notify(ctx context.Context, a watch.Alert) error { return f(ctx, a) }

// A feed is a slastream.Watcher: a chain that tests write.
type feed struct {
	mu     sync.Mutex
	events []slastream.ChainEvent // all that was ever yielded, retractions included
	fails  error
	asked  []slastream.Cursor
	seen   [][]slastream.ChainEvent
}

func (f *feed) add(e slastream.Event, block uint64, fork byte) slastream.ChainEvent {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := slastream.ChainEvent{Event: e, ID: slastream.EventID{TxHash: word(block)}, BlockNumber: block, BlockHash: [32]byte{fork, 31: byte(block)}}
	c.Cursor = slastream.Cursor{Block: block, Hash: c.BlockHash, Event: c.ID}
	f.events = append(f.events, c)
	return c
}

// retract takes an event back; the chain ends with the block before it.
func (f *feed) retract(c slastream.ChainEvent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.Retracted, c.Cursor = true, slastream.Cursor{Block: c.BlockNumber - 1, Hash: word(c.BlockNumber - 1)}
	f.events = append(f.events, c)
}

func (f *feed) Follow(ctx context.Context, from slastream.Cursor, seen ...slastream.ChainEvent) iter.Seq2[slastream.ChainEvent, error] {
	return func(yield func(slastream.ChainEvent, error) bool) {
		f.mu.Lock()
		f.asked, f.seen = append(f.asked, from), append(f.seen, seen)
		next := 0
		for i, e := range f.events {
			if e.Cursor == from {
				next = i + 1
			}
		}
		f.mu.Unlock()
		for {
			f.mu.Lock()
			fails := f.fails
			var e slastream.ChainEvent
			more := next < len(f.events)
			if more {
				e = f.events[next]
				next++
			}
			f.mu.Unlock()
			switch {
			case fails != nil:
				yield(slastream.ChainEvent{}, fails)
				return
			case more:
				if !yield(e, nil) {
					return
				}
				continue
			}
			select {
			case <-ctx.Done():
				yield(slastream.ChainEvent{}, ctx.Err())
				return
			case <-time.After(time.Second):
			}
		}
	}
}

func chunkReleased(deal, chunk uint64) slastream.ChunkReleased {
	return slastream.ChunkReleased{DealID: word(deal), ChunkIndex: chunk, Amount: slastream.AmountFromUint64(10), Provider: provider}
}

// Releases are told when they are accepted, when they are taken back and when
// they are settled; what follows them survives a restart without a repetition.
func TestFollowTellsReleases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.config.Filter = func(d slastream.Deal) bool { return d.Chunks == 3 }
		w.create(3, day)
		w.create(2, day)
		accepted, settled := &feed{}, &feed{}
		w.config.Accepted, w.config.Settled, w.config.From = accepted, settled, slastream.Cursor{Block: 7}
		accepted.add(slastream.Paused{By: client}, 8, 0)
		accepted.add(chunkReleased(1, 0), 9, 0)
		accepted.add(chunkReleased(2, 0), 10, 0) // not watched
		stop := running(t, w.tower())
		w.pass(5)
		lost := accepted.add(chunkReleased(1, 1), 11, 0)
		w.pass(5)
		require.Equal(t, []string{"released pending 1", "released pending 1"}, w.mail.told())
		require.ErrorIs(t, stop(), context.Canceled)

		accepted.retract(lost)
		accepted.add(chunkReleased(1, 1), 11, 1) // the same transaction in another block
		settled.add(chunkReleased(1, 0), 9, 0)
		stop = running(t, w.tower())
		w.pass(5)
		require.ErrorIs(t, stop(), context.Canceled)
		require.ElementsMatch(t, []string{
			"released pending 1", "released pending 1", "released retracted 1", "released pending 1", "released final 1",
		}, w.mail.told())
		ids := map[string]bool{}
		for _, a := range w.mail.alerts {
			ids[a.ID] = true
			require.Equal(t, provider, a.Provider)
			require.Equal(t, slastream.AmountFromUint64(10), a.Amount)
			require.NotZero(t, a.Block)
		}
		require.Len(t, ids, 5, "what happened again, in another block, is another alert")

		require.Equal(t, slastream.Cursor{Block: 7}, accepted.asked[0])
		require.Equal(t, lost.Cursor, accepted.asked[1])
		require.Len(t, accepted.seen[1], 4, "what it has seen")
		require.Equal(t, lost.ID, accepted.seen[1][3].ID)
		require.Equal(t, lost.Event, accepted.seen[1][3].Event)
		require.Equal(t, slastream.Paused{By: client}, accepted.seen[1][0].Event)
		require.Equal(t, slastream.Cursor{Block: 7}, settled.asked[0])
	})
}

// The end of a deal is seen at once if its event is.
func TestFollowSeesTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		chain := &feed{}
		w.config.Accepted = chain
		w.create(1, day)
		tower := w.tower()
		stop := running(t, tower)
		w.pass(5)
		w.release(1, 0)
		w.pass(60)
		require.Empty(t, w.mail.told(), "without an event, it is looked at when it is due")
		chain.add(chunkReleased(1, 0), 9, 0)
		end := chain.add(slastream.DealCompleted{DealID: word(1), Provider: provider}, 10, 0)
		w.pass(3)
		require.Equal(t, []string{"released pending 1", "completed final 1"}, w.mail.told())
		chain.retract(end)
		chain.add(end.Event, 10, 1)
		w.pass(3)
		require.ErrorIs(t, stop(), context.Canceled)
		require.Equal(t, []string{"released pending 1", "completed final 1"}, w.mail.told(), "another block, and the same end")
	})
}

// A watcher that gives up does not stop the tower, and is asked again.
func TestFollowFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		chain := &feed{fails: errDown}
		w.config.Accepted = chain
		w.create(1, 100)
		stop := running(t, w.tower())
		w.pass(200)
		require.True(t, w.deal(1).Slashed)
		require.Greater(t, len(chain.asked), 4)
		require.Less(t, len(chain.asked), 20)
		chain.mu.Lock()
		chain.fails = nil
		chain.mu.Unlock()
		chain.add(chunkReleased(1, 0), 9, 0)
		w.pass(100)
		require.Contains(t, w.mail.told(), "released pending 1")
		require.ErrorIs(t, stop(), context.Canceled)
	})
}

// All events come back from the store as they were.
func TestSeenEvents(t *testing.T) {
	events := []slastream.Event{
		slastream.DealCreated{DealID: word(1), Client: client, Provider: provider, TotalAmount: slastream.AmountFromUint64(1), NumChunks: 2, SLADeadline: 3},
		chunkReleased(1, 5),
		slastream.DealSlashed{DealID: word(1), Provider: provider, SlashAmount: slastream.AmountFromUint64(1), Client: client},
		slastream.DealCompleted{DealID: word(1), Provider: provider, TotalPaid: slastream.AmountFromUint64(9)},
		slastream.Paused{By: client}, slastream.Unpaused{By: client},
		slastream.OwnershipTransferStarted{Previous: client, New: provider}, slastream.OwnershipTransferred{Previous: client, New: provider},
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		chain := &feed{}
		w.config.Accepted = chain
		var want []slastream.ChainEvent
		for i := range uint64(300) {
			e := chain.add(events[i%uint64(len(events))], 10+i, 0)
			e.TxIndex = 0
			e.Cursor = slastream.Cursor{}
			want = append(want, e)
		}
		for range 2 {
			stop := running(t, w.tower())
			w.pass(2)
			require.ErrorIs(t, stop(), context.Canceled)
		}
		require.Equal(t, want[300-256:], chain.seen[1])
	})
}

// Stop and Step at any time, from many goroutines.
func TestConcurrentUse(t *testing.T) {
	w := newWorld(t)
	w.config.Parallel, w.config.Poll = 4, time.Millisecond
	w.config.Accepted = &feed{}
	for range 50 {
		w.create(1, 10)
	}
	tower := w.tower()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = tower.Run(ctx) })
	wg.Go(func() {
		for range 20 {
			w.now.Add(1)
			time.Sleep(time.Millisecond)
		}
		cancel()
	})
	for range 2 {
		wg.Go(func() {
			for ctx.Err() == nil {
				_, _ = tower.Step(ctx)
				_, _ = tower.Dead(ctx)
				_, _ = tower.Requeue(ctx)
			}
		})
	}
	wg.Wait()
	w.now.Add(200) // a slash that was interrupted may be on its way for two minutes
	require.Zero(t, w.step(tower).Open)
}

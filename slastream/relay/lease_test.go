package relay_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream/relay"
)

// slowSource answers as late as a node that is about to give up.
type slowSource struct {
	relay.ProofSource
	wait time.Duration
}

func (s slowSource) Head(ctx context.Context) (uint64, error) {
	time.Sleep(s.wait)
	return s.ProofSource.Head(ctx)
}

// slowEscrow answers each question about a chunk late.
type slowEscrow struct {
	*world
	wait time.Duration
}

func (s slowEscrow) ChunkReleased(ctx context.Context, id attestation.Word, chunk uint64) (bool, error) {
	time.Sleep(s.wait)
	return s.world.ChunkReleased(ctx, id, chunk)
}

// TestATurnThatTakesLongerThanTheLeasePays: a lease that has run out and that
// nobody took is as good as before, and one that is needed is kept.
func TestATurnThatTakesLongerThanTheLeasePays(t *testing.T) {
	for name, change := range map[string]func(*world, *relay.Config){
		"a slow source":   func(w *world, c *relay.Config) { c.Proofs = slowSource{c.Proofs, 2 * time.Minute} },
		"a slow escrow":   func(w *world, c *relay.Config) { c.Escrow = slowEscrow{w, 2 * time.Second} },
		"one slow answer": func(w *world, c *relay.Config) { c.Escrow = slowEscrow{w, 2 * time.Minute} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				deal := w.deal(60)
				for epoch := uint64(1); epoch <= 60; epoch++ {
					w.prove(1, epoch)
				}
				r := w.start(relay.NewMemoryStore(), func(c *relay.Config) { c.Clock = time.Now; change(w, c) }, bind(deal, 1, 0))
				for range 2 {
					_, err := r.Step(t.Context())
					require.NoError(t, err)
				}
				require.EqualValues(t, 60, w.released(deal))
			})
		})
	}
}

// TestTwoSlowProcessesDoNotTakeTheLeaseFromEachOther: the work of a turn is not
// thrown away because another process came by in the middle of it.
func TestTwoSlowProcessesDoNotTakeTheLeaseFromEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		deal := w.deal(60)
		for epoch := uint64(1); epoch <= 60; epoch++ {
			w.prove(1, epoch)
		}
		store := relay.NewMemoryStore()
		ctx, cancel := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		for _, name := range []string{"one", "two"} {
			r := w.start(store, func(c *relay.Config) {
				c.Name, c.Clock, c.Escrow = name, time.Now, slowEscrow{w, 2 * time.Second}
			}, bind(deal, 1, 0))
			wait.Go(func() { r.Run(ctx) })
		}
		time.Sleep(20 * time.Minute)
		cancel()
		wait.Wait()
		require.EqualValues(t, 60, w.released(deal))
	})
}

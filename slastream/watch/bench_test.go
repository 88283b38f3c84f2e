package watch_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/slastream/slastream-go/slastream/watch"
)

// A million open deals, each read once: what they cost in memory, and what a turn
// costs in which nothing is due, and one in which some hundred are.
func BenchmarkMillionDeals(b *testing.B) {
	const deals = 1_000_000
	w := newWorld(b)
	store := &sizedStore{}
	w.config.Escrow, w.config.Observer, w.config.Store, w.config.Notifier = formula{deals}, true, store, nil
	heap := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	before := heap()
	var tower *watch.Tower
	b.Run("scan", func(b *testing.B) {
		for b.Loop() {
			tower = w.tower()
			w.step(tower)
		}
		b.ReportMetric((heap()-before)/(1<<20), "MiB-heap")
		b.ReportMetric(float64(store.size), "B-stored")
	})
	b.Run("idle", func(b *testing.B) {
		for b.Loop() {
			if _, err := tower.Step(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("due", func(b *testing.B) {
		w.now.Store(start + hour)
		read := 0
		for b.Loop() {
			w.now.Add(600)
			read += w.step(tower).Read
		}
		b.ReportMetric(float64(read)/float64(b.N), "deals-read")
	})
}

type sizedStore struct {
	watch.MemoryStore
	size int
}

func (s *sizedStore) Save(ctx context.Context, b []byte) error {
	s.size = len(b)
	return s.MemoryStore.Save(ctx, b)
}

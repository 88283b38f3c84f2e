package relay_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// BenchmarkBacklog releases 1,000 chunks that wait, and counts transactions:
// one each is the rival.
func BenchmarkBacklog(b *testing.B) {
	for name, change := range map[string]func(*relay.Config){
		"one_each":  func(*relay.Config) {},
		"multicall": func(c *relay.Config) { c.Multicall = 40 },
		"batch":     func(c *relay.Config) { c.Batch = 480 },
	} {
		b.Run(name, func(b *testing.B) {
			var sent, waiting int
			for b.Loop() {
				w := newWorld(b)
				w.fits = 40
				r := w.start(relay.NewMemoryStore(), change, w.backlog(100, 10)...)
				report, err := r.Step(b.Context())
				require.NoError(b, err)
				sent, waiting = report.Sent, report.Released
			}
			require.Equal(b, 1000, waiting)
			b.ReportMetric(float64(sent), "transactions")
			b.ReportMetric(1000/float64(sent), "chunks/transaction")
		})
	}
}

// backlog makes deals of so many chunks, all of them proven.
func (w *world) backlog(deals, chunks uint64) []relay.Binding {
	require.NoError(w.t, w.memory.Mint(client, slastream.AmountFromUint64(1_000_000_000)))
	var bindings []relay.Binding
	for set := uint64(1); set <= deals; set++ {
		bindings = append(bindings, bind(w.deal(chunks), set, 0))
		for epoch := range chunks {
			w.prove(set, epoch+1)
		}
	}
	return bindings
}

// BenchmarkPoisoned compares turns in which one deal of a hundred is refused by
// the escrow with turns in which none is. A batch is split once, until the deal is
// found; so there are as many turns as a deal of three months has days.
func BenchmarkPoisoned(b *testing.B) {
	const turns = 90
	for _, tt := range []struct {
		name   string
		group  int
		poison []uint64
	}{{"none", 0, nil}, {"one_percent", 0, []uint64{7}}, {"none_batch", 100, nil}, {"one_percent_batch", 100, []uint64{7}}} {
		b.Run(tt.name, func(b *testing.B) {
			var perTurn time.Duration
			for b.Loop() {
				b.StopTimer()
				w := newWorld(b)
				w.group = tt.group
				store := relay.NewMemoryStore()
				r := w.relay(store, w.backlog(100, turns)...)
				w.head = 0
				for _, set := range tt.poison {
					w.poison = attestation.WordFromUint64(set)
				}
				b.StartTimer()
				began := time.Now()
				paid := 0
				for epoch := uint64(1); epoch <= turns; epoch++ { // a proof of each data set in each turn
					w.head, w.clock = epoch, w.clock.Add(time.Minute)
					report, _ := r.Step(context.Background())
					paid += report.Released
				}
				perTurn = time.Since(began) / turns
				b.StopTimer()
				require.Equal(b, turns*(100-len(tt.poison)), paid)
				b.StartTimer()
			}
			b.ReportMetric(float64(perTurn.Microseconds())/float64(100-len(tt.poison)), "µs/chunk")
		})
	}
}

// BenchmarkIdleTurn is what a turn costs when nothing happens, by how many deals
// are bound.
func BenchmarkIdleTurn(b *testing.B) {
	for _, deals := range []uint64{10, 1_000} {
		b.Run(fmt.Sprint(deals), func(b *testing.B) {
			w := newWorld(b)
			c := w.config(relay.NewMemoryStore(), w.backlog(deals, 1)...)
			c.Proofs = feed{w}
			r, err := relay.New(c)
			require.NoError(b, err)
			_, err = r.Step(b.Context())
			require.NoError(b, err)
			for b.Loop() {
				w.head++
				_, err := r.Step(b.Context())
				require.NoError(b, err)
			}
		})
	}
}

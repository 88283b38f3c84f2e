package watch_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/watch"
)

// deadlines opens many deals whose deadlines are spread over half an hour.
func deadlines(w *world, r *rand.Rand) {
	for range manyDeals {
		w.create(2, hour+r.Uint64N(hour/2))
	}
}

// Of a thousand deals each is slashed at most two blocks after its deadline, and
// none while a release is on its way.
func TestThousandDeals(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	w := newWorld(t)
	deadlines(w, r)
	onTheWay := func(id uint64) bool { return id%10 == 0 }
	w.config.Pending = pendingFunc(func(d attestation.Word) (bool, error) {
		n, _ := d.Uint64()
		return onTheWay(n) && w.deal(n).Active, nil
	})
	block, late := 0, map[uint64]int{} // blocks at or after the deadline that were seen before the slash
	w.config.Slasher = slasherFunc(func(ctx context.Context, d attestation.Word) error {
		n, _ := d.Uint64()
		require.False(t, onTheWay(n), "slashed while a release was pending")
		require.LessOrEqual(t, late[n], 2)
		return w.memory.As(anyone).Slash(ctx, d)
	})
	tower := w.tower()
	slashed := 0
	for w.now.Load() < start+2*hour {
		w.now.Add(2 + r.Uint64N(5))
		block++
		for id := uint64(1); id <= manyDeals; id++ {
			if d := w.deal(id); d.Active && w.now.Load() >= d.Deadline {
				late[id]++
			}
		}
		report := w.step(tower)
		slashed += len(report.Slashed)
		require.Empty(t, report.Lost)
	}
	require.Equal(t, manyDeals*9/10, slashed)
	for id := uint64(10); id <= manyDeals; id += 10 {
		require.True(t, w.deal(id).Active)
		w.release(id, 0)
		w.release(id, 1)
	}
	w.now.Add(hour)
	require.Zero(t, w.step(tower).Open)
	finals := map[watch.Kind]int{}
	for _, a := range w.mail.alerts {
		if a.Phase == watch.PhaseFinal {
			finals[a.Kind]++
		}
	}
	require.Equal(t, map[watch.Kind]int{watch.KindDeadline: manyDeals, watch.KindSlashed: manyDeals * 9 / 10, watch.KindCompleted: manyDeals / 10}, finals)
}

// slowChain accepts a slash some seconds after it was sent.
type slowChain struct {
	w    *world
	sent map[uint64]uint64 // deal: when the first slash was sent
	all  int
}

func (s *slowChain) Slash(_ context.Context, d attestation.Word) error {
	n, _ := d.Uint64()
	s.all++
	if _, ok := s.sent[n]; !ok {
		s.sent[n] = s.w.now.Load()
	}
	return nil
}

const acceptance = 12 // seconds

func (s *slowChain) mine() {
	for n, at := range s.sent {
		if s.w.now.Load() < at+acceptance {
			continue
		}
		err := s.w.memory.As(anyone).Slash(context.Background(), word(n))
		require.True(s.w.t, err == nil || errors.Is(err, slastream.ErrDealNotActive), err)
	}
}

// Two towers that share nothing share the work: hardly a deal is slashed twice.
// When one is dead, the other slashes its share a stagger later.
func TestPeers(t *testing.T) {
	const stagger = 30
	for name, alive := range map[string][]string{"both alive": {"north", "south"}, "one is dead": {"south"}} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(9, 10))
			w := newWorld(t)
			deadlines(w, r)
			chain := &slowChain{w: w, sent: map[uint64]uint64{}}
			w.config.Slasher, w.config.Peers, w.config.Stagger = chain, []string{"north", "south"}, stagger*time.Second
			w.config.Notifier = nil
			var towers []*watch.Tower
			for _, w.config.Name = range alive {
				w.config.Store = &watch.MemoryStore{}
				towers = append(towers, w.tower())
			}
			for w.now.Load() < start+2*hour {
				w.now.Add(3)
				chain.mine()
				r.Shuffle(len(towers), func(i, j int) { towers[i], towers[j] = towers[j], towers[i] })
				for _, tower := range towers {
					w.step(tower)
				}
			}
			require.LessOrEqual(t, chain.all, manyDeals*105/100, "attempts")
			own := 0
			for id := uint64(1); id <= manyDeals; id++ {
				require.True(t, w.deal(id).Slashed)
				late := chain.sent[id] - w.deal(id).Deadline
				if late < 6 {
					own++
				}
				require.Less(t, late, uint64(2*stagger))
				require.True(t, late < 6 || len(alive) == 1 && late < stagger+6, "a block or a stagger and a block after the deadline, not %d s", late)
			}
			if len(alive) == 1 {
				require.InDelta(t, manyDeals/2, own, manyDeals/10)
			}
		})
	}
}

// A million deals at one escrow that is no more than a formula.
type formula struct{ deals uint64 }

func (f formula) DealCount(context.Context) (attestation.Word, error) {
	return attestation.WordFromUint64(f.deals), nil
}

func (f formula) Deal(_ context.Context, id attestation.Word) (slastream.Deal, error) {
	n, _ := id.Uint64()
	return slastream.Deal{
		ID: id, Chunks: 30, Active: true, ChunkAmount: slastream.AmountFromUint64(10), Deadline: start + hour + n*2654435761%(30*day),
	}, nil
}

func (f formula) ChunkReleased(context.Context, attestation.Word, uint64) (bool, error) {
	return false, nil
}

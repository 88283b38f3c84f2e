package relay_test

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// unreadable is a source that cannot read some data sets.
type unreadable struct {
	relay.ProofSource
	sets map[attestation.Word]bool
}

func (u unreadable) Proofs(ctx context.Context, set attestation.Word, from, to uint64) iter.Seq2[slastream.Proof, error] {
	if u.sets[set] {
		return func(yield func(slastream.Proof, error) bool) {
			yield(slastream.Proof{}, fmt.Errorf("data set %s is too large", set.Big()))
		}
	}
	return u.ProofSource.Proofs(ctx, set, from, to)
}

// TestDataSetsThatCannotBeReadHoldUpNoOther: four of them, and the deal that can
// be read comes last or first.
func TestDataSetsThatCannotBeReadHoldUpNoOther(t *testing.T) {
	for _, good := range []int{0, 4} {
		t.Run(fmt.Sprintf("the good one is number %d", good), func(t *testing.T) {
			w := newWorld(t)
			var bindings []relay.Binding
			var deal attestation.Word
			sets := map[attestation.Word]bool{}
			for i := range 5 {
				b := bind(w.deal(2), uint64(i+1), 0)
				w.prove(uint64(i+1), 10)
				if bindings = append(bindings, b); i == good {
					deal = b.Deal
				} else {
					sets[b.Set] = true
				}
			}
			store := relay.NewMemoryStore()
			r := w.start(store, func(c *relay.Config) { c.Proofs = unreadable{c.Proofs, sets} }, bindings...)
			for range 5 {
				w.later(r)
			}
			require.EqualValues(t, 1, w.released(deal))
			// What could be read until now cannot any more.
			w.prove(uint64(good+1), 150)
			w.head = 200
			for range 5 {
				w.later(r)
			}
			require.EqualValues(t, 2, w.released(deal))
			clear(sets)
			for range 3 {
				w.later(r)
			}
			for _, b := range bindings {
				require.NotZero(t, w.released(b.Deal))
			}
		})
	}
}

// TestADataSetThatCannotBeReadAnyMoreHoldsUpNoOther: all of them were read before.
func TestADataSetThatCannotBeReadAnyMoreHoldsUpNoOther(t *testing.T) {
	w := newWorld(t)
	var bindings []relay.Binding
	for i := range uint64(6) {
		bindings = append(bindings, bind(w.deal(2), i+1, 0))
	}
	sets := map[attestation.Word]bool{}
	r := w.start(relay.NewMemoryStore(), func(c *relay.Config) { c.Proofs = unreadable{c.Proofs, sets} }, bindings...)
	_, err := r.Step(t.Context())
	require.NoError(t, err)
	for i, b := range bindings {
		w.prove(uint64(i+1), 150)
		sets[b.Set] = i < 5
	}
	w.head = 200
	for range 5 {
		_, err = w.later(r)
	}
	require.ErrorContains(t, err, "too large", "it is said")
	require.EqualValues(t, 1, w.released(bindings[5].Deal))
	clear(sets)
	for range 2 {
		w.later(r)
	}
	for _, b := range bindings {
		require.EqualValues(t, 1, w.released(b.Deal))
	}
}

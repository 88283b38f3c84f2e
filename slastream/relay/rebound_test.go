package relay_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream/relay"
)

// TestAPeriodThatReconcileFoundIsCounted: the source missed a proof at first.
func TestAPeriodThatReconcileFoundIsCounted(t *testing.T) {
	w := newWorld(t)
	deal, other := w.deal(5), w.deal(5)
	w.prove(1, 10)
	w.prove(2, 10)
	store := relay.NewMemoryStore()
	r := w.relay(store, bind(deal, 1, 0), bind(other, 2, 0))
	_, err := r.Step(t.Context())
	require.NoError(t, err)
	w.prove(1, 20) // it was there all the time
	for d, err := range r.Reconcile(t.Context(), true) {
		require.NoError(t, err)
		require.True(t, d.Repaired)
	}
	w.prove(1, 150)
	w.prove(2, 150)
	w.head = 200
	for range 3 {
		_, err = w.later(r)
		require.NoError(t, err)
	}
	require.EqualValues(t, 200, r.Health().Head)
	require.EqualValues(t, 201, r.Health().Cursor)
	require.EqualValues(t, 2, w.released(other))
	require.EqualValues(t, 3, w.released(deal))
}

// TestOneAnswerAtBindingEndsNothing: the node says once that the deal is over.
func TestOneAnswerAtBindingEndsNothing(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(5)
	w.prove(1, 10)
	l := &liar{world: w, lies: 1}
	r := w.start(relay.NewMemoryStore(), func(c *relay.Config) { c.Escrow = l }, bind(deal, 1, 0))
	for range 4 {
		w.later(r)
	}
	require.EqualValues(t, 1, w.released(deal))
}

// TestALostStoreStillKnowsWhatACompletedDealWasPaidFor: the next deal of the data
// set claims the same period.
func TestALostStoreStillKnowsWhatACompletedDealWasPaidFor(t *testing.T) {
	w := newWorld(t)
	first, second := w.deal(1), w.deal(2)
	w.prove(1, 10)
	for range 2 { // the second time with a store that is empty
		r := w.relay(relay.NewMemoryStore(), bind(first, 1, 0))
		for range 2 {
			w.later(r)
		}
		require.EqualValues(t, 1, w.released(first))
		require.NoError(t, r.Bind(t.Context(), bind(second, 1, 5)))
		for range 3 {
			w.later(r)
		}
		require.Zero(t, w.released(second), "one proof, two payments")
	}
}

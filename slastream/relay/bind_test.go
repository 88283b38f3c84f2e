package relay_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

func TestBindRefuses(t *testing.T) {
	w := newWorld(t)
	ended, live, free := w.deal(2), w.deal(2), w.deal(2)
	_ = ended
	r := w.relay(relay.NewMemoryStore(), bind(live, 1, 20))
	require.NoError(t, r.Check(t.Context()))
	require.NoError(t, r.Bind(t.Context(), bind(live, 1, 20)), "again")
	require.NoError(t, r.Bind(t.Context(), bind(live, 1, 0)), "what is not said stays")
	for name, tt := range map[string]struct {
		binding relay.Binding
		want    string
	}{
		"deal 0":                          {bind(attestation.Word{}, 5, 0), "deal ids start at 1"},
		"a deal that does not exist":      {bind(attestation.WordFromUint64(77), 5, 0), "the escrow has no deal 77"},
		"another data set for the deal":   {bind(live, 2, 20), "deal 2 is bound to data set 1"},
		"another start for the deal":      {bind(live, 1, 21), "deal 2 counts from epoch 20"},
		"a data set that backs a deal":    {bind(free, 1, 20), "data set 1 backs deal 2"},
		"a data set that the source lost": {bind(free, 404, 20), "no such data set"},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.start(relay.NewMemoryStore(), func(c *relay.Config) { c.Proofs = setChecker{c.Proofs} }, bind(live, 1, 20))
			require.NoError(t, r.Check(t.Context()))
			require.ErrorContains(t, r.Bind(t.Context(), tt.binding), tt.want)
		})
	}
}

func TestADataSetThatIsGonePaysWhatItEarned(t *testing.T) {
	w := newWorld(t)
	deal, later := w.deal(3), w.deal(3)
	w.prove(404, 10)
	check := func(c *relay.Config) { c.Proofs = setChecker{c.Proofs} }
	_, err := w.start(relay.NewMemoryStore(), check, bind(later, 404, 11)).Step(t.Context())
	require.ErrorContains(t, err, "no such data set", "it earned nothing since then")
	_, err = w.start(relay.NewMemoryStore(), check, bind(deal, 404, 10)).Step(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, w.released(deal))
}

type setChecker struct{ relay.ProofSource }

func (setChecker) CheckSet(_ context.Context, set attestation.Word) error {
	if set == attestation.WordFromUint64(404) {
		return errors.New("no such data set")
	}
	return nil
}

func TestTheStartEpochOfADealIsAskedFor(t *testing.T) {
	w := newWorld(t)
	deal, other := w.deal(3), w.deal(3)
	w.prove(1, 10)
	w.prove(1, 30)
	w.prove(2, 10)
	store := relay.NewMemoryStore()
	r := w.start(store, func(c *relay.Config) {
		c.Start = func(_ context.Context, d slastream.Deal) (uint64, error) { return 20, nil }
	}, bind(deal, 1, 0), bind(other, 2, 5))
	_, err := r.Step(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, w.released(deal))
	require.EqualValues(t, 1, w.released(other), "who says an epoch means it")
	for track, err := range store.Tracks(t.Context(), relay.TrackQuery{Deal: &deal}) {
		require.NoError(t, err)
		require.EqualValues(t, 20, track.StartEpoch)
	}
}

// TestTheMapDoesNotDependOnWhenItIsRead binds at different times, before and
// after the proofs, and compares what each chunk is paid for.
func TestTheMapDoesNotDependOnWhenItIsRead(t *testing.T) {
	proofs := func(heads ...uint64) (found []slastream.Proof) {
		w := newWorld(t)
		deal := w.deal(9)
		for epoch := uint64(10); epoch < 300; epoch += 20 {
			w.prove(1, epoch)
		}
		store := relay.NewMemoryStore()
		for i, head := range heads {
			w.head = head
			var bindings []relay.Binding
			if i > 0 || len(heads) == 1 {
				bindings = []relay.Binding{bind(deal, 1, 25)}
			}
			_, err := w.relay(store, bindings...).Step(t.Context())
			require.NoError(t, err)
		}
		for c, err := range store.Chunks(t.Context(), relay.ChunkQuery{}) {
			require.NoError(t, err)
			require.EqualValues(t, len(found), c.Index)
			found = append(found, c.Proof)
		}
		return found
	}
	want := proofs(300)
	require.Len(t, want, 9)
	require.EqualValues(t, 30, want[0].Period)
	for _, heads := range [][]uint64{{0, 300}, {10, 20, 300}, {35, 36, 300}, {35, 60, 61, 90, 300}, {150, 151, 300}, {299, 300}} {
		require.Equal(t, want, proofs(heads...), "heads %v", heads)
	}
}

func TestAnUnboundDealPaysWhatItEarned(t *testing.T) {
	w := newWorld(t)
	deal, next := w.deal(5), w.deal(5)
	w.prove(1, 10)
	w.loses = true
	r := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0))
	_, err := r.Step(t.Context())
	require.NoError(t, err)
	require.NoError(t, r.Unbind(t.Context(), deal))
	require.Error(t, r.Unbind(t.Context(), next), "it is not bound")
	w.prove(1, 110)
	w.head, w.loses = 120, false
	require.NoError(t, r.Bind(t.Context(), bind(next, 1, 100)), "the data set is free")
	for range 2 {
		_, err = w.later(r)
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, w.released(deal))
	require.EqualValues(t, 1, w.released(next))
}

func TestTwoDealsThatClaimOnePeriod(t *testing.T) {
	w := newWorld(t)
	first, second, third := w.deal(5), w.deal(5), w.deal(5)
	w.prove(1, 10)
	w.prove(2, 10)
	store := relay.NewMemoryStore()
	r := w.relay(store, bind(first, 1, 0))
	_, err := r.Step(t.Context())
	require.NoError(t, err)
	require.NoError(t, r.Unbind(t.Context(), first))
	require.NoError(t, r.Bind(t.Context(), bind(second, 1, 5)), "it starts before the period that is paid")
	require.NoError(t, r.Bind(t.Context(), bind(third, 2, 5)))
	_, err = r.Step(t.Context())
	require.NoError(t, err)
	require.Zero(t, w.released(second))
	require.EqualValues(t, 1, w.released(third), "the others go on")
	for track, err := range store.Tracks(t.Context(), relay.TrackQuery{Deal: &second}) {
		require.NoError(t, err)
		require.Contains(t, track.Halted, "period 10 of data set 1 earned chunk 1/0")
	}
}

func TestReconcile(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(5)
	for epoch := uint64(10); epoch < 40; epoch += 10 {
		w.prove(1, epoch)
	}
	store := relay.NewMemoryStore()
	r := w.relay(store, bind(deal, 1, 0))
	_, err := r.Step(t.Context())
	require.NoError(t, err)
	differences := func(repair bool) (found []relay.Difference) {
		for d, err := range r.Reconcile(t.Context(), repair) {
			require.NoError(t, err)
			found = append(found, d)
		}
		return found
	}
	require.Empty(t, differences(true))

	// Another source: the second period is another one.
	good := w.proofs[attestation.WordFromUint64(1)]
	changed := append([]slastream.Proof(nil), good...)
	changed[1].Period = 21
	w.proofs[attestation.WordFromUint64(1)] = changed
	found := differences(false)
	require.Len(t, found, 1)
	require.Contains(t, found[0].What, "period 20")
	require.False(t, found[0].Repaired)
	w.proofs[attestation.WordFromUint64(1)] = good

	// A proof that the source did not show before.
	w.proofs[attestation.WordFromUint64(1)] = append(good[:3:3], slastream.Proof{
		Evidence: attestation.Evidence{ChainID: 314159, SetID: attestation.WordFromUint64(1), Period: 60, BlockNumber: 60},
	})
	found = differences(true)
	require.Equal(t, []relay.Difference{{Chunk: relay.ChunkID{Deal: deal, Index: 3}, What: "it is missing from the store", Repaired: true}}, found)
	_, err = w.later(r)
	require.NoError(t, err)
	require.EqualValues(t, 4, w.released(deal))

	// A chunk that counts as paid and is not.
	c := chunks(t, store)[relay.Accepted][0]
	forged := c
	forged.State, forged.Tx = relay.Settled, relay.TxID{}
	require.NoError(t, store.Commit(t.Context(), relay.Change{Chunks: []relay.Chunk{forged}}))
	w.unpaid = relay.ChunkID{Deal: deal, Index: c.Index}
	found = differences(true)
	require.Len(t, found, 1)
	require.True(t, found[0].Repaired)
	require.Equal(t, []relay.ChunkID{c.ID()}, []relay.ChunkID{chunks(t, store)[relay.Observed][0].ID()})
}

func TestFirstEpoch(t *testing.T) {
	const genesis = 1_598_306_400
	for unix, want := range map[uint64]uint64{
		0: 1, genesis - 1: 1, genesis: 1, genesis + 1: 1, genesis + 30: 1, genesis + 31: 2, genesis + 60: 2, genesis + 61: 3, 1<<64 - 1: (1<<64-2-genesis)/30 + 1,
	} {
		require.Equal(t, want, relay.FirstEpoch(genesis, unix), unix)
	}
}

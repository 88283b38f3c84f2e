package relay_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// backlog is a world with one deal that has earned so many chunks.
func backlog(t *testing.T, n uint64) (*world, attestation.Word) {
	w := newWorld(t)
	w.head = n + 100
	deal := w.deal(n + 5)
	for epoch := uint64(1); epoch <= n; epoch++ {
		w.prove(1, epoch)
	}
	return w, deal
}

// TestARecorderThatFailsEndsNoTurnAndHoldsUpNobody: there is more to settle than
// one portion, and no room on the disk of the history.
func TestARecorderThatFailsEndsNoTurnAndHoldsUpNobody(t *testing.T) {
	w, deal := backlog(t, 600)
	_, err := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0)).Step(t.Context()) // somebody else pays
	require.NoError(t, err)
	s, store, log := newSettling(w), relay.NewMemoryStore(), &recorder{}
	r := w.start(store, func(c *relay.Config) { s.config(c); c.Recorder = log }, bind(deal, 1, 0))
	_, err = r.Step(t.Context())
	require.NoError(t, err)
	for i := range uint64(600) {
		s.paid[relay.ChunkID{Deal: deal, Index: i}] = true
	}
	log.err = errors.New("disk full")
	w.clock = w.clock.Add(61 * time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = r.Step(ctx)
	require.ErrorIs(t, err, log.err)
	require.NoError(t, ctx.Err(), "the turn ends")
	require.Equal(t, map[relay.State]int{relay.Accepted: 600}, states(t, store))
	other := w.deal(1)
	w.prove(2, 700)
	require.NoError(t, r.Bind(t.Context(), bind(other, 2, 0)))
	w.head = 800
	w.later(r)
	require.EqualValues(t, 1, w.released(other), "it pays all the same")
	log.err = nil
	w.clock = w.clock.Add(61 * time.Minute)
	for range 2 {
		_, err = r.Step(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, 600, states(t, store)[relay.Settled])
}

// TestAHaltHoldsForTheRestOfTheTurn: the chunks of a deal that is halted are more
// than one portion.
func TestAHaltHoldsForTheRestOfTheTurn(t *testing.T) {
	w, deal := backlog(t, 1200)
	gone := map[uint64]bool{1: true}
	r := w.start(relay.NewMemoryStore(), func(c *relay.Config) { c.Proofs = confirmer{c.Proofs, gone} }, bind(deal, 1, 0))
	for range 3 {
		w.later(r)
	}
	require.Zero(t, w.released(deal))
	delete(gone, 1)
	require.NoError(t, r.Resume(t.Context(), deal))
	for range 4 {
		w.later(r)
	}
	require.EqualValues(t, 1200, w.released(deal))
}

// liar says once of a deal that it is over.
type liar struct {
	*world
	lies int // how many answers are wrong
}

func (l *liar) Deal(ctx context.Context, id attestation.Word) (slastream.Deal, error) {
	d, err := l.world.Deal(ctx, id)
	if l.lies > 0 {
		l.lies--
		d.Active, d.Slashed = false, true
	}
	return d, err
}

// TestOneAnswerEndsNothingInALongTurn: a turn that goes round several times
// remembers what it was told of a deal.
func TestOneAnswerEndsNothingInALongTurn(t *testing.T) {
	w, deal := backlog(t, 1200)
	store := relay.NewMemoryStore()
	l := &liar{world: w}
	r := w.start(store, func(c *relay.Config) {
		c.Escrow, c.Jitter = l, func(time.Duration) time.Duration { return 0 }
		c.Clock = func() time.Time { w.clock = w.clock.Add(10 * time.Millisecond); return w.clock }
	}, bind(deal, 1, 0))
	require.NoError(t, r.Check(t.Context()))
	l.lies = 1
	for range 4 {
		w.later(r)
	}
	require.Empty(t, chunks(t, store)[relay.Refused])
	require.EqualValues(t, 1200, w.released(deal))
}

// badChunk is an escrow that refuses one chunk for ever.
type badChunk struct {
	*world
	bad map[relay.ChunkID]bool
}

func (b badChunk) SignRelease(ctx context.Context, signed attestation.Signed, nonce uint64) (slastream.SignedTx, error) {
	if b.bad[relay.ChunkID{Deal: signed.Attestation.DealID, Index: signed.Attestation.ChunkIndex}] {
		return slastream.SignedTx{}, slastream.ErrKeyX
	}
	return b.world.SignRelease(ctx, signed, nonce)
}

// TestChunksThatAreRefusedHoldUpNoOtherOfTheirDeal: it is not always the deal that
// is at fault.
func TestChunksThatAreRefusedHoldUpNoOtherOfTheirDeal(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(9)
	w.prove(1, 10)
	bad := map[relay.ChunkID]bool{{Deal: deal, Index: 0}: true, {Deal: deal, Index: 1}: true, {Deal: deal, Index: 4}: true}
	store := relay.NewMemoryStore()
	r := w.start(store, func(c *relay.Config) {
		c.Escrow, c.Jitter = badChunk{w, bad}, func(d time.Duration) time.Duration { return d }
	}, bind(deal, 1, 0))
	r.Step(t.Context())
	for epoch := uint64(110); epoch < 117; epoch++ {
		w.prove(1, epoch)
	}
	w.head = 200
	for range 400 {
		w.clock = w.clock.Add(15 * time.Second)
		r.Step(t.Context())
	}
	require.EqualValues(t, 5, w.released(deal))
}

// down is a node that answers no question about chunks.
type down struct {
	*world
	asked *int
}

func (d down) ChunkReleased(context.Context, attestation.Word, uint64) (bool, error) {
	*d.asked++
	return false, errors.New("connection refused")
}

// TestATurnEndsWhenTheNodeIsDown: the next turn observes and looks after
// transactions, however long the backlog is.
func TestATurnEndsWhenTheNodeIsDown(t *testing.T) {
	w, deal := backlog(t, 5000)
	asked := 0
	r := w.start(relay.NewMemoryStore(), func(c *relay.Config) { c.Escrow = down{w, &asked} }, bind(deal, 1, 0))
	_, err := r.Step(t.Context())
	require.Error(t, err)
	require.Less(t, asked, 100)
}

// TestALiveDealLosesNothingToTheNext: the slash of the first deal is taken back
// after another deal was bound to its data set, and before anybody has looked.
func TestALiveDealLosesNothingToTheNext(t *testing.T) {
	w := newWorld(t)
	first, second := w.deal(4), w.deal(4)
	w.prove(1, 10)
	over, store, r := endedOnL2(w, first)
	for range 2 {
		w.clock = w.clock.Add(61 * time.Minute)
		_, err := r.Step(t.Context())
		require.NoError(t, err)
	}
	require.NoError(t, r.Bind(t.Context(), bind(second, 1, 5)))
	over.over[first] = false
	for range 3 {
		w.clock = w.clock.Add(31 * time.Minute)
		_, err := r.Step(t.Context())
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, w.released(first), "it earned the period first")
	require.Zero(t, w.released(second))
	require.Empty(t, chunks(t, store)[relay.Refused])
}

// TestAPaidChunkIsNotRefused: the node that is asked about a chunk is behind, and
// the one that is asked about its deal is not.
func TestAPaidChunkIsNotRefused(t *testing.T) {
	for name, slashed := range map[string]bool{"of a completed deal": false, "of a slashed deal": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			deal := w.deal(1)
			w.prove(1, 10)
			_, err := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0)).Step(t.Context()) // somebody else pays
			require.NoError(t, err)
			id, s, store := relay.ChunkID{Deal: deal}, newSettling(w), relay.NewMemoryStore()
			over := &ended{s, map[attestation.Word]bool{}}
			binding := bind(deal, 1, 0)
			require.NoError(t, store.Bind(t.Context(), relay.Track{Binding: binding, Chunks: 1, Amount: slastream.AmountFromUint64(10), Behind: true}))
			r := w.start(store, func(c *relay.Config) { s.config(c); c.Escrow = over }, binding)
			w.unpaid, over.over[deal] = id, slashed
			s.deals[deal], err = over.Deal(t.Context(), deal)
			require.NoError(t, err)
			s.paid[id] = true
			for range 4 {
				w.clock = w.clock.Add(61 * time.Minute)
				r.Step(t.Context())
			}
			require.Empty(t, chunks(t, store)[relay.Refused])
			w.unpaid = relay.ChunkID{}
			for range 2 {
				w.clock = w.clock.Add(61 * time.Minute)
				r.Step(t.Context())
			}
			require.Equal(t, map[relay.State]int{relay.Settled: 1}, states(t, store))
		})
	}
}

// TestAnEndIsAskedForOnceATurn: a slashed deal with many chunks waits for L1.
func TestAnEndIsAskedForOnceATurn(t *testing.T) {
	w, deal := backlog(t, 2000)
	over, _, r := endedOnL2(w, deal)
	for range 5 {
		w.clock = w.clock.Add(61 * time.Minute)
		_, err := r.Step(t.Context())
		require.NoError(t, err)
	}
	require.LessOrEqual(t, over.asked, 5)
}

// TestAClockThatGoesBackHoldsUpNothing: it was a day ahead when the chunk was
// observed.
func TestAClockThatGoesBackHoldsUpNothing(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(2)
	w.prove(1, 10)
	r := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0))
	w.paused = true
	w.clock = w.clock.Add(24 * time.Hour)
	_, err := r.Step(t.Context())
	require.ErrorIs(t, err, slastream.ErrPaused)
	w.paused = false
	w.clock = w.clock.Add(-24 * time.Hour)
	_, err = r.Step(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, w.released(deal))
}

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

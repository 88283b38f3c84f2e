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

// settling is an escrow that can be asked at the newest block accepted on L1.
type settling struct {
	*world
	paid  map[relay.ChunkID]bool              // what is released there
	deals map[attestation.Word]slastream.Deal // what there is of deals
	err   error
	asked int
}

func (s *settling) ChunkSettled(_ context.Context, deal attestation.Word, chunk uint64) (bool, error) {
	s.asked++
	return s.paid[relay.ChunkID{Deal: deal, Index: chunk}], s.err
}

func (s *settling) DealSettled(_ context.Context, id attestation.Word) (slastream.Deal, error) {
	s.asked++
	return s.deals[id], s.err
}

func newSettling(w *world) *settling {
	return &settling{world: w, paid: map[relay.ChunkID]bool{}, deals: map[attestation.Word]slastream.Deal{}}
}

func (s *settling) config(c *relay.Config) { c.Escrow, c.SettleAfter = s, time.Hour }

// states is how many chunks are in each state that has some.
func states(t *testing.T, s relay.Store) map[relay.State]int {
	t.Helper()
	n := map[relay.State]int{}
	for state, list := range chunks(t, s) {
		n[state] = len(list)
	}
	return n
}

// recorder is a Recorder of a test.
type recorder struct {
	payments []relay.Payment
	err      error
}

func (r *recorder) Record(_ context.Context, p relay.Payment) error {
	if r.err == nil {
		r.payments = append(r.payments, p)
	}
	return r.err
}

// TestWhatOthersPaidSettlesOnL1: two reorganizations of Starknet can take one
// payment back, and only a block that is accepted on L1 ends that.
func TestWhatOthersPaidSettlesOnL1(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(4)
	w.prove(1, 10)
	_, err := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0)).Step(t.Context()) // somebody else
	require.NoError(t, err)
	id, s, store, log := relay.ChunkID{Deal: deal}, newSettling(w), relay.NewMemoryStore(), &recorder{}
	r := w.start(store, func(c *relay.Config) { s.config(c); c.Recorder = log }, bind(deal, 1, 0))
	turn := func(want relay.State) {
		t.Helper()
		w.clock = w.clock.Add(61 * time.Minute)
		_, err := r.Step(t.Context())
		require.NoError(t, err)
		require.Equal(t, map[relay.State]int{want: 1}, states(t, store))
	}
	turn(relay.Accepted)
	for range 5 {
		turn(relay.Accepted)
	}
	// Taken back, paid again by another before anyone looks, and taken back again.
	w.unpaid = id
	_, err = r.Step(t.Context())
	require.NoError(t, err)
	w.unpaid = relay.ChunkID{}
	turn(relay.Accepted)
	s.err = errors.New("connection lost")
	w.clock = w.clock.Add(61 * time.Minute)
	_, err = r.Step(t.Context())
	require.ErrorIs(t, err, s.err)
	s.err = nil
	turn(relay.Accepted)
	require.Empty(t, log.payments, "it can be taken back")

	s.paid[id] = true
	log.err = errors.New("disk full")
	w.clock = w.clock.Add(61 * time.Minute)
	_, err = r.Step(t.Context())
	require.ErrorIs(t, err, log.err)
	require.Equal(t, map[relay.State]int{relay.Accepted: 1}, states(t, store), "what is not recorded is not settled")
	log.err = nil
	turn(relay.Settled)
	require.Len(t, log.payments, 1)
	require.Equal(t, slastream.SignedTx{}, log.payments[0].Tx)
	require.Equal(t, id, log.payments[0].Chunks[0].ID())
	asked := s.asked
	turn(relay.Settled)
	require.Equal(t, asked, s.asked)
}

// TestAnEndOnL2IsNone: a slash that a reorganization takes back leaves the deal
// with its chunks to pay.
func TestAnEndOnL2IsNone(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(4)
	w.prove(1, 10)
	over, store, r := endedOnL2(w, deal)
	waits := func() {
		t.Helper()
		for range 4 {
			w.clock = w.clock.Add(61 * time.Minute)
			_, err := r.Step(t.Context())
			require.NoError(t, err)
			c := chunks(t, store)[relay.Observed]
			require.Len(t, c, 1)
			require.Equal(t, relay.ClassOver, c[0].Retry.Class)
			require.False(t, c[0].Open(), "nobody waits for it to be paid")
			stats, err := store.Stats(t.Context())
			require.NoError(t, err)
			require.Zero(t, stats.Oldest)
		}
	}
	waits()
	active, err := w.Deal(t.Context(), deal)
	require.NoError(t, err)
	over.deals[deal] = active // it is there, and lives
	waits()
	// Taken back.
	over.over[deal] = false
	w.clock = w.clock.Add(61 * time.Minute)
	_, err = r.Step(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, w.released(deal))

	// And with the end accepted on L1.
	w.prove(1, 150)
	w.head = 200
	over.over[deal] = true
	slashed := active
	slashed.Active, slashed.Slashed = false, true
	over.deals[deal] = slashed
	for range 3 {
		w.clock = w.clock.Add(61 * time.Minute)
		_, err = r.Step(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, map[relay.State]int{relay.Accepted: 1, relay.Refused: 1}, states(t, store))
	for track, err := range store.Tracks(t.Context(), relay.TrackQuery{Deal: &deal}) {
		require.NoError(t, err)
		require.True(t, track.Over)
	}
}

// ended says of some deals that they were slashed.
type ended struct {
	*settling
	over map[attestation.Word]bool
}

func (e *ended) Deal(ctx context.Context, id attestation.Word) (slastream.Deal, error) {
	d, err := e.settling.Deal(ctx, id)
	if e.over[id] {
		d.Active, d.Slashed = false, true
	}
	return d, err
}

// endedOnL2 is a relay that has bound a deal to data set 1, before the deal was
// slashed in a block accepted on L2.
func endedOnL2(w *world, deal attestation.Word) (*ended, relay.Store, *relay.Relay) {
	w.t.Helper()
	store, over := relay.NewMemoryStore(), &ended{newSettling(w), map[attestation.Word]bool{}}
	r := w.start(store, func(c *relay.Config) { over.config(c); c.Escrow = over }, bind(deal, 1, 0))
	require.NoError(w.t, r.Check(w.t.Context()))
	over.over[deal] = true
	return over, store, r
}

// TestALiveDealNeedNotWaitForL1: a data set whose deal is over on L2 backs another
// one, which claims a period that the first one earned too late.
func TestALiveDealNeedNotWaitForL1(t *testing.T) {
	w := newWorld(t)
	first, second := w.deal(4), w.deal(4)
	w.prove(1, 10)
	_, store, r := endedOnL2(w, first)
	for range 2 {
		w.clock = w.clock.Add(61 * time.Minute)
		_, err := r.Step(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, relay.ClassOver, chunks(t, store)[relay.Observed][0].Retry.Class)
	require.NoError(t, r.Bind(t.Context(), bind(second, 1, 5)))
	w.clock = w.clock.Add(time.Minute)
	_, err := r.Step(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, w.released(second))
	require.Equal(t, map[relay.State]int{relay.Accepted: 1, relay.Refused: 1}, states(t, store))
}

package relay_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEachPeriodPaysOneChunk(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(3)
	w.prove(1, 10) // before the start
	for epoch := uint64(50); epoch < 90; epoch += 10 {
		w.prove(1, epoch) // four periods for three chunks
	}
	store := relay.NewMemoryStore()
	r := w.relay(store, bind(deal, 1, 20))
	report, err := r.Step(t.Context())
	require.NoError(t, err)
	require.Equal(t, relay.Report{Observed: 3, Sent: 3, Released: 3}, report)
	report, err = r.Step(t.Context())
	require.NoError(t, err)
	require.Equal(t, relay.Report{}, report)
	require.Equal(t, slastream.AmountFromUint64(35), w.memory.Balance(provider), "three chunks and the collateral")
	for chunk, err := range store.Chunks(t.Context(), relay.ChunkQuery{}) {
		require.NoError(t, err)
		require.Equal(t, 50+10*chunk.Index, chunk.Proof.Period)
	}
}

func TestProofsThatAreNotFinalWait(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(3)
	w.prove(1, 50)
	w.prove(1, 150)
	r := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0))
	_, err := r.Step(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, w.released(deal))
	w.head = 150
	_, err = r.Step(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 2, w.released(deal))
}

func TestALostStoreIsRebuiltToTheSameMap(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(4)
	for epoch := uint64(10); epoch < 40; epoch += 10 {
		w.prove(1, epoch)
	}
	first, second := relay.NewMemoryStore(), relay.NewMemoryStore()
	_, err := w.relay(first, bind(deal, 1, 0)).Step(t.Context())
	require.NoError(t, err)
	nonce := w.nonce
	report, err := w.relay(second, bind(deal, 1, 0)).Step(t.Context())
	require.NoError(t, err)
	require.Equal(t, relay.Report{Observed: 3, Released: 3}, report)
	require.Equal(t, nonce, w.nonce, "a chunk that is paid costs no transaction")
	require.EqualValues(t, 3, w.released(deal))
	var a, b []slastream.Proof
	for c := range first.Chunks(t.Context(), relay.ChunkQuery{}) {
		a = append(a, c.Proof)
	}
	for c := range second.Chunks(t.Context(), relay.ChunkQuery{}) {
		b = append(b, c.Proof)
	}
	require.Len(t, a, 3)
	require.Equal(t, a, b)
}

func TestOneDealsTroubleDoesNotStopAnother(t *testing.T) {
	w := newWorld(t)
	ended, live := w.deal(2), w.deal(2)
	w.now += 200
	require.NoError(t, w.memory.As(client).Slash(t.Context(), ended))
	w.prove(1, 10)
	w.prove(2, 20)
	r := w.relay(relay.NewMemoryStore(), bind(ended, 1, 0), bind(attestation.WordFromUint64(99), 3, 0), bind(live, 2, 0))
	report, err := r.Step(t.Context())
	require.ErrorContains(t, err, "the escrow has no deal")
	require.Equal(t, 1, report.Released)
	require.EqualValues(t, 1, w.released(live))
}

// TestKilledAnywhere kills the relay at every call it makes, before the effect
// and after it, and starts another on the same store: every earned chunk is
// paid, and paid once. So it is with batches, of all chunks or of some.
func TestKilledAnywhere(t *testing.T) {
	run := func(group, killAt int, after bool) (reached bool) {
		w := newWorld(t)
		w.feeds = group%2 == 1
		w.group, w.killAt, w.after = group, killAt, after
		deal, other := w.deal(3), w.deal(2)
		for epoch := uint64(10); epoch < 40; epoch += 10 {
			w.prove(1, epoch)
			w.prove(2, epoch+1)
		}
		store := relay.NewMemoryStore()
		bindings := []relay.Binding{bind(deal, 1, 0), bind(other, 2, 0)}
		w.relay(store, bindings...).Step(t.Context())
		reached = w.calls >= killAt
		for range 4 {
			w.later(w.relay(store, bindings...))
		}
		where := fmt.Sprintf("batches of %d, kill at call %d, after %v", group, killAt, after)
		require.EqualValues(t, 3, w.released(deal), where)
		require.EqualValues(t, 2, w.released(other), where)
		if group == 0 {
			require.EqualValues(t, 5, w.nonce, "%s: no transaction is wasted", where)
		} else {
			require.LessOrEqual(t, w.nonce, uint64(5), "%s: no transaction is wasted", where)
		}
		require.Equal(t, slastream.AmountFromUint64(60), w.memory.Balance(provider), where)
		for c := range store.Chunks(t.Context(), relay.ChunkQuery{Open: true}) {
			t.Fatalf("%s: chunk %d of deal %v is still %v", where, c.Index, c.Deal, c.State)
		}
		require.Zero(t, w.reverts(), where)
		return reached
	}
	for _, group := range []int{0, 2, 3, 100} {
		points := 0
		for _, after := range []bool{false, true} {
			for killAt := 1; run(group, killAt, after); killAt++ {
				points++
			}
		}
		require.Greater(t, points, 40, "batches of %d", group)
	}
}

func TestALostTransactionIsSentAgain(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(2)
	w.prove(1, 10)
	w.loses = true
	r := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0))
	report, err := r.Step(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, report.Open)
	w.loses = false
	for range 2 {
		_, err = w.later(r)
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, w.released(deal))
	require.EqualValues(t, 1, w.nonce)
}

func TestAStolenNonceIsReplaced(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(2)
	w.prove(1, 10)
	w.loses = true
	r := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0))
	_, err := r.Step(t.Context())
	require.NoError(t, err)
	w.loses, w.nonce = false, 5 // the account sent something else meanwhile
	for range 3 {
		_, err = w.later(r)
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, w.released(deal))
	require.EqualValues(t, 6, w.nonce)
}

func TestNewRefuses(t *testing.T) {
	w := newWorld(t)
	s, err := signer.New(w.key)
	require.NoError(t, err)
	good := relay.Config{Proofs: w, Signer: s, Escrow: w, Store: relay.NewMemoryStore()}
	one := attestation.WordFromUint64(1)
	for name, tt := range map[string]struct {
		change func(*relay.Config)
		want   string
	}{
		"no source":          {func(c *relay.Config) { c.Proofs = nil }, "Proofs"},
		"no signer":          {func(c *relay.Config) { c.Signer = nil }, "Signer"},
		"no escrow":          {func(c *relay.Config) { c.Escrow = nil }, "Escrow"},
		"no store":           {func(c *relay.Config) { c.Store = nil }, "Store"},
		"negative poll":      {func(c *relay.Config) { c.Poll = -1 }, "Poll"},
		"deal 0":             {func(c *relay.Config) { c.Bindings = []relay.Binding{bind(attestation.Word{}, 1, 0)} }, "deal 0"},
		"a deal bound twice": {func(c *relay.Config) { c.Bindings = []relay.Binding{bind(one, 1, 0), bind(one, 2, 0)} }, "bound twice"},
		"a set backing two deals": {func(c *relay.Config) {
			c.Bindings = []relay.Binding{bind(one, 1, 0), bind(attestation.WordFromUint64(2), 1, 0)}
		}, "backs two deals"},
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			tt.change(&c)
			_, err := relay.New(c)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestRunTakesTurnsUntilItIsToldToStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		deal := w.deal(2)
		r := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0))
		w.prove(1, 120)
		start := time.Now()
		w.grow = func() uint64 { return uint64(time.Since(start) / relay.DefaultPoll * 30) }
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		synctest.Wait()
		require.EqualValues(t, 0, w.released(deal), "the proof is not final yet")
		time.Sleep(relay.DefaultPoll + time.Second)
		synctest.Wait()
		require.EqualValues(t, 1, w.released(deal))
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
}

func TestAFeeThatBecameTooLowIsRaised(t *testing.T) {
	w := newWorld(t)
	deal, other := w.deal(2), w.deal(2)
	w.prove(1, 10)
	w.prove(2, 10)
	w.rises = 9
	r := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0), bind(other, 2, 0))
	for range 3 {
		w.later(r)
	}
	require.EqualValues(t, 1, w.released(deal))
	require.EqualValues(t, 1, w.released(other), "a transaction that cannot be sent must not hold up the others")
	require.EqualValues(t, 2, w.nonce)
}

func TestAGapInTheNoncesIsFilled(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(2)
	w.prove(1, 10)
	w.loses, w.nonce = true, 6
	r := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0))
	_, err := r.Step(t.Context())
	require.NoError(t, err)
	w.loses, w.nonce = false, 5 // the block with nonce 5 was dropped
	for range 2 {
		w.later(r)
	}
	require.EqualValues(t, 1, w.released(deal))
}

func TestALastChunkPaidByAnotherIsReleased(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(1)
	w.prove(1, 10)
	first := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0))
	store := relay.NewMemoryStore()
	second := w.relay(store, bind(deal, 1, 0))
	w.loses = true
	_, err := second.Step(t.Context()) // signed and sent, and lost by the node
	require.NoError(t, err)
	w.loses = false
	_, err = first.Step(t.Context())
	require.NoError(t, err)
	for range 3 {
		w.later(second)
	}
	for c := range store.Chunks(t.Context(), relay.ChunkQuery{}) {
		require.Equal(t, relay.Accepted, c.State, "the deal is complete, so the contract says that it is not active")
	}
}

func TestAnEndedDealLeavesThePeriodsToTheNext(t *testing.T) {
	w := newWorld(t)
	ended := w.deal(5)
	w.prove(1, 10)
	store := relay.NewMemoryStore()
	_, err := w.relay(store, bind(ended, 1, 0)).Step(t.Context())
	require.NoError(t, err)
	w.now += 200
	require.NoError(t, w.memory.As(client).Slash(t.Context(), ended))
	w.prove(1, 110)
	w.head = 200
	for range 2 { // one answer of a node ends nothing for good
		_, err = w.later(w.relay(store, bind(ended, 1, 0)))
		require.NoError(t, err)
	}
	next := w.deal(5)
	report, err := w.relay(store, bind(next, 1, 100)).Step(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, report.Released)
	require.EqualValues(t, 1, w.released(next))
}

func TestANodeThatLagsBehindEndsNoChunk(t *testing.T) {
	for lagAt := 1; lagAt <= 2; lagAt++ {
		w := newWorld(t)
		deal := w.deal(2)
		w.prove(1, 10)
		w.lagAt = lagAt
		r := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0))
		_, err := r.Step(t.Context())
		require.Error(t, err)
		_, err = w.later(r)
		require.NoError(t, err)
		require.EqualValues(t, 1, w.released(deal))
	}
}

// A nextChunk signer signs for the chunk after the one it is asked for.
type nextChunk struct{ signer.Signer }

func (n nextChunk) Attest(ctx context.Context, req signer.Request) (attestation.Signed, error) {
	req.Attestation.ChunkIndex++
	return n.Signer.Attest(ctx, req)
}

func TestASignerThatAnswersForAnotherChunkPaysNothing(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(2)
	w.prove(1, 10)
	s, err := signer.New(w.key)
	require.NoError(t, err)
	r, err := relay.New(relay.Config{Proofs: w, Signer: nextChunk{s}, Escrow: w, Store: relay.NewMemoryStore(), Bindings: []relay.Binding{bind(deal, 1, 0)}})
	require.NoError(t, err)
	_, err = r.Step(t.Context())
	require.ErrorContains(t, err, "another attestation")
	require.Zero(t, w.released(deal))
	require.Zero(t, w.sends)
}

package relay_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// start returns a relay with a changed config.
func (w *world) start(store relay.Store, change func(*relay.Config), bindings ...relay.Binding) *relay.Relay {
	c := w.config(store, bindings...)
	change(&c)
	r, err := relay.New(c)
	require.NoError(w.t, err)
	return r
}

// chunks are those of a store, by state.
func chunks(t *testing.T, s relay.Store) map[relay.State][]relay.Chunk {
	found := map[relay.State][]relay.Chunk{}
	for c, err := range s.Chunks(t.Context(), relay.ChunkQuery{}) {
		require.NoError(t, err)
		found[c.State] = append(found[c.State], c)
	}
	return found
}

// A counter counts what a signer is asked for.
type counter struct {
	signer.Signer
	n *int
}

func (c counter) Attest(ctx context.Context, req signer.Request) (attestation.Signed, error) {
	*c.n++
	return c.Signer.Attest(ctx, req)
}

func TestTheGovernorHoldsWhatPassesALimit(t *testing.T) {
	amount := slastream.AmountFromUint64
	for name, tt := range map[string]struct {
		limits relay.Limits
		hours  []uint64 // what the two deals have released after each hour
	}{
		"none":              {relay.Limits{}, []uint64{8}},
		"all in an hour":    {relay.Limits{Hour: relay.Caps{All: amount(25)}}, []uint64{2, 4, 6, 8}},
		"a deal an hour":    {relay.Limits{Hour: relay.Caps{Deal: amount(10)}}, []uint64{2, 4, 6, 8}},
		"a provider a day":  {relay.Limits{Day: relay.Caps{Provider: amount(30)}}, []uint64{3, 3}},
		"the smaller holds": {relay.Limits{Hour: relay.Caps{All: amount(40)}, Day: relay.Caps{Deal: amount(20)}}, []uint64{4, 4}},
		"below one chunk":   {relay.Limits{Hour: relay.Caps{All: amount(9)}}, []uint64{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			one, two := w.deal(5), w.deal(5)
			for epoch := uint64(10); epoch < 50; epoch += 10 {
				w.prove(1, epoch)
				w.prove(2, epoch)
			}
			store := relay.NewMemoryStore()
			for _, want := range tt.hours {
				// A relay that was started again has forgotten nothing.
				r := w.start(store, func(c *relay.Config) { c.Limits = tt.limits }, bind(one, 1, 0), bind(two, 2, 0))
				for range 2 {
					_, err := r.Step(t.Context())
					require.NoError(t, err)
				}
				require.Equal(t, want, w.released(one)+w.released(two))
				w.clock = w.clock.Add(time.Hour)
			}
			if name == "a provider a day" {
				require.Equal(t, relay.ClassHeld, chunks(t, store)[relay.Final][0].Retry.Class)
				w.clock = w.clock.Add(24 * time.Hour)
				_, err := w.start(store, func(c *relay.Config) { c.Limits = tt.limits }).Step(t.Context())
				require.NoError(t, err)
				require.EqualValues(t, 6, w.released(one)+w.released(two))
			}
		})
	}
}

func TestNothingIsSignedWhileTheEscrowIsPaused(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(2)
	w.prove(1, 10)
	w.paused = true
	signed := 0
	r := w.start(relay.NewMemoryStore(), func(c *relay.Config) { c.Signer = counter{c.Signer, &signed} }, bind(deal, 1, 0))
	_, err := r.Step(t.Context())
	require.ErrorIs(t, err, slastream.ErrPaused)
	require.True(t, r.Health().Paused)
	require.Zero(t, signed)
	w.paused = false
	_, err = r.Step(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, w.released(deal))
}

func TestAnEscrowOfAnotherKeyIsRefused(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(2)
	w.prove(1, 10)
	other, err := signer.NewLocal([32]byte{31: 99})
	require.NoError(t, err)
	s, err := signer.New(other)
	require.NoError(t, err)
	signed := 0
	r := w.start(relay.NewMemoryStore(), func(c *relay.Config) { c.Signer = counter{s, &signed} }, bind(deal, 1, 0))
	mismatch := new(relay.MismatchError)
	require.ErrorAs(t, r.Run(t.Context()), &mismatch)
	_, err = r.Step(t.Context())
	require.ErrorAs(t, err, &mismatch)
	require.Contains(t, mismatch.Error(), "use the signer that the escrow was deployed for")
	require.Zero(t, signed)
}

// An imposter signs with another key than it says.
type imposter struct {
	signer.Signer
	key attestation.PublicKey
}

func (i imposter) PublicKey() attestation.PublicKey { return i.key }

func TestASignatureThatTheEscrowWouldRefuseEndsSigning(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(5)
	w.prove(1, 10)
	w.prove(1, 20)
	other, err := signer.NewLocal([32]byte{31: 99})
	require.NoError(t, err)
	s, err := signer.New(other)
	require.NoError(t, err)
	signed := 0
	r := w.start(relay.NewMemoryStore(), func(c *relay.Config) { c.Signer = counter{imposter{s, w.key.PublicKey()}, &signed} }, bind(deal, 1, 0))
	for range 3 {
		_, err = w.later(r)
		require.Error(t, err)
	}
	require.Contains(t, r.Health().Stopped, "none that the escrow takes")
	require.Equal(t, 2, signed, "the first turn asks for both")
	require.Zero(t, w.sends)
}

// A fullDisk refuses changes while full is set.
type fullDisk struct {
	relay.Store
	full *bool
}

func (d fullDisk) Commit(ctx context.Context, c relay.Change) error {
	if *d.full {
		return errors.New("no space left on device")
	}
	return d.Store.Commit(ctx, c)
}

func TestAFullDiskEndsSigningUntilThereIsRoom(t *testing.T) {
	for _, from := range []int{0, 1, 2, 3} { // how many turns go well before
		w := newWorld(t)
		deal := w.deal(9)
		w.loses = true
		signed, full := 0, false
		r := w.start(relay.NewMemoryStore(), func(c *relay.Config) {
			c.Signer, c.Store, c.InFlight = counter{c.Signer, &signed}, fullDisk{c.Store, &full}, 3
		}, bind(deal, 1, 0))
		for range from {
			w.head++
			w.prove(1, w.head)
			w.later(r) // the node that forgets refuses the nonce after
		}
		full = true
		w.head++
		w.prove(1, w.head)
		before, calls := signed, len(w.known)
		for range 3 {
			w.later(r)
		}
		require.Equal(t, before, signed)
		require.Equal(t, calls, len(w.known), "no transaction is signed")
		full, w.loses = false, false
		for range 6 {
			w.later(r)
		}
		require.EqualValues(t, from+1, w.released(deal), "nothing is lost")
		require.Zero(t, w.reverts())
	}
}

func TestRetriesSurviveARestart(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(2)
	w.prove(1, 10)
	w.poison = attestation.WordFromUint64(1)
	store := relay.NewMemoryStore()
	never := func(c *relay.Config) { c.Jitter = func(d time.Duration) time.Duration { return d } }
	for attempt := uint32(1); attempt <= 4; attempt++ {
		_, err := w.start(store, never, bind(deal, 1, 0)).Step(t.Context())
		require.ErrorIs(t, err, slastream.ErrKeyX)
		c := chunks(t, store)[relay.Attested][0]
		require.Equal(t, attempt, c.Retry.Attempts)
		require.Equal(t, relay.ClassReverted, c.Retry.Class)
		pause := 15 * time.Second << (attempt - 1)
		require.EqualValues(t, w.clock.Add(pause).UnixMilli(), c.Retry.At)
		w.clock = w.clock.Add(pause - time.Millisecond)
		_, err = w.start(store, never, bind(deal, 1, 0)).Step(t.Context())
		require.NoError(t, err, "it is not tried before its time")
		w.clock = w.clock.Add(time.Millisecond)
	}
	w.poison = attestation.Word{}
	_, err := w.start(store, never, bind(deal, 1, 0)).Step(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, w.released(deal))
}

func TestOneProcessOfASharedStoreSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		deal := w.deal(5)
		w.prove(1, 10)
		store := relay.NewMemoryStore()
		name := func(name string) func(*relay.Config) {
			return func(c *relay.Config) { c.Name = name }
		}
		one, two := w.start(store, name("one"), bind(deal, 1, 0)), w.start(store, name("two"), bind(deal, 1, 0))
		_, err := one.Step(t.Context())
		require.NoError(t, err)
		require.True(t, one.Health().Sending)
		w.prove(1, 110)
		w.head = 120
		report, err := two.Step(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, report.Observed, "all may observe")
		require.Zero(t, report.Sent)
		require.False(t, two.Health().Sending)

		time.Sleep(relay.DefaultLease) // one is dead
		report, err = two.Step(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, report.Released)
		w.prove(1, 130)
		w.head = 140
		report, err = one.Step(t.Context()) // and back
		require.NoError(t, err)
		require.Zero(t, report.Sent)
		require.EqualValues(t, 2, w.released(deal))
	})
}

func TestAMulticallTakesManyChunks(t *testing.T) {
	w := newWorld(t)
	w.fits = 25
	deal := w.deal(100)
	for epoch := uint64(1); epoch <= 100; epoch++ {
		w.prove(1, epoch)
	}
	r := w.start(relay.NewMemoryStore(), func(c *relay.Config) { c.Multicall = 40 }, bind(deal, 1, 0))
	report, err := r.Step(t.Context())
	require.NoError(t, err)
	require.Equal(t, 100, report.Released)
	require.Equal(t, 5, report.Sent, "25 and 15, twice, and 20")
}

func TestATransactionThatWaitsIsReplacedAndEitherPays(t *testing.T) {
	for name, pays := range map[string]int{"the old one": 0, "the new one": 1} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			deal := w.deal(2)
			w.prove(1, 10)
			w.queues = true
			store := relay.NewMemoryStore()
			r := w.relay(store, bind(deal, 1, 0))
			_, err := r.Step(t.Context())
			require.NoError(t, err)
			w.clock = w.clock.Add(relay.DefaultBumpAfter - time.Second)
			_, err = r.Step(t.Context())
			require.NoError(t, err)
			require.Len(t, w.known, 1)
			w.clock = w.clock.Add(time.Second)
			_, err = r.Step(t.Context())
			require.NoError(t, err)
			var signed []slastream.SignedTx
			for tx, err := range store.Transactions(t.Context(), account, 0) {
				require.NoError(t, err)
				signed = tx.Signed
			}
			require.Len(t, signed, 2)
			w.queues = false
			w.known[signed[1-pays].Hash].status.State = slastream.TxUnknown
			w.execute(signed[pays].Hash)
			report, err := r.Step(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, report.Released)
			require.Equal(t, signed[pays].Hash, chunks(t, store)[relay.Accepted][0].TxHash)
			require.EqualValues(t, 1, w.nonce)
		})
	}
}

// execute includes a transaction that the node has.
func (w *world) execute(hash attestation.Word) {
	known := w.known[hash]
	w.nonce++
	known.status.State = slastream.TxAccepted
	for _, item := range known.items {
		require.NoError(w.t, w.memory.As(account).Release(context.Background(), item))
	}
}

func TestAPaymentThatIsTakenBackIsSentAgain(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(4)
	w.prove(1, 10)
	w.prove(1, 20)
	store := relay.NewMemoryStore()
	r := w.relay(store, bind(deal, 1, 0))
	_, err := r.Step(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 2, w.nonce)
	before := w.sends

	// A reorganization: the second transaction is unknown again. (The escrow in
	// memory keeps its payment, so that sending it again reverts; what it does on
	// a chain, relaytest shows.)
	w.nonce = 1
	paid := chunks(t, store)[relay.Accepted][1]
	w.known[paid.TxHash].status = slastream.TxStatus{}
	w.unpaid = paid.ID()
	_, err = w.later(r)
	require.NoError(t, err)
	require.Equal(t, before+1, w.sends, "the same transaction")
	w.unpaid = relay.ChunkID{}
	_, err = w.later(r)
	require.NoError(t, err)
	require.Len(t, chunks(t, store)[relay.Accepted], 2)
}

func TestWhatIsAcceptedSettles(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(4)
	w.prove(1, 10)
	w.prove(1, 20)
	store := relay.NewMemoryStore()
	after := func(c *relay.Config) { c.SettleAfter = time.Hour }
	other := w.start(relay.NewMemoryStore(), after, bind(deal, 1, 0))
	w.head = 15
	_, err := other.Step(t.Context()) // pays the first
	require.NoError(t, err)
	w.head = 100
	r := w.start(store, after, bind(deal, 1, 0))
	for _, want := range []relay.State{relay.Accepted, relay.Accepted, relay.Settled} {
		_, err := r.Step(t.Context())
		require.NoError(t, err)
		require.Len(t, chunks(t, store)[want], 2, want)
		for _, tx := range w.known {
			tx.status.State = slastream.TxSettled
		}
		w.clock = w.clock.Add(31 * time.Minute)
	}
	for tx := range store.Transactions(t.Context(), account, 1<<63) {
		t.Fatalf("nonce %d is not dropped", tx.Nonce)
	}
}

// A confirmer says of the proofs of some periods that they are gone.
type confirmer struct {
	relay.ProofSource
	gone map[uint64]bool
}

func (c confirmer) Confirm(_ context.Context, p slastream.Proof) error {
	if c.gone[p.Period] {
		return fmt.Errorf("period %d: %w", p.Period, relay.ErrOrphaned)
	}
	return nil
}

func TestAFinalProofThatIsGoneHaltsItsDeal(t *testing.T) {
	w := newWorld(t)
	deal, other := w.deal(5), w.deal(5)
	for epoch := uint64(10); epoch < 40; epoch += 10 {
		w.prove(1, epoch)
		w.prove(2, epoch)
	}
	gone := map[uint64]bool{20: true}
	store := relay.NewMemoryStore()
	r := w.start(store, func(c *relay.Config) {
		c.Proofs = confirmer{c.Proofs, map[uint64]bool{}}
	}, bind(other, 2, 0))
	_, err := r.Step(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 3, w.released(other))

	r = w.start(store, func(c *relay.Config) { c.Proofs = confirmer{c.Proofs, gone} }, bind(deal, 1, 0))
	_, err = r.Step(t.Context())
	require.ErrorIs(t, err, relay.ErrOrphaned)
	for range 3 {
		_, err = w.later(r)
		require.NoError(t, err)
	}
	require.Zero(t, w.released(deal), "what was counted beside an orphaned proof is not paid before somebody has looked")
	delete(gone, 20)
	require.NoError(t, r.Resume(t.Context(), deal))
	for range 2 {
		_, err = w.later(r)
		require.NoError(t, err)
	}
	require.EqualValues(t, 3, w.released(deal))
}

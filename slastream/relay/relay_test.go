package relay_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/slastream/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	client   = slastream.Address{31: 1}
	provider = slastream.Address{31: 2}
	account  = slastream.Address{31: 3}
	errKill  = errors.New("killed")
)

// world is both chains around a relay, and counts the calls that a relay makes
// so that a test can kill it at any of them.
type world struct {
	t      testing.TB
	now    uint64
	memory *escrow.Memory
	key    *signer.Local

	head   uint64
	grow   func() uint64 // added to head
	proofs map[attestation.Word][]slastream.Proof

	nonce uint64                            // next nonce on chain
	known map[attestation.Word]*transaction // what the node took
	sends int
	loses bool // the node forgets what it takes
	price uint64
	rises uint64 // what the price is after the next signature

	calls  int
	killAt int // 0 = never; the call with that number fails, before or after its effect
	after  bool
}

type transaction struct {
	signed attestation.Signed
	status slastream.TxStatus
}

func newWorld(t testing.TB) *world {
	key, err := signer.NewLocal([32]byte{31: 7})
	require.NoError(t, err)
	w := &world{t: t, now: 1000, key: key, head: 100, grow: func() uint64 { return 0 }, proofs: map[attestation.Word][]slastream.Proof{}, known: map[attestation.Word]*transaction{}}
	w.memory = escrow.NewMemory(escrow.Params{Address: slastream.Address{31: 9}, Key: key.PublicKey(), Token: slastream.Address{31: 8}}, func() uint64 { return w.now })
	require.NoError(t, w.memory.Mint(client, slastream.AmountFromUint64(1_000_000)))
	return w
}

func (w *world) deal(chunks uint64) attestation.Word {
	id, err := w.memory.As(client).CreateDeal(context.Background(), slastream.Terms{Provider: provider, Chunks: chunks, ChunkAmount: slastream.AmountFromUint64(10), Collateral: slastream.AmountFromUint64(5), Duration: 100})
	require.NoError(w.t, err)
	return id
}

func (w *world) prove(set, epoch uint64) {
	id := attestation.WordFromUint64(set)
	w.proofs[id] = append(w.proofs[id], slastream.Proof{
		Evidence:  attestation.Evidence{ChainID: 314159, SetID: id, Period: epoch, BlockNumber: epoch},
		RootCID:   attestation.WordFromUint64(epoch + 1000),
		Timestamp: epoch * 30,
	})
}

// step is called around every call of the relay: a kill before the effect, or
// after it when the answer is lost.
func (w *world) step(effect func() error) error {
	w.calls++
	if w.calls == w.killAt && !w.after {
		return errKill
	}
	err := effect()
	if w.calls == w.killAt {
		return errKill
	}
	return err
}

func (w *world) Head(context.Context) (head uint64, err error) {
	err = w.step(func() error { head = w.head + w.grow(); return nil })
	return head, err
}

func (w *world) Proofs(_ context.Context, set attestation.Word, from, to uint64) iter.Seq2[slastream.Proof, error] {
	return func(yield func(slastream.Proof, error) bool) {
		for _, p := range w.proofs[set] {
			if p.BlockNumber < from || p.BlockNumber > to {
				continue
			}
			err := w.step(func() error { return nil })
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

func (w *world) Deal(ctx context.Context, id attestation.Word) (d slastream.Deal, err error) {
	err = w.step(func() error { d, err = w.memory.As(account).Deal(ctx, id); return err })
	return d, err
}

func (w *world) DealCount(ctx context.Context) (attestation.Word, error) {
	return w.memory.As(account).DealCount(ctx)
}

func (w *world) ChunkReleased(ctx context.Context, id attestation.Word, chunk uint64) (ok bool, err error) {
	err = w.step(func() error { ok, err = w.memory.As(account).ChunkReleased(ctx, id, chunk); return err })
	return ok, err
}

func (w *world) Nonce(context.Context) (n uint64, err error) {
	err = w.step(func() error { n = w.nonce; return nil })
	return n, err
}

func (w *world) SignRelease(ctx context.Context, signed attestation.Signed, nonce uint64) (tx slastream.SignedTx, err error) {
	err = w.step(func() error {
		body := fmt.Appendf(nil, "%d", nonce)
		digest := signed.Attestation.Digest()
		tx = slastream.SignedTx{Hash: attestation.Word(digest), Sender: account, Nonce: nonce, Body: body}
		tx.Hash[0], tx.Hash[1] = byte(nonce), byte(w.price)
		if w.known[tx.Hash] == nil {
			w.known[tx.Hash] = &transaction{signed: signed}
		}
		w.price = max(w.price, w.rises)
		return nil
	})
	return tx, err
}

func (w *world) Send(ctx context.Context, tx slastream.SignedTx) error {
	return w.step(func() error {
		w.sends++
		known := w.known[tx.Hash]
		if known.status.State != slastream.TxUnknown {
			return nil
		}
		if uint64(tx.Hash[1]) < w.price {
			return errors.New("fee below minimum")
		}
		if tx.Nonce != w.nonce {
			return fmt.Errorf("nonce %d, want %d", tx.Nonce, w.nonce)
		}
		if w.loses {
			return nil
		}
		w.nonce++
		known.status.State = slastream.TxAccepted
		if err := w.memory.As(account).Release(ctx, known.signed); err != nil {
			known.status.Revert, _ = errors.AsType[*slastream.RevertError](err)
		}
		return nil
	})
}

func (w *world) Status(_ context.Context, hash attestation.Word) (status slastream.TxStatus, err error) {
	err = w.step(func() error { status = w.known[hash].status; return nil })
	return status, err
}

// killedStore is a store whose calls are kill points as well.
type killedStore struct {
	relay.Store
	w *world
}

func (s killedStore) Observe(ctx context.Context, deal attestation.Word, next, earned uint64, chunks []relay.Chunk) error {
	return s.w.step(func() error { return s.Store.Observe(ctx, deal, next, earned, chunks) })
}

func (s killedStore) Update(ctx context.Context, chunk relay.Chunk) error {
	return s.w.step(func() error { return s.Store.Update(ctx, chunk) })
}

func (w *world) relay(store relay.Store, bindings ...relay.Binding) *relay.Relay {
	s, err := signer.New(w.key)
	require.NoError(w.t, err)
	r, err := relay.New(relay.Config{Proofs: w, Signer: s, Escrow: w, Store: killedStore{store, w}, Bindings: bindings})
	require.NoError(w.t, err)
	return r
}

func bind(deal attestation.Word, set, start uint64) relay.Binding {
	return relay.Binding{Deal: deal, Set: attestation.WordFromUint64(set), StartEpoch: start}
}

func (w *world) released(id attestation.Word) uint64 {
	d, err := w.memory.As(client).Deal(context.Background(), id)
	require.NoError(w.t, err)
	return d.Released
}

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
	require.Equal(t, relay.Report{Observed: 3, Released: 3}, report)
	report, err = r.Step(t.Context())
	require.NoError(t, err)
	require.Equal(t, relay.Report{}, report)
	require.Equal(t, slastream.AmountFromUint64(35), w.memory.Balance(provider), "three chunks and the collateral")
	for chunk, err := range store.Chunks(t.Context(), false) {
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
	for c := range first.Chunks(t.Context(), false) {
		a = append(a, c.Proof)
	}
	for c := range second.Chunks(t.Context(), false) {
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
	require.ErrorContains(t, err, "the escrow has no such deal")
	require.Equal(t, 1, report.Released)
	require.EqualValues(t, 1, w.released(live))
}

// TestKilledAnywhere kills the relay at every call it makes, before the effect
// and after it, and starts another on the same store: every earned chunk is
// paid, and paid once.
func TestKilledAnywhere(t *testing.T) {
	run := func(killAt int, after bool) (w *world, reached bool) {
		w = newWorld(t)
		w.killAt, w.after = killAt, after
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
			w.relay(store, bindings...).Step(t.Context())
		}
		require.EqualValues(t, 3, w.released(deal), "kill at call %d, after %v", killAt, after)
		require.EqualValues(t, 2, w.released(other), "kill at call %d, after %v", killAt, after)
		require.EqualValues(t, 5, w.nonce, "kill at call %d, after %v: no transaction is wasted", killAt, after)
		require.Equal(t, slastream.AmountFromUint64(60), w.memory.Balance(provider))
		for c := range store.Chunks(t.Context(), true) {
			t.Fatalf("kill at call %d, after %v: chunk %d of deal %v is still %v", killAt, after, c.Index, c.Deal, c.State)
		}
		return w, reached
	}
	points := 0
	for _, after := range []bool{false, true} {
		for killAt := 1; ; killAt++ {
			if _, reached := run(killAt, after); !reached {
				break
			}
			points++
		}
	}
	require.Greater(t, points, 60)
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
		_, err = r.Step(t.Context())
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
		_, err = r.Step(t.Context())
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, w.released(deal))
	require.EqualValues(t, 6, w.nonce)
}

func TestAPeriodEarnsOneChunkInTheStore(t *testing.T) {
	store := relay.NewMemoryStore()
	chunk := relay.Chunk{Deal: attestation.WordFromUint64(1), Proof: slastream.Proof{Evidence: attestation.Evidence{Period: 5}}}
	other := chunk
	other.Index = 1
	require.ErrorIs(t, store.Observe(t.Context(), chunk.Deal, 6, 1, []relay.Chunk{chunk, other}), relay.ErrProofUsed)
	_, _, ok, err := store.Cursor(t.Context(), chunk.Deal)
	require.NoError(t, err)
	require.False(t, ok, "nothing is stored of a refused transaction")
	require.NoError(t, store.Observe(t.Context(), chunk.Deal, 6, 1, []relay.Chunk{chunk}))
	other.Deal = attestation.WordFromUint64(2)
	require.ErrorIs(t, store.Observe(t.Context(), other.Deal, 6, 1, []relay.Chunk{other}), relay.ErrProofUsed)
	require.Error(t, store.Update(t.Context(), other))
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
		r.Step(t.Context())
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
		r.Step(t.Context())
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
		second.Step(t.Context())
	}
	for c := range store.Chunks(t.Context(), false) {
		require.Equal(t, relay.Released, c.State, "the deal is complete, so the contract says that it is not active")
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
	_, err = w.relay(store, bind(ended, 1, 0)).Step(t.Context())
	require.NoError(t, err)
	next := w.deal(5)
	report, err := w.relay(store, bind(next, 1, 100)).Step(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, report.Released)
	require.EqualValues(t, 1, w.released(next))
}

package relay_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/slastream/relay"
)

var (
	client   = slastream.Address{31: 1}
	provider = slastream.Address{31: 2}
	account  = slastream.Address{31: 3}
	domain   = attestation.Domain{ChainID: attestation.WordFromUint64(77), Escrow: attestation.WordFromUint64(9)}
	errKill  = errors.New("killed")
)

// world is both chains around a relay, and counts the calls that a relay makes
// so that a test can kill it at any of them.
type world struct {
	t      testing.TB
	mu     sync.Mutex // while a call runs
	now    uint64
	memory *escrow.Memory
	key    *signer.Local

	head   uint64
	grow   func() uint64 // added to head
	proofs map[attestation.Word][]slastream.Proof

	nonce  uint64                            // next nonce on chain
	known  map[attestation.Word]*transaction // what the node took
	sends  int
	deals  int  // calls of Deal
	lagAt  int  // the call of Deal that a node answers which does not know the deal yet
	loses  bool // the node forgets what it takes
	price  uint64
	rises  uint64           // what the price is after the next signature
	group  int              // Config.Batch
	feeds  bool             // the source is a Feed
	poison attestation.Word // a data set whose releases the escrow refuses, unless it is 0

	paused bool
	unpaid relay.ChunkID // a chunk of which the node says that it is not paid
	fits   int           // how many calls a multicall has at most
	queues bool          // the node takes transactions and executes none
	clock  time.Time
	calls  int
	killAt int // 0 = never; the call with that number fails, before or after its effect
	after  bool
}

type transaction struct {
	items  []attestation.Signed
	status slastream.TxStatus
}

func newWorld(t testing.TB) *world {
	key, err := signer.NewLocal([32]byte{31: 7})
	require.NoError(t, err)
	w := &world{t: t, now: 1000, clock: time.Unix(1_800_000_000, 0), key: key, head: 100, grow: func() uint64 { return 0 }, proofs: map[attestation.Word][]slastream.Proof{}, known: map[attestation.Word]*transaction{}}
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
	w.mu.Lock() // a relay asks with several workers
	defer w.mu.Unlock()
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

// feed is the source as one that yields all data sets at once.
type feed struct{ *world }

func (f feed) All(_ context.Context, from, to uint64) iter.Seq2[slastream.Proof, error] {
	return func(yield func(slastream.Proof, error) bool) {
		var all []slastream.Proof
		for _, of := range f.proofs {
			for _, p := range of {
				if p.BlockNumber >= from && p.BlockNumber <= to {
					all = append(all, p)
				}
			}
		}
		slices.SortFunc(all, func(a, b slastream.Proof) int {
			return cmp.Or(cmp.Compare(a.BlockNumber, b.BlockNumber), a.SetID.Cmp(b.SetID))
		})
		for _, p := range all {
			err := f.step(func() error { return nil })
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

func (w *world) Deal(ctx context.Context, id attestation.Word) (d slastream.Deal, err error) {
	err = w.step(func() error {
		d, err = w.memory.As(account).Deal(ctx, id)
		if w.deals++; w.deals == w.lagAt {
			d = slastream.Deal{ID: id}
		}
		return err
	})
	return d, err
}

func (w *world) DealCount(ctx context.Context) (attestation.Word, error) {
	return w.memory.As(account).DealCount(ctx)
}

func (w *world) ChunkReleased(ctx context.Context, id attestation.Word, chunk uint64) (ok bool, err error) {
	err = w.step(func() error { ok, err = w.memory.As(account).ChunkReleased(ctx, id, chunk); return err })
	if w.unpaid == (relay.ChunkID{Deal: id, Index: chunk}) {
		ok = false
	}
	return ok, err
}

func (w *world) Paused(context.Context) (paused bool, err error) {
	err = w.step(func() error { paused = w.paused; return nil })
	return paused, err
}

func (w *world) PublicKey(context.Context) (key attestation.PublicKey, err error) {
	err = w.step(func() error { key = w.key.PublicKey(); return nil })
	return key, err
}

func (w *world) Account() slastream.Address { return account }

func (w *world) Nonce(context.Context) (n uint64, err error) {
	err = w.step(func() error { n = w.nonce; return nil })
	return n, err
}

func (w *world) SignRelease(ctx context.Context, signed attestation.Signed, nonce uint64) (tx slastream.SignedTx, err error) {
	err = w.step(func() error {
		if signed.Attestation.ProofSetID == w.poison {
			return slastream.ErrKeyX
		}
		body := fmt.Appendf(nil, "%d", nonce)
		digest := signed.Attestation.Digest()
		tx = slastream.SignedTx{Hash: attestation.Word(digest), Sender: account, Nonce: nonce, Body: body}
		tx.Hash[0], tx.Hash[1] = byte(nonce), byte(w.price)
		if w.known[tx.Hash] == nil {
			w.known[tx.Hash] = &transaction{items: []attestation.Signed{signed}}
		}
		w.price = max(w.price, w.rises)
		return nil
	})
	return tx, err
}

// SignReleaseBatch makes the transaction of a batch. The escrow in memory has no
// release_batch: the world checks the signature of the batch, and then releases
// its chunks one by one, with signatures of its own.
func (w *world) SignReleaseBatch(_ context.Context, items []attestation.Attestation, sig attestation.Signature, nonce uint64) (tx slastream.SignedTx, err error) {
	err = w.step(func() error {
		digest := attestation.Batch{Domain: domain, Items: items}.Digest()
		key, err := attestation.Recover(attestation.RulesLowS, digest, sig)
		require.NoError(w.t, err)
		require.Equal(w.t, w.key.PublicKey(), key)
		tx = slastream.SignedTx{Hash: attestation.Word(digest), Sender: account, Nonce: nonce}
		tx.Hash[0], tx.Hash[1] = byte(nonce), byte(w.price)
		var signed []attestation.Signed
		own, err := signer.New(w.key)
		require.NoError(w.t, err)
		for _, a := range items {
			s, err := own.Attest(context.Background(), signer.Request{Attestation: a})
			require.NoError(w.t, err)
			signed = append(signed, s)
		}
		if revert := w.refusal(signed); revert != nil {
			return revert // what the node's estimate says
		}
		if w.known[tx.Hash] == nil {
			w.known[tx.Hash] = &transaction{items: signed}
		}
		w.price = max(w.price, w.rises)
		return nil
	})
	return tx, err
}

// refusal is why the escrow would refuse one of the releases now.
func (w *world) refusal(items []attestation.Signed) *slastream.RevertError {
	for _, item := range items {
		a := item.Attestation
		deal, err := w.memory.As(account).Deal(context.Background(), a.DealID)
		require.NoError(w.t, err)
		paid, err := w.memory.As(account).ChunkReleased(context.Background(), a.DealID, a.ChunkIndex)
		require.NoError(w.t, err)
		revert := slastream.ErrDealNotActive
		switch {
		case a.ProofSetID == w.poison:
			revert = slastream.ErrKeyX
		case deal.Active && !paid:
			continue
		case deal.Active:
			revert = slastream.ErrChunkReleased
		}
		as, _ := errors.AsType[*slastream.RevertError](revert)
		return as
	}
	return nil
}

// SignReleases makes a multicall, of at most w.fits calls.
func (w *world) SignReleases(_ context.Context, signed []attestation.Signed, nonce uint64) (tx slastream.SignedTx, err error) {
	err = w.step(func() error {
		if len(signed) > w.fits {
			return sizeError{w.fits}
		}
		if revert := w.refusal(signed); revert != nil {
			return revert
		}
		var all []byte
		for _, s := range signed {
			digest := s.Attestation.Digest()
			all = append(all, digest[:]...)
		}
		tx = slastream.SignedTx{Hash: sha256.Sum256(all), Sender: account, Nonce: nonce}
		tx.Hash[0], tx.Hash[1] = byte(nonce), byte(w.price)
		if w.known[tx.Hash] == nil {
			w.known[tx.Hash] = &transaction{items: signed}
		}
		return nil
	})
	return tx, err
}

type sizeError struct{ most int }

func (sizeError) Error() string { return "too many steps" }
func (e sizeError) Fit() int    { return e.most }

// Bump makes the same transaction at the present price.
func (w *world) Bump(_ context.Context, old slastream.SignedTx) (tx slastream.SignedTx, err error) {
	err = w.step(func() error {
		w.price++
		tx = old
		tx.Hash[1] = byte(w.price)
		w.known[tx.Hash] = &transaction{items: w.known[old.Hash].items}
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
		if w.queues {
			known.status.State = slastream.TxReceived
			return nil
		}
		w.nonce++
		known.status.State = slastream.TxAccepted
		known.status.Revert = w.refusal(known.items)
		for _, item := range known.items {
			if known.status.Revert == nil {
				require.NoError(w.t, w.memory.As(account).Release(ctx, item))
			}
		}
		return nil
	})
}

func (w *world) Status(_ context.Context, hash attestation.Word) (status slastream.TxStatus, err error) {
	err = w.step(func() error { status = w.known[hash].status; return nil })
	return status, err
}

// reverts counts the transactions that the escrow refused.
func (w *world) reverts() (n int) {
	for _, tx := range w.known {
		if tx.status.Revert != nil {
			n++
		}
	}
	return n
}

// killedStore is a store whose calls are kill points as well.
type killedStore struct {
	relay.Store
	w *world
}

func (s killedStore) Bind(ctx context.Context, t relay.Track) error {
	return s.w.step(func() error { return s.Store.Bind(ctx, t) })
}

func (s killedStore) Observe(ctx context.Context, o relay.Observation) error {
	return s.w.step(func() error { return s.Store.Observe(ctx, o) })
}

func (s killedStore) Commit(ctx context.Context, c relay.Change) error {
	return s.w.step(func() error { return s.Store.Commit(ctx, c) })
}

func (s killedStore) Lease(ctx context.Context, name, owner string, ttl time.Duration) (l relay.Lease, err error) {
	err = s.w.step(func() error { l, err = s.Store.Lease(ctx, name, owner, ttl); return err })
	return l, err
}

// config is what relay makes a relay of.
func (w *world) config(store relay.Store, bindings ...relay.Binding) relay.Config {
	s, err := signer.New(w.key)
	require.NoError(w.t, err)
	var source relay.ProofSource = w
	if w.feeds {
		source = feed{w}
	}
	return relay.Config{
		Proofs: source, Signer: s, Escrow: w, Store: killedStore{store, w}, Domain: domain, Bindings: bindings, Batch: w.group,
		Name: "relay", Workers: 1, SettleAfter: 1000 * time.Hour, Clock: func() time.Time { return w.clock },
	}
}

func (w *world) relay(store relay.Store, bindings ...relay.Binding) *relay.Relay {
	r, err := relay.New(w.config(store, bindings...))
	require.NoError(w.t, err)
	return r
}

// later takes a turn some minutes later, when what failed is tried again.
func (w *world) later(r *relay.Relay) (relay.Report, error) {
	w.clock = w.clock.Add(10 * time.Minute)
	return r.Step(w.t.Context())
}

func bind(deal attestation.Word, set, start uint64) relay.Binding {
	return relay.Binding{Deal: deal, Set: attestation.WordFromUint64(set), StartEpoch: start}
}

func (w *world) released(id attestation.Word) uint64 {
	d, err := w.memory.As(client).Deal(context.Background(), id)
	require.NoError(w.t, err)
	return d.Released
}

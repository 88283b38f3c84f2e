package relaytest

import (
	"context"
	"iter"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/policy"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/starknet"
)

// store is a store whose every call is a kill point.
type store struct {
	inner relay.Store
	p     *process
}

var _ relay.Store = store{}

func (s store) Bind(ctx context.Context, t relay.Track) error {
	return s.p.do("Store.Bind", func() error { return s.inner.Bind(ctx, t) })
}

func (s store) Tracks(ctx context.Context, q relay.TrackQuery) iter.Seq2[relay.Track, error] {
	return list(s.p, "Store.Tracks", s.inner.Tracks(ctx, q))
}

func (s store) Cursor(ctx context.Context) (uint64, error) {
	return get(s.p, "Store.Cursor", func() (uint64, error) { return s.inner.Cursor(ctx) })
}

func (s store) Observe(ctx context.Context, o relay.Observation) error {
	return s.p.do("Store.Observe", func() error { return s.inner.Observe(ctx, o) })
}

func (s store) Chunks(ctx context.Context, q relay.ChunkQuery) iter.Seq2[relay.Chunk, error] {
	return list(s.p, "Store.Chunks", s.inner.Chunks(ctx, q))
}

func (s store) Transactions(ctx context.Context, sender slastream.Address, due uint64) iter.Seq2[relay.Transaction, error] {
	return list(s.p, "Store.Transactions", s.inner.Transactions(ctx, sender, due))
}

func (s store) Commit(ctx context.Context, c relay.Change) error {
	return s.p.do("Store.Commit", func() error { return s.inner.Commit(ctx, c) })
}

func (s store) Lease(ctx context.Context, name, owner string, ttl time.Duration) (relay.Lease, error) {
	return get(s.p, "Store.Lease", func() (relay.Lease, error) { return s.inner.Lease(ctx, name, owner, ttl) })
}

func (s store) Spent(ctx context.Context, scope string, from relay.Hour) (slastream.Amount, error) {
	return get(s.p, "Store.Spent", func() (slastream.Amount, error) { return s.inner.Spent(ctx, scope, from) })
}

func (s store) Stats(ctx context.Context) (relay.Stats, error) {
	return get(s.p, "Store.Stats", func() (relay.Stats, error) { return s.inner.Stats(ctx) })
}

// list is an iterator that can be killed before it begins and after each value.
func list[T any](p *process, name string, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		p.do(name, func() error { return nil }) //nolint:errcheck // a kill is a panic
		for v, err := range seq {
			p.live()
			if !yield(v, err) {
				return
			}
		}
	}
}

// journal is a signer's journal whose every call is a kill point.
type journal struct {
	inner signer.Journal
	p     *process
}

var _ signer.Journal = journal{}

func (j journal) BySlot(ctx context.Context, slot signer.Slot) (rec signer.Record, ok bool, err error) {
	err = j.p.do("Journal.BySlot", func() error { rec, ok, err = j.inner.BySlot(ctx, slot); return err })
	return rec, ok, err
}

func (j journal) ByProof(ctx context.Context, key attestation.PublicKey, d attestation.Domain, proof attestation.PeriodKey) (slot signer.Slot, ok bool, err error) {
	err = j.p.do("Journal.ByProof", func() error { slot, ok, err = j.inner.ByProof(ctx, key, d, proof); return err })
	return slot, ok, err
}

func (j journal) Put(ctx context.Context, recs ...signer.Record) error {
	return j.p.do("Journal.Put", func() error { return j.inner.Put(ctx, recs...) })
}

// source is a policy.Source in a process that can be killed: its kill points are
// the requests to the nodes.
type source struct {
	inner *policy.Source
	p     *process
}

var (
	_ relay.ProofSource = source{}
	_ relay.Feed        = source{}
	_ relay.Confirmer   = source{}
	_ relay.SetChecker  = source{}
)

func (s source) Head(ctx context.Context) (uint64, error) {
	return through(s.p, func() (uint64, error) { return s.inner.Head(ctx) })
}

func (s source) Proofs(ctx context.Context, set attestation.Word, from, to uint64) iter.Seq2[slastream.Proof, error] {
	return lively(s.p, s.inner.Proofs(ctx, set, from, to))
}

func (s source) All(ctx context.Context, from, to uint64) iter.Seq2[slastream.Proof, error] {
	return lively(s.p, s.inner.All(ctx, from, to))
}

func (s source) Confirm(ctx context.Context, proof slastream.Proof) error {
	_, err := through(s.p, func() (struct{}, error) { return struct{}{}, s.inner.Confirm(ctx, proof) })
	return err
}

func (s source) CheckSet(ctx context.Context, set attestation.Word) error {
	_, err := through(s.p, func() (struct{}, error) { return struct{}{}, s.inner.CheckSet(ctx, set) })
	return err
}

// lively is an iterator that ends with the process.
func lively[T any](p *process, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		p.live()
		for v, err := range seq {
			p.live()
			if !yield(v, err) {
				return
			}
		}
		p.live()
	}
}

// escrow is a starknet.Escrow in a process that can be killed: its kill points
// are the requests to the node.
type escrow struct {
	inner   *starknet.Escrow
	p       *process
	sending func(slastream.SignedTx)
}

var (
	_ relay.Escrow        = escrow{}
	_ relay.Batcher       = escrow{}
	_ relay.Multicaller   = escrow{}
	_ relay.Bumper        = escrow{}
	_ relay.SettledReader = escrow{}
)

func (e escrow) Deal(ctx context.Context, id attestation.Word) (slastream.Deal, error) {
	return through(e.p, func() (slastream.Deal, error) { return e.inner.Deal(ctx, id) })
}

func (e escrow) DealCount(ctx context.Context) (attestation.Word, error) {
	return through(e.p, func() (attestation.Word, error) { return e.inner.DealCount(ctx) })
}

func (e escrow) ChunkReleased(ctx context.Context, deal attestation.Word, chunk uint64) (bool, error) {
	return through(e.p, func() (bool, error) { return e.inner.ChunkReleased(ctx, deal, chunk) })
}

func (e escrow) DealSettled(ctx context.Context, id attestation.Word) (slastream.Deal, error) {
	return through(e.p, func() (slastream.Deal, error) { return e.inner.DealSettled(ctx, id) })
}

func (e escrow) ChunkSettled(ctx context.Context, deal attestation.Word, chunk uint64) (bool, error) {
	return through(e.p, func() (bool, error) { return e.inner.ChunkSettled(ctx, deal, chunk) })
}

func (e escrow) Paused(ctx context.Context) (bool, error) {
	return through(e.p, func() (bool, error) { return e.inner.Paused(ctx) })
}

func (e escrow) PublicKey(ctx context.Context) (attestation.PublicKey, error) {
	return through(e.p, func() (attestation.PublicKey, error) { return e.inner.PublicKey(ctx) })
}

func (e escrow) Account() slastream.Address { return e.inner.Account() }

func (e escrow) Nonce(ctx context.Context) (uint64, error) {
	return through(e.p, func() (uint64, error) { return e.inner.Nonce(ctx) })
}

func (e escrow) SignRelease(ctx context.Context, signed attestation.Signed, nonce uint64) (slastream.SignedTx, error) {
	return through(e.p, func() (slastream.SignedTx, error) { return e.inner.SignRelease(ctx, signed, nonce) })
}

func (e escrow) SignReleases(ctx context.Context, signed []attestation.Signed, nonce uint64) (slastream.SignedTx, error) {
	return through(e.p, func() (slastream.SignedTx, error) { return e.inner.SignReleases(ctx, signed, nonce) })
}

func (e escrow) SignReleaseBatch(ctx context.Context, items []attestation.Attestation, sig attestation.Signature, nonce uint64) (slastream.SignedTx, error) {
	return through(e.p, func() (slastream.SignedTx, error) { return e.inner.SignReleaseBatch(ctx, items, sig, nonce) })
}

func (e escrow) Bump(ctx context.Context, tx slastream.SignedTx) (slastream.SignedTx, error) {
	return through(e.p, func() (slastream.SignedTx, error) { return e.inner.Bump(ctx, tx) })
}

func (e escrow) Send(ctx context.Context, tx slastream.SignedTx) error {
	e.p.live()
	e.sending(tx)
	_, err := through(e.p, func() (struct{}, error) { return struct{}{}, e.inner.Send(ctx, tx) })
	return err
}

func (e escrow) Status(ctx context.Context, hash attestation.Word) (slastream.TxStatus, error) {
	return through(e.p, func() (slastream.TxStatus, error) { return e.inner.Status(ctx, hash) })
}

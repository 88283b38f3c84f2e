package signer

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/slastream/slastream-go/attestation"
)

// An EquivocationError says that a guard refused to sign: an earlier request
// stands against this one. Either both are for one chunk with different
// content, or both use one proof for different chunks.
type EquivocationError struct {
	Prev, New Request
}

func (e *EquivocationError) Error() string {
	p, n := e.Prev, e.New
	if p.Attestation.DealID == n.Attestation.DealID && p.Attestation.ChunkIndex == n.Attestation.ChunkIndex {
		return fmt.Sprintf("signer: equivocation: chunk %d of deal %v was signed for period %d of data set %v, root %v; refusing period %d of data set %v, root %v",
			p.Attestation.ChunkIndex, p.Attestation.DealID, p.Evidence.Period, p.Attestation.ProofSetID, p.Attestation.RootCID,
			n.Evidence.Period, n.Attestation.ProofSetID, n.Attestation.RootCID)
	}
	return fmt.Sprintf("signer: equivocation: period %d of data set %v pays chunk %d of deal %v; refusing chunk %d of deal %v",
		p.Evidence.Period, p.Evidence.SetID, p.Attestation.ChunkIndex, p.Attestation.DealID, n.Attestation.ChunkIndex, n.Attestation.DealID)
}

// Guard wraps a signer so that it never signs two different statements for one
// chunk, nor one proving period for two chunks of one escrow. The same content
// gets the same signature again; a request that differs from an earlier one
// only by its timestamp gets the earlier attestation and signature; anything
// else is an [*EquivocationError]. What is signed is in the journal before the
// inner signer is asked and again, with the signature, before the signature is
// returned. An error of the journal therefore means that nothing was signed, or
// that what was signed did not leave.
//
// A batch is guarded item by item, and refused whole if one item is. A chunk can
// be signed alone and in batches: the escrow pays it once. The same batch gets
// the same signature again, unless an item was signed otherwise in between.
//
// The evidence must name the data set of the attestation, else [ErrEvidence].
// Whether the proof exists on Filecoin the guard cannot know: that is a
// policy's to check. The first policy that refuses ends the request with a
// [*PolicyError].
//
// The digest of a single attestation holds no chain and no escrow, so what is
// signed for one escrow is valid on every other with the same key and deal id.
// The guard keeps deployments apart in its journal; only one key for one
// deployment keeps them apart on chain.
//
// The guard is safe for concurrent use. Requests for different chunks go to the
// inner signer side by side; those for one chunk wait for each other.
func Guard(inner Signer, journal Journal, policies ...Policy) Signer {
	return &guard{inner: inner, journal: journal, policies: policies, busy: map[Slot]chan struct{}{}}
}

type guard struct {
	inner    Signer
	journal  Journal
	policies []Policy

	mu   sync.Mutex             // around every use of the journal
	busy map[Slot]chan struct{} // slots that are being signed; closed when done
}

var (
	_ Signer      = (*guard)(nil)
	_ BatchSigner = (*guard)(nil)
	_ Pinger      = (*guard)(nil)
)

func (g *guard) PublicKey() attestation.PublicKey { return g.inner.PublicKey() }

func (g *guard) Ping(ctx context.Context) error {
	p, ok := g.inner.(Pinger)
	if !ok {
		return fmt.Errorf("signer: the guarded signer cannot be pinged: %w", errors.ErrUnsupported)
	}
	return p.Ping(ctx)
}

func (g *guard) Attest(ctx context.Context, req Request) (attestation.Signed, error) {
	recs, done, err := g.begin(ctx, []Request{req})
	if err != nil {
		return attestation.Signed{}, err
	}
	defer done()
	rec := recs[0]
	if rec.signedAlone() {
		return attestation.Signed{Attestation: rec.Request.Attestation, Signature: rec.Signature}, nil
	}
	signed, err := g.inner.Attest(ctx, rec.Request)
	if err != nil {
		return attestation.Signed{}, err
	}
	if !sameStatement(signed.Attestation, rec.Request.Attestation) {
		return attestation.Signed{}, fmt.Errorf("%w: the signer changed the attestation", ErrBadSignature)
	}
	rec.Request.Attestation = signed.Attestation // a guard behind this one may have signed it earlier
	rec.Signed, rec.Signature, rec.Batch = true, signed.Signature, attestation.Word{}
	if err := g.store(ctx, rec); err != nil {
		return attestation.Signed{}, err
	}
	return signed, nil
}

func (g *guard) AttestBatch(ctx context.Context, req BatchRequest) (SignedBatch, error) {
	inner, ok := g.inner.(BatchSigner)
	if !ok {
		return SignedBatch{}, fmt.Errorf("signer: the guarded signer signs no batches: %w", errors.ErrUnsupported)
	}
	if len(req.Items) == 0 {
		return SignedBatch{}, errors.New("signer: batch without items")
	}
	recs, done, err := g.begin(ctx, req.Requests())
	if err != nil {
		return SignedBatch{}, err
	}
	defer done()
	first := BatchRequest{Domain: req.Domain, Items: make([]BatchItem, len(recs))}
	for i, rec := range recs {
		first.Items[i] = BatchItem{Attestation: rec.Request.Attestation, Evidence: rec.Request.Evidence}
	}
	if sig, ok := stored(recs, attestation.Word(first.Batch().Digest())); ok {
		return SignedBatch{Batch: first.Batch(), Signature: sig}, nil
	}
	signed, err := inner.AttestBatch(ctx, first)
	if err != nil {
		return SignedBatch{}, err
	}
	if !sameBatch(signed.Batch, first.Batch()) {
		return SignedBatch{}, fmt.Errorf("%w: the signer changed the batch", ErrBadSignature)
	}
	var changed []Record
	digest := attestation.Word(signed.Batch.Digest())
	for i, rec := range recs {
		if rec.signedAlone() {
			continue // keep the signature that can be used alone
		}
		rec.Request.Attestation = signed.Batch.Items[i]
		rec.Signed, rec.Signature, rec.Batch = true, signed.Signature, digest
		changed = append(changed, rec)
	}
	if err := g.store(ctx, changed...); err != nil {
		return SignedBatch{}, err
	}
	return signed, nil
}

// stored returns the signature that the records hold for a batch.
func stored(recs []Record, digest attestation.Word) (attestation.Signature, bool) {
	for _, rec := range recs {
		if !rec.Signed || rec.Batch != digest || rec.Signature != recs[0].Signature {
			return attestation.Signature{}, false
		}
	}
	return recs[0].Signature, true
}

func (g *guard) Explain(ctx context.Context, req Request) ([]Verdict, error) {
	verdicts := make([]Verdict, len(g.policies))
	for i, policy := range g.policies {
		verdicts[i] = Verdict{Rule: policy.Name, Err: policy.check(ctx, req)}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	_, begun, err := g.find(ctx, req)
	for i, policy := range g.policies {
		if !begun && verdicts[i].Err == nil {
			verdicts[i].Err = policy.take(ctx, req, false)
		}
	}
	return append(verdicts, Verdict{Rule: "evidence", Err: checkEvidence(req)}, Verdict{Rule: "journal", Err: err}), nil
}

package signer

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/slastream/slastream-go/attestation"
)

// A Policy decides whether a request may be signed at all. nil means yes; the
// error goes to the caller as it is. Policies run before anything is recorded.
type Policy func(ctx context.Context, req Request) error

// A Slot names what one signature pays: one chunk of one deal of one escrow,
// under one attestation key. It is comparable.
type Slot struct {
	Key        attestation.PublicKey
	Domain     attestation.Domain
	DealID     attestation.Word
	ChunkIndex uint64
}

// A Record is what a [Journal] holds for a slot: the request as it was first
// allowed, and the signature once there is one. A record without a signature
// says that signing began; only the same statement may go on.
type Record struct {
	Request   Request
	Signature attestation.Signature
	Signed    bool
}

// A Journal remembers what was signed. Each method returns after the change is
// as durable as the journal is. A [Guard] calls it from one goroutine at a
// time; two guards must not share one.
type Journal interface {
	// BySlot returns the record of a slot; ok is false if there is none.
	BySlot(ctx context.Context, slot Slot) (rec Record, ok bool, err error)
	// ByProof returns the slot that a proving period pays on one escrow; ok is
	// false if there is none.
	ByProof(ctx context.Context, key attestation.PublicKey, domain attestation.Domain, proof attestation.PeriodKey) (slot Slot, ok bool, err error)
	// Put stores the record of a slot, and that its proof pays that slot.
	Put(ctx context.Context, slot Slot, rec Record) error
}

// An EquivocationError says that a guard refused to sign: an earlier request
// stands against this one. Either both are for one chunk with different
// content, or both use one proof for different chunks.
type EquivocationError struct {
	Prev, New Request
}

func (e *EquivocationError) Error() string {
	p, n := e.Prev, e.New
	if p.Attestation.DealID == n.Attestation.DealID && p.Attestation.ChunkIndex == n.Attestation.ChunkIndex {
		return fmt.Sprintf("signer: equivocation: chunk %d of deal %v was signed for data set %v, root %v; refusing data set %v, root %v",
			p.Attestation.ChunkIndex, p.Attestation.DealID, p.Attestation.ProofSetID, p.Attestation.RootCID, n.Attestation.ProofSetID, n.Attestation.RootCID)
	}
	return fmt.Sprintf("signer: equivocation: period %d of data set %v pays chunk %d of deal %v; refusing chunk %d of deal %v",
		p.Evidence.Period, p.Evidence.SetID, p.Attestation.ChunkIndex, p.Attestation.DealID, n.Attestation.ChunkIndex, n.Attestation.DealID)
}

// ErrEvidence says that the evidence of a request is for another data set than
// its attestation.
var ErrEvidence = errors.New("signer: evidence does not fit the attestation")

// Guard wraps a signer so that it never signs two different statements for one
// chunk, nor one proving period for two chunks of one escrow. The same content
// gets the same signature again; a request that differs from an earlier one
// only by its timestamp gets the earlier attestation and signature; anything
// else is an [*EquivocationError]. What is signed is in the journal before the
// inner signer is asked and before the signature is returned.
//
// The evidence must name the data set of the attestation, else [ErrEvidence].
// Whether the proof exists on Filecoin the guard cannot know: that is a
// policy's to check.
//
// The digest holds no chain and no escrow, so what is signed for one escrow is
// valid on every other with the same key and deal id. The guard keeps
// deployments apart in its journal; only one key for one deployment keeps them
// apart on chain.
//
// The guard is safe for concurrent use and signs one request at a time.
func Guard(inner Signer, journal Journal, policies ...Policy) Signer {
	return &guard{inner: inner, journal: journal, policies: policies}
}

type guard struct {
	inner    Signer
	journal  Journal
	policies []Policy
	mu       sync.Mutex
}

var _ Signer = (*guard)(nil)

func (g *guard) PublicKey() attestation.PublicKey { return g.inner.PublicKey() }

func (g *guard) Attest(ctx context.Context, req Request) (attestation.Signed, error) {
	for _, policy := range g.policies {
		if err := policy(ctx, req); err != nil {
			return attestation.Signed{}, err
		}
	}
	if req.Evidence.SetID != req.Attestation.ProofSetID {
		return attestation.Signed{}, fmt.Errorf("%w: data set %v, attested %v", ErrEvidence, req.Evidence.SetID, req.Attestation.ProofSetID)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	slot := Slot{Key: g.inner.PublicKey(), Domain: req.Domain, DealID: req.Attestation.DealID, ChunkIndex: req.Attestation.ChunkIndex}
	rec, begun, err := g.journal.BySlot(ctx, slot)
	if err != nil {
		return attestation.Signed{}, fmt.Errorf("signer: journal: %w", err)
	}
	if begun && !sameButTime(rec.Request, req) {
		return attestation.Signed{}, &EquivocationError{Prev: rec.Request, New: req}
	}
	if rec.Signed {
		return attestation.Signed{Attestation: rec.Request.Attestation, Signature: rec.Signature}, nil
	}
	if !begun {
		if err := g.claim(ctx, slot, req); err != nil {
			return attestation.Signed{}, err
		}
		rec = Record{Request: req}
	}
	signed, err := g.inner.Attest(ctx, rec.Request)
	if err != nil {
		return attestation.Signed{}, err
	}
	if signed.Attestation != rec.Request.Attestation {
		return attestation.Signed{}, fmt.Errorf("%w: the signer changed the attestation", ErrBadSignature)
	}
	rec.Signature, rec.Signed = signed.Signature, true
	if err := g.journal.Put(ctx, slot, rec); err != nil {
		return attestation.Signed{}, fmt.Errorf("signer: journal: %w", err)
	}
	return signed, nil
}

// claim records that the slot is for this request, unless its proof already
// pays another slot.
func (g *guard) claim(ctx context.Context, slot Slot, req Request) error {
	other, used, err := g.journal.ByProof(ctx, slot.Key, slot.Domain, req.Evidence.Key())
	if err != nil {
		return fmt.Errorf("signer: journal: %w", err)
	}
	if used && other != slot {
		prev, _, err := g.journal.BySlot(ctx, other)
		if err != nil {
			return fmt.Errorf("signer: journal: %w", err)
		}
		return &EquivocationError{Prev: prev.Request, New: req}
	}
	if err := g.journal.Put(ctx, slot, Record{Request: req}); err != nil {
		return fmt.Errorf("signer: journal: %w", err)
	}
	return nil
}

// sameButTime reports whether two requests for one slot state the same thing:
// equal but for the timestamp and for where in the chain the log was seen,
// which a reorg can change while the proving period stays the same.
func sameButTime(a, b Request) bool {
	a.Attestation.Timestamp = b.Attestation.Timestamp
	return a.Attestation == b.Attestation && a.Domain == b.Domain && a.Evidence.Key() == b.Evidence.Key()
}

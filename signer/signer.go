package signer

import (
	"context"

	"github.com/slastream/slastream-go/attestation"
)

// A Signer turns a request into a signed attestation. Implementations are safe
// for concurrent use. Those of this package are also a [BatchSigner] and a
// [Pinger].
type Signer interface {
	// PublicKey is the attestation key, fixed for the life of the signer.
	PublicKey() attestation.PublicKey
	// Attest signs the attestation of the request. The attestation that comes
	// back can differ from the one asked for in its timestamp alone: a guard
	// answers with the statement it signed first. [Retryable] says of an error
	// whether the same request can succeed later.
	Attest(ctx context.Context, req Request) (attestation.Signed, error)
}

// A Request is an attestation to sign, with the deployment it is for and what
// backs it on Filecoin. A signer sees what it signs and may refuse.
type Request struct {
	Attestation attestation.Attestation `json:"attestation"`
	Domain      attestation.Domain      `json:"domain"`
	Evidence    attestation.Evidence    `json:"evidence"`
}

// SameStatement reports whether two requests state the same thing: they are
// equal but for the timestamp and for where in the chain the log was seen, which
// a reorg can change while the proving period stays the same.
func (r Request) SameStatement(other Request) bool {
	return sameStatement(r.Attestation, other.Attestation) && r.Domain == other.Domain && r.Evidence.Key() == other.Evidence.Key()
}

// A BatchSigner signs many attestations at once, for release_batch of the
// extended escrow class. A Signer that passes calls on to another has the
// method whether or not the other has it; what cannot sign batches answers
// [errors.ErrUnsupported].
type BatchSigner interface {
	// AttestBatch signs the batch of the request, all items or none. As with
	// Attest the batch that comes back can differ in the timestamps of its items.
	AttestBatch(ctx context.Context, req BatchRequest) (SignedBatch, error)
}

// A BatchRequest is a batch to sign, with what backs each item.
type BatchRequest struct {
	Domain attestation.Domain `json:"domain"`
	Items  []BatchItem        `json:"items"`
}

// A BatchItem is one attestation of a batch and its evidence.
type BatchItem struct {
	Attestation attestation.Attestation `json:"attestation"`
	Evidence    attestation.Evidence    `json:"evidence"`
}

// Batch returns what is to be signed.
func (r BatchRequest) Batch() attestation.Batch {
	items := make([]attestation.Attestation, len(r.Items))
	for i, item := range r.Items {
		items[i] = item.Attestation
	}
	return attestation.Batch{Domain: r.Domain, Items: items}
}

// Requests returns the items as single requests, in order.
func (r BatchRequest) Requests() []Request {
	reqs := make([]Request, len(r.Items))
	for i, item := range r.Items {
		reqs[i] = Request{Attestation: item.Attestation, Domain: r.Domain, Evidence: item.Evidence}
	}
	return reqs
}

// A SignedBatch is a batch with the one signature over it.
type SignedBatch struct {
	Batch     attestation.Batch     `json:"batch"`
	Signature attestation.Signature `json:"signature"`
}

// A Pinger can be asked whether its backend would answer now, without signing
// anything. What has no backend to ask answers [errors.ErrUnsupported].
type Pinger interface {
	Ping(ctx context.Context) error
}

package signer

import (
	"context"

	"github.com/slastream/slastream-go/attestation"
)

// A Signer turns a request into a signed attestation. Implementations are safe
// for concurrent use.
type Signer interface {
	// PublicKey is the attestation key, fixed for the life of the signer.
	PublicKey() attestation.PublicKey
	// Attest signs the attestation of the request. The attestation that comes
	// back can differ from the one asked for in its timestamp alone: a guard
	// answers with the statement it signed first.
	Attest(ctx context.Context, req Request) (attestation.Signed, error)
}

// A Request is an attestation to sign, with the deployment it is for and what
// backs it on Filecoin. A signer sees what it signs and may refuse.
type Request struct {
	Attestation attestation.Attestation `json:"attestation"`
	Domain      attestation.Domain      `json:"domain"`
	Evidence    attestation.Evidence    `json:"evidence"`
}

// A Key signs digests: a local key, an HSM, a cloud KMS. [New] makes a Signer
// of it.
type Key interface {
	// PublicKey is the key's public point.
	PublicKey() attestation.PublicKey
	// SignDigest signs 32 bytes with ECDSA over secp256k1 and returns r‖s (64
	// bytes), r‖s‖v (65 bytes) or ASN.1 DER; s may be high.
	SignDigest(ctx context.Context, digest attestation.Digest) ([]byte, error)
}

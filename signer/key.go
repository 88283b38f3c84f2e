package signer

import (
	"context"

	"github.com/slastream/slastream-go/attestation"
)

// A Key signs digests: a local key, an HSM, a cloud KMS. [New] makes a Signer
// of it. It is safe for concurrent use and never puts a secret into an error.
//
// An error that wraps [ErrUnavailable] or [ErrUnknownOutcome] says that trying
// again can help; any other is taken to be final. A key that holds a session or
// a connection is an [io.Closer] too, and has [Pinger] if it can be asked.
type Key interface {
	// PublicKey is the key's public point, fixed and known without I/O.
	PublicKey() attestation.PublicKey
	// SignDigest signs 32 bytes with ECDSA over secp256k1 and returns r‖s (64
	// bytes), r‖s‖v (65 bytes) or ASN.1 DER; s may be high. It does not hash.
	SignDigest(ctx context.Context, digest attestation.Digest) ([]byte, error)
}

// A MessageKey hashes what it signs itself, with Keccak-256 and no prefix:
// web3signer's eth1 endpoint, Turnkey's KECCAK256. [NewMessage] makes a Signer
// of it. Otherwise it is as a [Key].
type MessageKey interface {
	// PublicKey is as in [Key].
	PublicKey() attestation.PublicKey
	// SignMessage signs the Keccak-256 hash of the preimage: the 160 bytes of an
	// attestation, or those of a batch. The answer has the forms of
	// Key.SignDigest.
	SignMessage(ctx context.Context, preimage []byte) ([]byte, error)
}

// An ActionKey signs nothing that it has not derived itself from the evidence:
// a Lit action, a remote signer with a policy. [NewAction] makes a Signer of
// it. Otherwise it is as a [Key]. With a method
//
//	SignBatch(context.Context, BatchRequest) (attestation.Batch, []byte, error)
//
// it signs batches too.
type ActionKey interface {
	// PublicKey is as in [Key].
	PublicKey() attestation.PublicKey
	// SignRequest signs what the evidence proves. The attestation it returns is
	// what was signed, and may differ from the one asked for in its timestamp
	// alone. The signature has the forms of Key.SignDigest.
	SignRequest(ctx context.Context, req Request) (attestation.Attestation, []byte, error)
}

// A batchActionKey is an [ActionKey] that signs batches.
type batchActionKey interface {
	SignBatch(ctx context.Context, req BatchRequest) (attestation.Batch, []byte, error)
}

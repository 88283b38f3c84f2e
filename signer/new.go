package signer

import (
	"context"
	"errors"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
)

// ErrBadSignature says that a key returned something that is no signature of
// the digest by the key's public key. Trying again does not help: the backend
// is broken or holds another key.
var ErrBadSignature = errors.New("signer: bad signature from the key")

// An Option changes what [New] makes.
type Option func(*keySigner)

// WithPublicKey pins the attestation key: New fails if the backend holds
// another one. Without it the key's own answer at the time of New is pinned.
func WithPublicKey(key attestation.PublicKey) Option {
	return func(s *keySigner) { s.pinned = key }
}

type keySigner struct {
	key    Key
	pinned attestation.PublicKey
}

var _ Signer = (*keySigner)(nil)

// New makes a signer of a digest key. It fails if the public key is not a point
// of secp256k1 or not the pinned one ([WithPublicKey]). It asks the key for no
// signature. The signer is as safe for concurrent use as the key is.
func New(key Key, options ...Option) (Signer, error) {
	s := &keySigner{key: key, pinned: key.PublicKey()}
	for _, option := range options {
		option(s)
	}
	if got := key.PublicKey(); got != s.pinned {
		return nil, fmt.Errorf("signer: the backend holds key %v, want %v", got, s.pinned)
	}
	if _, err := attestation.ParsePublicKey(append(s.pinned.X[:], s.pinned.Y[:]...)); err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	return s, nil
}

func (s *keySigner) PublicKey() attestation.PublicKey { return s.pinned }

func (s *keySigner) Attest(ctx context.Context, req Request) (attestation.Signed, error) {
	digest := req.Attestation.Digest()
	raw, err := s.key.SignDigest(ctx, digest)
	if err != nil {
		return attestation.Signed{}, fmt.Errorf("signer: sign: %w", err)
	}
	sig, err := attestation.ParseSignatureBy(raw, digest, s.pinned)
	if err != nil {
		return attestation.Signed{}, fmt.Errorf("%w %v: %w", ErrBadSignature, s.pinned, err)
	}
	return attestation.Signed{Attestation: req.Attestation, Signature: sig}, nil
}

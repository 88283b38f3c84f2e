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
	sig, err := canonical(digest, raw, s.pinned)
	if err != nil {
		return attestation.Signed{}, err
	}
	return attestation.Signed{Attestation: req.Attestation, Signature: sig}, nil
}

// canonical turns what a key returned into the signature the escrow wants: low
// s and the parity that recovers the pinned key. A v that came along is not
// believed: some devices return 0, others an EIP-155 number.
func canonical(digest attestation.Digest, raw []byte, key attestation.PublicKey) (attestation.Signature, error) {
	candidates := readings(raw)
	if len(candidates) == 0 {
		return attestation.Signature{}, fmt.Errorf("%w: %d bytes that are neither r‖s, r‖s‖v nor DER", ErrBadSignature, len(raw))
	}
	for _, rs := range candidates {
		for v := range uint32(2) {
			sig := attestation.Signature{R: rs[0], S: rs[1], V: v}.Normalize()
			got, err := attestation.Recover(attestation.RulesLowS, digest, sig)
			if err == nil && got == key {
				return sig, nil
			}
		}
	}
	return attestation.Signature{}, fmt.Errorf("%w: recovers to another key than %v", ErrBadSignature, key)
}

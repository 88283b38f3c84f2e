package signer

import (
	"context"
	"errors"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
)

// An Option changes what [New], [NewMessage] and [NewAction] make.
type Option func(*keySigner)

// WithPublicKey pins the attestation key: New fails if the backend holds
// another one. Without it the key's own answer at the time of New is pinned.
func WithPublicKey(key attestation.PublicKey) Option {
	return func(s *keySigner) { s.pinned = key }
}

// New makes a signer of a digest key. It fails if the public key is not a point
// of secp256k1 or not the pinned one ([WithPublicKey]). It asks the key for no
// signature. The signer is as safe for concurrent use as the key is.
//
// Every signature is parsed in whatever form it has, checked to be in range,
// given a low s and the V that recovers the pinned key, else it is an
// [ErrBadSignature]. Closing the key is left to whoever opened it.
func New(key Key, options ...Option) (Signer, error) {
	return newSigner(key, options, func(ctx context.Context, req Request) (attestation.Attestation, []byte, error) {
		raw, err := key.SignDigest(ctx, req.Attestation.Digest())
		return req.Attestation, raw, err
	}, func(ctx context.Context, req BatchRequest) (attestation.Batch, []byte, error) {
		batch := req.Batch()
		raw, err := key.SignDigest(ctx, batch.Digest())
		return batch, raw, err
	})
}

// NewMessage makes a signer of a key that hashes for itself, as [New] does of a
// digest key.
func NewMessage(key MessageKey, options ...Option) (Signer, error) {
	return newSigner(key, options, func(ctx context.Context, req Request) (attestation.Attestation, []byte, error) {
		preimage := req.Attestation.Bytes()
		raw, err := key.SignMessage(ctx, preimage[:])
		return req.Attestation, raw, err
	}, func(ctx context.Context, req BatchRequest) (attestation.Batch, []byte, error) {
		batch := req.Batch()
		raw, err := key.SignMessage(ctx, batch.Bytes())
		return batch, raw, err
	})
}

// NewAction makes a signer of a key that derives what it signs, as [New] does
// of a digest key. An answer for another attestation, the timestamp apart, is
// an [ErrBadSignature].
func NewAction(key ActionKey, options ...Option) (Signer, error) {
	batches, ok := key.(batchActionKey)
	if !ok {
		return newSigner(key, options, key.SignRequest, nil)
	}
	return newSigner(key, options, key.SignRequest, batches.SignBatch)
}

// A keySigner is the pipeline that no backend can skip.
type keySigner struct {
	pinned attestation.PublicKey
	ping   Pinger // nil if the key has none
	one    func(context.Context, Request) (attestation.Attestation, []byte, error)
	many   func(context.Context, BatchRequest) (attestation.Batch, []byte, error) // nil if the key has none
}

var (
	_ Signer      = (*keySigner)(nil)
	_ BatchSigner = (*keySigner)(nil)
	_ Pinger      = (*keySigner)(nil)
)

func newSigner(
	key interface{ PublicKey() attestation.PublicKey }, options []Option,
	one func(context.Context, Request) (attestation.Attestation, []byte, error),
	many func(context.Context, BatchRequest) (attestation.Batch, []byte, error),
) (Signer, error) {
	s := &keySigner{pinned: key.PublicKey(), one: one, many: many}
	s.ping, _ = key.(Pinger)
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
	if err := ctx.Err(); err != nil {
		return attestation.Signed{}, fmt.Errorf("signer: %w", err)
	}
	attested, raw, err := s.one(ctx, req)
	if err != nil {
		return attestation.Signed{}, backendError(err)
	}
	if !sameStatement(attested, req.Attestation) {
		return attestation.Signed{}, fmt.Errorf("%w %v: it is for another attestation", ErrBadSignature, s.pinned)
	}
	sig, err := s.parse(raw, attested.Digest())
	if err != nil {
		return attestation.Signed{}, err
	}
	return attestation.Signed{Attestation: attested, Signature: sig}, nil
}

func (s *keySigner) AttestBatch(ctx context.Context, req BatchRequest) (SignedBatch, error) {
	if s.many == nil {
		return SignedBatch{}, fmt.Errorf("signer: this key signs no batches: %w", errors.ErrUnsupported)
	}
	if len(req.Items) == 0 {
		return SignedBatch{}, errors.New("signer: batch without items")
	}
	if err := ctx.Err(); err != nil {
		return SignedBatch{}, fmt.Errorf("signer: %w", err)
	}
	batch, raw, err := s.many(ctx, req)
	if err != nil {
		return SignedBatch{}, backendError(err)
	}
	if !sameBatch(batch, req.Batch()) {
		return SignedBatch{}, fmt.Errorf("%w %v: it is for another batch", ErrBadSignature, s.pinned)
	}
	sig, err := s.parse(raw, batch.Digest())
	if err != nil {
		return SignedBatch{}, err
	}
	return SignedBatch{Batch: batch, Signature: sig}, nil
}

func (s *keySigner) Ping(ctx context.Context) error {
	if s.ping == nil {
		return fmt.Errorf("signer: this key cannot be pinged: %w", errors.ErrUnsupported)
	}
	return s.ping.Ping(ctx)
}

func (s *keySigner) parse(raw []byte, digest attestation.Digest) (attestation.Signature, error) {
	sig, err := attestation.ParseSignatureBy(raw, digest, s.pinned)
	if err != nil {
		return attestation.Signature{}, fmt.Errorf("%w %v: %w", ErrBadSignature, s.pinned, err)
	}
	return sig, nil
}

// sameStatement reports whether two attestations differ in their timestamps at
// most.
func sameStatement(a, b attestation.Attestation) bool {
	a.Timestamp = b.Timestamp
	return a == b
}

// sameBatch reports whether two batches differ in timestamps at most.
func sameBatch(a, b attestation.Batch) bool {
	if a.Domain != b.Domain || len(a.Items) != len(b.Items) {
		return false
	}
	for i := range a.Items {
		if !sameStatement(a.Items[i], b.Items[i]) {
			return false
		}
	}
	return true
}

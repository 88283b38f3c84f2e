package signertest

import (
	"context"
	"errors"
	"testing"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// runKey checks what only a digest key can get wrong, then the signer. That a
// digest has 32 bytes is in its type.
func (s *suite) runKey(t *testing.T, open func(t *testing.T) signer.Key) {
	t.Run("digests of every look", func(t *testing.T) { s.digests(t, open(t)) })
	t.Run("a key with a context that is over", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		raw, err := open(t).SignDigest(ctx, attestation.Digest{1})
		if err == nil || raw != nil {
			t.Fatalf("signed: %x", raw)
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the error does not wrap %q", context.Canceled)
		}
		s.silent(t, "error", err)
	})
	t.Run("closing the key", func(t *testing.T) {
		key := open(t)
		s.closing(t, key, func() error {
			_, err := key.SignDigest(t.Context(), attestation.Digest{1})
			return err
		})
	})
	t.Run("pinging the key", func(t *testing.T) {
		p, ok := open(t).(signer.Pinger)
		if !ok {
			t.Skip("no signer.Pinger")
		}
		if err := p.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("the key prints no secret", func(t *testing.T) { s.prints(t, open(t)) })
	s.run(t)
}

// digests are signed as they are: zero, above the order of the curve, with
// zeroes at either end. A key that hashes once more, or reads a number where
// there are bytes, fails.
func (s *suite) digests(t *testing.T, key signer.Key) {
	high := attestation.Digest{}
	for i := range high {
		high[i] = 0xff
	}
	for _, digest := range []attestation.Digest{{}, high, {31: 1}, {0: 1}, {0: 0x80}, {15: 7}} {
		raw, err := key.SignDigest(t.Context(), digest)
		if err != nil {
			t.Errorf("digest %x: %v", digest, err)
			s.silent(t, "error", err)
			continue
		}
		sig, err := attestation.ParseSignatureBy(raw, digest, key.PublicKey())
		if err != nil {
			t.Errorf("digest %x: %d bytes %x: %v", digest, len(raw), raw, err)
			continue
		}
		s.check(t, sig, digest, key.PublicKey())
	}
}

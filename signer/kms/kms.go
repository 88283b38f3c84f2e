package kms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// Sign has a provider sign 32 bytes, without hashing them again, and returns the
// answer in DER or as r‖s; s may be high. It is called from many goroutines.
type Sign func(ctx context.Context, digest attestation.Digest) ([]byte, error)

// Key is a key in a key service. It is safe for concurrent use, and prints
// nothing but its public key.
type Key struct {
	public attestation.PublicKey
	sign   Sign
}

var (
	_ signer.Key     = (*Key)(nil)
	_ slog.LogValuer = Key{}
)

// New returns the key with that public point, which must be on the curve. It
// does not call sign.
func New(public attestation.PublicKey, sign Sign) (*Key, error) {
	if sign == nil {
		return nil, errors.New("kms: no sign function")
	}
	if _, err := attestation.ParsePublicKey(append(public.X[:], public.Y[:]...)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPublicKey, err)
	}
	return &Key{public: public, sign: sign}, nil
}

// PublicKey is the point given to [New].
func (k *Key) PublicKey() attestation.PublicKey { return k.public }

// SignDigest asks the provider, once, and returns r‖s‖v with a low s and v 27 or
// 28. An answer that is no signature of the digest by this key is a
// signer.ErrBadSignature: the provider hashed again, or holds another key by now.
// If ctx ends meanwhile, the outcome is unknown (signer.ErrUnknownOutcome). Other
// errors of the sign function are passed on with %w.
func (k *Key) SignDigest(ctx context.Context, digest attestation.Digest) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: kms: %w", signer.ErrUnavailable, err)
	}
	raw, err := k.sign(ctx, digest)
	if err != nil {
		if ctx.Err() != nil && !errors.Is(err, signer.ErrUnavailable) && !errors.Is(err, signer.ErrUnknownOutcome) {
			return nil, fmt.Errorf("%w: kms: %w: %w", signer.ErrUnknownOutcome, ctx.Err(), err)
		}
		return nil, fmt.Errorf("kms: sign: %w", err)
	}
	sig, err := attestation.ParseSignatureBy(raw, digest, k.public)
	if err != nil {
		return nil, fmt.Errorf("%w: kms: key %v: %w", signer.ErrBadSignature, k.public, err)
	}
	b, err := sig.Bytes()
	if err != nil {
		return nil, fmt.Errorf("kms: %w", err)
	}
	return b[:], nil
}

// String names the public key.
func (k Key) String() string { return "kms.Key " + k.public.String() }

// Format prints [Key.String], whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// LogValue is [Key.String].
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText returns [Key.String].
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

//go:build !cgo

package pkcs11

import (
	"context"

	"github.com/slastream/slastream-go/attestation"
)

// Key is a key in a token. Without cgo there is none.
type Key struct{}

// Open fails with [ErrCGORequired].
func Open(context.Context, Config) (*Key, error) { return nil, ErrCGORequired }

// Generate fails with [ErrCGORequired].
func Generate(context.Context, Config) (attestation.PublicKey, error) {
	return attestation.PublicKey{}, ErrCGORequired
}

// PublicKey returns the zero value.
func (*Key) PublicKey() attestation.PublicKey { return attestation.PublicKey{} }

// SignDigest fails with [ErrCGORequired].
func (*Key) SignDigest(context.Context, attestation.Digest) ([]byte, error) {
	return nil, ErrCGORequired
}

// Ping fails with [ErrCGORequired].
func (*Key) Ping(context.Context) error { return ErrCGORequired }

// Close does nothing.
func (*Key) Close() error { return nil }

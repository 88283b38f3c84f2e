package starknet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"

	"github.com/NethermindEth/juno/core/felt"
	starkcurve "github.com/consensys/gnark-crypto/ecc/stark-curve"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/ecdsa"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/fr"
)

// A Key signs transactions of an account: ECDSA on the Stark curve. It can be
// in this process ([LocalKey]), in an HSM or behind a network. Implementations
// are safe for concurrent use.
type Key interface {
	// PublicKey returns the x coordinate of the public key.
	PublicKey() *felt.Felt
	// SignHash signs a transaction hash.
	SignHash(ctx context.Context, hash *felt.Felt) (r, s *felt.Felt, err error)
}

var _ Key = (*LocalKey)(nil)

// A LocalKey is a [Key] in memory. Printing, logging and encoding it, or a value
// that holds it, shows no secret. The zero value has no key and does not sign.
type LocalKey struct {
	public felt.Felt
	// sign holds the secret in a closure, where no printing by reflection
	// reaches it.
	sign func(hash []byte) (r, s *big.Int, err error)
}

// NewLocalKey returns the key with that secret, a big-endian scalar in [1, n)
// with n the order of the Stark curve.
func NewLocalKey(secret [32]byte) (*LocalKey, error) {
	var k fr.Element
	if err := k.SetBytesCanonical(secret[:]); err != nil || k.IsZero() {
		return nil, errors.New("starknet: secret key: want a scalar in [1, order of the Stark curve)")
	}
	var point starkcurve.G1Affine
	point.ScalarMultiplicationBase(k.BigInt(new(big.Int)))
	public := ecdsa.PublicKey{A: point}
	private := new(ecdsa.PrivateKey)
	if _, err := private.SetBytes(append(public.Bytes(), secret[:]...)); err != nil {
		return nil, errors.New("starknet: secret key: refused by the curve library")
	}
	sign := func(hash []byte) (r, s *big.Int, err error) {
		_, r, s, err = private.SignForRecover(hash, nil)
		return r, s, err
	}
	return &LocalKey{felt.Felt(point.X), sign}, nil
}

// PublicKey returns the x coordinate of the public key, 0 if there is no key.
func (k LocalKey) PublicKey() *felt.Felt { return &k.public }

// SignHash signs hash. The nonce of the signature is fresh and hedged, so two
// signatures of one hash differ.
func (k LocalKey) SignHash(_ context.Context, hash *felt.Felt) (r, s *felt.Felt, err error) {
	if k.sign == nil {
		return nil, nil, errors.New("starknet: sign: no key")
	}
	b := hash.Bytes()
	rr, ss, err := k.sign(b[:])
	if err != nil {
		return nil, nil, fmt.Errorf("starknet: sign: %w", err)
	}
	return new(felt.Felt).SetBigInt(rr), new(felt.Felt).SetBigInt(ss), nil
}

// String returns the public key.
func (k LocalKey) String() string { return "LocalKey(" + k.PublicKey().String() + ")" }

// GoString returns [LocalKey.String].
func (k LocalKey) GoString() string { return k.String() }

// Format writes [LocalKey.String], whatever the verb.
func (k LocalKey) Format(s fmt.State, _ rune) { fmt.Fprint(s, k.String()) }

// LogValue returns [LocalKey.String].
func (k LocalKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText returns [LocalKey.String]: a key cannot be encoded.
func (k LocalKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

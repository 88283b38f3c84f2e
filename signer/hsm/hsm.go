package hsm

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// ErrPublicKey says that a device's public key is not a point of secp256k1, or
// has a Go type that this package does not read.
var ErrPublicKey = errors.New("hsm: no public key of secp256k1")

// Key is a key in a device. It asks the device for one signature at a time,
// because crypto.Signer does not promise more; callers may use it from any number
// of goroutines.
type Key struct {
	device crypto.Signer
	public attestation.PublicKey
	turn   chan struct{} // holds one token: whose turn it is
}

var (
	_ signer.Key     = (*Key)(nil)
	_ slog.LogValuer = Key{}
)

// New returns the key in a device. It asks the device for its public key, once,
// which must be an *ecdsa.PublicKey on secp256k1 or have the method
// SerializeUncompressed of decred's and btcsuite's keys. It fails with
// [ErrPublicKey].
func New(device crypto.Signer) (*Key, error) {
	if device == nil {
		return nil, errors.New("hsm: no device")
	}
	public, err := publicKey(device.Public())
	if err != nil {
		return nil, err
	}
	k := &Key{device: device, public: public, turn: make(chan struct{}, 1)}
	k.turn <- struct{}{}
	return k, nil
}

// PublicKey is the point that the device named at the time of [New].
func (k *Key) PublicKey() attestation.PublicKey { return k.public }

// SignDigest has the device sign the digest and returns what it answers. It
// waits for its turn until ctx is done, which is a signer.ErrUnavailable; once the
// device has the digest it waits for the answer, because a crypto.Signer cannot
// be interrupted. An error of the device is passed on with %w and taken to be
// final, unless the device wraps signer.ErrUnavailable or
// signer.ErrUnknownOutcome itself.
func (k *Key) SignDigest(ctx context.Context, digest attestation.Digest) ([]byte, error) {
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: hsm: %w", signer.ErrUnavailable, ctx.Err())
	default:
	}
	select {
	case <-k.turn:
		defer func() { k.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: hsm: the device is busy: %w", signer.ErrUnavailable, ctx.Err())
	}
	sig, err := k.device.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("hsm: sign: %w", err)
	}
	return sig, nil
}

// String names the public key, and nothing of the device: a key in software
// would print its secret.
func (k Key) String() string { return "hsm.Key " + k.public.String() }

// Format prints [Key.String], whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// LogValue is [Key.String].
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText returns [Key.String].
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// publicKey reads the Go types that devices on secp256k1 name their key in.
func publicKey(k crypto.PublicKey) (attestation.PublicKey, error) {
	var none attestation.PublicKey
	switch k := k.(type) {
	case interface{ SerializeUncompressed() []byte }:
		public, err := attestation.ParsePublicKey(k.SerializeUncompressed())
		if err != nil {
			return none, fmt.Errorf("%w: %w", ErrPublicKey, err)
		}
		return public, nil
	case *ecdsa.PublicKey:
		return fromECDSA(k)
	}
	return none, fmt.Errorf("%w: type %T", ErrPublicKey, k)
}

// fromECDSA reads the coordinates themselves: PublicKey.Bytes of the standard
// library calls the curve's own methods, and any curve can be behind them.
func fromECDSA(k *ecdsa.PublicKey) (attestation.PublicKey, error) {
	var none attestation.PublicKey
	if k == nil || k.Curve == nil {
		return none, fmt.Errorf("%w: nil", ErrPublicKey)
	}
	//lint:ignore SA1019 the successors of X and Y know the NIST curves only
	coordinates := []*big.Int{k.X, k.Y}
	point := make([]byte, 0, 64)
	for _, v := range coordinates {
		w, err := attestation.WordFromBig(v)
		if err != nil {
			return none, fmt.Errorf("%w: %w", ErrPublicKey, err)
		}
		point = append(point, w[:]...)
	}
	public, err := attestation.ParsePublicKey(point)
	if err != nil {
		return none, fmt.Errorf("%w: %w", ErrPublicKey, err)
	}
	return public, nil
}

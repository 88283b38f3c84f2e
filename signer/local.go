package signer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"github.com/slastream/slastream-go/attestation"
)

// Local is a key in this process's memory. Signatures are deterministic (RFC
// 6979 with SHA-256), as ethers and go-ethereum make them. It prints as
// "[redacted]" in every format. Use it for tests and small deployments; whoever
// reads the process's memory has the key.
type Local struct {
	secret secp256k1.PrivateKey
	public attestation.PublicKey
}

var (
	_ Key            = (*Local)(nil)
	_ slog.LogValuer = Local{}
)

// NewLocal returns the key with that secret, a big-endian scalar in [1, n). The
// error does not quote it.
func NewLocal(secret [32]byte) (*Local, error) {
	var scalar secp256k1.ModNScalar
	if scalar.SetBytes(&secret) != 0 || scalar.IsZero() {
		return nil, errors.New("signer: secret is not in [1, n)")
	}
	l := &Local{secret: *secp256k1.NewPrivateKey(&scalar)}
	public, err := attestation.ParsePublicKey(l.secret.PubKey().SerializeUncompressed())
	if err != nil {
		return nil, err
	}
	l.public = public
	return l, nil
}

// PublicKey returns the public point.
func (l *Local) PublicKey() attestation.PublicKey { return l.public }

// SignDigest returns r‖s‖v with a low s. It fails only if ctx is done.
func (l *Local) SignDigest(ctx context.Context, digest attestation.Digest) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	compact := ecdsa.SignCompact(&l.secret, digest[:], false) // 27+parity, then r‖s
	return append(compact[1:], compact[0]-27), nil
}

const redacted = "signer.Local [redacted]"

// Format prints no part of the secret, whatever the verb.
func (l Local) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue prints no part of the secret.
func (l Local) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText prints no part of the secret.
func (l Local) MarshalText() ([]byte, error) { return []byte(redacted), nil }

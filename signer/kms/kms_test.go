package kms_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	encodingasn1 "encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	dcrecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/kms"
	"github.com/slastream/slastream-go/signer/signertest"
)

var secret = secp256k1.PrivKeyFromBytes([]byte{0x5a, 31: 3})

func public() attestation.PublicKey {
	key, err := attestation.ParsePublicKey(secret.PubKey().SerializeUncompressed())
	if err != nil {
		panic(err)
	}
	return key
}

// spki encodes a public key with any algorithm and curve, by the standard
// library.
func spki(algorithm, curve encodingasn1.ObjectIdentifier, point []byte) []byte {
	type identifier struct{ Algorithm, Curve encodingasn1.ObjectIdentifier }
	b, err := encodingasn1.Marshal(struct {
		Algorithm identifier
		Key       encodingasn1.BitString
	}{identifier{algorithm, curve}, encodingasn1.BitString{Bytes: point, BitLength: 8 * len(point)}})
	if err != nil {
		panic(err)
	}
	return b
}

var (
	ecPublicKey = encodingasn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	ecDH        = encodingasn1.ObjectIdentifier{1, 3, 132, 1, 12}
	k1          = encodingasn1.ObjectIdentifier{1, 3, 132, 0, 10}
	r1          = encodingasn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
)

func TestParsePublicKey(t *testing.T) {
	full, short := secret.PubKey().SerializeUncompressed(), secret.PubKey().SerializeCompressed()
	der := spki(ecPublicKey, k1, full)
	require.Len(t, der, 88)
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for name, b := range map[string][]byte{
		"DER": der, "PEM": text, "a compressed point": spki(ecPublicKey, k1, short), "PEM and an empty line": append(text, '\n'),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := kms.ParsePublicKey(b)
			require.NoError(t, err)
			require.Equal(t, public(), got)
		})
	}

	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	p256DER, err := x509.MarshalPKIXPublicKey(&p256.PublicKey)
	require.NoError(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	rsaDER, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	require.NoError(t, err)
	off := slices.Clone(full)
	off[64] ^= 1
	long := slices.Clone(der)
	long[1]++
	unused := slices.Clone(der)
	unused[len(der)-66] = 1 // of the bit string
	for name, b := range map[string][]byte{
		"nothing":                      nil,
		"a bare point":                 full,
		"a key on P-256":               p256DER,
		"an RSA key":                   rsaDER,
		"the point under P-256's name": spki(ecPublicKey, r1, full),
		"the curve under id-ecDH":      spki(ecDH, k1, full),
		"no curve":                     spki(ecPublicKey, encodingasn1.ObjectIdentifier{1, 2}, full),
		"a point off the curve":        spki(ecPublicKey, k1, off),
		"infinity":                     spki(ecPublicKey, k1, []byte{0}),
		"no point":                     spki(ecPublicKey, k1, nil),
		"a point without its first 04": spki(ecPublicKey, k1, full[1:]),
		"a byte after it":              append(slices.Clone(der), 0),
		"a byte missing":               der[:87],
		"a length too long":            long,
		"bits unused":                  unused,
		"PEM of a private key":         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		"two blocks":                   append(slices.Clone(text), text...),
		"PEM of something else":        pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: p256DER}),
		"PEM cut short":                text[:40],
		"a megabyte":                   make([]byte, 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := kms.ParsePublicKey(b)
			require.ErrorIs(t, err, kms.ErrPublicKey)
			require.Less(t, len(err.Error()), 400)
		})
	}
}

// FuzzParsePublicKey compares with what the standard library encodes for the
// key that was read.
func FuzzParsePublicKey(f *testing.F) {
	f.Add(spki(ecPublicKey, k1, secret.PubKey().SerializeUncompressed()))
	f.Add(spki(ecPublicKey, k1, secret.PubKey().SerializeCompressed()))
	f.Add(spki(ecDH, r1, nil))
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := kms.ParsePublicKey(b)
		if err != nil {
			require.ErrorIs(t, err, kms.ErrPublicKey)
			return
		}
		der := b
		if block, _ := pem.Decode(b); block != nil {
			der = block.Bytes
		}
		compressed := key.Compressed()
		full := slices.Concat([]byte{4}, key.X[:], key.Y[:])
		require.True(t, slices.Equal(der, spki(ecPublicKey, k1, full)) || slices.Equal(der, spki(ecPublicKey, k1, compressed[:])),
			"DER has one form for one key, or two with compression")
	})
}

// negated returns r and n − s.
func negated(d attestation.Digest) (r, s [32]byte) {
	compact := dcrecdsa.SignCompact(secret, d[:], false)
	var scalar secp256k1.ModNScalar
	scalar.SetByteSlice(compact[33:])
	return [32]byte(compact[1:33]), scalar.Negate().Bytes()
}

// p1363 is a provider with a high s in every answer.
func p1363(_ context.Context, d attestation.Digest) ([]byte, error) {
	r, s := negated(d)
	return append(r[:], s[:]...), nil
}

func TestConformance(t *testing.T) {
	for name, sign := range map[string]kms.Sign{
		"DER": func(_ context.Context, d attestation.Digest) ([]byte, error) {
			return dcrecdsa.Sign(secret, d[:]).Serialize(), nil
		},
		"P1363": p1363,
	} {
		t.Run(name, func(t *testing.T) {
			signertest.RunKey(t, func(t *testing.T) signer.Key {
				key, err := kms.New(public(), sign)
				require.NoError(t, err)
				return key
			}, signertest.Deterministic(), signertest.Secrets(secret.Key.String()))
		})
	}
}

func TestNewRefuses(t *testing.T) {
	_, err := kms.New(attestation.PublicKey{}, p1363)
	require.ErrorIs(t, err, kms.ErrPublicKey)
	_, err = kms.New(public(), nil)
	require.Error(t, err)
}

func TestAnswersThatAreNoSignature(t *testing.T) {
	other := secp256k1.PrivKeyFromBytes([]byte{7})
	for name, sign := range map[string]kms.Sign{
		"nothing": func(context.Context, attestation.Digest) ([]byte, error) { return nil, nil },
		"text":    func(context.Context, attestation.Digest) ([]byte, error) { return []byte("ok"), nil },
		"another key": func(_ context.Context, d attestation.Digest) ([]byte, error) {
			return dcrecdsa.Sign(other, d[:]).Serialize(), nil
		},
		"hashed again": func(_ context.Context, d attestation.Digest) ([]byte, error) {
			again := sha256.Sum256(d[:])
			return dcrecdsa.Sign(secret, again[:]).Serialize(), nil
		},
		"zeros": func(context.Context, attestation.Digest) ([]byte, error) { return make([]byte, 64), nil },
	} {
		t.Run(name, func(t *testing.T) {
			key, err := kms.New(public(), sign)
			require.NoError(t, err)
			sig, err := key.SignDigest(t.Context(), attestation.Digest{1})
			require.ErrorIs(t, err, signer.ErrBadSignature)
			require.Nil(t, sig)
			require.False(t, signer.Retryable(err))
		})
	}
}

func TestErrorsOfTheProvider(t *testing.T) {
	denied := errors.New("access denied")
	for _, c := range []struct {
		name string
		ends bool // the context, during the call
		err  error
		is   error
	}{
		{"final", false, denied, denied},
		{"throttled", false, fmt.Errorf("%w: slow down", signer.ErrUnavailable), signer.ErrUnavailable},
		{"ended meanwhile", true, errors.New("read: connection reset"), signer.ErrUnknownOutcome},
		{"ended before it was sent", true, fmt.Errorf("%w: dial", signer.ErrUnavailable), signer.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			key, err := kms.New(public(), func(context.Context, attestation.Digest) ([]byte, error) {
				if c.ends {
					cancel()
				}
				return nil, c.err
			})
			require.NoError(t, err)
			_, err = key.SignDigest(ctx, attestation.Digest{1})
			require.ErrorIs(t, err, c.is)
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.err != denied, signer.Retryable(err))
		})
	}
}

// Example signs as Azure Key Vault does: ES256K, and r‖s in the answer.
func Example() {
	der := spki(ecPublicKey, k1, secret.PubKey().SerializeUncompressed()) // from the provider, at start
	public, err := kms.ParsePublicKey(der)
	if err != nil {
		panic(err)
	}
	key, err := kms.New(public, func(ctx context.Context, d attestation.Digest) ([]byte, error) {
		return p1363(ctx, d) // keys.Sign(ctx, name, version, {Algorithm: ES256K, Value: d[:]}, nil) of azkeys
	})
	if err != nil {
		panic(err)
	}
	s, err := signer.New(key)
	if err != nil {
		panic(err)
	}
	a := attestation.Attestation{DealID: attestation.WordFromUint64(1), Timestamp: 1_700_000_000}
	signed, err := s.Attest(context.Background(), signer.Request{Attestation: a})
	if err != nil {
		panic(err)
	}
	fmt.Println(signed.Verify(attestation.RulesLowS, s.PublicKey()))
	// Output: <nil>
}

package kms

import (
	"bytes"
	encodingasn1 "encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/slastream/slastream-go/attestation"
)

// ErrPublicKey says that a public key is not in the form of [ParsePublicKey], or
// is not a point of secp256k1.
var ErrPublicKey = errors.New("kms: no public key of secp256k1")

var (
	idECPublicKey = encodingasn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	secp256k1     = encodingasn1.ObjectIdentifier{1, 3, 132, 0, 10}
)

const maxPublicKey = 4 << 10

// ParsePublicKey reads a SubjectPublicKeyInfo in DER or PEM ("PUBLIC KEY"), as
// key services give it. The algorithm must be id-ecPublicKey (1.2.840.10045.2.1),
// the curve secp256k1 by its name (1.3.132.0.10), and the point on the curve,
// compressed or not. Anything before, between or after these is refused with
// [ErrPublicKey].
//
// x509.ParsePKIXPublicKey of the standard library does not know the curve.
//
// Source: RFC 5480, sections 2 and 2.1.1; SEC 2, A.2.1.
func ParsePublicKey(b []byte) (attestation.PublicKey, error) {
	var none attestation.PublicKey
	if len(b) > maxPublicKey {
		return none, fmt.Errorf("%w: longer than %d bytes", ErrPublicKey, maxPublicKey)
	}
	if bytes.HasPrefix(b, []byte("-----")) {
		block, rest := pem.Decode(b)
		if block == nil || block.Type != "PUBLIC KEY" || len(bytes.TrimSpace(rest)) > 0 {
			return none, fmt.Errorf("%w: PEM without one block PUBLIC KEY", ErrPublicKey)
		}
		b = block.Bytes
	}
	var info, algorithm cryptobyte.String
	var kind, curve encodingasn1.ObjectIdentifier
	var point []byte
	input := cryptobyte.String(b)
	switch {
	case !input.ReadASN1(&info, asn1.SEQUENCE), !input.Empty(), !info.ReadASN1(&algorithm, asn1.SEQUENCE):
		return none, fmt.Errorf("%w: no SubjectPublicKeyInfo in DER: %.64x", ErrPublicKey, b)
	case !algorithm.ReadASN1ObjectIdentifier(&kind), !kind.Equal(idECPublicKey):
		return none, fmt.Errorf("%w: algorithm %v, want id-ecPublicKey, %v", ErrPublicKey, kind, idECPublicKey)
	case !algorithm.ReadASN1ObjectIdentifier(&curve), !algorithm.Empty(), !curve.Equal(secp256k1):
		return none, fmt.Errorf("%w: curve %v, want secp256k1, %v", ErrPublicKey, curve, secp256k1)
	case !info.ReadASN1BitStringAsBytes(&point), !info.Empty():
		return none, fmt.Errorf("%w: no point: %.64x", ErrPublicKey, b)
	case len(point) == 64: // ParsePublicKey of attestation takes X‖Y too, RFC 5480 does not
		return none, fmt.Errorf("%w: point of 64 bytes", ErrPublicKey)
	}
	public, err := attestation.ParsePublicKey(point)
	if err != nil {
		return none, fmt.Errorf("%w: %w", ErrPublicKey, err)
	}
	return public, nil
}

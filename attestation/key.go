package attestation

import (
	"encoding/hex"

	"github.com/consensys/gnark-crypto/ecc/secp256k1"
)

// A PublicKey is a point of secp256k1 in affine coordinates, as the escrow
// stores it. The contract checks nothing about its key, so values off the
// curve and (0, 0) are representable; [ParsePublicKey] refuses them.
type PublicKey struct {
	X Word `json:"x"`
	Y Word `json:"y"`
}

// String returns k uncompressed: 0x04, X and Y, 130 hexadecimal digits.
func (k PublicKey) String() string {
	return "0x04" + hex.EncodeToString(k.X[:]) + hex.EncodeToString(k.Y[:])
}

// ParsePublicKey reads a point in SEC 1 form, 33 bytes compressed (02 or 03) or
// 65 uncompressed (04), or its bare 64 bytes X‖Y. It fails if the coordinates
// are not below p or the point is not on the curve; infinity has no such form.
func ParsePublicKey(b []byte) (PublicKey, error) {
	switch {
	case len(b) == 33 && (b[0] == 2 || b[0] == 3):
		p, reason := pointFromX(Word(b[1:]), b[0] == 3)
		if reason != "" {
			return PublicKey{}, malformed("public key %x: no point of secp256k1 has that x", b)
		}
		return publicKeyOf(p), nil
	case len(b) == 65 && b[0] == 4:
		b = b[1:]
	case len(b) != 64:
		return PublicKey{}, malformed("public key of %d bytes: want 33 (02 or 03 first), 64, or 65 (04 first)", len(b))
	}
	k := PublicKey{X: Word(b[:32]), Y: Word(b[32:])}
	var p secp256k1.G1Affine
	if p.X.SetBytesCanonical(k.X[:]) != nil || p.Y.SetBytesCanonical(k.Y[:]) != nil || p.IsInfinity() || !p.IsOnCurve() {
		return PublicKey{}, malformed("public key %x: not a point of secp256k1", b)
	}
	return k, nil
}

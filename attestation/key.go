package attestation

import (
	"encoding/hex"
	"encoding/json"
)

// A PublicKey is a point of secp256k1 in affine coordinates, as the escrow
// stores it. The contract checks nothing about its key, so values off the
// curve and (0, 0) are representable; [ParsePublicKey] refuses them.
//
// The JSON form is an object of x and y, as [Word] prints; it will not change.
type PublicKey struct {
	X Word `json:"x"`
	Y Word `json:"y"`
}

// String returns k uncompressed: 0x04, X and Y, 130 hexadecimal digits.
func (k PublicKey) String() string {
	return "0x04" + hex.EncodeToString(k.X[:]) + hex.EncodeToString(k.Y[:])
}

// Compressed returns the 33 bytes of SEC 1: 02 for an even Y or 03 for an odd
// one, then X. [ParsePublicKey] gives k back if k is on the curve; of any other
// k, (0, 0) included, the form loses the Y.
func (k PublicKey) Compressed() [33]byte {
	b := [33]byte{2 + k.Y[31]&1}
	copy(b[1:], k.X[:])
	return b
}

// EthereumAddress returns the account that k controls on Ethereum-like chains:
// the last 20 bytes of keccak256(X‖Y). Of a k off the curve, (0, 0) included,
// it is an address that no key controls.
func (k PublicKey) EthereumAddress() EthereumAddress {
	sum := keccak256(append(k.X[:], k.Y[:]...))
	return EthereumAddress(sum[12:])
}

// UnmarshalJSON reads the JSON form: x and y as [ParseWord] reads them. Both
// must be there; other members are ignored. Like the escrow it does not ask
// whether the point is on the curve.
func (k *PublicKey) UnmarshalJSON(b []byte) error {
	var in *struct{ X, Y *Word }
	if err := json.Unmarshal(b, &in); err != nil {
		return malformed("public key %q: %v", excerpt(string(b)), err)
	}
	if in == nil {
		return nil // null changes nothing, as everywhere in encoding/json
	}
	if in.X == nil || in.Y == nil {
		return malformed("public key %q: want x and y", excerpt(string(b)))
	}
	*k = PublicKey{X: *in.X, Y: *in.Y}
	return nil
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
	if _, ok := pointOf(k); !ok {
		return PublicKey{}, malformed("public key %x: not a point of secp256k1", b)
	}
	return k, nil
}

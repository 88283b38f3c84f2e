package attestation

import "github.com/consensys/gnark-crypto/ecc/secp256k1/fr"

// A Signature is exactly what release_chunk receives: r and s as u256, v as
// u32. Any values are representable, also those no signer would make. The
// escrow reads only V == 1 as "R has an odd y"; every other V means even.
type Signature struct {
	R Word   `json:"r"`
	S Word   `json:"s"`
	V uint32 `json:"v"`
}

// ParseSignature reads 65 bytes r‖s‖v with v in {0, 1, 27, 28}; V becomes 0 or
// 1. Ranges of r and s are not checked: that is the escrow's to say.
func ParseSignature(b []byte) (Signature, error) {
	if len(b) != 65 {
		return Signature{}, malformed("signature of %d bytes: want 65 (r, s, v)", len(b))
	}
	v := b[64]
	switch v {
	case 0, 1:
	case 27, 28:
		v -= 27
	default:
		return Signature{}, malformed("signature with v = %d: want 0, 1, 27 or 28", v)
	}
	return Signature{R: Word(b[:32]), S: Word(b[32:64]), V: uint32(v)}, nil
}

// Normalize returns the signature with V 0 or 1, read as the contract reads it
// (only 1 is odd), and with a low s: an s in (n/2, n) becomes n − s and the
// parity flips with it, which recovers the same key. An s of 0, or of n and
// more, stays: no signer makes one, and only RulesLegacy gives it a meaning.
func (s Signature) Normalize() Signature {
	if s.V != 1 {
		s.V = 0
	}
	if s.S.Cmp(halfGroupOrder()) > 0 && s.S.Cmp(groupOrder()) < 0 {
		var e fr.Element
		e.SetBytes(s.S[:])
		e.Neg(&e)
		s.S = e.Bytes()
		s.V ^= 1
	}
	return s
}

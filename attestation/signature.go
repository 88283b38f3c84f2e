package attestation

import (
	"encoding/json"

	"github.com/consensys/gnark-crypto/ecc/secp256k1/fr"
)

// A Signature is exactly what release_chunk receives: r and s as u256, v as
// u32. Any values are representable, also those no signer would make. The
// escrow reads only V == 1 as "R has an odd y"; every other V means even.
//
// The JSON form is an object of r and s, as [Word] prints, and the number v. It
// keeps every V, will not change, and is the only text form: 65 bytes in
// hexadecimal could not hold a V of more than one byte.
type Signature struct {
	R Word   `json:"r"`
	S Word   `json:"s"`
	V uint32 `json:"v"`
}

// ParseSignature reads 65 bytes r‖s‖v with v in {0, 1, 27, 28}; V becomes 0 or
// 1. Ranges of r and s are not checked: that is the escrow's to say. The other
// forms have their own parsers: [ParseCompact], [ParseSignatureBy], [ParseLit].
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

// Bytes returns the 65 bytes r‖s‖v with v 27 or 28, as ethers, viem and
// OpenZeppelin's ECDSA expect; crypto.SigToPub of go-ethereum wants 27 less. It
// fails with [ErrMalformed] if V is neither 0 nor 1: a V of 28 means even to
// the escrow and odd in this form. [Signature.Normalize] settles that.
func (s Signature) Bytes() ([65]byte, error) {
	var b [65]byte
	if s.V > 1 {
		return b, malformed("signature with v = %d has no 65-byte form: want 0 or 1", s.V)
	}
	copy(b[:32], s.R[:])
	copy(b[32:64], s.S[:])
	b[64] = 27 + byte(s.V)
	return b, nil
}

// Compact returns the 64 bytes of EIP-2098, which [ParseCompact] reads. It
// fails with [ErrMalformed] if V is neither 0 nor 1, or if s is 2^255 or more
// and so leaves no bit for the parity; after [Signature.Normalize] it fails
// only for an s that no signer makes.
func (s Signature) Compact() ([64]byte, error) {
	var b [64]byte
	if s.V > 1 || s.S[0] >= 0x80 {
		return b, malformed("signature with s = %v, v = %d has no compact form: want s below 2^255, v 0 or 1", s.S, s.V)
	}
	copy(b[:32], s.R[:])
	copy(b[32:], s.S[:])
	b[32] |= byte(s.V) << 7
	return b, nil
}

// UnmarshalJSON reads the JSON form: r and s as [ParseWord] reads them, v a
// number of 32 bits, taken as it is. All three must be there, because a lost v
// would read as even; other members, such as yParity, are ignored.
func (s *Signature) UnmarshalJSON(b []byte) error {
	var in *struct {
		R, S *Word
		V    *uint32
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return malformed("signature %q: %v", excerpt(string(b)), err)
	}
	if in == nil {
		return nil // null changes nothing, as everywhere in encoding/json
	}
	if in.R == nil || in.S == nil || in.V == nil {
		return malformed("signature %q: want r, s and v", excerpt(string(b)))
	}
	*s = Signature{R: *in.R, S: *in.S, V: *in.V}
	return nil
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

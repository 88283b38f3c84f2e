package attestation

import (
	"encoding/hex"

	"golang.org/x/crypto/sha3"
)

// A Digest is the Keccak-256 hash that the attestation key signs. There is no
// EIP-191 or EIP-712 prefix: the escrow hashes the bare 160 bytes.
type Digest [32]byte

// Digest returns the Keccak-256 hash of [Attestation.Bytes]. As an integer it
// is the msg_hash that the escrow passes to recover_public_key.
func (a Attestation) Digest() Digest {
	b := a.Bytes()
	return keccak256(b[:])
}

// String returns d as 0x and 64 hexadecimal digits.
func (d Digest) String() string { return "0x" + hex.EncodeToString(d[:]) }

// MarshalText returns [Digest.String].
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what [ParseWord] reads.
func (d *Digest) UnmarshalText(b []byte) error { return (*Word)(d).UnmarshalText(b) }

func keccak256(b []byte) [32]byte {
	h := sha3.NewLegacyKeccak256()
	h.Write(b)
	var sum [32]byte
	h.Sum(sum[:0])
	return sum
}

package attestation

import (
	"encoding/hex"
	"hash"
	"io"
	"sync"

	"golang.org/x/crypto/sha3"
)

// A Digest is the Keccak-256 hash that the attestation key signs. There is no
// EIP-191 or EIP-712 prefix: the escrow hashes the bare 160 bytes.
type Digest [32]byte

// Digest returns the Keccak-256 hash of [Attestation.Bytes]. As an integer it
// is the msg_hash that the escrow passes to recover_public_key.
func (a Attestation) Digest() Digest {
	k := keccaks.Get().(*keccak)
	defer keccaks.Put(k)
	k.block = a.Bytes()
	return k.hash(k.block[:])
}

// String returns d as 0x and 64 hexadecimal digits.
func (d Digest) String() string { return "0x" + hex.EncodeToString(d[:]) }

// MarshalText returns [Digest.String].
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what [ParseWord] reads.
func (d *Digest) UnmarshalText(b []byte) error { return (*Word)(d).UnmarshalText(b) }

// A keccak is a hasher with the memory for one input and its sum, kept together
// and reused so that hashing allocates nothing.
type keccak struct {
	state interface {
		hash.Hash
		io.Reader // reads the sum, without a copy of the state
	}
	block [Size]byte
	sum   [32]byte
}

var keccaks = sync.Pool{New: func() any {
	k := new(keccak)
	k.state = sha3.NewLegacyKeccak256().(interface {
		hash.Hash
		io.Reader
	})
	return k
}}

func (k *keccak) hash(b []byte) [32]byte {
	k.state.Reset()
	k.state.Write(b)
	k.state.Read(k.sum[:])
	return k.sum
}

func keccak256(b []byte) [32]byte {
	k := keccaks.Get().(*keccak)
	defer keccaks.Put(k)
	return k.hash(b)
}

package attestation

import "encoding/binary"

// Size is the length in bytes of an encoded [Attestation]: five 32-byte words.
const Size = 160

// An Attestation states that a storage proof on Filecoin earned one chunk of
// one deal. It is what the attestation key signs and what release_chunk of the
// escrow hashes (sla_escrow.cairo, release_chunk).
//
// The type is comparable: two attestations are the same statement exactly if
// they are ==.
type Attestation struct {
	DealID     Word   `json:"dealId"`     // id of the deal in the escrow, from 1
	ChunkIndex uint64 `json:"chunkIndex"` // which chunk of the deal, from 0
	ProofSetID Word   `json:"proofSetId"` // data set (formerly proof set) in the PDPVerifier
	RootCID    Word   `json:"rootCid"`    // root of the first challenged piece: the last 32 bytes of its PieceCIDv2
	Timestamp  uint64 `json:"timestamp"`  // Unix seconds of the Filecoin epoch that holds the proof
}

// Parse decodes the 160 bytes made by [Attestation.Bytes]. It fails if b has
// another length, or if the chunk index or the timestamp does not fit 64 bits.
func Parse(b []byte) (Attestation, error) {
	if len(b) != Size {
		return Attestation{}, malformed("encoding has %d bytes, want %d", len(b), Size)
	}
	chunk, ok := Word(b[32:64]).Uint64()
	if !ok {
		return Attestation{}, malformed("chunk index %v does not fit 64 bits", Word(b[32:64]))
	}
	timestamp, ok := Word(b[128:160]).Uint64()
	if !ok {
		return Attestation{}, malformed("timestamp %v does not fit 64 bits", Word(b[128:160]))
	}
	return Attestation{
		DealID:     Word(b[0:32]),
		ChunkIndex: chunk,
		ProofSetID: Word(b[64:96]),
		RootCID:    Word(b[96:128]),
		Timestamp:  timestamp,
	}, nil
}

// Bytes returns the canonical encoding: deal id, chunk index, proof set id,
// root CID and timestamp, each as a 32-byte big-endian word. It equals
// Solidity's abi.encode and the preimage that the escrow hashes.
func (a Attestation) Bytes() [Size]byte {
	var b [Size]byte
	copy(b[0:32], a.DealID[:])
	binary.BigEndian.PutUint64(b[56:64], a.ChunkIndex)
	copy(b[64:96], a.ProofSetID[:])
	copy(b[96:128], a.RootCID[:])
	binary.BigEndian.PutUint64(b[152:160], a.Timestamp)
	return b
}

package fevm

import (
	"encoding/binary"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/internal/abidata"
)

// selectorProvePossession is that of provePossession(uint256,(bytes32,bytes32[])[]),
// the same in every release.
var selectorProvePossession = [4]byte{0xf5, 0x8f, 0x95, 0x2b}

// A ProvePossession is the call of PDPVerifier.provePossession: proofs for
// challenges 0, 1, 2… of the current proving period of a data set.
type ProvePossession struct {
	SetID  attestation.Word
	Proofs []MerkleProof
}

// Calldata returns the call in canonical ABI encoding, selector first.
func (p ProvePossession) Calldata() []byte {
	size := 4 + 3*nodeSize
	for _, proof := range p.Proofs {
		size += nodeSize * (4 + len(proof.Path))
	}
	b := make([]byte, 0, size)
	b = append(b, selectorProvePossession[:]...)
	b = append(b, p.SetID[:]...)
	b = appendUint64(b, 2*nodeSize)
	b = appendUint64(b, uint64(len(p.Proofs)))
	offset := uint64(nodeSize * len(p.Proofs))
	for _, proof := range p.Proofs {
		b = appendUint64(b, offset)
		offset += nodeSize * uint64(3+len(proof.Path))
	}
	for _, proof := range p.Proofs {
		b = append(b, proof.Leaf[:]...)
		b = appendUint64(b, 2*nodeSize)
		b = appendUint64(b, uint64(len(proof.Path)))
		for _, node := range proof.Path {
			b = append(b, node[:]...)
		}
	}
	return b
}

func appendUint64(b []byte, v uint64) []byte {
	var word [32]byte
	binary.BigEndian.PutUint64(word[24:], v)
	return append(b, word[:]...)
}

// ParseProvePossession reads the calldata of provePossession as the contract's
// decoder reads it: gaps, shared and reordered tails, trailing bytes, and negative
// relative offsets that stay in the calldata are accepted. It fails with [ErrMalformed] where that decoder
// reverts without a reason, and, to bound memory, if proofs share bytes so much
// that their paths together have more nodes than the calldata has words and than
// 64 for each proof. The contract refuses such proofs too, since no piece is
// higher than [MaxPieceHeight].
//
// The contract decodes proof i+1 only after it verified proof i, so for calldata
// that is both malformed and wrong it may name the wrong proof instead.
func ParseProvePossession(calldata []byte) (ProvePossession, error) {
	p, err := parseProvePossession(calldata)
	if err != nil {
		return ProvePossession{}, fmt.Errorf("%w: calldata of provePossession %s: %v", ErrMalformed, quoteBytes(calldata), err)
	}
	return p, nil
}

func parseProvePossession(b []byte) (p ProvePossession, err error) {
	d := callData(b)
	if len(b) < 4 || [4]byte(b) != selectorProvePossession {
		return p, fmt.Errorf("want selector 0x%x", selectorProvePossession)
	}
	if len(b) < 4+2*nodeSize {
		return p, abidata.ErrTruncated
	}
	p.SetID = d.word(4)
	offset, ok := p64(d.word(4 + nodeSize))
	if !ok || offset < 0 || offset > int64(len(b)-4-nodeSize) {
		return p, fmt.Errorf("proofs: %w", abidata.ErrTruncated)
	}
	elems, n, err := d.array(4 + offset)
	if err != nil {
		return p, fmt.Errorf("proofs: %w", err)
	}
	budget := max(len(b)/nodeSize, 64*n)
	p.Proofs = make([]MerkleProof, n)
	for i := range p.Proofs {
		at, err := d.follow(elems, elems+int64(nodeSize*i), 2*nodeSize)
		if err != nil {
			return p, fmt.Errorf("proofs[%d]: %w", i, err)
		}
		path, err := d.follow(at, at+nodeSize, nodeSize)
		if err != nil {
			return p, fmt.Errorf("proofs[%d].proof: %w", i, err)
		}
		nodes, count, err := d.array(path)
		if err != nil {
			return p, fmt.Errorf("proofs[%d].proof: %w", i, err)
		}
		if budget -= count; budget < 0 {
			return p, fmt.Errorf("proofs[%d].proof: proofs share their paths too often", i)
		}
		p.Proofs[i] = MerkleProof{Leaf: d.word(at), Path: make([][nodeSize]byte, count)}
		for j := range count {
			p.Proofs[i].Path[j] = d.word(nodes + int64(nodeSize*j))
		}
	}
	return p, nil
}

// callData is calldata as the EVM gives it: words beyond its end, and before
// its start, are zero.
type callData []byte

func (d callData) word(pos int64) (w [32]byte) {
	if pos >= 0 && pos < int64(len(d)) {
		copy(w[:], d[pos:])
	}
	return w
}

// farBack stands for every negative offset that is too large to matter: all it
// leads to is zero.
const farBack = -1 << 40

// p64 reads a word as the signed number it is to the contract: ok is false if it
// is too large for any calldata, and large negative ones are farBack.
func p64(w [32]byte) (v int64, ok bool) {
	negative := w[0] >= 0x80
	for _, b := range w[:25] {
		switch {
		case negative && b != 0xff:
			return farBack, true
		case !negative && b != 0:
			return 0, false
		}
	}
	return max(int64(binary.BigEndian.Uint64(w[24:])), farBack), true
}

// follow returns the position that the offset word at pos leads to, relative to
// base; at least size bytes must be left there.
func (d callData) follow(base, pos, size int64) (int64, error) {
	offset, ok := p64(d.word(pos))
	if !ok || offset >= int64(len(d))-base-(size-1) {
		return 0, abidata.ErrTruncated
	}
	return base + offset, nil
}

// array returns the position and number of the words of the array at pos.
func (d callData) array(pos int64) (elems int64, n int, err error) {
	length, ok := p64(d.word(pos))
	if !ok || length < 0 {
		return 0, 0, abidata.ErrLength
	}
	elems = pos + nodeSize
	if elems < 0 || length > 0 && length > (int64(len(d))-elems)/nodeSize {
		return 0, 0, abidata.ErrTruncated
	}
	return elems, int(length), nil
}

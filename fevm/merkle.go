package fevm

import (
	"crypto/sha256"
	"fmt"
)

// HashNodes returns the parent of two nodes of a piece's Merkle tree: SHA254,
// which is SHA-256 of left and right with the two top bits of the last byte
// cleared (pdp src/Proofs.sol Hashes.orderedHash).
func HashNodes(left, right [32]byte) [32]byte {
	var pair [2 * nodeSize]byte
	copy(pair[:], left[:])
	copy(pair[nodeSize:], right[:])
	sum := sha256.Sum256(pair[:])
	sum[nodeSize-1] &= 0x3f
	return sum
}

// A MerkleProof shows one leaf of a piece: Path holds the siblings from the
// bottom of the tree to just below its root. It is IPDPTypes.Proof.
type MerkleProof struct {
	Leaf [32]byte
	Path [][32]byte
}

// Root returns the root that the proof leads to for a leaf at offset, in leaves
// from the start of the piece. Leaves are taken as they are, top bits included,
// as the contract takes them.
func (p MerkleProof) Root(offset uint64) [32]byte {
	node := p.Leaf
	for _, sibling := range p.Path {
		if offset&1 == 0 {
			node = HashNodes(node, sibling)
		} else {
			node = HashNodes(sibling, node)
		}
		offset >>= 1
	}
	return node
}

// A MerkleTree is the tree of one piece, kept in memory (twice the bytes of its
// leaves) to make proofs from. It does not change and is safe for concurrent
// use.
type MerkleTree struct {
	levels [][][nodeSize]byte // levels[0] are the leaves; missing nodes are zero trees
	height uint8
}

// NewMerkleTree returns the tree of 2^height leaves that begins with leaves and
// ends with zeros. It takes over the slice. It fails if height is above
// [MaxPieceHeight] or the leaves are more than it has.
func NewMerkleTree(height uint8, leaves [][32]byte) (*MerkleTree, error) {
	if height > MaxPieceHeight {
		return nil, fmt.Errorf("fevm: tree of height %d: more than %d", height, MaxPieceHeight)
	}
	if uint64(len(leaves)) > 1<<height {
		return nil, fmt.Errorf("fevm: tree of height %d: %d leaves are more than 2^%d", height, len(leaves), height)
	}
	t := &MerkleTree{levels: make([][][nodeSize]byte, 1, height+1), height: height}
	t.levels[0] = leaves
	for h := range height {
		below := t.levels[h]
		level := make([][nodeSize]byte, (len(below)+1)/2)
		for i := range level {
			right := zeroRoots[h]
			if 2*i+1 < len(below) {
				right = below[2*i+1]
			}
			level[i] = HashNodes(below[2*i], right)
		}
		t.levels = append(t.levels, level)
	}
	return t, nil
}

// Height returns the height of the tree.
func (t *MerkleTree) Height() uint8 { return t.height }

// Root returns the root of the tree.
func (t *MerkleTree) Root() [32]byte { return t.node(t.height, 0) }

// Prove returns the proof of the leaf at offset. It fails if the tree has fewer
// leaves.
func (t *MerkleTree) Prove(offset uint64) (MerkleProof, error) {
	if offset >= 1<<t.height {
		return MerkleProof{}, fmt.Errorf("fevm: leaf %d: the tree has 2^%d leaves", offset, t.height)
	}
	p := MerkleProof{Leaf: t.node(0, offset), Path: make([][nodeSize]byte, t.height)}
	for h := range t.height {
		p.Path[h] = t.node(h, offset>>h^1)
	}
	return p, nil
}

func (t *MerkleTree) node(h uint8, i uint64) [nodeSize]byte {
	if i < uint64(len(t.levels[h])) {
		return t.levels[h][i]
	}
	return zeroRoots[h]
}

// zeroRoots[h] is the root of a tree of height h whose leaves are zero.
var zeroRoots = func() (z [MaxPieceHeight + 1][nodeSize]byte) {
	for h := range z[1:] {
		z[h+1] = HashNodes(z[h], z[h])
	}
	return z
}()

// PieceLeaves returns the Fr32-expanded leaves of raw data: each 254 bits become
// one 32-byte leaf whose top two bits are clear, the last filled up with zeros.
// A piece's tree holds them followed by zeros up to a power of two.
func PieceLeaves(raw []byte) [][32]byte {
	const bits = 254
	leaves := make([][nodeSize]byte, (len(raw)*8+bits-1)/bits)
	for i := range leaves {
		start := i * bits
		at, shift := start/8, start%8
		for j := range nodeSize {
			var b uint16
			if at+j < len(raw) {
				b = uint16(raw[at+j])
			}
			if at+j+1 < len(raw) {
				b |= uint16(raw[at+j+1]) << 8
			}
			leaves[i][j] = byte(b >> shift)
		}
		leaves[i][nodeSize-1] &= 0x3f
	}
	return leaves
}

package fevm

import (
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"math/big"
)

// MaxPieceHeight is the height of the largest piece that the contract takes:
// 2^50 leaves, 32 PiB (MAX_PIECE_SIZE_LOG2).
const MaxPieceHeight = 50

const (
	nodeSize = 32
	// rawCIDMax is the length of the longest canonical piece CID: prefix,
	// multihash length, eight bytes of padding (below 2^55), height, root.
	rawCIDMax = 4 + 1 + 8 + 1 + nodeSize
)

// pieceCIDPrefix is CIDv1, codec raw, multihash
// fr32-sha256-trunc254-padbintree (0x1011 as uvarint).
var pieceCIDPrefix = [4]byte{0x01, 0x55, 0x91, 0x20}

// A RawCID is a piece CID as a log or a contract holds it: history has CIDs that
// release 3.5.0 refuses, and no log may be lost for that.
type RawCID []byte

// Parse is [ParsePieceCID] of c.
func (c RawCID) Parse() (PieceCID, error) { return ParsePieceCID(c) }

// A PieceCID is a PieceCIDv2 (FRC-0069) in canonical form: the root of a SHA254
// Merkle tree of 2^Height leaves of 32 bytes, the end of which is padding. It is
// comparable. The zero value is the CID of one leaf of zeros.
type PieceCID struct {
	root    [nodeSize]byte
	padding uint64
	height  uint8
}

// A PieceCIDError says why bytes are not a piece CID that a PDPVerifier 3.5.0
// takes. It matches [ErrMalformed].
type PieceCIDError struct {
	Reason string // the error's name in Cids.sol, or the revert text of addPieces, verbatim
	CID    RawCID // what was read
}

// Error quotes the beginning of the CID and the reason.
func (e *PieceCIDError) Error() string {
	return fmt.Sprintf("fevm: piece CID %s: %s", quoteBytes(e.CID), e.Reason)
}

// Is reports whether target is [ErrMalformed].
func (e *PieceCIDError) Is(target error) bool { return target == ErrMalformed }

// NewPieceCID returns the CID of a piece from its parts: padding is the number
// of zero bytes that were appended to the raw data before Fr32 expansion. It
// fails with *[PieceCIDError] where addPieces would.
func NewPieceCID(root [32]byte, height uint8, padding uint64) (PieceCID, error) {
	c := PieceCID{root: root, padding: padding, height: height}
	if reason := refuseSize(uvarint{small: padding}, height); reason != "" {
		return PieceCID{}, &PieceCIDError{Reason: reason, CID: c.Bytes()}
	}
	return c, nil
}

// ParsePieceCID reads the bytes of a PieceCIDv2. It refuses what
// Cids.validateCommPv2 and addPieces of release 3.5.0 refuse, with *[PieceCIDError]:
// another prefix, uvarints that are not minimal, cut off or above 2^256, lengths
// that disagree, more padding than leaves, a height above [MaxPieceHeight].
// Every accepted input is exactly the Bytes of the result.
func ParsePieceCID(b []byte) (PieceCID, error) {
	fail := func(reason string) (PieceCID, error) {
		return PieceCID{}, &PieceCIDError{Reason: reason, CID: RawCID(b)}
	}
	if len(b) < len(pieceCIDPrefix) {
		return fail("CidTooShort")
	}
	if [4]byte(b) != pieceCIDPrefix {
		return fail("InvalidCommPv2Prefix")
	}
	rest := b[len(pieceCIDPrefix):]
	length, n, reason := readUvarint(rest)
	if reason != "" {
		return fail(reason)
	}
	rest = rest[n:]
	if length.large != nil || length.small < 34 || length.small != uint64(len(rest)) {
		return fail("InvalidCommPv2MultihashLength")
	}
	padding, n, reason := readUvarint(rest)
	if reason != "" {
		return fail(reason)
	}
	rest = rest[n:]
	if len(rest) != 1+nodeSize {
		return fail("InvalidCommPv2DigestLength")
	}
	if reason := refuseSize(padding, rest[0]); reason != "" {
		return fail(reason)
	}
	return PieceCID{root: [nodeSize]byte(rest[1:]), padding: padding.small, height: rest[0]}, nil
}

// A uvarint is a number of at most 256 bits: small, or large if that is not nil.
// Only refused CIDs have large ones.
type uvarint struct {
	small uint64
	large *big.Int
}

// readUvarint reads a uvarint as Cids._readUvarint does, with its check that the
// encoding is minimal, and returns its length.
func readUvarint(b []byte) (v uvarint, n int, reason string) {
	for {
		if n == len(b) {
			return v, 0, "UnterminatedUvarint"
		}
		if n == 36 && b[n] > 0x0f {
			return v, 0, "UvarintOverflow"
		}
		n++
		if b[n-1] < 0x80 {
			break
		}
	}
	if n > 1 && b[n-1] == 0 {
		return v, 0, "NonMinimalUvarint"
	}
	if n <= 9 { // 63 bits
		for i, c := range b[:n] {
			v.small |= uint64(c&0x7f) << (7 * i)
		}
		return v, n, ""
	}
	v.large = new(big.Int)
	for i := n - 1; i >= 0; i-- {
		v.large.Lsh(v.large, 7)
		v.large.Or(v.large, big.NewInt(int64(b[i]&0x7f)))
	}
	return v, n, ""
}

// refuseSize returns the contract's reason to refuse a piece of this size, in
// its order of checks, or "".
func refuseSize(padding uvarint, height uint8) string {
	if padding.large == nil && padding.small < 1<<63 && height <= MaxPieceHeight {
		if expandedPadding(padding.small) >= 1<<(height+5) {
			return "Padding is too large"
		}
		return ""
	}
	p := padding.large
	if p == nil {
		p = new(big.Int).SetUint64(padding.small)
	}
	p = new(big.Int).Lsh(p, 7)
	p.Quo(p, big.NewInt(127))
	if p.Cmp(new(big.Int).Lsh(big.NewInt(1), uint(height)+5)) >= 0 {
		return "Padding is too large"
	}
	return "Piece size must be less than 2^50"
}

// Bytes returns the canonical binary CID: 39 bytes, one more for each further
// seven bits of padding.
func (c PieceCID) Bytes() []byte {
	b := make([]byte, 0, rawCIDMax)
	b = append(b, pieceCIDPrefix[:]...)
	n := 1
	for v := c.padding; v >= 0x80; v >>= 7 {
		n++
	}
	b = append(b, byte(n+1+nodeSize))
	v := c.padding
	for ; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	b = append(b, byte(v), c.height)
	return append(b, c.root[:]...)
}

// Root returns the root of the tree: the piece commitment, which is also the
// root CID of an attestation.
func (c PieceCID) Root() [32]byte { return c.root }

// Height returns the height of the tree: it has 2^Height leaves, and a Merkle
// path in it has Height nodes.
func (c PieceCID) Height() uint8 { return c.height }

// Padding returns the number of zero bytes appended to the raw data before Fr32
// expansion.
func (c PieceCID) Padding() uint64 { return c.padding }

// LeafCount returns how many 32-byte leaves hold any data: what can be
// challenged.
func (c PieceCID) LeafCount() uint64 {
	return 1<<c.height - expandedPadding(c.padding)>>5
}

// RawSize returns the bytes of data behind the piece: 127·2^(Height-2) - Padding.
// It is 0 for heights 0 and 1, where the contract has no answer.
func (c PieceCID) RawSize() uint64 {
	if c.height < 2 {
		return 0
	}
	return 127<<(c.height-2) - c.padding
}

// expandedPadding is floor(128·padding/127) for padding below 2^63, without the
// overflow of the product.
func expandedPadding(padding uint64) uint64 { return padding + padding/127 }

// String returns the CID as text: multibase base32, lower case (bafkz…).
func (c PieceCID) String() string {
	return "b" + base32Lower.EncodeToString(c.Bytes())
}

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// quoteBytes shows the beginning of b for an error text.
func quoteBytes(b []byte) string {
	const most = 64
	if len(b) <= most {
		return "0x" + hex.EncodeToString(b)
	}
	return fmt.Sprintf("0x%x… (%d bytes)", b[:most], len(b))
}

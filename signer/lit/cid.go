package lit

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
)

// maxBlock is the size up to which IPFS keeps a file in one block.
const maxBlock = 256 << 10

// CID returns the IPFS content identifier of an action's text as Lit computes
// it: a CIDv0 (Qm…), which is the base58 of the SHA-256 multihash of the text as
// one UnixFS file node. It fails for more than 256 KiB, where a file would be a
// tree of blocks.
//
// Source: UnixFS 1.0 and dag-pb of IPFS; the crate ipfs_hasher of
// LIT-Protocol/chipotle.
func CID(code string) (string, error) {
	if len(code) > maxBlock {
		return "", fmt.Errorf("lit: action of %d bytes: want at most %d", len(code), maxBlock)
	}
	size := uint64(len(code))
	file := []byte{0x08, 2} // Type: File
	if size > 0 {
		file = binary.AppendUvarint(append(file, 0x12), size) // Data
		file = append(file, code...)
	}
	file = binary.AppendUvarint(append(file, 0x18), size) // filesize
	node := binary.AppendUvarint([]byte{0x0a}, uint64(len(file)))
	sum := sha256.Sum256(append(node, file...))
	return base58(append([]byte{0x12, sha256.Size}, sum[:]...)), nil
}

// base58 is Bitcoin's alphabet, for bytes that do not begin with zero.
func base58(b []byte) string {
	const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	n, radix, digit := new(big.Int).SetBytes(b), big.NewInt(58), new(big.Int)
	var out []byte
	for n.Sign() > 0 {
		n.DivMod(n, radix, digit)
		out = append(out, alphabet[digit.Int64()])
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return string(out)
}

// Package commp computes the commitment of a piece from its bytes: the PieceCIDv2
// under which PDPVerifier knows them. Use it to pin a deal to data that one has,
// and to check what a provider has added to a data set; package fevm reads the
// CIDs that are on chain already.
//
//	f, err := os.Open("video.car")
//	cid, err := commp.Sum(f)
//
// The Fr32 expansion and the SHA254 tree are those of go-fil-commp-hashhash,
// Filecoin's own; this package adds FRC-0069's padding. It streams: memory does not
// grow with the piece.
package commp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"

	commp "github.com/filecoin-project/go-fil-commp-hashhash"

	"github.com/slastream/slastream-go/fevm"
)

// ErrEmpty says that there is nothing to commit to: pieces have one byte at least.
var ErrEmpty = errors.New("commp: no bytes")

// smallest is how many bytes the library wants at least. Fewer are zero-extended,
// which is what padding is, so that the root is the same.
const smallest = 65

// A piece is 127 bytes for each 4 leaves, and has 4 leaves at least.
const (
	quad         = 127
	leavesInQuad = 4
)

// Sum reads r to its end and returns the CID of the piece that it holds: the
// smallest one, zero-padded to a power of two. It fails with [ErrEmpty] for no
// bytes, with the library's error beyond 64 GiB, and with r's.
func Sum(r io.Reader) (fevm.PieceCID, error) {
	var calc commp.Calc
	defer calc.Reset() // ends its goroutines, also after an error
	raw, err := io.Copy(&calc, r)
	if err != nil {
		return fevm.PieceCID{}, fmt.Errorf("commp: after %d bytes: %w", raw, err)
	}
	if raw == 0 {
		return fevm.PieceCID{}, ErrEmpty
	}
	if raw < smallest {
		if _, err := io.Copy(&calc, bytes.NewReader(make([]byte, smallest-raw))); err != nil {
			return fevm.PieceCID{}, fmt.Errorf("commp: %w", err)
		}
	}
	root, size, err := calc.Digest()
	if err != nil {
		return fevm.PieceCID{}, fmt.Errorf("commp: %d bytes: %w", raw, err)
	}
	leaves := size / 32
	padding := leaves/leavesInQuad*quad - uint64(raw)
	return fevm.NewPieceCID([32]byte(root), uint8(bits.TrailingZeros64(leaves)), padding)
}

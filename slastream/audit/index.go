package audit

import (
	"github.com/slastream/slastream-go/attestation"
)

// An index says where in the file a deal's terms, its slash and its chunks are:
// the offset of the line. Offset 0 is the header's, so it stands for none.
type index map[attestation.Word]*lineIndex

type lineIndex struct {
	terms, slash int64
	dense        []int64          // by chunk, from 0
	sparse       map[uint64]int64 // chunks that were far ahead of the others
}

// ahead is how far a chunk may be beyond the others without making a hole of its
// own: it bounds what one line of a file can make an index grow.
const ahead = 16

func (x *lineIndex) chunk(i uint64) int64 {
	if i < uint64(len(x.dense)) && x.dense[i] != 0 {
		return x.dense[i]
	}
	return x.sparse[i]
}

func (x *lineIndex) setChunk(i uint64, offset int64) {
	if n := uint64(len(x.dense)); i >= n+ahead {
		if x.sparse == nil {
			x.sparse = map[uint64]int64{}
		}
		x.sparse[i] = offset
		return
	}
	for uint64(len(x.dense)) <= i {
		x.dense = append(x.dense, 0)
	}
	x.dense[i] = offset
}

// add notes the line of an entry.
func (x index) add(e *Entry, offset int64) {
	switch {
	case e.Deal != nil:
		x.of(e.Deal.ID).terms = offset
	case e.Release != nil:
		for i := range e.Release.Chunks {
			a := &e.Release.Chunks[i].Signed.Attestation
			x.of(a.DealID).setChunk(a.ChunkIndex, offset)
		}
	case e.Slash != nil:
		x.of(e.Slash.Deal).slash = offset
	}
}

func (x index) of(deal attestation.Word) *lineIndex {
	if x[deal] == nil {
		x[deal] = new(lineIndex)
	}
	return x[deal]
}

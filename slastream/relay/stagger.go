package relay

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
)

// turnOf says when it is this relay's turn to release a chunk, Unix
// milliseconds. All peers compute the same order for a chunk, without talking.
func (r *Relay) turnOf(c Chunk) uint64 {
	return c.Observed + r.rank(c.ID())*millis(r.Stagger)
}

// rank is how many peers are before this one: the order of
// SHA-256(deal ‖ index ‖ name).
func (r *Relay) rank(id ChunkID) uint64 {
	if len(r.Peers) < 2 {
		return 0
	}
	hash := func(name string) [32]byte {
		b := binary.BigEndian.AppendUint64(id.Deal[:len(id.Deal):len(id.Deal)], id.Index)
		return sha256.Sum256(append(b, name...))
	}
	own, before := hash(r.Name), uint64(0)
	for _, peer := range r.Peers {
		if h := hash(peer); peer != r.Name && bytes.Compare(h[:], own[:]) < 0 {
			before++
		}
	}
	return before
}

package boltstore

import (
	"context"
	"fmt"
	"iter"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream/relay"
)

func chunkKey(id relay.ChunkID) []byte { return appendID(nil, id) }

// timeKey is the entry of a chunk in an index by time.
func timeKey(at uint64, id relay.ChunkID) []byte { return appendID(appendUint(nil, at), id) }

func periodKey(k attestation.PeriodKey) []byte {
	b := appendUint(nil, k.ChainID)
	b = append(b, k.Verifier[:]...)
	return appendUint(appendWord(b, k.SetID), k.Period)
}

// dueKey is the chunk's entry in the index of those to be looked at, nil for
// none.
func dueKey(c relay.Chunk) []byte {
	if c.Version == 0 || c.Tx != (relay.TxID{}) || c.State >= relay.Settled {
		return nil
	}
	return timeKey(c.Retry.At, c.ID())
}

// openKey is the chunk's entry in the index of those still to be paid, nil for
// none.
func openKey(c relay.Chunk) []byte {
	if c.Version == 0 || !c.Open() {
		return nil
	}
	return timeKey(c.Observed, c.ID())
}

func (t *tx) chunk(key []byte) (relay.Chunk, bool, error) {
	row, err := t.get(tableChunks, key)
	if row == nil || err != nil {
		return relay.Chunk{}, false, err
	}
	c, err := parseChunk(key, row)
	return c, err == nil, err
}

// putChunk stores a chunk in place of what was read before: a zero value for a
// new one.
func (t *tx) putChunk(before, c relay.Chunk) error {
	key := chunkKey(c.ID())
	row, err := appendChunk(nil, c)
	if err != nil {
		return err
	}
	if err := t.put(tableChunks, key, row); err != nil {
		return err
	}
	if err := t.move(tableDue, dueKey(before), dueKey(c)); err != nil {
		return err
	}
	if err := t.move(tableOpen, openKey(before), openKey(c)); err != nil {
		return err
	}
	if before.Version > 0 {
		if t.stats.Chunks[before.State] == 0 {
			return fmt.Errorf("%w: chunk %v is not counted", errRow, c.ID())
		}
		t.stats.Chunks[before.State]--
	}
	t.stats.Chunks[c.State]++
	return nil
}

// earner returns the chunk that a proving period has earned.
func (t *tx) earner(period []byte) (relay.ChunkID, bool, error) {
	row, err := t.get(tablePeriods, period)
	if row == nil || err != nil {
		return relay.ChunkID{}, false, err
	}
	r := reader{b: row}
	id := r.id()
	return id, r.end() == nil, r.end()
}

// Chunks implements [relay.Store].
func (s *Store) Chunks(ctx context.Context, q relay.ChunkQuery) iter.Seq2[relay.Chunk, error] {
	wanted := func(c relay.Chunk) bool {
		return (q.Deal == nil || *q.Deal == c.Deal) && (q.After == nil || c.ID().Compare(*q.After) > 0) && (!q.Open || c.Open())
	}
	find := scan[relay.Chunk]{table: tableChunks, from: []byte{0}, limit: q.Limit}
	switch {
	case q.IDs != nil:
		return s.chunksByID(ctx, q.IDs)
	case q.Due > 0:
		find.table = tableDue
		find.pick = func(t *tx, key, _ []byte) (relay.Chunk, bool, error) {
			r := reader{b: key}
			at, id := r.uint(), r.id()
			if r.end() == nil && at > q.Due {
				return relay.Chunk{}, false, errStop
			}
			c, ok, err := t.chunk(chunkKey(id))
			if err == nil && (!ok || r.end() != nil || dueKey(c) == nil || c.Retry.At != at) {
				err = fmt.Errorf("%w: chunk %v is not due at %d", errRow, id, at)
			}
			return c, err == nil && wanted(c), err
		}
	default:
		if q.Deal != nil {
			find.prefix = dealKey(*q.Deal)
			find.from = find.prefix
		}
		if q.After != nil && (q.Deal == nil || q.After.Deal == *q.Deal) {
			find.from = after(chunkKey(*q.After))
		}
		find.pick = func(_ *tx, key, row []byte) (relay.Chunk, bool, error) {
			c, err := parseChunk(key, row)
			return c, err == nil && wanted(c), err
		}
	}
	return rows(ctx, s, find)
}

// chunksByID yields the chunks that exist, in the order of the list.
func (s *Store) chunksByID(ctx context.Context, ids []relay.ChunkID) iter.Seq2[relay.Chunk, error] {
	return func(yield func(relay.Chunk, error) bool) {
		for len(ids) > 0 {
			var page []relay.Chunk
			n := min(len(ids), pageRows)
			err := s.view(ctx, func(t *tx) error {
				for _, id := range ids[:n] {
					switch c, ok, err := t.chunk(chunkKey(id)); {
					case err != nil:
						return err
					case ok:
						page = append(page, c)
					}
				}
				return nil
			})
			for _, c := range page {
				if !yield(c, nil) {
					return
				}
			}
			if err != nil {
				yield(relay.Chunk{}, err)
				return
			}
			ids = ids[n:]
		}
	}
}

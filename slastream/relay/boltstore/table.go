package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"

	"go.etcd.io/bbolt"

	"github.com/slastream/slastream-go/slastream/relay"
)

// A table is a bucket of the file. All rows of all tables end with a checksum.
type table string

const (
	tableFile         table = "file"         // "magic", "version", "cursor", "stats"
	tableTracks       table = "tracks"       // deal → track
	tableSets         table = "sets"         // data set → deal, of tracks that are not over
	tableBehind       table = "behind"       // deals whose proofs are to be read
	tableChunks       table = "chunks"       // deal, index → chunk
	tableDue          table = "due"          // Retry.At, deal, index of chunks that are to be looked at
	tableOpen         table = "open"         // Observed, deal, index of chunks that are still to be paid
	tablePeriods      table = "periods"      // proving period → deal, index of the chunk that it earned
	tableTransactions table = "transactions" // sender, nonce → transaction
	tableFlying       table = "flying"       // sender, nonce of transactions that are not accepted
	tableAccepted     table = "accepted"     // sender, Due, nonce of those that are
	tableLeases       table = "leases"       // name → token
	tableSpends       table = "spends"       // scope, hour → amount
)

// tables are all of them, in the order in which they are made.
var tables = []table{
	tableFile, tableTracks, tableSets, tableBehind, tableChunks, tableDue, tableOpen,
	tablePeriods, tableTransactions, tableFlying, tableAccepted, tableLeases, tableSpends,
}

// filling is how full a page of the table is left when it is split. Deals are
// bound in order as a rule, so that what comes later goes to later pages.
func (n table) filling() float64 {
	if n == tableTracks {
		return 0.9
	}
	return bbolt.DefaultFillPercent
}

const sumSize = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is that of a row: of where it is and of what it says.
func checksum(n table, key, row []byte) uint32 {
	var size [8]byte
	binary.BigEndian.PutUint32(size[:4], uint32(len(n)))
	binary.BigEndian.PutUint32(size[4:], uint32(len(key)))
	sum := crc32.Update(0, castagnoli, size[:])
	sum = crc32.Update(sum, castagnoli, []byte(n))
	sum = crc32.Update(sum, castagnoli, key)
	return crc32.Update(sum, castagnoli, row)
}

// checked takes the checksum off a value.
func checked(n table, key, value []byte) ([]byte, error) {
	row := value[:max(0, len(value)-sumSize)]
	if len(value) < sumSize || binary.BigEndian.Uint32(value[len(row):]) != checksum(n, key, row) {
		return nil, fmt.Errorf("%w: wrong checksum of %s %x", errRow, n, key[:min(len(key), 64)])
	}
	return row, nil
}

// A tx is a transaction on the file.
type tx struct {
	*bbolt.Tx
	before, stats relay.Stats // the counts, in one that changes; without Oldest
}

func (t *tx) bucket(n table) (*bbolt.Bucket, error) {
	b := t.Bucket([]byte(n))
	if b == nil {
		return nil, fmt.Errorf("%w: no table of %s", errRow, n)
	}
	b.FillPercent = n.filling()
	return b, nil
}

// get returns a row, nil if there is none. It is good until the transaction
// ends.
func (t *tx) get(n table, key []byte) ([]byte, error) {
	b, err := t.bucket(n)
	if err != nil {
		return nil, err
	}
	value := b.Get(key)
	if value == nil {
		return nil, nil
	}
	return checked(n, key, value)
}

func (t *tx) put(n table, key, row []byte) error {
	b, err := t.bucket(n)
	if err != nil {
		return err
	}
	if err := b.Put(key, binary.BigEndian.AppendUint32(bytes.Clone(row), checksum(n, key, row))); err != nil {
		return fmt.Errorf("boltstore: %s: %w", n, err)
	}
	return nil
}

func (t *tx) delete(n table, key []byte) error {
	b, err := t.bucket(n)
	if err != nil {
		return err
	}
	return b.Delete(key)
}

// move replaces the key of an entry in an index: nil is no entry, before or
// after.
func (t *tx) move(n table, before, after []byte) error {
	switch {
	case before != nil && after != nil && bytes.Equal(before, after):
		return nil
	case before != nil:
		if err := t.delete(n, before); err != nil {
			return err
		}
	}
	if after == nil {
		return nil
	}
	return t.put(n, after, nil)
}

// The most rows and bytes that are read in one transaction. An old one keeps
// pages from being used again, and a writer from growing the map.
const (
	pageRows  = 512
	pageBytes = 1 << 20
)

// errStop ends a scan.
var errStop = errors.New("stop")

// A scan reads a table in the order of its keys.
type scan[T any] struct {
	table  table
	prefix []byte // of all keys
	from   []byte // the first key, or where it would be
	limit  int    // 0: none
	// pick reads a row: what is yielded, or not ok. errStop says that nothing
	// follows.
	pick func(t *tx, key, row []byte) (v T, ok bool, err error)
}

// rows yields what the scan picks. Each page of rows is one transaction, over
// before the loop body runs.
func rows[T any](ctx context.Context, s *Store, q scan[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		left := q.limit
		for from := q.from; from != nil; {
			var page []T
			err := s.view(ctx, func(t *tx) (err error) {
				page, from, err = q.page(t, from, left)
				return err
			})
			for _, v := range page {
				if !yield(v, nil) {
					return
				}
			}
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			if left -= len(page); q.limit > 0 && left <= 0 {
				return
			}
		}
	}
}

// page reads on from a key, and returns where to read on next, nil for the end.
func (q scan[T]) page(t *tx, from []byte, limit int) (page []T, next []byte, err error) {
	b, err := t.bucket(q.table)
	if err != nil {
		return nil, nil, err
	}
	cursor, read, size := b.Cursor(), 0, 0
	for key, value := cursor.Seek(from); key != nil && bytes.HasPrefix(key, q.prefix); key, value = cursor.Next() {
		if read == pageRows || size >= pageBytes || q.limit > 0 && len(page) == limit {
			return page, bytes.Clone(key), nil
		}
		row, err := checked(q.table, key, value)
		if err != nil {
			return page, nil, err
		}
		v, ok, err := q.pick(t, key, row)
		switch {
		case errors.Is(err, errStop):
			return page, nil, nil
		case err != nil:
			return page, nil, err
		case ok:
			page = append(page, v)
		}
		read++
		size += len(key) + len(value)
	}
	return page, nil, nil
}

// after is the first key behind all that begin with a key.
func after(key []byte) []byte { return append(bytes.Clone(key), 0xff) }

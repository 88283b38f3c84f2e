package boltstore

import (
	"context"
	"encoding/binary"

	"github.com/slastream/slastream-go/slastream/relay"
)

// BindAll binds tracks in one transaction, to fill a store in little time.
func (s *Store) BindAll(ctx context.Context, tracks []relay.Track) error {
	return s.update(ctx, func(t *tx) error {
		for _, track := range tracks {
			if err := t.bind(track); err != nil {
				return err
			}
		}
		return nil
	})
}

// Sealed is a row with its checksum.
func Sealed(n, key, row string) []byte {
	return binary.BigEndian.AppendUint32([]byte(row), checksum(table(n), []byte(key), []byte(row)))
}

// The decoders of rows, each with its encoder, and the keys of what they decode.
var (
	ParseTrack       = parseTrack
	ParseChunk       = parseChunk
	ParseTransaction = parseTransaction
)

// EncodeTrack returns the key and the row of a track.
func EncodeTrack(t relay.Track) (key, row []byte) { return dealKey(t.Deal), appendTrack(nil, t) }

// EncodeChunk returns the key and the row of a chunk.
func EncodeChunk(c relay.Chunk) (key, row []byte, err error) {
	row, err = appendChunk(nil, c)
	return chunkKey(c.ID()), row, err
}

// EncodeTransaction returns the key and the row of a transaction.
func EncodeTransaction(t relay.Transaction) (key, row []byte, err error) {
	row, err = appendTransaction(nil, t)
	return transactionKey(t.TxID), row, err
}

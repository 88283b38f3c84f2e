package boltstore_test

import (
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// contents is what a store holds.
type contents struct {
	Cursor       uint64
	Tracks       []relay.Track
	Behind       []relay.Track
	Chunks       []relay.Chunk
	Due          []relay.Chunk
	Transactions []relay.Transaction
	Spent        slastream.Amount
	Stats        relay.Stats
}

var benchSender = slastream.Address{31: 1}

// read returns all that the store holds, or its first error.
func read(t testing.TB, s relay.Store) (c contents, err error) {
	ctx := t.Context()
	if c.Cursor, err = s.Cursor(ctx); err != nil {
		return c, err
	}
	if c.Tracks, err = list(s.Tracks(ctx, relay.TrackQuery{})); err != nil {
		return c, err
	}
	if c.Behind, err = list(s.Tracks(ctx, relay.TrackQuery{Behind: true})); err != nil {
		return c, err
	}
	if c.Chunks, err = list(s.Chunks(ctx, relay.ChunkQuery{})); err != nil {
		return c, err
	}
	if c.Due, err = list(s.Chunks(ctx, relay.ChunkQuery{Due: 1 << 63})); err != nil {
		return c, err
	}
	if c.Transactions, err = list(s.Transactions(ctx, benchSender, 1<<63)); err != nil {
		return c, err
	}
	if c.Spent, err = s.Spent(ctx, "", 0); err != nil {
		return c, err
	}
	c.Stats, err = s.Stats(ctx)
	return c, err
}

func list[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var found []T
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		found = append(found, v)
	}
	return found, nil
}

func mustRead(t testing.TB, s relay.Store) contents {
	t.Helper()
	c, err := read(t, s)
	require.NoError(t, err)
	return c
}

// fill stores some of everything: tables of one page and of many.
func fill(t testing.TB, s relay.Store) {
	t.Helper()
	ctx := t.Context()
	var chunks []relay.Chunk
	for deal := range uint64(80) {
		track := benchTrack(deal)
		track.Behind = deal%3 == 0
		require.NoError(t, s.Bind(ctx, track))
		chunks = append(chunks, benchChunk(deal, 0), benchChunk(deal, 1))
	}
	require.NoError(t, s.Observe(ctx, relay.Observation{Next: 5_000_000, Chunks: chunks}))
	lease := mustLease(t, s)
	for nonce := range uint64(8) {
		tx := relay.Transaction{TxID: relay.TxID{Sender: benchSender, Nonce: nonce}, State: relay.Stored + relay.State(nonce%3), Due: 100 * nonce, Stored: nonce}
		tx.Signed = []slastream.SignedTx{{Hash: benchSender.Word(), Sender: benchSender, Nonce: nonce, Body: make([]byte, 3000*nonce)}}
		c := mustChunk(t, s, benchChunk(nonce, 0).ID())
		tx.Chunks = []relay.ChunkID{c.ID()}
		c.Tx, c.State = tx.TxID, tx.State
		require.NoError(t, s.Commit(ctx, relay.Change{
			Lease: lease, Chunks: []relay.Chunk{c}, Put: []relay.Transaction{tx},
			Spend: []relay.Spend{{Hour: relay.Hour(nonce), Amount: c.Amount}},
		}))
	}
}

func mustLease(t testing.TB, s relay.Store) relay.Lease {
	t.Helper()
	lease, err := s.Lease(t.Context(), "account", "owner", time.Hour)
	require.NoError(t, err)
	return lease
}

func mustChunk(t testing.TB, s relay.Store, id relay.ChunkID) relay.Chunk {
	t.Helper()
	found, err := list(s.Chunks(t.Context(), relay.ChunkQuery{IDs: []relay.ChunkID{id}}))
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0]
}

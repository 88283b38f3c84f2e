//go:build fixture

package boltstore_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/boltstore"
)

// TestFixture writes testdata/v1.db, a file of version 1, and testdata/v1.json,
// what is in it by a MemoryStore:
//
//	go test -tags fixture -run TestFixture ./slastream/relay/boltstore
//
// Version 1 had the rows of version 2 that are left here. Run it no more when a
// row changes: the file is what a program of then has written.
func TestFixture(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v1.db")
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	everything(t, s)
	require.NoError(t, s.Close())
	other(t, path, func(tx *bbolt.Tx) error {
		for _, name := range []string{"behind", "open", "spends"} {
			if err := tx.DeleteBucket([]byte(name)); err != nil {
				return err
			}
		}
		file := tx.Bucket([]byte("file"))
		if err := file.Delete([]byte("stats")); err != nil {
			return err
		}
		return file.Put([]byte("version"), boltstore.Sealed("file", "version", "\x01\x01"))
	})

	old, err := bbolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll("testdata/v1.db"))
	small, err := bbolt.Open("testdata/v1.db", 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, bbolt.Compact(small, old, 0))
	require.NoError(t, small.Close())
	require.NoError(t, old.Close())

	model := relay.NewMemoryStore()
	everything(t, model)
	want := mustRead(t, model)
	want.Spent = slastream.Amount{} // version 1 did not count
	text, err := json.MarshalIndent(want, "", "")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("testdata/v1.json", append(text, '\n'), 0o600))
}

// everything stores tracks, chunks and transactions in all states.
func everything(t *testing.T, s relay.Store) {
	t.Helper()
	ctx := t.Context()
	var chunks []relay.Chunk
	for deal := range uint64(24) {
		track := benchTrack(deal)
		track.Behind = deal%3 == 0
		require.NoError(t, s.Bind(ctx, track))
		for index := range deal % 4 {
			c := benchChunk(deal, index)
			c.Retry.At = 1000 * (deal % 5)
			chunks = append(chunks, c)
		}
	}
	require.NoError(t, s.Observe(ctx, relay.Observation{Next: 4_123_456, Chunks: chunks}))
	tracks, err := list(s.Tracks(ctx, relay.TrackQuery{}))
	require.NoError(t, err)
	tracks[3].Over, tracks[6].Halted, tracks[9].Earned = true, "the client asked for it", 99
	again := benchTrack(1000)
	again.Set = tracks[3].Set
	require.NoError(t, s.Commit(ctx, relay.Change{Tracks: []relay.Track{tracks[3], tracks[6], tracks[9]}}))
	require.NoError(t, s.Bind(ctx, again))

	lease, err := s.Lease(ctx, "account", "owner", time.Hour)
	require.NoError(t, err)
	for i, old := range chunks {
		c, change := mustChunk(t, s, old.ID()), relay.Change{Lease: lease}
		c.State, c.Updated = relay.State(i%8), c.Updated+uint64(i)
		if c.State >= relay.Attested {
			c.Signed.Attestation.DealID, c.Signed.Attestation.ChunkIndex = c.Deal, c.Index
			c.Signed.Attestation.ProofSetID, c.Signed.Attestation.RootCID, c.Signed.Attestation.Timestamp = c.Proof.SetID, c.Proof.RootCID, c.Proof.Timestamp
			c.Signed.Signature.R, c.Signed.Signature.S, c.Signed.Signature.V = c.Proof.TxHash, c.Proof.BlockHash, uint32(i%2)
			c.Batched = i%3 == 0
		}
		if c.State >= relay.Stored && c.State <= relay.Settled {
			c.Tx = relay.TxID{Sender: benchSender, Nonce: uint64(i)}
			tx := relay.Transaction{TxID: c.Tx, State: min(c.State, relay.Accepted), Chunks: []relay.ChunkID{c.ID()}, Due: uint64(500 * i), Stored: uint64(i)}
			for n := range 1 + i%3 {
				tx.Signed = append(tx.Signed, slastream.SignedTx{Hash: c.Proof.TxHash, Sender: benchSender, Nonce: tx.Nonce, Body: []byte{byte(n), byte(i), '{', '}'}})
			}
			change.Put = []relay.Transaction{tx}
			change.Spend = []relay.Spend{{Hour: relay.Hour(i), Amount: c.Amount}}
		}
		if c.State == relay.Refused {
			c.Retry = relay.Retry{Attempts: 3, At: 77, Class: relay.ClassReverted, Reason: "Chunk already released"}
		}
		change.Chunks = []relay.Chunk{c}
		require.NoError(t, s.Commit(ctx, change))
	}
}

package boltstore_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/boltstore"
)

// Rows and keys that decode are those that encode to the same bytes: each value
// has one encoding, and nothing is read that is not kept.
func FuzzRow(f *testing.F) {
	track := benchTrack(7)
	track.Behind, track.Halted = true, "stopped"
	key, row := boltstore.EncodeTrack(track)
	f.Add(byte(0), key, row)
	f.Add(byte(0), []byte{2, 0, 7}, row) // a number that is longer than it must be
	c := benchChunk(7, 3)
	key, row, _ = boltstore.EncodeChunk(c)
	f.Add(byte(1), key, row)
	c.Signed.Attestation = attestation.Attestation{DealID: c.Deal, ChunkIndex: c.Index, ProofSetID: c.Proof.SetID, RootCID: c.Proof.RootCID, Timestamp: c.Proof.Timestamp}
	c.Signed.Signature.R, c.Retry.Reason, c.Counted, c.Batched = c.Proof.TxHash, "reverted", true, true
	key, row, _ = boltstore.EncodeChunk(c)
	f.Add(byte(1), key, row)
	foreign := c // the statement of c is written out for another chunk, and read with c
	foreign.Index++
	_, row, _ = boltstore.EncodeChunk(foreign)
	f.Add(byte(1), key, row)
	c.Signed.Attestation.Timestamp++
	key, row, _ = boltstore.EncodeChunk(c)
	f.Add(byte(1), key, row)
	tx := relay.Transaction{TxID: relay.TxID{Sender: benchSender, Nonce: 9}, State: relay.Sent, Chunks: []relay.ChunkID{c.ID(), {}}}
	tx.Signed = []slastream.SignedTx{{Sender: tx.Sender, Nonce: 9, Body: []byte("{}")}, {Nonce: 1}}
	key, row, _ = boltstore.EncodeTransaction(tx)
	f.Add(byte(2), key, row)
	f.Add(byte(2), []byte{0, 0}, []byte{1, 3, 0, 0, 8, 255, 255, 255, 255, 255, 255, 255, 255}) // claims to be long
	f.Fuzz(func(t *testing.T, kind byte, key, row []byte) {
		var gotKey, gotRow []byte
		var err error
		switch kind % 3 {
		case 0:
			v, parseErr := boltstore.ParseTrack(key, row)
			if parseErr != nil {
				return
			}
			gotKey, gotRow = boltstore.EncodeTrack(v)
		case 1:
			v, parseErr := boltstore.ParseChunk(key, row)
			if parseErr != nil {
				return
			}
			gotKey, gotRow, err = boltstore.EncodeChunk(v)
		case 2:
			v, parseErr := boltstore.ParseTransaction(key, row)
			if parseErr != nil {
				return
			}
			gotKey, gotRow, err = boltstore.EncodeTransaction(v)
		}
		require.NoError(t, err)
		require.Equal(t, key, gotKey)
		require.Equal(t, row, gotRow)
	})
}

// Whatever is written over a file, it is refused or reads as before: no panic,
// and no end without one.
func FuzzFile(f *testing.F) {
	file, want := filled(f)
	path := filepath.Join(f.TempDir(), "relay.db")
	f.Add(uint32(0), []byte{1})
	f.Add(uint32(16+8), []byte{0, 0, 1, 0})                 // the size of pages
	f.Add(uint32(4096+16+40), bytes.Repeat([]byte{255}, 8)) // how many there are
	f.Add(uint32(2*4096+10), []byte{255, 255})              // of a list of free pages
	random := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		f.Add(uint32(random.IntN(len(file))), []byte{byte(random.Uint32()), byte(random.Uint32())})
	}
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		damaged := bytes.Clone(file)
		copy(damaged[int(at)%len(file):], patch)
		require.NoError(t, os.WriteFile(path, damaged, 0o600))
		s, err := boltstore.Open(path, boltstore.WithoutSync())
		if err != nil {
			require.ErrorIs(t, err, boltstore.ErrCorrupt)
			return
		}
		require.Equal(t, want, mustRead(t, s))
		require.NoError(t, s.Close())
	})
}

// Keys are in the order of what they are for.
func TestKeyOrder(t *testing.T) {
	number := rapid.Custom(func(r *rapid.T) uint64 {
		return rapid.Uint64().Draw(r, "number") >> rapid.IntRange(0, 63).Draw(r, "shorter")
	})
	word := rapid.Custom(func(r *rapid.T) (w attestation.Word) {
		n := rapid.IntRange(0, 32).Draw(r, "length")
		copy(w[32-n:], rapid.SliceOfN(rapid.Byte(), n, n).Draw(r, "bytes"))
		return w
	})
	rapid.Check(t, func(r *rapid.T) {
		a := relay.Chunk{Deal: word.Draw(r, "deal"), Index: number.Draw(r, "index")}
		b := relay.Chunk{Deal: word.Draw(r, "deal"), Index: number.Draw(r, "index")}
		if rapid.Bool().Draw(r, "one deal") {
			b.Deal = a.Deal
		}
		keyA, _, err := boltstore.EncodeChunk(a)
		require.NoError(r, err)
		keyB, _, err := boltstore.EncodeChunk(b)
		require.NoError(r, err)
		require.Equal(r, a.ID().Compare(b.ID()), bytes.Compare(keyA, keyB))
	})
}

func TestRowsThatAreNone(t *testing.T) {
	s, err := boltstore.Open(filepath.Join(t.TempDir(), "relay.db"))
	require.NoError(t, err)
	ctx := t.Context()
	c := benchChunk(1, 0)
	c.State = relay.Refused + 1
	require.ErrorContains(t, s.Observe(ctx, relay.Observation{Chunks: []relay.Chunk{c}}), "boltstore: unknown state: chunk 2/0 in State(8)")
	tx := relay.Transaction{TxID: relay.TxID{Nonce: 3}}
	require.ErrorContains(t, s.Commit(ctx, relay.Change{Lease: mustLease(t, s), Put: []relay.Transaction{tx}}), "boltstore: a transaction that is not signed: nonce 3")
	tx.Signed, tx.State = []slastream.SignedTx{{}}, 9
	require.ErrorContains(t, s.Commit(ctx, relay.Change{Lease: mustLease(t, s), Put: []relay.Transaction{tx}}), "boltstore: unknown state")
	require.Equal(t, relay.Stats{}, mustRead(t, s).Stats)
	require.NoError(t, s.Close())
}

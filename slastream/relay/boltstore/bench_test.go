package boltstore_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/boltstore"
)

// benchTrack is a track as it is after some proofs: the address and the amount
// have the length that they have on Starknet, and data sets are bound in about
// the order in which they were made.
func benchTrack(i uint64) relay.Track {
	t := relay.Track{
		Binding:  relay.Binding{Deal: attestation.WordFromUint64(i + 1), Set: attestation.WordFromUint64((i ^ 0x3ff) + 1), StartEpoch: 4_000_000 + i},
		Amount:   slastream.AmountFromUint64(1e18),
		Chunks:   360,
		Deadline: 1_800_000_000 + i,
		Earned:   17,
		Next:     4_100_000 + i,
	}
	for j := range t.Provider {
		t.Provider[j] = byte(j + 1)
	}
	binary.BigEndian.PutUint64(t.Provider[24:], i)
	return t
}

// benchChunk is what a proof earns.
func benchChunk(deal, index uint64) relay.Chunk {
	t := benchTrack(deal)
	c := relay.Chunk{Deal: t.Deal, Index: index, Amount: t.Amount, Provider: t.Provider, Observed: 1_700_000_000_000 + index, Updated: 1_700_000_000_000 + index}
	c.Proof.ChainID, c.Proof.Verifier, c.Proof.SetID, c.Proof.Period = 314, attestation.EthereumAddress(t.Provider[:20]), t.Set, 4_000_000+2880*index
	c.Proof.TxHash, c.Proof.BlockHash, c.Proof.RootCID = t.Provider.Word(), t.Provider.Word(), t.Provider.Word()
	c.Proof.BlockNumber, c.Proof.LogIndex, c.Proof.Timestamp = c.Proof.Period+99, 12, 1_700_000_000
	return c
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func mib(n uint64) float64 { return float64(n) / (1 << 20) }

func benchOpen(b *testing.B, path string, options ...boltstore.Option) *boltstore.Store {
	s, err := boltstore.Open(path, options...)
	require.NoError(b, err)
	return s
}

// BenchmarkMillionDeals fills a store with 1,000,000 tracks, opens it, and reads
// all of them. The targets: open ≤ 2 s, heap ≤ 64 MiB, file ≤ 400 MiB.
func BenchmarkMillionDeals(b *testing.B) {
	const deals, portion = 1_000_000, 5_000
	ctx := b.Context()
	for b.Loop() {
		path := filepath.Join(b.TempDir(), "relay.db")
		s, start := benchOpen(b, path, boltstore.WithoutSync()), time.Now()
		for first := uint64(0); first < deals; first += portion {
			tracks := make([]relay.Track, portion)
			for i := range tracks {
				tracks[i] = benchTrack(first + uint64(i))
			}
			require.NoError(b, s.BindAll(ctx, tracks))
		}
		require.NoError(b, s.Close())
		b.ReportMetric(time.Since(start).Seconds(), "s/fill")
		info, err := os.Stat(path)
		require.NoError(b, err)
		b.ReportMetric(mib(uint64(info.Size())), "MiB/file")

		start = time.Now()
		s = benchOpen(b, path)
		b.ReportMetric(time.Since(start).Seconds(), "s/open")
		start = time.Now()
		n := uint64(0)
		for t, err := range s.Tracks(ctx, relay.TrackQuery{}) {
			require.NoError(b, err)
			if n++; n%100_000 == 0 {
				set, found := t.Set, 0
				for range s.Tracks(ctx, relay.TrackQuery{Set: &set}) {
					found++
				}
				require.Equal(b, 1, found)
			}
		}
		require.EqualValues(b, deals, n)
		b.ReportMetric(time.Since(start).Seconds(), "s/scan")
		b.ReportMetric(mib(heap()), "MiB/heap")
		require.NoError(b, s.Close())
	}
}

// BenchmarkChunks takes 100,000 chunks from their proof to a stored transaction,
// 100 at a time, on a disk that has to confirm each change.
func BenchmarkChunks(b *testing.B) {
	const chunks, portion = 100_000, 100
	ctx := b.Context()
	for b.Loop() {
		path := filepath.Join(b.TempDir(), "relay.db")
		s, start := benchOpen(b, path), time.Now()
		lease, err := s.Lease(ctx, "account", "bench", time.Hour)
		require.NoError(b, err)
		for n := uint64(0); n < chunks/portion; n++ {
			var earned []relay.Chunk
			for i := range uint64(portion) {
				earned = append(earned, benchChunk(i*100+n%100, n/100))
			}
			require.NoError(b, s.Observe(ctx, relay.Observation{From: n, Next: n + 1, Chunks: earned}))
		}
		b.ReportMetric(chunks/time.Since(start).Seconds(), "observed/s")
		start = time.Now()
		for nonce := uint64(0); ; nonce++ {
			var list []relay.Chunk
			for c, err := range s.Chunks(ctx, relay.ChunkQuery{Due: 1, Limit: portion}) {
				require.NoError(b, err)
				list = append(list, c)
			}
			if len(list) == 0 {
				break
			}
			tx := relay.Transaction{TxID: relay.TxID{Sender: slastream.Address{31: 1}, Nonce: nonce}, State: relay.Stored}
			tx.Signed = []slastream.SignedTx{{Sender: tx.Sender, Nonce: nonce, Body: make([]byte, 20_000)}}
			for i := range list {
				list[i].State, list[i].Tx = relay.Stored, tx.TxID
				list[i].Signed.Signature = attestation.Signature{R: list[i].Proof.RootCID, S: list[i].Proof.RootCID, V: 1}
				tx.Chunks = append(tx.Chunks, list[i].ID())
			}
			require.NoError(b, s.Commit(ctx, relay.Change{Lease: lease, Chunks: list, Put: []relay.Transaction{tx}}))
		}
		b.ReportMetric(chunks/time.Since(start).Seconds(), "committed/s")
		info, err := os.Stat(path)
		require.NoError(b, err)
		b.ReportMetric(mib(uint64(info.Size())), "MiB/file")
		stats, err := s.Stats(ctx)
		require.NoError(b, err)
		require.EqualValues(b, chunks, stats.Chunks[relay.Stored])
		require.NoError(b, s.Close())
	}
}

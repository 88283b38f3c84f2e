package filejournal_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/filejournal"
)

// fixed is a signer that costs nothing.
type fixed struct{ key attestation.PublicKey }

func (f fixed) PublicKey() attestation.PublicKey { return f.key }

func (f fixed) Attest(_ context.Context, req signer.Request) (attestation.Signed, error) {
	return attestation.Signed{Attestation: req.Attestation}, nil
}

// lazy is a file that is not synced.
type lazy struct{ *os.File }

func (lazy) Sync() error { return nil }

func BenchmarkGuard(b *testing.B) {
	key := local(b).PublicKey()
	attest := func(b *testing.B, j signer.Journal) {
		g := signer.Guard(fixed{key}, j)
		var chunk uint64
		for b.Loop() {
			if _, err := g.Attest(b.Context(), request(chunk, 1)); err != nil {
				b.Fatal(err)
			}
			chunk++
		}
	}
	b.Run("new chunk with two fsync", func(b *testing.B) {
		j, _ := newJournal(b)
		attest(b, j)
	})
	b.Run("new chunk without fsync", func(b *testing.B) {
		j, _ := unsynced(b)
		attest(b, j)
	})
	b.Run("known chunk", func(b *testing.B) {
		j, _ := newJournal(b)
		g := signer.Guard(fixed{key}, j)
		for b.Loop() {
			if _, err := g.Attest(b.Context(), request(0, 1)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func unsynced(b *testing.B) (*filejournal.Journal, *os.File) {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "journal"))
	require.NoError(b, err)
	b.Cleanup(func() { f.Close() })
	_, err = f.Write(filejournal.Header())
	require.NoError(b, err)
	j, err := filejournal.Load(lazy{f}, filejournal.Size)
	require.NoError(b, err)
	return j, f
}

// BenchmarkOpen opens a journal of a million records: claims and signatures of
// half a million chunks.
func BenchmarkOpen(b *testing.B) {
	const records = 1_000_000
	j, f := unsynced(b)
	key := local(b).PublicKey()
	step := make([]signer.Record, 0, 1000)
	for n := range uint64(records) {
		step = append(step, signer.Record{Key: key, Request: request(n/2, 1), Signed: n%2 == 1})
		if len(step) == cap(step) {
			require.NoError(b, j.Put(b.Context(), step...))
			step = step[:0]
		}
	}
	j = nil
	before := heap()
	for b.Loop() {
		var err error
		j, err = filejournal.Load(lazy{f}, (records+1)*filejournal.Size)
		require.NoError(b, err)
	}
	require.Equal(b, records/2, j.Len())
	b.ReportMetric(float64(int64(heap())-int64(before))/(1<<20), "MiB-kept")
	runtime.KeepAlive(j)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

package audit_test

import (
	"bytes"
	"io"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/audit"
)

// history is a log of so many deals with so many single releases each.
func history(b testing.TB, deals, chunks uint64) *world {
	w := newWorld(b, slastream.ClassCompatible)
	var opened []slastream.Deal
	for range deals {
		opened = append(opened, w.deal(chunks+1))
	}
	for i := range chunks {
		for d, deal := range opened {
			w.write(w.entry(false, chunk(deal, i, uint64(10+d), 1000+240*i)))
		}
	}
	return w
}

// BenchmarkVerify verifies a log of single releases. The rival reads the same log
// and recovers the key of each signature, one by one, and looks at nothing else.
// The part called read is the chain alone.
func BenchmarkVerify(b *testing.B) {
	w := history(b, 32, 128)
	log := w.out.Bytes()
	releases := 32 * 128
	rate := func(b *testing.B) {
		b.ReportMetric(float64(releases)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	}
	b.Run("slastream", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(log)))
		for b.Loop() {
			report, err := audit.Verify(b.Context(), bytes.NewReader(log), audit.Options{})
			if err != nil || !report.OK() || report.Signatures != uint64(releases) {
				b.Fatal(err, report.Findings)
			}
		}
		rate(b)
	})
	b.Run("recover-one-by-one", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(log)))
		for b.Loop() {
			for e, err := range audit.Read(bytes.NewReader(log)) {
				if err != nil {
					b.Fatal(err)
				}
				if e.Release == nil {
					continue
				}
				s := e.Release.Chunks[0].Signed
				key, err := attestation.Recover(w.header.Rules, s.Attestation.Digest(), s.Signature)
				if err != nil || key != w.header.Key {
					b.Fatal(err)
				}
			}
		}
		rate(b)
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(log)))
		for b.Loop() {
			for _, err := range audit.Read(bytes.NewReader(log)) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
		rate(b)
	})
}

// Signatures are checked many at once, and a wrong one is found at its line.
func TestVerifyManySignatures(t *testing.T) {
	w := history(t, 2, 600)
	for _, wrong := range []int{4, 1000, 1026, 1027, 1028, 1203} {
		log := rewritten(t, w.header, w.entries, func(n int, e *audit.Entry) {
			if n == wrong {
				e.Release.Chunks[0].Signed.Signature.V ^= 1
			}
		})
		report := w.verify(log)
		require.EqualValues(t, 1200, report.Signatures)
		requireFinding(t, report, uint64(wrong), audit.ReasonSignature, "PKP key X mismatch")
		require.Len(t, report.Findings, 1)
	}
}

// BenchmarkAppend is what a relay pays for a release: nearly all of it is fsync.
func BenchmarkAppend(b *testing.B) {
	w := newWorld(b, slastream.ClassCompatible)
	log, err := audit.Create(filepath.Join(b.TempDir(), "audit"), w.header)
	require.NoError(b, err)
	defer log.Close()
	deal := slastream.Deal{ID: id(1), Chunks: 1 << 40, ChunkAmount: amount(1), Deadline: 1}
	e := w.entry(false, chunk(deal, 0, 11, 1000))
	index := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		e.Release.Chunks[0].Signed.Attestation.ChunkIndex = index
		index++
		if err := log.Append(audit.Entry{Deal: &deal}, e); err != nil {
			b.Fatal(err)
		}
	}
}

// Memory grows with deals and gaps, and not with lines.
func TestVerifyMemory(t *testing.T) {
	heap := func(deals, chunks int) uint64 {
		r := &endless{t: t, deals: deals, chunks: chunks}
		require.NoError(t, r.start())
		_, err := audit.Verify(t.Context(), r, audit.Options{Findings: 1})
		require.NoError(t, err)
		return r.live
	}
	few, lines, deals := heap(100, 10), heap(100, 100), heap(4000, 3)
	t.Logf("%d bytes a deal", (deals-few)/3900)
	require.Less(t, lines, few+500_000, "ten times the lines")
	require.Less(t, deals, few+3900*2000)
	require.Greater(t, deals, few+3900*200, "else it was not measured")
}

// endless is a reader of a log that is made while it is read, with foreign chunks:
// they need no signature. At its end it measures the heap.
type endless struct {
	t             *testing.T
	deals, chunks int
	buffer        bytes.Buffer
	writer        *audit.Writer
	deal, chunk   int
	live          uint64
}

func (r *endless) start() error {
	r.writer = audit.NewWriter(&r.buffer, audit.Head{})
	return r.writer.Append(audit.Entry{Header: &audit.Header{Domain: attestation.Domain{ChainID: sepolia, Escrow: id(1)}}})
}

func (r *endless) Read(b []byte) (int, error) {
	for r.buffer.Len() == 0 {
		if r.chunk > r.chunks {
			if r.live == 0 {
				var m runtime.MemStats
				runtime.GC()
				runtime.GC() // what was in a sync.Pool goes with the second
				runtime.ReadMemStats(&m)
				r.live = m.HeapAlloc
			}
			return 0, io.EOF
		}
		deal := slastream.Deal{ID: id(uint64(r.deal + 1)), Client: client, Provider: provider, Chunks: 1 << 30, ChunkAmount: amount(1), Deadline: 1}
		e := audit.Entry{Deal: &deal}
		if r.chunk > 0 {
			e = audit.Entry{Release: &audit.Release{Chunks: []audit.Chunk{chunk(deal, uint64(r.chunk-1), uint64(r.deal), uint64(r.chunk)*240)}}}
		}
		if err := r.writer.Append(e); err != nil {
			return 0, err
		}
		if r.deal++; r.deal == r.deals {
			r.deal, r.chunk = 0, r.chunk+1
		}
	}
	return r.buffer.Read(b)
}

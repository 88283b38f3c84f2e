package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/audit"
)

// plain is an entry as encoding/json reads it: a reader that was not written for
// the format.
type plain struct {
	N, Time uint64
	Prev    attestation.Word
	Header  *struct {
		Format  string
		Version int
		ChainID attestation.Word `json:"chainId"`
		Escrow  attestation.Word
		Key     attestation.PublicKey
		Rules   string
		Class   slastream.Class
	}
	Deal    *slastream.Deal
	Release *struct {
		Tx, Replaces attestation.Word
		Block        uint64
		Sender       slastream.Address
		Signature    *attestation.Signature
		Chunks       []struct {
			Deal        attestation.Word
			Chunk       uint64
			Proof       slastream.Proof
			Attestation string
			Signature   *attestation.Signature
			Amount      slastream.Amount
		}
	}
	Slash *struct {
		Tx, Deal  attestation.Word
		Block, At uint64
		Sender    slastream.Address
		Amount    slastream.Amount
	}
}

// requireSays requires that an entry says what encoding/json reads in its line.
func requireSays(t *testing.T, line []byte, e audit.Entry) {
	t.Helper()
	var l struct{ Entry plain }
	require.NoError(t, json.Unmarshal(line, &l))
	p := l.Entry
	require.Equal(t, e.Line, p.N)
	require.Equal(t, e.Time, p.Time)
	require.Equal(t, []bool{e.Header != nil, e.Deal != nil, e.Release != nil, e.Slash != nil},
		[]bool{p.Header != nil, p.Deal != nil, p.Release != nil, p.Slash != nil})
	switch {
	case e.Header != nil:
		h := p.Header
		require.Equal(t, *e.Header, audit.Header{Domain: attestation.Domain{ChainID: h.ChainID, Escrow: h.Escrow}, Key: h.Key, Rules: e.Header.Rules, Class: h.Class})
		require.Equal(t, "slastream-audit 1 "+e.Header.Rules.String(), fmt.Sprint(h.Format, " ", h.Version, " ", h.Rules))
	case e.Deal != nil:
		p.Deal.Total, p.Deal.Active = e.Deal.Total, true
		require.Equal(t, *e.Deal, *p.Deal)
	case e.Release != nil:
		r := p.Release
		got := audit.Release{TxHash: r.Tx, Block: r.Block, Sender: r.Sender, Replaces: r.Replaces, Batched: r.Signature != nil}
		for _, c := range r.Chunks {
			chunk := audit.Chunk{Proof: c.Proof, Amount: c.Amount}
			for _, s := range []*attestation.Signature{r.Signature, c.Signature} {
				if s != nil {
					chunk.Signed.Signature = *s
				}
			}
			var b []byte
			_, err := fmt.Sscanf(c.Attestation, "0x%x", &b)
			require.NoError(t, err)
			chunk.Signed.Attestation, err = attestation.Parse(b)
			require.NoError(t, err)
			require.Equal(t, c.Deal, chunk.Signed.Attestation.DealID)
			require.Equal(t, c.Chunk, chunk.Signed.Attestation.ChunkIndex)
			got.Chunks = append(got.Chunks, chunk)
		}
		require.Equal(t, *e.Release, got)
	case e.Slash != nil:
		s := p.Slash
		require.Equal(t, *e.Slash, audit.Slash{Deal: s.Deal, TxHash: s.Tx, Block: s.Block, Sender: s.Sender, At: s.At, Amount: s.Amount})
	}
}

// What is read is written to the same bytes, and says what any JSON reader reads.
func TestReadWrite(t *testing.T) {
	w := written(t)
	requireCanonical(t, w.out.Bytes())
	n := 0
	for e, err := range audit.Read(bytes.NewReader(w.out.Bytes())) {
		require.NoError(t, err)
		want := clone(w.entries[n])
		n++
		want.Line = uint64(n)
		if want.Deal != nil {
			require.Equal(t, *w.entries[n-1].Deal, *e.Deal, "a new deal is as the escrow has it")
		}
		require.Equal(t, want, e)
	}
	require.Len(t, w.entries, n)
	for range audit.Read(bytes.NewReader(w.out.Bytes())) {
		break // leaves nothing behind
	}
}

func requireCanonical(t *testing.T, log []byte) (whole bool) {
	t.Helper()
	var out bytes.Buffer
	w := audit.NewWriter(&out, audit.Head{})
	lines := bytes.SplitAfter(log, []byte("\n"))
	for e, err := range audit.Read(bytes.NewReader(log)) {
		if err != nil {
			_, finding := errors.AsType[*audit.Finding](err)
			require.True(t, finding || errors.Is(err, audit.ErrVersion), "%v", err)
			require.True(t, bytes.HasPrefix(log, out.Bytes()))
			return false
		}
		requireSays(t, lines[e.Line-1], e)
		require.NoError(t, w.Append(e))
	}
	require.True(t, bytes.Equal(log, out.Bytes()), "there is one encoding")
	return true
}

// FuzzRead: no file makes the reader panic; what it takes has one encoding; and
// Verify sees no line differently.
func FuzzRead(f *testing.F) {
	w := written(f)
	log := w.out.Bytes()
	f.Add(log)
	f.Add(log[:len(log)-100])
	f.Add(newer(log))
	f.Add([]byte("{\"sum\":\"0x00\",\"entry\":{}}\n"))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, log []byte) {
		whole := requireCanonical(t, log)
		report, err := audit.Verify(t.Context(), bytes.NewReader(log), audit.Options{})
		if err != nil {
			require.False(t, whole)
			return
		}
		chain := true
		for _, f := range report.Findings {
			chain = chain && f.Reason != audit.ReasonLine
			require.Less(t, len(f.Error()), 1000)
		}
		require.False(t, whole && !chain, "%v", report.Findings)
		if err := audit.WriteCSV(io.Discard, bytes.NewReader(log), slastream.Token{}); err != nil && whole {
			finding, ok := errors.AsType[*audit.Finding](err)
			require.True(t, ok && finding.Reason == audit.ReasonLedger, "%v", err)
		}
	})
}

// FuzzEntry does the same for a second line whose sum is right, whatever is in it:
// the chain would refuse most of what FuzzRead makes up.
func FuzzEntry(f *testing.F) {
	w := written(f)
	header, _, _ := bytes.Cut(w.out.Bytes(), []byte("\n"))
	prefix := `{"n":2,"prev":"` + attestation.Word(sha256.Sum256(entryOf(header))).String() + `"`
	for _, line := range bytes.Split(bytes.TrimSpace(w.out.Bytes()), []byte("\n")) {
		_, rest, _ := bytes.Cut(entryOf(line), []byte(`,"time"`))
		f.Add(append([]byte(`,"time"`), rest...))
	}
	f.Fuzz(func(t *testing.T, rest []byte) {
		if bytes.ContainsAny(rest, "\n") {
			return
		}
		entry := append([]byte(prefix), rest...)
		log := fmt.Appendf(nil, "%s\n{\"sum\":\"%v\",\"entry\":%s}\n", header, attestation.Word(sha256.Sum256(entry)), entry)
		whole := requireCanonical(t, log)
		report, err := audit.Verify(t.Context(), bytes.NewReader(log), audit.Options{})
		require.True(t, err == nil || errors.Is(err, audit.ErrVersion), "%v", err)
		if whole {
			for _, f := range report.Findings {
				require.NotEqual(t, audit.ReasonLine, f.Reason, "%v", &f)
			}
		}
	})
}

// entryOf returns the entry of a line.
func entryOf(line []byte) []byte { return line[len(`{"sum":"0x`)+64+len(`","entry":`) : len(line)-1] }

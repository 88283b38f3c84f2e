package audit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/audit"
)

func TestVerify(t *testing.T) {
	w := written(t)
	report := w.verify(w.out.Bytes())
	require.Empty(t, report.Findings)
	require.True(t, report.OK())
	require.Equal(t, w.header, report.Header)
	require.Equal(t, w.writer.Head(), report.Head)
	require.EqualValues(t, 12, report.Head.Lines)
	require.EqualValues(t, 7, report.Releases)
	require.EqualValues(t, 7, report.Signatures, "five chunks alone and two batches")
	require.Zero(t, report.Unclocked)

	require.Equal(t, audit.Totals{Deals: 3, Chunks: 10, Paid: amount(1000), Collateral: amount(100), Refunded: amount(550)}, report.Totals)
	require.Equal(t, map[slastream.Address]audit.Totals{provider: report.Totals}, report.Providers)
	require.Len(t, report.Deals, 3)
	for i, d := range report.Deals {
		want, err := w.escrow.As(client).Deal(t.Context(), id(uint64(i)+1))
		require.NoError(t, err)
		require.Equal(t, want, d.Deal, "as the escrow has it")
		require.Zero(t, d.Missing)
	}
	require.EqualValues(t, 1, report.Deals[1].Foreign)
	require.Equal(t, w.escrow.Balance(provider), amount(1100))
}

func TestVerifyWithoutLog(t *testing.T) {
	w := written(t)
	lines := bytes.SplitAfter(w.out.Bytes(), []byte("\n"))
	var finding *audit.Finding
	for name, log := range map[string][]byte{
		"empty":           nil,
		"an empty line":   []byte("\n"),
		"no header":       lines[1],
		"a cut header":    lines[0][:len(lines[0])-1],
		"not a log":       []byte("{\"hello\":1}\n"),
		"a line of 2 MiB": bytes.Repeat([]byte("x"), 2<<20),
		"a line too long": bytes.Repeat([]byte("x"), 1<<20+1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := audit.Verify(t.Context(), bytes.NewReader(log), audit.Options{})
			require.ErrorAs(t, err, &finding)
			require.EqualValues(t, 1, finding.Line)
			require.Equal(t, audit.ReasonLine, finding.Reason)
		})
	}
	t.Run("a newer format", func(t *testing.T) {
		_, err := audit.Verify(t.Context(), bytes.NewReader(newer(w.out.Bytes())), audit.Options{})
		require.ErrorIs(t, err, audit.ErrVersion)
		require.ErrorContains(t, err, "2")
	})
	t.Run("a reader that fails", func(t *testing.T) {
		broken := errors.New("disk on fire")
		report, err := audit.Verify(t.Context(), iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(w.out.Bytes()))), audit.Options{})
		require.ErrorIs(t, err, iotest.ErrTimeout)
		require.Zero(t, report.Head.Lines)
		_, err = audit.Verify(t.Context(), iotest.ErrReader(broken), audit.Options{})
		require.ErrorIs(t, err, broken)
		_, wrong := errors.AsType[*audit.Finding](err)
		require.False(t, wrong, "the log is not to blame")
	})
	t.Run("no time left", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := audit.Verify(ctx, bytes.NewReader(w.out.Bytes()), audit.Options{})
		require.ErrorIs(t, err, context.Canceled)
	})
}

// newer returns a log as a later version of the format might begin.
func newer(log []byte) []byte {
	return sealed(bytes.Replace(log, []byte(`"version":1,`), []byte(`"version":2,"more":[],`), 1))
}

// sealed puts the sum of its entry into the first line.
func sealed(log []byte) []byte {
	log = bytes.Clone(log)
	line, _, _ := bytes.Cut(log, []byte("\n"))
	copy(log[len(`{"sum":"`):], attestation.Word(sha256.Sum256(entryOf(line))).String())
	return log
}

func TestVerifyTakesNoOtherEscrow(t *testing.T) {
	w := written(t)
	for name, change := range map[string]func(*audit.Header){
		"another key":    func(h *audit.Header) { h.Key = attester(t, 8).PublicKey() },
		"another chain":  func(h *audit.Header) { h.Domain.ChainID = word("SN_MAIN") },
		"another escrow": func(h *audit.Header) { h.Domain.Escrow[0] = 1 },
		"another class":  func(h *audit.Header) { h.Class = slastream.ClassCompatible },
	} {
		t.Run(name, func(t *testing.T) {
			h := w.header
			change(&h)
			report, err := audit.Verify(t.Context(), bytes.NewReader(w.out.Bytes()), audit.Options{Header: &h})
			require.NoError(t, err)
			requireFinding(t, report, 1, audit.ReasonLine, "another escrow or key")
			require.Len(t, report.Findings, 1)
		})
	}
}

// A head that was noted before is still in a log that has grown, and not in one
// that was cut off or made anew.
func TestVerifyHead(t *testing.T) {
	w := written(t)
	log, last := w.out.Bytes(), w.writer.Head()
	lines := bytes.SplitAfter(log, []byte("\n"))
	verify := func(log []byte, head audit.Head) audit.Report {
		report, err := audit.Verify(t.Context(), bytes.NewReader(log), audit.Options{Head: head})
		require.NoError(t, err)
		return report
	}
	heads := []audit.Head{{}}
	for n := range len(lines) - 1 {
		heads = append(heads, verify(bytes.Join(lines[:n+1], nil), audit.Head{}).Head)
	}
	require.Equal(t, last, heads[len(heads)-1])
	for _, head := range heads {
		require.Empty(t, verify(log, head).Findings, "it had this head after %d lines", head.Lines)
	}
	for n := 1; n < len(lines)-1; n++ {
		cut := verify(bytes.Join(lines[:n], nil), last)
		requireFinding(t, cut, uint64(n), audit.ReasonLine, "cut off")
		require.Empty(t, verify(bytes.Join(lines[:n], nil), heads[n]).Findings)
	}
	anew := rewritten(t, w.header, w.entries, func(n int, e *audit.Entry) { e.Time++ })
	require.Empty(t, verify(anew, audit.Head{}).Findings, "nobody can tell without a head")
	for _, head := range heads[1:] {
		requireFinding(t, verify(anew, head), head.Lines, audit.ReasonLine, "that of the head")
	}
}

func TestVerifyLimitsFindings(t *testing.T) {
	w := written(t)
	log := rewritten(t, w.header, w.entries, func(_ int, e *audit.Entry) {
		if e.Release != nil {
			e.Release.Chunks[0].Amount = amount(7)
		}
	})
	report, err := audit.Verify(t.Context(), bytes.NewReader(log), audit.Options{Findings: 2})
	require.NoError(t, err)
	require.Len(t, report.Findings, 2)
	require.EqualValues(t, 5, report.Omitted)
	require.False(t, report.OK())
	require.Len(t, w.verify(log).Findings, 7)
}

func requireFinding(t testing.TB, report audit.Report, line uint64, reason audit.Reason, text string) {
	t.Helper()
	for _, f := range report.Findings {
		if f.Line == line && f.Reason == reason && bytes.Contains([]byte(f.Text), []byte(text)) {
			return
		}
	}
	require.Failf(t, "no such finding", "line %d: %s: %q, in %v", line, reason, text, report.Findings)
}

// rewritten makes the chain of a log anew, as somebody with the file but without
// the attestation key can, after a change of its entries.
func rewritten(t testing.TB, h audit.Header, entries []audit.Entry, change func(n int, e *audit.Entry)) []byte {
	t.Helper()
	var out bytes.Buffer
	w := audit.NewWriter(&out, audit.Head{})
	for n, e := range entries {
		e = clone(e)
		change(n+1, &e)
		require.NoError(t, w.Append(e))
	}
	return out.Bytes()
}

func clone(e audit.Entry) audit.Entry {
	if e.Header != nil {
		h := *e.Header
		e.Header = &h
	}
	if e.Deal != nil {
		d := *e.Deal
		e.Deal = &d
	}
	if e.Release != nil {
		r := *e.Release
		r.Chunks = append([]audit.Chunk(nil), r.Chunks...)
		e.Release = &r
	}
	if e.Slash != nil {
		s := *e.Slash
		e.Slash = &s
	}
	return e
}

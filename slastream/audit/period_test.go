package audit_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/audit"
)

// A line is one payment of a table: chunk, data set and period of a deal.
type line struct{ deal, chunk, set, period uint64 }

// What the order of chunks and periods allows. Lines are numbered from 5: before
// them are the header and three deals of ten chunks.
func TestPeriods(t *testing.T) {
	for name, test := range map[string]struct {
		lines  []line
		found  uint64 // line; 0: nothing
		reason audit.Reason
		text   string
		all    int // findings; 0: one
	}{
		"in order":                       {[]line{{1, 0, 7, 100}, {1, 1, 7, 200}, {1, 2, 7, 300}}, 0, "", "", 0},
		"paid in another order":          {[]line{{1, 2, 7, 300}, {1, 0, 7, 100}, {1, 1, 7, 200}, {1, 3, 7, 301}}, 0, "", "", 0},
		"from both ends":                 {[]line{{1, 0, 7, 100}, {1, 4, 7, 500}, {1, 3, 7, 400}, {1, 1, 7, 200}, {1, 2, 7, 300}}, 0, "", "", 0},
		"periods were left out":          {[]line{{1, 0, 7, 100}, {1, 1, 7, 9000}}, 0, "", "", 0},
		"two deals of one set in turn":   {[]line{{1, 0, 7, 100}, {1, 1, 7, 200}, {2, 0, 7, 300}, {2, 1, 7, 400}, {3, 0, 7, 500}}, 0, "", "", 0},
		"the later deal is paid first":   {[]line{{2, 0, 7, 300}, {1, 0, 7, 100}, {2, 1, 7, 400}, {1, 1, 7, 200}}, 0, "", "", 0},
		"two deals of two sets":          {[]line{{1, 0, 7, 100}, {2, 0, 8, 100}, {1, 1, 7, 200}, {2, 1, 8, 200}}, 0, "", "", 0},
		"the same period again":          {[]line{{1, 0, 7, 100}, {1, 1, 7, 100}}, 6, audit.ReasonTwice, "period 100 earns chunk 1", 0},
		"an earlier period":              {[]line{{1, 0, 7, 100}, {1, 1, 7, 99}}, 6, audit.ReasonOrder, "period 100 chunk 0 before it", 0},
		"a later period below":           {[]line{{1, 1, 7, 100}, {1, 0, 7, 101}}, 6, audit.ReasonOrder, "period 100 chunk 1 after it", 0},
		"a period of a run":              {[]line{{1, 0, 7, 100}, {1, 1, 7, 200}, {1, 2, 7, 150}}, 7, audit.ReasonTwice, "lies in those of chunks 0 to 1, 100 to 200", 0},
		"no room before the chunk":       {[]line{{1, 0, 7, 100}, {1, 5, 7, 104}}, 6, audit.ReasonOrder, "", 0},
		"just room before the chunk":     {[]line{{1, 0, 7, 100}, {1, 1, 7, 101}, {1, 3, 7, 103}, {1, 2, 7, 102}}, 0, "", "", 0},
		"no room after the chunk":        {[]line{{1, 5, 7, 104}, {1, 0, 7, 100}}, 6, audit.ReasonOrder, "", 2},
		"another set":                    {[]line{{1, 0, 7, 100}, {1, 1, 8, 200}}, 6, audit.ReasonOrder, "one data set backs a deal", 0},
		"one period for two deals":       {[]line{{1, 0, 7, 100}, {2, 0, 7, 100}}, 6, audit.ReasonTwice, "backs deal 1 from period 100 to 100", 0},
		"a period within another deal":   {[]line{{1, 0, 7, 100}, {1, 1, 7, 200}, {2, 0, 7, 150}}, 7, audit.ReasonTwice, "backs deal 1 from period 100 to 200", 0},
		"a deal around another":          {[]line{{1, 0, 7, 100}, {2, 0, 7, 150}, {1, 1, 7, 200}}, 7, audit.ReasonOrder, "backs deal 2 from period 150 to 150", 0},
		"a deal around another, below":   {[]line{{1, 1, 7, 200}, {2, 0, 7, 150}, {1, 0, 7, 100}}, 7, audit.ReasonOrder, "backs deal 2 from period 150 to 150", 0},
		"a deal around two others":       {[]line{{1, 0, 7, 100}, {2, 0, 7, 150}, {3, 0, 7, 160}, {1, 1, 7, 200}}, 8, audit.ReasonOrder, "backs deal 2", 0},
		"the last period of the one":     {[]line{{1, 0, 7, 100}, {1, 1, 7, 200}, {2, 0, 7, 200}}, 7, audit.ReasonTwice, "backs deal 1", 0},
		"the first period of the other":  {[]line{{2, 0, 7, 200}, {1, 0, 7, 100}, {1, 1, 7, 200}}, 7, audit.ReasonTwice, "backs deal 2", 0},
		"the same chunk":                 {[]line{{1, 0, 7, 100}, {1, 0, 7, 100}}, 6, audit.ReasonTwice, "Chunk already released", 0},
		"the same chunk, another period": {[]line{{1, 0, 7, 100}, {1, 1, 7, 200}, {1, 0, 7, 300}}, 7, audit.ReasonTwice, "Chunk already released", 0},
		"a chunk that did not fit again": {[]line{{1, 0, 7, 100}, {1, 1, 7, 100}, {1, 1, 7, 200}}, 7, audit.ReasonTwice, "Chunk already released", 2},
		"one is missing":                 {[]line{{1, 0, 7, 100}, {1, 2, 7, 300}}, 6, audit.ReasonMissing, "no chunk 1: paid by somebody else, on its way, or left out; 1 are missing", 0},
		"the first are missing":          {[]line{{1, 3, 7, 300}, {1, 5, 7, 302}}, 5, audit.ReasonMissing, "no chunk 0 to 2: paid by somebody else, on its way, or left out; 4 are missing", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, slastream.ClassCompatible)
			deals := []slastream.Deal{w.deal(10), w.deal(10), w.deal(10)}
			for _, l := range test.lines {
				w.write(w.entry(false, chunk(deals[l.deal-1], l.chunk, l.set, l.period)))
			}
			report := w.verify(w.out.Bytes())
			if test.found == 0 {
				require.Empty(t, report.Findings)
				return
			}
			requireFinding(t, report, test.found, test.reason, test.text)
			require.Len(t, report.Findings, max(test.all, 1), "%v", report.Findings)
		})
	}
}

// Whoever pays a chunk: if the log says so, nothing is missing.
func TestPaidBySomebodyElse(t *testing.T) {
	w := newWorld(t, slastream.ClassCompatible)
	deal := w.deal(3)
	w.release(false, chunk(deal, 2, 7, 300))
	w.foreign(chunk(deal, 0, 7, 100))
	requireFinding(t, w.verify(w.out.Bytes()), 3, audit.ReasonMissing, "no chunk 1")
	w.foreign(chunk(deal, 1, 7, 200))
	report := w.verify(w.out.Bytes())
	require.Empty(t, report.Findings)
	require.True(t, report.Deals[0].Deal.Completed())
	require.EqualValues(t, 2, report.Deals[0].Foreign)
	require.EqualValues(t, 1, report.Signatures)

	w.write(audit.Entry{Release: &audit.Release{Chunks: []audit.Chunk{chunk(deal, 1, 7, 200)}}})
	requireFinding(t, w.verify(w.out.Bytes()), 6, audit.ReasonTwice, "Deal not active")
}

// Lines of a slash, and of releases that the log learnt of later.
func TestSlash(t *testing.T) {
	slashed := func(t *testing.T, refund uint64) (*world, slastream.Deal) {
		w := newWorld(t, slastream.ClassCompatible)
		deal := w.deal(10) // 100 each, 50 collateral
		w.write(w.entry(false, chunk(deal, 0, 7, 100)))
		w.write(w.entry(false, chunk(deal, 2, 7, 300)))
		w.block += 10
		w.write(audit.Entry{Slash: &audit.Slash{Deal: deal.ID, TxHash: id(9), Block: w.block, Sender: relay, At: deal.Deadline, Amount: amount(refund)}})
		return w, deal
	}
	t.Run("a chunk that nobody was paid for", func(t *testing.T) {
		w, _ := slashed(t, 850)
		report := w.verify(w.out.Bytes())
		require.Empty(t, report.Findings, "the refund has it")
		require.EqualValues(t, 1, report.Deals[0].Missing)
		require.Equal(t, amount(850), report.Refunded)
	})
	t.Run("a chunk that the log does not have", func(t *testing.T) {
		w, _ := slashed(t, 750)
		report := w.verify(w.out.Bytes())
		requireFinding(t, report, 5, audit.ReasonMissing, "1 more chunks were paid than the log has")
		require.Len(t, report.Findings, 1)
		require.EqualValues(t, 1, report.Deals[0].Foreign)
		require.EqualValues(t, 3, report.Deals[0].Deal.Released)
		require.Equal(t, amount(300), report.Paid)
	})
	t.Run("its line comes later", func(t *testing.T) {
		w, deal := slashed(t, 750)
		e := w.entry(false, chunk(deal, 1, 7, 200))
		e.Release.Block = w.block - 3
		w.write(e)
		report := w.verify(w.out.Bytes())
		require.Empty(t, report.Findings)
		require.Equal(t, amount(300), report.Paid)
		w.write(w.entry(false, chunk(deal, 3, 7, 400)))
		requireFinding(t, w.verify(w.out.Bytes()), 7, audit.ReasonLedger, "Deal not active")
	})
	t.Run("a release after the slash", func(t *testing.T) {
		w, deal := slashed(t, 750)
		w.write(w.entry(false, chunk(deal, 1, 7, 200)))
		report := w.verify(w.out.Bytes())
		requireFinding(t, report, 6, audit.ReasonLedger, "Deal not active")
		requireFinding(t, report, 5, audit.ReasonMissing, "1 more")
	})
	t.Run("twice", func(t *testing.T) {
		w, _ := slashed(t, 850)
		w.write(w.entries[4])
		requireFinding(t, w.verify(w.out.Bytes()), 6, audit.ReasonTwice, "line 5 has slashed it already")
	})
}

func TestGenesis(t *testing.T) {
	w := newWorld(t, slastream.ClassCompatible)
	deal := w.deal(2)
	c := chunk(deal, 0, 7, 100)
	c.Proof.ChainID = 31415926
	w.write(w.entry(false, c))
	c = chunk(deal, 1, 7, 200)
	c.Proof.ChainID, c.Proof.BlockNumber = 31415926, 1<<63
	w.write(w.entry(false, c))
	report := w.verify(w.out.Bytes())
	require.Empty(t, report.Findings)
	require.EqualValues(t, 2, report.Unclocked)

	report, err := audit.Verify(t.Context(), bytes.NewReader(w.out.Bytes()), audit.Options{Genesis: map[uint64]uint64{31415926: genesis}})
	require.NoError(t, err)
	require.Zero(t, report.Unclocked)
	requireFinding(t, report, 4, audit.ReasonAttestation, "began at")
	require.Len(t, report.Findings, 1)
	report, err = audit.Verify(t.Context(), bytes.NewReader(w.out.Bytes()), audit.Options{Genesis: map[uint64]uint64{31415926: genesis + 1, 314159: 5}})
	require.NoError(t, err)
	requireFinding(t, report, 3, audit.ReasonAttestation, "began at 1667326381")
}

// A high s is for the legacy rules alone, and so is the verdict.
func TestRules(t *testing.T) {
	for _, rules := range []attestation.Rules{attestation.RulesLowS, attestation.RulesLegacy} {
		w := newWorld(t, slastream.ClassCompatible)
		deal := w.deal(1)
		w.write(w.entry(false, chunk(deal, 0, 7, 100)))
		log := rewritten(t, w.header, w.entries, func(_ int, e *audit.Entry) {
			if e.Header != nil {
				e.Header.Rules = rules
			}
			if e.Release != nil {
				high(&e.Release.Chunks[0].Signed.Signature)
			}
		})
		report, err := audit.Verify(t.Context(), bytes.NewReader(log), audit.Options{})
		require.NoError(t, err)
		require.Equal(t, rules == attestation.RulesLegacy, report.OK(), "%v", report.Findings)
	}
}

// high makes a signature with a high s of one with a low s.
func high(s *attestation.Signature) {
	n, err := attestation.ParseWord("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
	if err == nil {
		s.S, err = attestation.WordFromBig(n.Big().Sub(n.Big(), s.S.Big()))
	}
	if err != nil {
		panic(err)
	}
	s.V ^= 1
}

package audit_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/audit"
)

// Whoever changes a bit and nothing else is found at that line.
func TestEveryBit(t *testing.T) {
	w := written(t)
	log := w.out.Bytes()
	line := uint64(1)
	for at := range log {
		changed := bytes.Clone(log)
		changed[at] ^= 1 << (at % 8)
		requireBroken(t, changed, line, "byte %d", at)
		if log[at] == '\n' {
			line++
		}
	}
	require.EqualValues(t, 13, line)
}

// requireBroken requires that a log can be read up to a line and not on.
func requireBroken(t *testing.T, log []byte, line uint64, format string, args ...any) {
	t.Helper()
	for e, err := range audit.Read(bytes.NewReader(log)) {
		if err == nil {
			require.Less(t, e.Line, line, format, args)
			continue
		}
		finding, ok := err.(*audit.Finding)
		require.True(t, ok, err)
		require.Equal(t, line, finding.Line, format, args)
		require.Equal(t, line, e.Line)
		return
	}
	require.Failf(t, "nothing found", format, args...)
}

// The same with Verify, for bits all over the log: it goes on after the line.
func TestVerifyEveryLineChanged(t *testing.T) {
	w := written(t)
	log := w.out.Bytes()
	lines := bytes.SplitAfter(log, []byte("\n"))
	for n := range len(lines) - 1 {
		for at := 0; at < len(lines[n])-1; at += 7 {
			changed := bytes.Clone(log)
			changed[len(bytes.Join(lines[:n], nil))+at] ^= 1
			report, err := audit.Verify(t.Context(), bytes.NewReader(changed), audit.Options{})
			if err != nil {
				require.Zero(t, n, "only without a header there is an error")
				continue
			}
			requireFinding(t, report, uint64(n+1), audit.ReasonLine, "")
		}
	}
}

func TestLinesMovedAround(t *testing.T) {
	w := written(t)
	all := bytes.SplitAfter(w.out.Bytes(), []byte("\n"))
	all = all[:len(all)-1]
	// lines takes lines by their numbers.
	lines := func(numbers ...int) []byte {
		var out []byte
		for _, n := range numbers {
			out = append(out, all[n-1]...)
		}
		return out
	}
	for name, test := range map[string]struct {
		log  []byte
		line uint64
	}{
		"two are exchanged":     {lines(1, 2, 3, 5, 4, 6), 4},
		"one is missing":        {lines(1, 2, 3, 5, 6, 7), 4},
		"one is there twice":    {lines(1, 2, 3, 4, 4, 5, 6), 5},
		"an older one at last":  {lines(1, 2, 3, 4, 5, 2), 6},
		"the deals are missing": {lines(1, 4, 5, 6), 2},
		"a second header":       {lines(1, 2, 3, 1), 4},
		"an empty line":         {append(lines(1, 2, 3), "\n"...), 4},
		"a line of another log": {append(lines(1, 2, 3), []byte(`{"hello":"world"}`+"\n")...), 4},
		"no newline at the end": {lines(1, 2, 3, 4)[:len(lines(1, 2, 3, 4))-1], 4},
		"half a line":           {append(lines(1, 2, 3), all[3][:len(all[3])/2]...), 4},
	} {
		t.Run(name, func(t *testing.T) {
			requireFinding(t, w.verify(test.log), test.line, audit.ReasonLine, "")
			requireBroken(t, test.log, test.line, name)
		})
	}
	t.Run("one was made anew, and those after it not", func(t *testing.T) {
		anew := bytes.SplitAfter(rewritten(t, w.header, w.entries[:4], func(_ int, e *audit.Entry) { e.Time++ }), []byte("\n"))
		log := append(append(lines(1, 2), anew[2]...), lines(4, 5)...)
		requireBroken(t, log, 3, "its prev is that of another line")
		report := w.verify(log)
		require.Len(t, report.Findings, 2, "%v", report.Findings)
		requireFinding(t, report, 3, audit.ReasonLine, "the sum of the line before")
		requireFinding(t, report, 4, audit.ReasonLine, "the sum of the line before")
	})
	t.Run("findings do not repeat for the lines after", func(t *testing.T) {
		report := w.verify(lines(1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12))
		require.Len(t, report.Findings, 3, "%v", report.Findings)
		requireFinding(t, report, 9, audit.ReasonLine, "number 10 follows 8")
		requireFinding(t, report, 9, audit.ReasonLedger, "no line before has the terms")
		requireFinding(t, report, 10, audit.ReasonLedger, "no line before has its terms")
	})
}

// Whoever has the file and not the key can make the whole chain anew. The table
// has every field of every kind of line, and what is found of a change.
func TestChainMadeAnew(t *testing.T) {
	w := written(t)
	header := func(f func(*audit.Header)) func(*audit.Entry) { return func(e *audit.Entry) { f(e.Header) } }
	deal := func(f func(*slastream.Deal)) func(*audit.Entry) { return func(e *audit.Entry) { f(e.Deal) } }
	release := func(f func(*audit.Release)) func(*audit.Entry) { return func(e *audit.Entry) { f(e.Release) } }
	first := func(f func(*audit.Chunk)) func(*audit.Entry) {
		return func(e *audit.Entry) { f(&e.Release.Chunks[0]) }
	}
	statement := func(f func(*attestation.Attestation)) func(*audit.Entry) {
		return first(func(c *audit.Chunk) { f(&c.Signed.Attestation) })
	}
	slash := func(f func(*audit.Slash)) func(*audit.Entry) { return func(e *audit.Entry) { f(e.Slash) } }

	for _, test := range []struct {
		name   string
		line   int
		change func(*audit.Entry)
		found  uint64 // line of a finding
		reason audit.Reason
		text   string
	}{
		{"header: chain", 1, header(func(h *audit.Header) { h.Domain.ChainID[31]++ }), 6, audit.ReasonSignature, "batch of 3 chunks: PKP key"},
		{"header: escrow", 1, header(func(h *audit.Header) { h.Domain.Escrow[31]++ }), 12, audit.ReasonSignature, "PKP key X mismatch"},
		{"header: key", 1, header(func(h *audit.Header) { h.Key = attester(t, 8).PublicKey() }), 4, audit.ReasonSignature, "PKP key X mismatch"},
		{"header: key on the other side", 1, header(func(h *audit.Header) { h.Key.Y[31]++ }), 4, audit.ReasonSignature, "PKP key Y mismatch"},
		{"header: class", 1, header(func(h *audit.Header) { h.Class = slastream.ClassCompatible }), 6, audit.ReasonLedger, "no release_batch"},

		{"deal: id", 2, deal(func(d *slastream.Deal) { d.ID = id(9) }), 4, audit.ReasonLedger, "no line before has the terms"},
		{"deal: id of another", 3, deal(func(d *slastream.Deal) { d.ID = id(1) }), 3, audit.ReasonTwice, "line 2 has its terms already"},
		{"deal: client", 2, deal(func(d *slastream.Deal) { d.Client = slastream.Address{} }), 2, audit.ReasonLedger, "ERC20"},
		{"deal: provider", 2, deal(func(d *slastream.Deal) { d.Provider = slastream.Address{} }), 2, audit.ReasonLedger, "Provider is zero"},
		{"deal: fewer chunks", 2, deal(func(d *slastream.Deal) { d.Chunks-- }), 12, audit.ReasonLedger, "Deal not active"},
		{"deal: fewer chunks than the index", 3, deal(func(d *slastream.Deal) { d.Chunks = 3 }), 8, audit.ReasonLedger, "Deal not active"},
		{"deal: chunk out of bounds", 9, deal(func(d *slastream.Deal) { d.Chunks = 1 }), 11, audit.ReasonLedger, "Deal not active"},
		{"deal: more chunks", 9, deal(func(d *slastream.Deal) { d.Chunks++ }), 11, audit.ReasonMissing, "1 more chunks were paid"},
		{"deal: amount", 2, deal(func(d *slastream.Deal) { d.ChunkAmount = amount(101) }), 4, audit.ReasonLedger, "paid 100, and the deal has 101"},
		{"deal: no amount", 2, deal(func(d *slastream.Deal) { d.ChunkAmount = amount(0) }), 2, audit.ReasonLedger, "chunk_amount must be > 0"},
		{"deal: collateral", 9, deal(func(d *slastream.Deal) { d.Collateral = amount(49) }), 11, audit.ReasonLedger, "the refund is 550, and 549 is right"},
		{"deal: deadline", 9, deal(func(d *slastream.Deal) { d.Deadline++ }), 11, audit.ReasonLedger, "SLA deadline not reached"},
		{"deal: no deadline", 9, deal(func(d *slastream.Deal) { d.Deadline = 0 }), 9, audit.ReasonLedger, "sla_duration must be > 0"},

		{"release: not a batch", 6, release(func(r *audit.Release) { r.Batched = false }), 6, audit.ReasonSignature, "chunk 2"},
		{"release: a batch", 5, release(func(r *audit.Release) { r.Batched, r.Chunks = true, r.Chunks[:1] }), 5, audit.ReasonSignature, "batch of 1"},
		{"release: a chunk of the batch is missing", 6, release(func(r *audit.Release) { r.Chunks = r.Chunks[:2] }), 6, audit.ReasonSignature, "batch of 2"},
		{"release: another order in the batch", 6, release(func(r *audit.Release) { r.Chunks[0], r.Chunks[1] = r.Chunks[1], r.Chunks[0] }), 6, audit.ReasonSignature, "batch of 3"},
		{"release: a chunk is missing", 5, release(func(r *audit.Release) { r.Chunks = r.Chunks[1:] }), 6, audit.ReasonMissing, "no chunk 1"},
		{"release: a chunk twice", 5, release(func(r *audit.Release) { r.Chunks = append(r.Chunks, r.Chunks[0]) }), 5, audit.ReasonTwice, "Chunk already released"},
		{"release: replaces nothing", 4, release(func(r *audit.Release) { r.Replaces = id(1) }), 4, audit.ReasonLedger, "no line before pays one of the chunks"},

		{"attestation: deal", 4, statement(func(a *attestation.Attestation) { a.DealID = id(2) }), 4, audit.ReasonSignature, "PKP key"},
		{"attestation: deal nobody knows", 4, statement(func(a *attestation.Attestation) { a.DealID = id(7) }), 4, audit.ReasonLedger, "no line before"},
		{"attestation: chunk", 4, statement(func(a *attestation.Attestation) { a.ChunkIndex = 4 }), 4, audit.ReasonSignature, "chunk 4"},
		{"attestation: chunk out of bounds", 4, statement(func(a *attestation.Attestation) { a.ChunkIndex = 5 }), 4, audit.ReasonLedger, "chunk_index out of bounds"},
		{"attestation: data set", 4, statement(func(a *attestation.Attestation) { a.ProofSetID = id(99) }), 4, audit.ReasonAttestation, "for data set 99, and the proof of 11"},
		{"attestation: root", 4, statement(func(a *attestation.Attestation) { a.RootCID[0] ^= 1 }), 4, audit.ReasonAttestation, "for the root"},
		{"attestation: time", 4, statement(func(a *attestation.Attestation) { a.Timestamp++ }), 4, audit.ReasonAttestation, "it has the time"},

		{"proof: chain", 4, first(func(c *audit.Chunk) { c.Proof.ChainID = 314 }), 4, audit.ReasonAttestation, "began at 1598306400"},
		{"proof: verifier", 4, first(func(c *audit.Chunk) { c.Proof.Verifier[0] ^= 1 }), 5, audit.ReasonOrder, "one data set backs a deal"},
		{"proof: data set", 4, first(func(c *audit.Chunk) { c.Proof.SetID = id(99) }), 4, audit.ReasonAttestation, "the proof of 99"},
		{"proof: period of the chunk before", 5, first(func(c *audit.Chunk) { c.Proof.Period = 1000 }), 5, audit.ReasonTwice, "period 1000 earns chunk 1"},
		{"proof: period before that", 5, first(func(c *audit.Chunk) { c.Proof.Period = 999 }), 5, audit.ReasonOrder, "period 1000 chunk 0 before it"},
		{"proof: period after its epoch", 4, first(func(c *audit.Chunk) { c.Proof.Period = 1004 }), 4, audit.ReasonAttestation, "before its challenge epoch"},
		{"proof: root", 4, first(func(c *audit.Chunk) { c.Proof.RootCID[0] ^= 1 }), 4, audit.ReasonAttestation, "for the root"},
		{"proof: epoch", 4, first(func(c *audit.Chunk) { c.Proof.BlockNumber++ }), 4, audit.ReasonAttestation, "its epoch 1004 began"},
		{"proof: time", 4, first(func(c *audit.Chunk) { c.Proof.Timestamp++ }), 4, audit.ReasonAttestation, "it has the time"},

		{"signature: r", 4, first(func(c *audit.Chunk) { c.Signed.Signature.R[31] ^= 1 }), 4, audit.ReasonSignature, ""},
		{"signature: s", 4, first(func(c *audit.Chunk) { c.Signed.Signature.S[31] ^= 1 }), 4, audit.ReasonSignature, "PKP key X mismatch"},
		{"signature: v", 4, first(func(c *audit.Chunk) { c.Signed.Signature.V ^= 1 }), 4, audit.ReasonSignature, "PKP key X mismatch"},
		{"amount", 4, first(func(c *audit.Chunk) { c.Amount = amount(99) }), 4, audit.ReasonLedger, "paid 99, and the deal has 100"},
		{"amount of another's payment", 7, first(func(c *audit.Chunk) { c.Amount = amount(1) }), 7, audit.ReasonLedger, "paid 1, and the deal has 100"},

		{"slash: deal", 11, slash(func(s *audit.Slash) { s.Deal = id(8) }), 11, audit.ReasonLedger, "no line before has its terms"},
		{"slash: a completed deal", 11, slash(func(s *audit.Slash) { s.Deal = id(2) }), 11, audit.ReasonLedger, "Deal not active"},
		{"slash: time", 11, slash(func(s *audit.Slash) { s.At-- }), 11, audit.ReasonLedger, "SLA deadline not reached"},
		{"slash: more", 11, slash(func(s *audit.Slash) { s.Amount = amount(551) }), 11, audit.ReasonLedger, "the refund is 551, and 550 is right"},
		{"slash: less", 11, slash(func(s *audit.Slash) { s.Amount = amount(549) }), 11, audit.ReasonLedger, "the refund is 549"},
		{"slash: less by two chunks", 11, slash(func(s *audit.Slash) { s.Amount = amount(350) }), 11, audit.ReasonMissing, "2 more chunks were paid"},
		{"slash: only the collateral", 11, slash(func(s *audit.Slash) { s.Amount = amount(50) }), 11, audit.ReasonLedger, "the refund is 50"},
	} {
		t.Run(test.name, func(t *testing.T) {
			log := rewritten(t, w.header, w.entries, func(n int, e *audit.Entry) {
				if n == test.line {
					test.change(e)
				}
			})
			report, err := audit.Verify(t.Context(), bytes.NewReader(log), audit.Options{})
			require.NoError(t, err)
			for _, f := range report.Findings {
				require.NotEqual(t, audit.ReasonLine, f.Reason, "the chain was made anew: %v", &f)
			}
			requireFinding(t, report, test.found, test.reason, test.text)
		})
	}
}

// What no log can prove: only the chains know it, and a head that was noted.
func TestChainMadeAnewUnnoticed(t *testing.T) {
	w := written(t)
	for name, change := range map[string]func(e *audit.Entry){
		"time":               func(e *audit.Entry) { e.Time++ },
		"transaction":        func(e *audit.Entry) { e.Release.TxHash[0] ^= 1 },
		"block":              func(e *audit.Entry) { e.Release.Block++ },
		"sender":             func(e *audit.Entry) { e.Release.Sender[31] ^= 1 },
		"proof: transaction": func(e *audit.Entry) { e.Release.Chunks[0].Proof.TxHash[0] ^= 1 },
		"proof: tipset":      func(e *audit.Entry) { e.Release.Chunks[0].Proof.BlockHash[0] ^= 1 },
		"proof: log":         func(e *audit.Entry) { e.Release.Chunks[0].Proof.LogIndex++ },
		"proof: period between those of its neighbours": func(e *audit.Entry) { e.Release.Chunks[0].Proof.Period++ },
	} {
		t.Run(name, func(t *testing.T) {
			log := rewritten(t, w.header, w.entries, func(n int, e *audit.Entry) {
				if n == 4 {
					change(e)
				}
			})
			require.Empty(t, w.verify(log).Findings)
			report, err := audit.Verify(t.Context(), bytes.NewReader(log), audit.Options{Head: w.writer.Head()})
			require.NoError(t, err)
			requireFinding(t, report, 12, audit.ReasonLine, "that of the head")
		})
	}
}

// Somebody appends lines that follow, with a key of their own.
func TestAppendedWithAnotherKey(t *testing.T) {
	w := newWorld(t, slastream.ClassExtended)
	deal := w.deal(4)
	w.release(false, chunk(deal, 0, 11, 1000))
	w.signer = attester(t, 8)
	w.write(w.entry(false, chunk(deal, 1, 11, 1240)))
	w.write(w.entry(true, chunk(deal, 2, 11, 1480)))
	report := w.verify(w.out.Bytes())
	require.Len(t, report.Findings, 2, "%v", report.Findings)
	for i, text := range []string{"chunk 1: PKP key X mismatch", "batch of 1 chunks: PKP key X mismatch"} {
		f := report.Findings[i]
		require.EqualValues(t, 4+i, f.Line)
		require.Equal(t, audit.ReasonSignature, f.Reason)
		require.Equal(t, text, f.Text)
	}
	require.Equal(t, fmt.Sprintf("audit: line 4: signature: deal %d: chunk 1: PKP key X mismatch", 1), report.Findings[0].Error())
}

package audit_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/audit"
)

// logged puts the entries of a world into a file, in one append each.
func logged(t *testing.T, w *world) (path string, log *audit.Log) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "audit")
	log, err := audit.Create(path, w.header)
	require.NoError(t, err)
	t.Cleanup(func() { log.Close() })
	for _, e := range w.entries[1:] {
		require.NoError(t, log.Append(e))
	}
	return path, log
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

// requireSame requires that nothing was written.
func requireSame(t *testing.T, want []byte, path string) {
	t.Helper()
	require.True(t, bytes.Equal(want, contents(t, path)), "the file was changed")
}

func TestLog(t *testing.T) {
	w := written(t)
	path, log := logged(t, w)
	require.Equal(t, log.Head(), w.verify(contents(t, path)).Head)
	require.Empty(t, w.verify(contents(t, path)).Findings)
	_, err := audit.Create(path, w.header)
	require.ErrorIs(t, err, fs.ErrExist)
	_, err = audit.Open(path+"s", w.header)
	require.ErrorIs(t, err, fs.ErrNotExist)

	head := log.Head()
	require.NoError(t, log.Close())
	require.ErrorIs(t, log.Close(), fs.ErrClosed)
	require.ErrorIs(t, log.Append(w.entries[1]), fs.ErrClosed)
	again, err := audit.Open(path, w.header)
	require.NoError(t, err)
	require.Equal(t, head, again.Head())
	one := *w.entries[1].Deal
	one.ID = id(20)
	require.NoError(t, again.Append(audit.Entry{Deal: &one}))
	require.EqualValues(t, head.Lines+1, again.Head().Lines)
	require.Empty(t, w.verify(contents(t, path)).Findings)
	require.NoError(t, again.Close())
}

// What was appended is not appended again: not by the same process and not by
// the next, not alone and not together.
func TestAppendAgain(t *testing.T) {
	w := written(t)
	path, log := logged(t, w)
	want := contents(t, path)
	again := func(log *audit.Log) {
		t.Helper()
		require.NoError(t, log.Append(w.entries[1:]...))
		for _, e := range w.entries[1:] {
			e = clone(e)
			e.Time += 1000
			if e.Release != nil && !e.Release.TxHash.IsZero() {
				e.Release.Block += 5
			}
			if e.Deal != nil {
				*e.Deal, _ = w.escrow.As(client).Deal(t.Context(), e.Deal.ID) // as it is today
			}
			if e.Slash != nil {
				e.Slash.Block += 5
			}
			require.NoError(t, log.Append(e))
		}
		requireSame(t, want, path)
	}
	again(log)
	require.NoError(t, log.Close())
	log, err := audit.Open(path, w.header)
	require.NoError(t, err)
	again(log)

	t.Run("a payment whose transaction is known by now, and one whose is not", func(t *testing.T) {
		known := clone(w.entries[6])
		known.Release.TxHash, known.Release.Sender = id(1), relay
		w.sign(false, known.Release.Chunks)
		require.NoError(t, log.Append(known))
		unknown := clone(w.entries[4])
		*unknown.Release = audit.Release{Chunks: unknown.Release.Chunks}
		require.NoError(t, log.Append(unknown))
		requireSame(t, want, path)
	})
	t.Run("some payments of somebody else are new", func(t *testing.T) {
		deal := w.deal(3)
		old := clone(w.entries[6])
		old.Release.Chunks = append(old.Release.Chunks, chunk(deal, 0, 14, 1000))
		require.NoError(t, log.Append(w.entries[len(w.entries)-1], old))
		added := w.verify(contents(t, path))
		require.Empty(t, added.Findings)
		require.EqualValues(t, len(w.entries)+1, added.Head.Lines)
		require.EqualValues(t, 2, added.Deals[1].Foreign+added.Deals[3].Foreign)
	})
	require.NoError(t, log.Close())
}

func TestAppendConflict(t *testing.T) {
	w := written(t)
	path, log := logged(t, w)
	want := contents(t, path)
	for name, test := range map[string]struct {
		line   uint64
		change func(e *audit.Entry)
	}{
		"deal: client":           {2, func(e *audit.Entry) { e.Deal.Client = relay }},
		"deal: amount":           {2, func(e *audit.Entry) { e.Deal.ChunkAmount = amount(7) }},
		"deal: deadline":         {2, func(e *audit.Entry) { e.Deal.Deadline++ }},
		"release: transaction":   {4, func(e *audit.Entry) { e.Release.TxHash[0] ^= 1 }},
		"release: root":          {4, func(e *audit.Entry) { e.Release.Chunks[0].Signed.Attestation.RootCID[0] ^= 1 }},
		"release: proof":         {4, func(e *audit.Entry) { e.Release.Chunks[0].Proof.Period++ }},
		"release: signature":     {4, func(e *audit.Entry) { e.Release.Chunks[0].Signed.Signature.S[31] ^= 1 }},
		"release: amount":        {4, func(e *audit.Entry) { e.Release.Chunks[0].Amount = amount(7) }},
		"release: second chunk":  {5, func(e *audit.Entry) { e.Release.Chunks[1].Signed.Attestation.Timestamp++ }},
		"release: no batch":      {6, func(e *audit.Entry) { e.Release.Batched = false }},
		"release: wrong replace": {4, func(e *audit.Entry) { e.Release.Replaces, e.Release.TxHash = id(5), id(6) }},
		"foreign: proof":         {7, func(e *audit.Entry) { e.Release.Chunks[0].Proof.Period++ }},
		"slash: amount":          {11, func(e *audit.Entry) { e.Slash.Amount = amount(7) }},
		"slash: transaction":     {11, func(e *audit.Entry) { e.Slash.TxHash[0] ^= 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			e := clone(w.entries[test.line-1])
			test.change(&e)
			fresh := *w.entries[1].Deal
			fresh.ID = id(30)
			err := log.Append(audit.Entry{Deal: &fresh}, e)
			conflict, ok := errors.AsType[*audit.ConflictError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, test.line, conflict.Line)
			requireSame(t, want, path)
			if r := w.entries[test.line-1].Release; r != nil {
				require.Equal(t, r.TxHash, conflict.TxHash)
			}
		})
	}
	t.Run("in one append", func(t *testing.T) {
		deal := *w.entries[1].Deal
		deal.ID = id(40)
		other := deal
		other.Chunks++
		err := log.Append(audit.Entry{Deal: &deal}, audit.Entry{Deal: &deal}, audit.Entry{Deal: &other})
		conflict, ok := errors.AsType[*audit.ConflictError](err)
		require.True(t, ok, "%v", err)
		require.EqualValues(t, 13, conflict.Line, "it would have been")
		requireSame(t, want, path)
	})
}

func TestAppendRefuses(t *testing.T) {
	w := written(t)
	path, log := logged(t, w)
	want := contents(t, path)
	four := slastream.Deal{ID: id(4), Chunks: 3, ChunkAmount: amount(1)}
	good := w.entry(false, chunk(four, 0, 14, 1000))
	for name, test := range map[string]struct {
		entry audit.Entry
		says  string
	}{
		"nothing":                   {audit.Entry{}, "0 kinds"},
		"two kinds":                 {audit.Entry{Deal: &four, Release: good.Release}, "2 kinds"},
		"a header":                  {w.entries[0], "has its header"},
		"an unknown deal":           {good, "no terms of deal 4"},
		"a slash of it":             {audit.Entry{Slash: &audit.Slash{Deal: id(4)}}, "no terms of deal 4"},
		"deal 0":                    {audit.Entry{Deal: &slastream.Deal{Chunks: 1}}, "ids start at 1"},
		"a deal that is not":        {audit.Entry{Deal: &slastream.Deal{ID: id(4)}}, "no such deal"},
		"a deal too large":          {audit.Entry{Deal: &slastream.Deal{ID: id(4), Chunks: 2, ChunkAmount: slastream.AmountFromWord(attestation.Word{0xff})}}, "below 2^256"},
		"a client that is no felt":  {audit.Entry{Deal: &slastream.Deal{ID: id(4), Chunks: 2, Client: slastream.Address{0x08}}}, "below 2^251"},
		"no chunks":                 {audit.Entry{Release: &audit.Release{TxHash: id(1)}}, "want 1 to 480"},
		"too many chunks":           {audit.Entry{Release: &audit.Release{Chunks: make([]audit.Chunk, 481)}}, "want 1 to 480"},
		"no transaction in a block": {audit.Entry{Release: &audit.Release{Block: 1, Chunks: make([]audit.Chunk, 1)}}, "without a transaction hash"},
		"no signature":              {audit.Entry{Release: &audit.Release{TxHash: id(1), Chunks: make([]audit.Chunk, 1)}}, "no signature"},
		"a sender that is no felt":  {audit.Entry{Slash: &audit.Slash{Deal: id(1), TxHash: id(1), Sender: slastream.Address{0x10}}}, "below 2^251"},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, log.Append(test.entry), test.says)
			requireSame(t, want, path)
		})
	}
	t.Run("a transaction in part", func(t *testing.T) {
		e := clone(w.entries[3])
		e.Release.Chunks = append(e.Release.Chunks, chunk(slastream.Deal{ID: id(3)}, 5, 13, 9000))
		e.Release.Chunks[1].Signed.Signature.R[0] = 1
		require.ErrorContains(t, log.Append(e), "want all chunks of a transaction in one entry")
	})
	t.Run("two signatures of a batch", func(t *testing.T) {
		e := clone(w.entries[5])
		e.Release.Chunks[1].Signed.Signature.V++
		require.ErrorContains(t, log.Append(e), "of the batch has another signature than the first")
	})
	t.Run("a chunk twice", func(t *testing.T) {
		e := clone(good)
		e.Release.Chunks = append(e.Release.Chunks, e.Release.Chunks[0])
		require.ErrorContains(t, log.Append(audit.Entry{Deal: &four}, e), "twice in the release")
	})
	t.Run("with the deal it is fine", func(t *testing.T) {
		require.NoError(t, log.Append(audit.Entry{Deal: &four}, good))
	})
}

// A reorganisation of Starknet drops a release, and another transaction pays the
// same chunks.
func TestReplace(t *testing.T) {
	w := written(t)
	path, log := logged(t, w)
	for _, line := range []int{4, 5, 6} {
		e := clone(w.entries[line-1])
		e.Release.TxHash = hash("again", uint64(line))
		conflict, ok := errors.AsType[*audit.ConflictError](log.Append(e))
		require.True(t, ok)
		e.Release.Replaces = conflict.TxHash
		before := log.Head().Lines
		for range 3 {
			require.NoError(t, log.Append(e))
		}
		require.Equal(t, before+1, log.Head().Lines)
	}
	report := w.verify(contents(t, path))
	require.Empty(t, report.Findings)
	require.Equal(t, w.verify(w.out.Bytes()).Totals, report.Totals, "no money moved")

	t.Run("in other groups, with a new chunk", func(t *testing.T) {
		w := newWorld(t, slastream.ClassExtended)
		deal := w.deal(9)
		w.write(w.entry(false, chunk(deal, 0, 11, 1000)))
		w.write(w.entry(false, chunk(deal, 1, 11, 1240)))
		path, log := logged(t, w)
		e := w.entry(true, chunk(deal, 0, 11, 1000), chunk(deal, 1, 11, 1240), chunk(deal, 2, 11, 1480))
		for _, wrong := range []attestation.Word{{}, id(77)} {
			e.Release.Replaces = wrong
			conflict, ok := errors.AsType[*audit.ConflictError](log.Append(e))
			require.True(t, ok)
			require.Equal(t, w.entries[2].Release.TxHash, conflict.TxHash)
		}
		for _, gone := range []int{2, 3} {
			e.Release.Replaces = w.entries[gone].Release.TxHash
			require.NoError(t, log.Append(e), "either will do")
		}
		report := w.verify(contents(t, path))
		require.Empty(t, report.Findings)
		require.EqualValues(t, 5, report.Head.Lines)
		require.EqualValues(t, 3, report.Chunks)
		var out bytes.Buffer
		require.NoError(t, audit.WriteCSV(&out, bytes.NewReader(contents(t, path)), slastream.Token{}))
		require.Equal(t, 3, bytes.Count(out.Bytes(), []byte(",payment,")))

		fresh := w.entry(false, chunk(deal, 5, 11, 3000))
		fresh.Release.Replaces = id(77)
		require.ErrorContains(t, log.Append(fresh), "there is no transaction to replace")
	})
	t.Run("for another period", func(t *testing.T) {
		again := newWorld(t, slastream.ClassExtended)
		deal := again.deal(9)
		for i := range uint64(4) {
			again.release(false, chunk(deal, i, 11, 1000+240*i))
		}
		for _, c := range []audit.Chunk{chunk(deal, 0, 11, 999), chunk(deal, 3, 11, 1719), chunk(deal, 1, 11, 1000), chunk(deal, 2, 11, 1720), chunk(deal, 2, 12, 1480)} {
			e := again.entry(false, c)
			e.Release.Replaces = id(1)
			again.write(e)
		}
		report := again.verify(again.out.Bytes())
		require.Len(t, report.Findings, 5, "%v", report.Findings)
		for i := range report.Findings {
			requireFinding(t, report, uint64(7+i), audit.ReasonOrder, "a line before has it")
		}
	})
}

func TestOpenTakesNoOtherEscrow(t *testing.T) {
	w := written(t)
	path, log := logged(t, w)
	require.NoError(t, log.Close())
	other := w.header
	other.Key = attester(t, 8).PublicKey()
	_, err := audit.Open(path, other)
	require.ErrorContains(t, err, "not of this one")
	_, err = audit.Create(path+"2", audit.Header{Class: slastream.ClassExtended, Rules: attestation.RulesLegacy})
	require.ErrorContains(t, err, "has the rules lows")
	_, err = os.Stat(path + "2")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.WriteFile(path, newer(contents(t, path)), 0o600))
	_, err = audit.Open(path, w.header)
	require.ErrorIs(t, err, audit.ErrVersion)
}

func TestConcurrentAppends(t *testing.T) {
	w := newWorld(t, slastream.ClassCompatible)
	var entries []audit.Entry
	for i := range uint64(8) {
		deal := w.deal(3)
		entries = append(entries, w.entries[len(w.entries)-1], w.entry(false, chunk(deal, 0, 20+i, 1000)))
	}
	path := filepath.Join(t.TempDir(), "audit")
	log, err := audit.Create(path, w.header)
	require.NoError(t, err)
	defer log.Close()
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			at := i % 8 * 2
			if err := log.Append(entries[at : at+2]...); err != nil {
				t.Error(err)
			}
			log.Head()
		})
	}
	group.Wait()
	report := w.verify(contents(t, path))
	require.Empty(t, report.Findings)
	require.EqualValues(t, 17, report.Head.Lines)
}

const holdEnv = "SLASTREAM_TEST_AUDIT_HOLD"

// One process writes; another, and another open in the same process, is kept out
// until it is gone.
func TestLock(t *testing.T) {
	w := written(t)
	if path := os.Getenv(holdEnv); path != "" {
		_, err := audit.Open(path, w.header)
		if !errors.Is(err, audit.ErrLocked) {
			t.Fatalf("the other process got %v", err)
		}
		return
	}
	path, log := logged(t, w)
	_, err := audit.Open(path, w.header)
	require.ErrorIs(t, err, audit.ErrLocked)
	other := exec.Command(os.Args[0], "-test.run=^TestLock$")
	other.Env = append(os.Environ(), holdEnv+"="+path)
	out, err := other.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, log.Close())

	other = exec.Command(os.Args[0], "-test.run=^TestLock$")
	other.Env = append(os.Environ(), holdEnv+"="+path)
	out, err = other.CombinedOutput()
	require.Error(t, err, "nobody holds it now")
	require.Contains(t, string(out), "the other process got <nil>")
	log, err = audit.Open(path, w.header)
	require.NoError(t, err)
	require.NoError(t, log.Close())
}

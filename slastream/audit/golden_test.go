package audit_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/audit"
)

var update = flag.Bool("update", false, "write the files in testdata anew: never for a format that was released")

// requireGolden compares with a file of testdata.
func requireGolden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

// A log that was written once is read and written for ever.
func TestGolden(t *testing.T) {
	w := written(t)
	requireGolden(t, "testdata/v1.jsonl", w.out.Bytes())
	require.Empty(t, w.verify(w.out.Bytes()).Findings)
}

func TestCSV(t *testing.T) {
	w := written(t)
	for path, token := range map[string]slastream.Token{
		"testdata/base.csv":  {},
		"testdata/token.csv": {Symbol: "TEST", Decimals: 3},
	} {
		var out bytes.Buffer
		require.NoError(t, audit.WriteCSV(&out, bytes.NewReader(w.out.Bytes()), token))
		requireGolden(t, path, out.Bytes())
	}
}

// A payment whose transaction was replaced is one payment.
func TestCSVCountsOnce(t *testing.T) {
	w := written(t)
	var once, again bytes.Buffer
	require.NoError(t, audit.WriteCSV(&once, bytes.NewReader(w.out.Bytes()), slastream.Token{}))
	e := clone(w.entries[3])
	e.Release.Replaces, e.Release.TxHash = e.Release.TxHash, id(1)
	w.write(e)
	require.NoError(t, audit.WriteCSV(&again, bytes.NewReader(w.out.Bytes()), slastream.Token{}))
	require.Equal(t, once.String(), again.String())
}

func TestCSVOfABrokenLog(t *testing.T) {
	w := written(t)
	log := w.out.Bytes()
	var out bytes.Buffer
	broken := bytes.Clone(log)
	broken[len(log)-10] ^= 1
	err := audit.WriteCSV(&out, bytes.NewReader(broken), slastream.Token{})
	require.ErrorContains(t, err, "audit: line 12: line: ")
	require.Equal(t, 15, bytes.Count(out.Bytes(), []byte("\n")), "the rows before")

	noDeal := rewritten(t, w.header, append(w.entries[:1:1], w.entries[3]), func(int, *audit.Entry) {})
	require.ErrorContains(t, audit.WriteCSV(&out, bytes.NewReader(noDeal), slastream.Token{}), "audit: line 2: ledger: no line before has the terms of deal 1")
	require.ErrorIs(t, audit.WriteCSV(fullDisk{}, bytes.NewReader(log), slastream.Token{}), errKilled)
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errKilled }

func TestWriter(t *testing.T) {
	w := written(t)
	var out bytes.Buffer
	writer := audit.NewWriter(&out, audit.Head{})
	require.ErrorContains(t, writer.Append(w.entries[1]), "want the header as the first line")
	require.ErrorContains(t, writer.Append(w.entries[0], w.entries[0]), "line 2")
	require.Zero(t, out.Len())
	require.Zero(t, writer.Head())
	require.NoError(t, writer.Append())
	require.NoError(t, writer.Append(w.entries[:4]...))
	require.NoError(t, audit.NewWriter(&out, writer.Head()).Append(w.entries[4:]...), "another goes on")
	require.Equal(t, w.out.String(), out.String())

	full := audit.NewWriter(fullDisk{}, audit.Head{})
	require.ErrorIs(t, full.Append(w.entries[0]), errKilled)
	require.ErrorIs(t, full.Append(w.entries[0]), errKilled, "it failed for good")
	require.Zero(t, full.Head())

	var now bytes.Buffer
	require.NoError(t, audit.NewWriter(&now, audit.Head{}).Append(audit.Entry{Header: &w.header}))
	for e, err := range audit.Read(&now) {
		require.NoError(t, err)
		require.Greater(t, e.Time, uint64(1_700_000_000))
	}
}

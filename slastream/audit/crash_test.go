package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/audit"
)

var errKilled = errors.New("killed")

// A disk is a file with a write cache that a power failure loses. It dies at the
// step before which budget is used up, and then answers nothing any more.
type disk struct {
	now    []byte // what the process sees
	synced []byte // what is on the disk for sure
	budget int    // steps to live; -1: for ever
}

func (d *disk) step() error {
	if d.budget == 0 {
		return errKilled
	}
	if d.budget > 0 {
		d.budget--
	}
	return nil
}

func (d *disk) ReadAt(b []byte, at int64) (int, error) {
	n := copy(b, d.now[min(at, int64(len(d.now))):])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (d *disk) WriteAt(b []byte, at int64) (int, error) {
	d.now = append(d.now[:at], b...)
	if err := d.step(); err != nil {
		d.now = d.now[:at+int64(len(b)/2)]
		return len(b) / 2, err
	}
	return len(b), nil
}

func (d *disk) Sync() error {
	if err := d.step(); err != nil {
		return err
	}
	d.synced = slices.Clone(d.now)
	return nil
}

func (d *disk) Truncate(size int64) error {
	if err := d.step(); err != nil {
		return err
	}
	d.now = d.now[:size]
	return nil
}

func (d *disk) Close() error { return nil }

func diskWith(b []byte) *disk {
	return &disk{now: slices.Clone(b), synced: slices.Clone(b), budget: -1}
}

func load(d *disk, h audit.Header) (*audit.Log, error) {
	return audit.Load(d, int64(len(d.now)), h)
}

// A file that was cut at any byte is as it was before the line that is torn, and
// the rest can be appended again: to the same bytes.
func TestCutAtEveryByte(t *testing.T) {
	w := written(t)
	log := w.out.Bytes()
	lines := bytes.SplitAfter(log, []byte("\n"))
	header := len(lines[0])
	for cut := range log {
		ruins := map[string][]byte{"cut": log[:cut]}
		if cut%5 == 0 {
			ruins["zeroes"] = append(slices.Clone(log[:cut]), make([]byte, min(len(log)-cut, 700))...)
		}
		for name, ruin := range ruins {
			d := diskWith(ruin)
			l, err := load(d, w.header)
			if cut < header {
				require.ErrorContains(t, err, "make it again", "%s at %d", name, cut)
				require.Equal(t, ruin, d.now, "nothing is removed")
				continue
			}
			require.NoError(t, err, "%s at %d", name, cut)
			whole := bytes.Count(log[:cut], []byte("\n"))
			require.EqualValues(t, whole, l.Head().Lines)
			require.Equal(t, bytes.Join(lines[:whole], nil), d.now, "%s at %d", name, cut)
			require.Equal(t, d.now, d.synced)
			if cut%97 == 0 {
				require.NoError(t, l.Append(w.entries[1:]...))
				require.Equal(t, log, d.now)
			}
		}
	}
}

// What a crash does not leave is not cut off, and the error says how far the log
// is good.
func TestNotCutOff(t *testing.T) {
	w := written(t)
	log := w.out.Bytes()
	lines := bytes.SplitAfter(log, []byte("\n"))
	good := bytes.Join(lines[:5], nil)
	changed := func(at int) []byte {
		b := slices.Clone(log)
		b[at] ^= 1
		return b
	}
	with := func(rest []byte) []byte { return append(slices.Clone(good), rest...) }
	for name, ruin := range map[string][]byte{
		"a line in the middle was changed":       changed(len(good) + 200),
		"the last line was changed":              changed(len(log) - 20),
		"the last newline was changed":           changed(len(log) - 1),
		"the last newline is printable now":      append(slices.Clone(log[:len(log)-1]), '*'),
		"the beginning of an older line":         with(lines[3][:150]),
		"the beginning of a later line":          with(lines[6][:150]),
		"the beginning of another log's line":    with([]byte(`{"sum":"0xyz`)),
		"an unknown line":                        with([]byte("hello\n")),
		"zeroes and a newline":                   with(append(make([]byte, 50), '\n')),
		"zeroes and the rest of the line":        with(append(make([]byte, 50), lines[5][50:]...)),
		"zeroes within the beginning of a line":  with(append(append(lines[5][:90:90], 0, 0), lines[5][92:150]...)),
		"more zeroes than an append can be long": with(make([]byte, audit.MaxLine+1)),
		"more text than an append can be long":   with(append(lines[5][:170:170], bytes.Repeat([]byte("1"), audit.MaxLine)...)),
	} {
		t.Run(name, func(t *testing.T) {
			d := diskWith(ruin)
			_, err := load(d, w.header)
			finding, ok := errors.AsType[*audit.Finding](err)
			require.True(t, ok, "%v", err)
			require.ErrorContains(t, err, "the log is good up to byte")
			require.LessOrEqual(t, finding.Line, uint64(12))
			require.True(t, bytes.Equal(ruin, d.now), "nothing is removed")
		})
	}
}

// The power fails before every step of every append, and leaves every kind of
// ruin. What was acknowledged is there, and doing all of it again leaves the same
// log as if nothing had happened.
func TestKilledAtEveryStep(t *testing.T) {
	w := written(t)
	want := w.out.Bytes()
	header := want[:bytes.IndexByte(want, '\n')+1]
	deaths := 0
	for budget := 0; ; budget++ {
		d := diskWith(header)
		l, err := load(d, w.header)
		require.NoError(t, err)
		d.budget = budget
		acknowledged := 1
		for _, e := range w.entries[1:] {
			if err = l.Append(e); err != nil {
				break
			}
			acknowledged++
		}
		if err == nil {
			require.Equal(t, want, d.now)
			require.Equal(t, 22, deaths, "a write and a sync for each entry")
			return
		}
		deaths++
		require.ErrorIs(t, err, errKilled)
		d.budget = -1
		require.ErrorIs(t, l.Append(w.entries[1]), errKilled, "it failed for good")

		lost := len(d.now) - len(d.synced)
		ruins := map[string][]byte{"only what was synced": d.synced, "everything": d.now, "zeroes": append(slices.Clone(d.synced), make([]byte, max(lost, 0))...)}
		for cut := 1; cut < lost; cut += 31 {
			ruins[fmt.Sprint(cut, " bytes more")] = d.now[:len(d.synced)+cut]
		}
		for name, ruin := range ruins {
			after := diskWith(ruin)
			l, err := load(after, w.header)
			require.NoError(t, err, "%s at %d", name, budget)
			require.GreaterOrEqual(t, l.Head().Lines, uint64(acknowledged))
			for _, e := range w.entries[1:] {
				require.NoError(t, l.Append(e))
			}
			require.Equal(t, want, after.synced, "%s at %d", name, budget)
		}
	}
}

// An append of many entries is torn at any of them.
func TestLongAppendCut(t *testing.T) {
	w := newWorld(t, slastream.ClassExtended)
	deal := w.deal(900)
	var chunks []audit.Chunk
	for i := range uint64(480) {
		chunks = append(chunks, chunk(deal, i, 11, 1000+240*i))
	}
	w.release(true, chunks...)
	w.release(false, chunk(deal, 480, 11, 1000+240*480))
	log := w.out.Bytes()
	require.Empty(t, w.verify(log).Findings)
	for cut := 1200; cut < len(log); cut += 49_999 {
		d := diskWith(log[:cut])
		l, err := load(d, w.header)
		require.NoError(t, err)
		require.NoError(t, l.Append(w.entries[1:]...))
		require.True(t, bytes.Equal(log, d.now))
	}
}

// The longest line that there is fits.
func TestLongestLine(t *testing.T) {
	most := attestation.Word(bytes.Repeat([]byte{0xff}, 32))
	c := audit.Chunk{Amount: slastream.AmountFromWord(most)}
	c.Proof.ChainID, c.Proof.Period, c.Proof.BlockNumber, c.Proof.LogIndex, c.Proof.Timestamp = 1<<64-1, 1<<64-1, 1<<64-1, 1<<64-1, 1<<64-1
	c.Signed.Attestation.ChunkIndex, c.Signed.Attestation.Timestamp = 1<<64-1, 1<<64-1
	c.Signed.Signature.V = 1<<32 - 1
	var out bytes.Buffer
	w := audit.NewWriter(&out, audit.Head{Lines: 1<<64 - 2})
	require.NoError(t, w.Append(audit.Entry{Time: 1<<64 - 1, Release: &audit.Release{
		TxHash: most, Block: 1<<64 - 1, Replaces: id(1), Chunks: slices.Repeat([]audit.Chunk{c}, 480),
	}}))
	require.Less(t, out.Len(), audit.MaxLine)
	require.Greater(t, out.Len(), audit.MaxLine/2)
}

// The same on a real file.
func TestOpenCutsOff(t *testing.T) {
	w := written(t)
	path, log := logged(t, w)
	want, head := contents(t, path), log.Head()
	require.NoError(t, log.Close())
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"sum":"0x12`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	log, err = audit.Open(path, w.header)
	require.NoError(t, err)
	require.Equal(t, head, log.Head())
	requireSame(t, want, path)
	require.NoError(t, log.Close())

	_, err = audit.Open(t.TempDir(), w.header)
	require.Error(t, err, "a directory")
	for name, ruin := range map[string][]byte{"changed": append([]byte("{ "), want[2:]...), "of zeroes": append(make([]byte, 600), want[600:]...)} {
		broken := filepath.Join(t.TempDir(), "broken")
		require.NoError(t, os.WriteFile(broken, ruin, 0o600))
		_, err = audit.Open(broken, w.header)
		require.ErrorContains(t, err, "put back a copy", "a header %s is no reason to remove a log", name)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, err = audit.Open(empty, w.header)
	require.ErrorContains(t, err, "make it again")
}

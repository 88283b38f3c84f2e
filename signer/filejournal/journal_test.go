package filejournal_test

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/filejournal"
	"github.com/slastream/slastream-go/signer/signertest"
)

func local(t testing.TB) *signer.Local {
	t.Helper()
	key, err := signer.NewLocal([32]byte{31: 9})
	require.NoError(t, err)
	return key
}

func request(chunk uint64, root byte) signer.Request {
	set := attestation.Word{0: 0xfe, 31: 7}
	return signer.Request{
		Attestation: attestation.Attestation{DealID: attestation.Word{0: 1, 31: 1}, ChunkIndex: chunk, ProofSetID: set, RootCID: attestation.Word{31: root}, Timestamp: 1000 + chunk},
		Domain:      attestation.Domain{ChainID: attestation.WordFromUint64(5), Escrow: attestation.Word{3: 4}},
		Evidence: attestation.Evidence{
			ChainID: 314, Verifier: attestation.EthereumAddress{19: 5}, SetID: set, Period: 100 + chunk,
			TxHash: attestation.Word{1: 1}, BlockHash: attestation.Word{2: 2}, BlockNumber: 99 + chunk, LogIndex: 3,
		},
	}
}

func guard(t testing.TB, j signer.Journal) signer.Signer {
	t.Helper()
	s, err := signer.New(local(t))
	require.NoError(t, err)
	return signer.Guard(s, j)
}

func newJournal(t testing.TB) (*filejournal.Journal, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal")
	j, err := filejournal.Create(path)
	require.NoError(t, err)
	t.Cleanup(func() { j.Close() })
	return j, path
}

func sign(t testing.TB, g signer.Signer, chunks uint64) {
	t.Helper()
	for chunk := range chunks {
		_, err := g.Attest(t.Context(), request(chunk, 1))
		require.NoError(t, err)
	}
}

func records(t testing.TB, j *filejournal.Journal) (all []signer.Record) {
	t.Helper()
	for rec, err := range j.All() {
		require.NoError(t, err)
		all = append(all, rec)
	}
	return all
}

func TestConformance(t *testing.T) {
	j, _ := newJournal(t)
	signertest.Run(t, func(t *testing.T) signer.Signer { return guard(t, j) }, signertest.Deterministic(), signertest.Batches())
}

func TestReopen(t *testing.T) {
	j, path := newJournal(t)
	sign(t, guard(t, j), 3)
	want := records(t, j)
	require.Len(t, want, 3)
	require.WithinDuration(t, time.Now(), want[0].Began, time.Minute)
	require.NoError(t, j.Close())
	require.ErrorIs(t, j.Close(), fs.ErrClosed)
	require.ErrorIs(t, j.Put(t.Context(), want[0]), fs.ErrClosed)

	j, err := filejournal.Open(path)
	require.NoError(t, err)
	defer j.Close()
	require.Equal(t, want, records(t, j))
	require.Equal(t, 3, j.Len())
	g := guard(t, j)
	signed, err := g.Attest(t.Context(), request(1, 1))
	require.NoError(t, err)
	require.Equal(t, want[1].Signature, signed.Signature)
	_, err = g.Attest(t.Context(), request(1, 2))
	require.ErrorAs(t, err, new(*signer.EquivocationError))
	reuse := request(1, 1)
	reuse.Attestation.ChunkIndex = 77
	_, err = g.Attest(t.Context(), reuse)
	require.ErrorAs(t, err, new(*signer.EquivocationError), "a proof that paid")
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	_, err := filejournal.Open(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, path := newJournal(t)
	_, err = filejournal.Create(path)
	require.ErrorIs(t, err, fs.ErrExist)
	_, err = filejournal.Open(path)
	require.ErrorIs(t, err, filejournal.ErrLocked, "the same process")

	newer := filejournal.Header()
	newer[23]++
	path = filepath.Join(dir, "newer")
	require.NoError(t, os.WriteFile(path, newer, 0o600))
	_, err = filejournal.Open(path)
	require.ErrorIs(t, err, filejournal.ErrVersion)
}

func TestAnotherProcessIsLockedOut(t *testing.T) {
	if path := os.Getenv("FILEJOURNAL_LOCKED"); path != "" {
		_, err := filejournal.Open(path)
		require.ErrorIs(t, err, filejournal.ErrLocked)
		return
	}
	j, path := newJournal(t)
	other := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run=^TestAnotherProcessIsLockedOut$", "-test.v")
		cmd.Env = append(os.Environ(), "FILEJOURNAL_LOCKED="+path)
		return cmd
	}
	out, err := other().CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, j.Close())
	require.Error(t, other().Run(), "once it is closed the other process opens it, so its test fails")
}

// A file that was cut anywhere gives a prefix of what was signed, or nothing.
func TestTruncatedAtEveryByte(t *testing.T) {
	j, path := newJournal(t)
	sign(t, guard(t, j), 3)
	want := records(t, j)
	require.NoError(t, j.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, whole, 7*filejournal.Size)
	for n := range len(whole) {
		d := &disk{now: bytes.Clone(whole[:n]), budget: -1}
		j, err := filejournal.Load(d, int64(n))
		if n < filejournal.Size {
			require.ErrorAs(t, err, new(*filejournal.CorruptError), "cut at %d", n)
			continue
		}
		require.NoError(t, err, "cut at %d", n)
		got := records(t, j)
		frames := n/filejournal.Size - 1 // claim, signature, claim, …
		require.Len(t, got, (frames+1)/2, "cut at %d", n)
		for i, rec := range got {
			require.Equal(t, want[i].Request, rec.Request)
			require.Equal(t, frames >= 2*i+2, rec.Signed)
		}
		require.Len(t, d.now, (frames+1)*filejournal.Size, "the rest is cut off")
	}
}

// A file with any byte changed is refused: every record in it was synced.
func TestCorruptedAtEveryByte(t *testing.T) {
	j, path := newJournal(t)
	sign(t, guard(t, j), 2)
	require.NoError(t, j.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, change := range []struct {
		name string
		of   func(b byte) byte
	}{
		{"lowest bit", func(b byte) byte { return b ^ 1 }},
		{"all bits", func(b byte) byte { return ^b }},
	} {
		t.Run(change.name, func(t *testing.T) {
			for at := range whole {
				changed := bytes.Clone(whole)
				changed[at] = change.of(changed[at])
				before := bytes.Clone(changed)
				d := &disk{now: changed, budget: -1}
				_, err := filejournal.Load(d, int64(len(changed)))
				if binary.BigEndian.Uint32(changed[20:]) > 1 {
					require.ErrorIs(t, err, filejournal.ErrVersion)
				} else {
					var corrupt *filejournal.CorruptError
					require.ErrorAs(t, err, &corrupt, "byte %d", at)
					require.Equal(t, int64(at/filejournal.Size*filejournal.Size), corrupt.Offset)
				}
				require.Equal(t, before, d.now, "the file is left as it is")
			}
		})
	}
	for name, change := range map[string]func(b []byte) []byte{
		"a record is missing": func(b []byte) []byte { return append(bytes.Clone(b[:1024]), b[1536:]...) },
		"two records are exchanged": func(b []byte) []byte {
			return append(append(append(bytes.Clone(b[:512]), b[1024:1536]...), b[512:1024]...), b[1536:]...)
		},
		"a record is there twice":   func(b []byte) []byte { return append(bytes.Clone(b), b[len(b)-512:]...) },
		"zeroes before a record":    func(b []byte) []byte { return append(append(bytes.Clone(b[:1024]), make([]byte, 512)...), b[1536:]...) },
		"a tail that is not zeroes": func(b []byte) []byte { return append(bytes.Clone(b), bytes.Repeat([]byte{1}, 600)...) },
	} {
		t.Run(name, func(t *testing.T) {
			changed := change(whole)
			_, err := filejournal.Load(&disk{now: changed, budget: -1}, int64(len(changed)))
			require.ErrorAs(t, err, new(*filejournal.CorruptError))
		})
	}
}

// The file changes under a journal that is open.
func TestARecordThatChangesFailsTheJournal(t *testing.T) {
	d := &disk{now: filejournal.Header(), budget: -1}
	j, err := filejournal.Load(d, filejournal.Size)
	require.NoError(t, err)
	g := guard(t, j)
	sign(t, g, 1)
	d.now[2*filejournal.Size+200] ^= 1
	_, err = g.Attest(t.Context(), request(0, 1))
	require.ErrorAs(t, err, new(*filejournal.CorruptError))
	_, err = g.Attest(t.Context(), request(5, 1))
	require.ErrorIs(t, err, filejournal.ErrFailed)
}

func TestRacingRoots(t *testing.T) {
	j, _ := newJournal(t)
	g := guard(t, j)
	var mu sync.Mutex
	got := map[attestation.Signed]bool{}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			signed, err := g.Attest(t.Context(), request(0, byte(i%2)))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				got[signed] = true
			}
		})
	}
	wg.Wait()
	require.Len(t, got, 1)
}

func TestExportImport(t *testing.T) {
	j, _ := newJournal(t)
	g := guard(t, j)
	sign(t, g, 3)
	want := records(t, j)
	var out bytes.Buffer
	require.NoError(t, j.Export(&out))

	k, _ := newJournal(t)
	require.NoError(t, k.Import(t.Context(), bytes.NewReader(out.Bytes())))
	require.Equal(t, want, records(t, k))
	require.NoError(t, k.Import(t.Context(), bytes.NewReader(out.Bytes())), "again adds nothing")
	require.Equal(t, want, records(t, k))

	for name, in := range map[string]string{
		"empty":               "",
		"another format":      `{"format":"x"}`,
		"cut short":           out.String()[:out.Len()-4],
		"a changed signature": strings.Replace(out.String(), `"v":`, `"v":7`, 1),
		"a changed root":      strings.Replace(out.String(), want[0].Request.Attestation.RootCID.String(), attestation.Word{5}.String(), 1),
	} {
		t.Run(name, func(t *testing.T) {
			k, _ := newJournal(t)
			require.Error(t, k.Import(t.Context(), strings.NewReader(in)))
			require.Zero(t, k.Len())
		})
	}
	t.Run("a newer version", func(t *testing.T) {
		newer := strings.Replace(out.String(), `"version":1`, `"version":2`, 1)
		require.ErrorIs(t, k.Import(t.Context(), strings.NewReader(newer)), filejournal.ErrVersion)
	})
	t.Run("a record against one that is there", func(t *testing.T) {
		k, _ := newJournal(t)
		_, err := guard(t, k).Attest(t.Context(), request(1, 9))
		require.NoError(t, err)
		err = k.Import(t.Context(), bytes.NewReader(out.Bytes()))
		require.ErrorAs(t, err, new(*signer.EquivocationError))
	})
}

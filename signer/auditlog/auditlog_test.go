package auditlog_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/auditlog"
	"github.com/slastream/slastream-go/signer/signertest"
)

func request(chunk uint64, root byte) signer.Request {
	return signer.Request{Attestation: attestation.Attestation{ChunkIndex: chunk, RootCID: attestation.Word{root}}, Evidence: attestation.Evidence{Period: chunk}}
}

func guard(t *testing.T) signer.Signer {
	t.Helper()
	key, err := signer.NewLocal([32]byte{31: 9})
	require.NoError(t, err)
	s, err := signer.New(key)
	require.NoError(t, err)
	return signer.Guard(s, signer.NewMemoryJournal())
}

func open(t *testing.T, path string) *auditlog.Log {
	t.Helper()
	log, err := auditlog.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { log.Close() })
	return log
}

// written returns a log with a signature, a refusal and a batch.
func written(t *testing.T) (path string, head auditlog.Head) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "audit")
	log := open(t, path)
	s := auditlog.Wrap(guard(t), log)
	_, err := s.Attest(t.Context(), request(0, 1))
	require.NoError(t, err)
	_, err = s.Attest(t.Context(), request(0, 2))
	require.ErrorAs(t, err, new(*signer.EquivocationError))
	one := request(1, 1)
	_, err = s.(signer.BatchSigner).AttestBatch(t.Context(), signer.BatchRequest{Items: []signer.BatchItem{{Attestation: one.Attestation, Evidence: one.Evidence}}})
	require.NoError(t, err)
	require.NoError(t, log.Close())
	return path, log.Head()
}

func TestConformance(t *testing.T) {
	log := open(t, filepath.Join(t.TempDir(), "audit"))
	s := auditlog.Wrap(guard(t), log)
	signertest.Run(t, func(*testing.T) signer.Signer { return s }, signertest.Deterministic(), signertest.Batches())
}

func TestVerify(t *testing.T) {
	path, want := written(t)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	head, err := auditlog.Verify(bytes.NewReader(b))
	require.NoError(t, err)
	require.Equal(t, want, head)
	require.EqualValues(t, 3, head.Entries)
	require.Contains(t, string(b), "equivocation")

	lines := bytes.SplitAfter(b, []byte("\n"))
	for name, changed := range map[string][]byte{
		"a line is missing":       append(bytes.Clone(lines[0]), lines[2]...),
		"two lines are exchanged": append(append(bytes.Clone(lines[1]), lines[0]...), lines[2]...),
		"the first is missing":    append(bytes.Clone(lines[1]), lines[2]...),
		"the end has no newline":  b[:len(b)-1],
	} {
		t.Run(name, func(t *testing.T) {
			_, err := auditlog.Verify(bytes.NewReader(changed))
			require.ErrorIs(t, err, auditlog.ErrBroken)
		})
	}
	for at := range b {
		changed := bytes.Clone(b)
		changed[at] ^= 1
		if head, err := auditlog.Verify(bytes.NewReader(changed)); err == nil {
			require.Equal(t, want, head, "byte %d: a change that changes nothing", at)
			require.False(t, changed[at] >= '0' && changed[at] <= '9', "byte %d", at)
		}
	}
}

func TestOpenContinues(t *testing.T) {
	path, want := written(t)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"sum":"0x12`) // a crash
	require.NoError(t, err)
	require.NoError(t, f.Close())
	log := open(t, path)
	require.Equal(t, want, log.Head())
	require.NoError(t, log.Append(auditlog.Entry{}))
	require.NoError(t, log.Close())
	require.ErrorIs(t, log.Append(auditlog.Entry{}), fs.ErrClosed)
	require.EqualValues(t, 4, open(t, path).Head().Entries)

	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b[200] ^= 1
	require.NoError(t, os.WriteFile(path, b, 0o600))
	_, err = auditlog.Open(path)
	require.ErrorIs(t, err, auditlog.ErrBroken)
}

func TestWhatIsNotWrittenDoesNotLeave(t *testing.T) {
	log := open(t, filepath.Join(t.TempDir(), "audit"))
	s := auditlog.Wrap(guard(t), log)
	require.NoError(t, log.Close())
	signed, err := s.Attest(t.Context(), request(0, 1))
	require.ErrorIs(t, err, fs.ErrClosed)
	require.Zero(t, signed)
}

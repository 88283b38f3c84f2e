package boltstore_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/boltstore"
)

// needsRoot skips a test that needs another file system or another user. It fails
// instead where SLASTREAM_REQUIRE holds "root".
func needsRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() == 0 {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("SLASTREAM_REQUIRE"), ","), "root") {
		t.Fatal("needs root, to mount a file system and to be another user")
	}
	t.Skip("needs root, to mount a file system and to be another user")
}

// small mounts a file system of 1 MiB.
func small(t *testing.T) string {
	t.Helper()
	needsRoot(t)
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("needs to mount a file system: %v", err)
	}
	t.Cleanup(func() { unmount(t, dir) })
	return dir
}

// unmount waits for others: whoever looks at the file system in that moment, such
// as df or a search through the temporary directory, keeps it busy. What this
// process still has open is a leak of the store.
func unmount(t *testing.T, dir string) {
	if files := inUse(t, dir); len(files) > 0 {
		t.Errorf("open at the end of the test: %q", files)
	}
	err := syscall.Unmount(dir, 0)
	for range 50 {
		if !errors.Is(err, syscall.EBUSY) {
			break
		}
		time.Sleep(20 * time.Millisecond)
		err = syscall.Unmount(dir, 0)
	}
	if errors.Is(err, syscall.EBUSY) { // it goes once the last one lets go of it
		err = syscall.Unmount(dir, syscall.MNT_DETACH)
	}
	require.NoError(t, err)
}

// inUse lists the files below a directory that this process has open or mapped.
func inUse(t *testing.T, dir string) (files []string) {
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	for line := range strings.Lines(string(maps)) {
		if strings.Contains(line, dir+"/") {
			files = append(files, strings.TrimSpace(line))
		}
	}
	open, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, f := range open {
		if name, err := os.Readlink("/proc/self/fd/" + f.Name()); err == nil && strings.HasPrefix(name, dir) {
			files = append(files, name)
		}
	}
	return files
}

// long is a change that needs 200 KB.
func long(t *testing.T, s *boltstore.Store, nonce uint64) relay.Change {
	t.Helper()
	tx := relay.Transaction{TxID: relay.TxID{Sender: benchSender, Nonce: nonce}, State: relay.Stored}
	tx.Signed = []slastream.SignedTx{{Sender: tx.Sender, Nonce: nonce, Body: bytes.Repeat([]byte{byte(nonce)}, 200_000)}}
	return relay.Change{Lease: mustLease(t, s), Put: []relay.Transaction{tx}, Spend: []relay.Spend{{Hour: relay.Hour(nonce), Amount: slastream.AmountFromUint64(nonce)}}}
}

// until stores changes until one fails, and returns its error. Nothing of it may
// be stored.
func until(t *testing.T, s *boltstore.Store) error {
	t.Helper()
	for nonce := uint64(100); nonce < 1000; nonce++ {
		before := mustRead(t, s)
		if err := s.Commit(t.Context(), long(t, s, nonce)); err != nil {
			require.Equal(t, before, mustRead(t, s))
			return err
		}
	}
	t.Fatal("the disk is never full")
	return nil
}

func TestDiskFull(t *testing.T) {
	dir := small(t)
	path, ballast := filepath.Join(dir, "relay.db"), filepath.Join(dir, "ballast")
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	fill(t, s) // which takes the lease, too
	require.NoError(t, os.WriteFile(ballast, bytes.Repeat([]byte{1}, 450_000), 0o600))

	require.ErrorIs(t, until(t, s), syscall.ENOSPC)
	full := mustRead(t, s)
	for range 5 { // each method that stores
		require.Error(t, s.Commit(t.Context(), long(t, s, 1000)))
		err := s.Observe(t.Context(), relay.Observation{From: full.Cursor, Next: full.Cursor + 1, Chunks: many(1000)})
		require.ErrorContains(t, err, path+": nothing was stored")
		require.Equal(t, full, mustRead(t, s))
	}
	// There is room again.
	require.NoError(t, os.Remove(ballast))
	require.NoError(t, s.Commit(t.Context(), long(t, s, 1000)))
	more := mustRead(t, s)
	require.Len(t, more.Transactions, len(full.Transactions)+1)
	require.ErrorIs(t, until(t, s), syscall.ENOSPC)
	want := mustRead(t, s)
	require.NoError(t, s.Close())
	// A full disk can be read.
	s, err = boltstore.Open(path)
	require.NoError(t, err)
	require.Equal(t, want, mustRead(t, s))
	require.NoError(t, s.Close())

	// A new one has no room, and leaves nothing behind.
	require.NoError(t, os.WriteFile(ballast, nil, 0o600))
	f, err := os.OpenFile(ballast, os.O_WRONLY, 0)
	require.NoError(t, err)
	for _, err = f.Write(make([]byte, 4096)); err == nil; _, err = f.Write(make([]byte, 4096)) {
	}
	require.NoError(t, f.Close())
	_, err = boltstore.Open(filepath.Join(dir, "other.db"))
	require.ErrorIs(t, err, syscall.ENOSPC)
	left, err := filepath.Glob(filepath.Join(dir, "other*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// many are chunks that no store has.
func many(n uint64) (chunks []relay.Chunk) {
	for i := range n {
		chunks = append(chunks, benchChunk(500+i, 0))
	}
	return chunks
}

// The file may not grow: bbolt fails before it writes. The limit is that of a
// process, so this one is another than that which go test writes its files in.
func TestFileSizeLimit(t *testing.T) {
	const limited = "BOLTSTORE_LIMITED"
	if os.Getenv(limited) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFileSizeLimit$")
		cmd.Env = append(os.Environ(), limited+"=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	path := filepath.Join(t.TempDir(), "relay.db")
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	fill(t, s) // which takes the lease, too
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
	info, err := os.Stat(path)
	require.NoError(t, err)
	low := limit
	low.Cur = uint64(info.Size())
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &low))
	err = until(t, s)
	again := s.Commit(t.Context(), long(t, s, 1000))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	require.ErrorContains(t, err, "nothing was stored")
	require.ErrorContains(t, err, "file too large")
	require.ErrorContains(t, again, "nothing was stored")
	require.NoError(t, s.Commit(t.Context(), long(t, s, 1000)))
	want := mustRead(t, s)
	require.NoError(t, s.Close())
	s, err = boltstore.Open(path)
	require.NoError(t, err)
	require.Equal(t, want, mustRead(t, s))
	require.NoError(t, s.Close())
}

// There is no room for the copy that is made first.
func TestMigrateOnFullDisk(t *testing.T) {
	dir := small(t)
	_, file := version1(t)
	path, ballast := filepath.Join(dir, "relay.db"), filepath.Join(dir, "ballast")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	for _, room := range []int{0, 8192, len(file) - 4096} {
		require.NoError(t, os.WriteFile(ballast, make([]byte, 1<<20-len(file)-room), 0o600))
		_, err := boltstore.Open(path)
		require.ErrorIs(t, err, syscall.ENOSPC, "%d bytes", room)
		require.ErrorContains(t, err, "no backup of version 1, and nothing changed")
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Equal(file, after[:len(file)]))
		require.NoError(t, os.Remove(ballast))
	}
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	require.EqualValues(t, 25, mustRead(t, s).Stats.Tracks)
	require.NoError(t, s.Close())
}

func TestReadOnlyDisk(t *testing.T) {
	dir := small(t)
	path := filepath.Join(dir, "relay.db")
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	fill(t, s) // which takes the lease, too
	want := mustRead(t, s)
	require.NoError(t, s.Close())
	require.NoError(t, syscall.Mount("none", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	_, err = boltstore.Open(path)
	require.ErrorIs(t, err, syscall.EROFS)
	require.ErrorContains(t, err, path)
	_, err = boltstore.Open(filepath.Join(dir, "other.db"))
	require.ErrorIs(t, err, syscall.EROFS)
	require.NoError(t, syscall.Mount("none", dir, "", syscall.MS_REMOUNT, ""))
	s, err = boltstore.Open(path)
	require.NoError(t, err)
	require.Equal(t, want, mustRead(t, s))
	require.NoError(t, s.Close())
}

func TestOpenWithoutPermission(t *testing.T) {
	needsRoot(t)
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	path := filepath.Join(dir, "relay.db")
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	for _, mode := range []fs.FileMode{0o600, 0o644} {
		require.NoError(t, os.Chmod(path, mode))
		var fresh error
		asNobody(func() {
			_, err = boltstore.Open(path)
			_, fresh = boltstore.Open(filepath.Join(dir, "other.db"))
		})
		require.ErrorIs(t, err, fs.ErrPermission)
		require.ErrorContains(t, err, path)
		require.ErrorContains(t, err, "the file must be readable and writable to this user")
		require.ErrorIs(t, fresh, fs.ErrPermission)
	}
	s, err = boltstore.Open(path)
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

func TestOpenPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	_, err := boltstore.Open(pipe)
	require.ErrorContains(t, err, pipe+" is a device or a pipe, not a file")
}

// asNobody calls f as a user who owns nothing, for what concerns files.
func asNobody(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlock it: the thread ends with its user
		syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0)
		f()
	}()
	<-done
}

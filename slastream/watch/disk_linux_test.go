package watch_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream/watch"
)

// A disk that is full keeps the document that was there, and does not keep the
// tower from slashing; one that is read-only is refused.
func TestDisk(t *testing.T) {
	if os.Getuid() != 0 {
		if slices.Contains(strings.Split(os.Getenv("SLASTREAM_REQUIRE"), ","), "root") {
			t.Fatal("needs root, to mount a file system")
		}
		t.Skip("needs root, to mount a file system")
	}
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("needs to mount a file system: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	w := newWorld(t)
	w.create(1, hour)
	w.create(1, 2*hour)
	path, ballast := filepath.Join(dir, "watch.json"), filepath.Join(dir, "ballast")
	w.config.Store = watch.FileStore{Path: path}
	w.step(w.tower())
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	require.ErrorIs(t, os.WriteFile(ballast, make([]byte, 1<<20), 0o600), syscall.ENOSPC)

	tower := w.tower()
	w.now.Add(hour)
	report, err := tower.Step(t.Context())
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.Equal(t, words(1), report.Slashed)
	require.Empty(t, w.mail.told(), "what is not stored is not told")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.NoError(t, os.Remove(ballast))
	require.Equal(t, 3, w.step(tower).Delivered)

	require.NoError(t, syscall.Mount("none", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	w.now.Add(hour)
	for _, tower := range []*watch.Tower{w.tower(), tower} {
		_, err = tower.Step(t.Context())
		require.ErrorIs(t, err, syscall.EROFS)
		require.ErrorContains(t, err, "on a disk that can be written to")
	}
	require.True(t, w.deal(2).Active)
	require.NoError(t, syscall.Mount("none", dir, "", syscall.MS_REMOUNT, ""))
	require.Equal(t, words(2), w.step(tower).Slashed)
}

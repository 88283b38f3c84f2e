package boltstore_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/boltstore"
)

// version1 copies the committed file of version 1.
func version1(t *testing.T) (path string, file []byte) {
	t.Helper()
	file, err := os.ReadFile("testdata/v1.db")
	require.NoError(t, err)
	if native := bytes.Equal(file[16:20], []byte{0xed, 0xda, 0x0c, 0xed}); !native {
		t.Skip("needs a machine whose integers are little-endian, as those of the file are")
	}
	path = filepath.Join(t.TempDir(), "relay.db")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	return path, file
}

func TestMigrate(t *testing.T) {
	path, file := version1(t)
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	got, err := json.Marshal(mustRead(t, s))
	require.NoError(t, err)
	want, err := os.ReadFile("testdata/v1.json")
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(got))

	// What the indexes say is kept, too.
	set := benchTrack(3).Set
	track, err := first(s.Tracks(t.Context(), relay.TrackQuery{Set: &set}))
	require.NoError(t, err)
	require.Equal(t, benchTrack(1000).Deal, track.Deal)
	require.ErrorIs(t, s.Bind(t.Context(), benchTrack(3)), relay.ErrBound)
	used := benchChunk(3, 0)
	used.Deal, used.Index = benchTrack(77).Deal, 9
	err = s.Observe(t.Context(), relay.Observation{From: 4_123_456, Next: 4_123_456, Chunks: []relay.Chunk{used}})
	require.ErrorContains(t, err, "earned chunk 4/0 and cannot earn 78/9")
	lease, err := s.Lease(t.Context(), "account", "another", time.Hour)
	require.NoError(t, err)
	require.EqualValues(t, 2, lease.Token)
	// And it goes on.
	c := mustChunk(t, s, benchChunk(3, 0).ID())
	c.State = relay.Settled
	require.NoError(t, s.Commit(t.Context(), relay.Change{Lease: lease, Chunks: []relay.Chunk{c}, Spend: []relay.Spend{{Amount: c.Amount}}}))
	after := mustRead(t, s)
	require.Equal(t, c.Amount, after.Spent)
	require.NoError(t, s.Close())

	backup, err := os.ReadFile(path + ".v1-backup")
	require.NoError(t, err)
	require.True(t, bytes.Equal(file, backup))
	info, err := os.Stat(path + ".v1-backup")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())

	// Once is enough.
	s, err = boltstore.Open(path)
	require.NoError(t, err)
	require.Equal(t, after, mustRead(t, s))
	require.NoError(t, s.Close())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 2)

	// The backup can be put back, and is not written over.
	require.NoError(t, os.WriteFile(path, backup, 0o600))
	require.NoError(t, os.WriteFile(path+".v1-backup", []byte("an older one"), 0o600))
	s, err = boltstore.Open(path)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	older, err := os.ReadFile(path + ".v1-backup")
	require.NoError(t, err)
	require.Equal(t, "an older one", string(older))
	second, err := os.ReadFile(path + ".v1-backup-2")
	require.NoError(t, err)
	require.True(t, bytes.Equal(file, second))
}

// A migration that fails changes nothing: the older program goes on with it.
func TestMigrateFails(t *testing.T) {
	t.Run("at a row", func(t *testing.T) {
		path, _ := version1(t)
		other(t, path, func(tx *bbolt.Tx) error {
			key := []byte{1, 1}
			return tx.Bucket([]byte("tracks")).Put(key, boltstore.Sealed("tracks", string(key), "\x01\x00"))
		})
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		_, err = boltstore.Open(path)
		require.ErrorIs(t, err, boltstore.ErrCorrupt)
		require.ErrorContains(t, err, "from version 1 to 2")
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Equal(before, after))
		entries, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		require.Len(t, entries, 1, "no backup of what is still there")
	})
	t.Run("at a damaged page", func(t *testing.T) {
		path, file := version1(t)
		file[len(file)/2] ^= 1
		refused(t, path, file, "a flipped bit")
		entries, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		require.Len(t, entries, 1, "no backup of what is damaged")
	})
}

package boltstore_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/slastream/slastream-go/slastream/relay/boltstore"
)

// other makes a file with bbolt that is no store.
func other(t *testing.T, path string, change func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(change))
	require.NoError(t, db.Close())
}

func TestOpenAnotherProgramsFile(t *testing.T) {
	put := func(name string, rows ...string) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte(name))
			for i := 0; err == nil && i < len(rows); i += 2 {
				err = b.Put([]byte(rows[i]), []byte(rows[i+1]))
			}
			return err
		}
	}
	for name, change := range map[string]func(*bbolt.Tx) error{
		"an empty table":            put("users"),
		"rows without a checksum":   put("users", "alice", "admin"),
		"a table of the same name":  put("file"),
		"rows in a table of a name": put("file", "magic", "slastream relay store", "version", "2"),
		"tables in tables": func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucket([]byte("file"))
			if err == nil {
				_, err = b.CreateBucket([]byte("magic"))
			}
			return err
		},
	} {
		path := filepath.Join(t.TempDir(), "relay.db")
		other(t, path, change)
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		refused(t, path, file, name)
	}
	// The magic of another program, and a version that is none.
	for _, row := range [][2]string{{"magic", "somebody else's store"}, {"version", ""}, {"version", "\x00"}, {"version", "\x02\x00\x01"}, {"stats", "\x01"}} {
		path := filepath.Join(t.TempDir(), "relay.db")
		s, err := boltstore.Open(path)
		require.NoError(t, err)
		require.NoError(t, s.Close())
		other(t, path, func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("file")).Put([]byte(row[0]), boltstore.Sealed("file", row[0], row[1]))
		})
		if row[0] != "stats" {
			file, err := os.ReadFile(path)
			require.NoError(t, err)
			refused(t, path, file, row[0])
			continue
		}
		s, err = boltstore.Open(path)
		require.NoError(t, err)
		_, err = s.Stats(t.Context())
		require.ErrorIs(t, err, boltstore.ErrCorrupt)
		require.ErrorIs(t, s.Bind(t.Context(), benchTrack(1)), boltstore.ErrCorrupt)
		require.NoError(t, s.Close())
	}
	// A table is missing.
	for _, table := range []string{"file", "tracks", "sets", "behind", "chunks", "due", "open", "periods", "transactions", "flying", "accepted", "leases", "spends"} {
		path := filepath.Join(t.TempDir(), "relay.db")
		s, err := boltstore.Open(path)
		require.NoError(t, err)
		require.NoError(t, s.Close())
		other(t, path, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(table)) })
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		refused(t, path, file, table)
	}
}

func TestOpenNewer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "relay.db")
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	other(t, path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("file")).Put([]byte("version"), boltstore.Sealed("file", "version", "\x01\x03"))
	})
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = boltstore.Open(path)
	require.ErrorIs(t, err, boltstore.ErrNewer)
	require.ErrorContains(t, err, path+" has version 3, this program knows 2: use the newer program")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(before, after))
}

func TestOpenNoFile(t *testing.T) {
	dir := t.TempDir()
	_, err := boltstore.Open(dir)
	require.ErrorContains(t, err, dir+" is a directory, not a file: name the file of the store")
	_, err = boltstore.Open(filepath.Join(dir, "none", "relay.db"))
	require.ErrorIs(t, err, fs.ErrNotExist)

	empty := filepath.Join(dir, "empty.db")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	s, err := boltstore.Open(empty)
	require.NoError(t, err)
	fill(t, s)
	want := mustRead(t, s)
	require.NoError(t, s.Close())
	s, err = boltstore.Open(empty)
	require.NoError(t, err)
	require.Equal(t, want, mustRead(t, s))
	require.NoError(t, s.Close())

	fresh := filepath.Join(dir, "relay.db")
	s, err = boltstore.Open(fresh)
	require.NoError(t, err)
	info, err := os.Stat(fresh)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())
	require.NoError(t, s.Close())
	left, err := filepath.Glob(fresh + "*")
	require.NoError(t, err)
	require.Equal(t, []string{fresh}, left, "nothing lies beside it")
}

func TestOpenInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "relay.db")
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	_, err = boltstore.Open(path)
	require.ErrorIs(t, err, boltstore.ErrInUse)
	require.ErrorContains(t, err, path+": stop the other process")
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "closed again")
	s, err = boltstore.Open(path)
	require.NoError(t, err)
	require.NoError(t, s.Close())

	_, err = read(t, s)
	require.ErrorIs(t, err, os.ErrClosed)
	require.ErrorIs(t, s.Bind(t.Context(), benchTrack(1)), os.ErrClosed)
	_, err = s.Lease(t.Context(), "account", "owner", 1)
	require.ErrorIs(t, err, os.ErrClosed)
}

// One of many that make the same file has it, and none replaces another's.
func TestCreateInParallel(t *testing.T) {
	for range 2 {
		path := filepath.Join(t.TempDir(), "relay.db")
		results := make(chan error)
		stores := make(chan *boltstore.Store, 8)
		for range 8 {
			go func() {
				s, err := boltstore.Open(path)
				if err == nil {
					stores <- s
				}
				results <- err
			}()
		}
		won := 0
		for range 8 {
			if err := <-results; err == nil {
				won++
			} else {
				require.ErrorIs(t, err, boltstore.ErrInUse)
			}
		}
		require.Equal(t, 1, won)
		s := <-stores
		fill(t, s)
		want := mustRead(t, s)
		require.NoError(t, s.Close())
		s, err := boltstore.Open(path)
		require.NoError(t, err)
		require.Equal(t, want, mustRead(t, s))
		require.NoError(t, s.Close())
	}
}

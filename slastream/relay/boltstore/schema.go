package boltstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// The versions of the file:
//
//	1: file, tracks, sets, chunks, due, periods, transactions, flying, accepted, leases
//	2: and behind, open, spends, and the counts
const version = 2

var (
	magicKey   = []byte("magic")
	magic      = []byte("slastream relay store")
	versionKey = []byte("version")
)

// version returns the version of the file, 0 for an empty one.
func (s *Store) version() (v uint64, err error) {
	err = s.db.View(func(b *bbolt.Tx) error {
		if name, _ := b.Cursor().First(); name == nil {
			return nil
		}
		t := &tx{Tx: b}
		switch row, err := t.get(tableFile, magicKey); {
		case err != nil:
			return err
		case string(row) != string(magic):
			return fmt.Errorf("%w: a database of another program", errRow)
		}
		row, err := t.get(tableFile, versionKey)
		if err != nil {
			return err
		}
		r := reader{b: row}
		if v = r.uint(); r.end() != nil || v == 0 {
			return fmt.Errorf("%w: version %x", errRow, row[:min(len(row), 32)])
		}
		if v > version {
			return fmt.Errorf("%w: %s has version %d, this program knows %d: use the newer program, or the backup that it made beside the file", ErrNewer, s.path, v, version)
		}
		for _, n := range tables {
			if v == version && b.Bucket([]byte(n)) == nil {
				return fmt.Errorf("%w: no table of %s", errRow, n)
			}
		}
		return nil
	})
	return v, err
}

// upgrade brings the file to the present version, in one transaction.
func (s *Store) upgrade() error {
	from, err := s.version()
	if err != nil || from == version {
		return s.named(err)
	}
	backup := ""
	if from > 0 {
		if backup, err = s.backup(from); err != nil {
			return err
		}
	}
	err = s.db.Update(func(b *bbolt.Tx) error {
		for _, n := range tables {
			if _, err := b.CreateBucketIfNotExists([]byte(n)); err != nil {
				return err
			}
		}
		t := &tx{Tx: b}
		if err := t.put(tableFile, magicKey, magic); err != nil {
			return err
		}
		if err := t.put(tableFile, versionKey, appendUint(nil, version)); err != nil {
			return err
		}
		if from > 0 {
			if err := t.indexTracks(); err != nil {
				return err
			}
			if err := t.indexChunks(); err != nil {
				return err
			}
		}
		return t.put(tableFile, statsKey, appendStats(nil, t.stats))
	})
	if err == nil {
		return nil
	}
	if backup != "" { // the file is as it was
		err = errors.Join(err, os.Remove(backup))
	}
	return fmt.Errorf("boltstore: %s: from version %d to %d: %w", s.path, from, version, s.named(err))
}

// indexTracks counts the tracks of version 1 and finds those that are behind.
func (t *tx) indexTracks() error {
	return each(t, tableTracks, func(key, row []byte) error {
		track, err := parseTrack(key, row)
		if err != nil {
			return err
		}
		t.stats.Tracks++
		return t.move(tableBehind, nil, behindKey(track))
	})
}

// indexChunks counts the chunks of version 1 and finds those that are open.
func (t *tx) indexChunks() error {
	return each(t, tableChunks, func(key, row []byte) error {
		c, err := parseChunk(key, row)
		if err != nil {
			return err
		}
		t.stats.Chunks[c.State]++
		return t.move(tableOpen, nil, openKey(c))
	})
}

// each calls f with each row of a table, which f leaves alone.
func each(t *tx, n table, f func(key, row []byte) error) error {
	b, err := t.bucket(n)
	if err != nil {
		return err
	}
	return b.ForEach(func(key, value []byte) error {
		row, err := checked(n, key, value)
		if err != nil {
			return err
		}
		return f(key, row)
	})
}

// backup copies the file as it is to a new one beside it, and returns its name.
func (s *Store) backup(from uint64) (name string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("boltstore: %s: no backup of version %d, and nothing changed: %w", s.path, from, err)
		}
	}()
	temp, err := os.CreateTemp(filepath.Dir(s.path), filepath.Base(s.path)+".backup-")
	if err != nil {
		return "", err
	}
	defer os.Remove(temp.Name()) // at worst the backup has two names
	info, err := s.file.Stat()
	if err == nil {
		_, err = io.Copy(temp, io.NewSectionReader(s.file, 0, info.Size()))
	}
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return "", err
	}
	name = fmt.Sprintf("%s.v%d-backup", s.path, from)
	for n := 2; ; n++ {
		switch err := place(temp.Name(), name); {
		case err == nil:
			return name, nil
		case !errors.Is(err, fs.ErrExist):
			return "", err
		}
		name = fmt.Sprintf("%s.v%d-backup-%d", s.path, from, n)
	}
}

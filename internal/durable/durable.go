// Package durable holds what the files of this module need to survive a crash
// and a second process: a lock, a directory that is on the disk, and a file that
// is replaced as a whole.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// SyncDir makes a new name in a directory durable. Windows has no such call.
func SyncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Replace writes a file that only its owner may read: beside it (path and
// ".new"), synced and renamed over the old one, so that a crash or a full disk
// leaves one of the two. Two processes must not replace one file at the same time.
func Replace(path string, content []byte) error {
	next := path + ".new"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		os.Remove(next)
		return err
	}
	// The rename is for good once the directory is synced. Systems that cannot
	// sync a directory keep the old file or the new one all the same.
	err = SyncDir(filepath.Dir(path))
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrInvalid) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

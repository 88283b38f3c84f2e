package boltstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/slastream/slastream-go/slastream/relay"
)

// Open opens the store in a file, and makes a new one if there is no file or an
// empty one; only its owner can read it (mode 0600). It fails with [ErrInUse] if
// another process has the file and does not close it within a second, with
// [ErrCorrupt] if it is damaged or no store, and with [ErrNewer]; with errors of
// package fs if it cannot be read and written. A file that it refuses it leaves
// as it was.
func Open(path string, options ...Option) (s *Store, err error) {
	defer recovered(path, &err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return create(path, options)
	case err != nil:
		return nil, fmt.Errorf("boltstore: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("boltstore: %s is a %s, not a file: name the file of the store, which may not exist yet", path, kind(info.Mode()))
	case info.Size() > 0:
		if err := inspect(path); err != nil {
			return nil, err
		}
	}
	if s, err = open(path, os.O_RDWR, options); err != nil {
		return nil, err
	}
	if err := s.upgrade(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func kind(m fs.FileMode) string {
	if m.IsDir() {
		return "directory"
	}
	return "device or a pipe"
}

// open opens a file that is good, or empty.
func open(path string, flags int, options []Option) (*Store, error) {
	s := &Store{path: path, leases: map[string]relay.Lease{}}
	o := &bbolt.Options{
		Timeout:      lockTimeout,
		FreelistType: bbolt.FreelistMapType,
		NoStatistics: true,
		ReadOnly:     flags == os.O_RDONLY,
		OpenFile: func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
			f, err = os.OpenFile(name, flag, mode)
			if s.file == nil {
				s.file = f
			}
			return f, err
		},
	}
	for _, option := range options {
		option(o)
	}
	opened := false
	defer func() {
		if !opened && s.file != nil { // bbolt may have panicked with the file locked
			s.file.Close() // closed twice if bbolt has done it
		}
	}()
	var err error
	switch s.db, err = bbolt.Open(path, 0o600, o); {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("%w: %s: stop the other process, or give each relay a file of its own", ErrInUse, path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("boltstore: %w: the file must be readable and writable to this user", err)
	case ofSystem(err):
		return nil, fmt.Errorf("boltstore: %s: %w", path, err)
	case err != nil: // bbolt did not like what it read
		return nil, damaged(path, err)
	}
	opened = true
	return s, nil
}

// ofSystem reports whether an error is one of the operating system.
func ofSystem(err error) bool {
	_, path := errors.AsType[*fs.PathError](err)
	_, number := errors.AsType[syscall.Errno](err)
	return path || number
}

// inspect reads the whole file without changing it, and says what is wrong.
func inspect(path string) error {
	s, err := open(path, os.O_RDONLY, nil)
	if err != nil {
		return err
	}
	err = check(s.file)
	if err == nil {
		_, err = s.version()
	}
	switch {
	case err == nil, errors.Is(err, ErrNewer):
	case errors.Is(err, errRow):
		err = damaged(path, err)
	default:
		err = fmt.Errorf("boltstore: %s: %w", path, err)
	}
	return errors.Join(err, s.Close())
}

// create makes a store beside where it is to be, so that there is a whole one or
// none, and gives it its name while it holds the lock.
func create(path string, options []Option) (*Store, error) {
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-")
	if err != nil {
		return nil, fmt.Errorf("boltstore: %w", err)
	}
	defer os.Remove(temp.Name()) // at worst an empty store is left over
	s, err := open(temp.Name(), os.O_RDWR, options)
	if err = errors.Join(err, temp.Close()); err != nil {
		return nil, err
	}
	s.path = path
	if err := s.upgrade(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	switch err := place(temp.Name(), path); {
	case err == nil:
		return s, nil
	case !errors.Is(err, fs.ErrExist):
		return nil, errors.Join(fmt.Errorf("boltstore: %w", err), s.Close())
	}
	// Another process was faster.
	if err := s.Close(); err != nil {
		return nil, err
	}
	return Open(path, options...)
}

// place gives a file another name that survives a crash. It fails with
// [fs.ErrExist] if there is a file of that name.
func place(from, to string) error {
	err := os.Link(from, to)
	if err != nil && !errors.Is(err, fs.ErrExist) { // a file system without links
		if _, statErr := os.Lstat(to); statErr == nil {
			return fs.ErrExist
		}
		err = os.Rename(from, to)
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	dir.Sync() // not every file system knows it
	return dir.Close()
}

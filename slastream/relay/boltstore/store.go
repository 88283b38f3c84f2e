package boltstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/slastream/slastream-go/slastream/relay"
)

// What [Open] says of a file that it does not open, and a method of one that
// was damaged since. Each comes with the path and with what to do.
var (
	// ErrInUse says that another process has the file open, or another Store of
	// this one.
	ErrInUse = errors.New("boltstore: the store is in use")
	// ErrCorrupt says that the file is damaged, or no store at all.
	ErrCorrupt = errors.New("boltstore: the store is damaged")
	// ErrNewer says that a newer program wrote the file.
	ErrNewer = errors.New("boltstore: the store is of a newer version")
)

// lockTimeout is how long Open waits for the lock of the file: enough for a
// process that is just ending.
const lockTimeout = time.Second

// A Store is a [relay.Store] in a file. It is safe for concurrent use; the zero
// value is not usable.
type Store struct {
	db   *bbolt.DB
	path string
	file *os.File // of db

	mu     sync.Mutex // guards leases
	leases map[string]relay.Lease

	life   sync.Mutex // guards broken
	broken error      // why nothing can be stored until the file is opened again
}

var _ relay.Store = (*Store)(nil)

// An Option changes how [Open] opens a store.
type Option func(*bbolt.Options)

// WithoutSync leaves it to the operating system when changes reach the disk.
// They survive the process but not the machine, and many are stored in the time
// of one. It is for tests and simulations.
func WithoutSync() Option { return func(o *bbolt.Options) { o.NoSync, o.NoGrowSync = true, true } }

// Close gives the file free. It waits for methods that are running; those that
// are called later fail with [os.ErrClosed]. To close again does nothing.
func (s *Store) Close() error {
	s.life.Lock()
	failed := s.broken != nil && !errors.Is(s.broken, os.ErrClosed)
	s.broken = errClosed
	s.life.Unlock()
	if !failed {
		return s.db.Close()
	}
	// A panic may have left bbolt locked.
	closed := make(chan error, 1)
	go func() { closed <- s.db.Close() }()
	select {
	case err := <-closed:
		return err
	case <-time.After(lockTimeout):
		return fmt.Errorf("boltstore: %s is given free when the process ends", s.path)
	}
}

var errClosed = fmt.Errorf("boltstore: %w", os.ErrClosed)

// usable returns why the store cannot be used.
func (s *Store) usable() error {
	s.life.Lock()
	defer s.life.Unlock()
	return s.broken
}

// fail keeps the first reason why the store cannot be used any more.
func (s *Store) fail(err error) {
	s.life.Lock()
	defer s.life.Unlock()
	if s.broken == nil {
		s.broken = err
	}
}

// view reads in one transaction.
func (s *Store) view(ctx context.Context, read func(*tx) error) error {
	if err := errors.Join(ctx.Err(), s.usable()); err != nil {
		return err
	}
	return s.named(s.guarded(func() error {
		return s.db.View(func(b *bbolt.Tx) error {
			return s.guarded(func() error { return read(&tx{Tx: b}) })
		})
	}))
}

// update makes a change in one transaction that is on the disk afterwards, or
// does nothing.
func (s *Store) update(ctx context.Context, change func(*tx) error) error {
	if err := errors.Join(ctx.Err(), s.usable()); err != nil {
		return err
	}
	id, good := 0, false
	err := s.guarded(func() error {
		return s.db.Update(func(b *bbolt.Tx) error {
			return s.guarded(func() error {
				t := &tx{Tx: b}
				id = b.ID()
				if err := t.loadStats(); err != nil {
					return err
				}
				if err := change(t); err != nil {
					return err
				}
				if err := t.saveStats(); err != nil {
					return err
				}
				good = true
				return nil
			})
		})
	})
	if err == nil || !good || s.usable() != nil {
		return s.named(err)
	}
	// The change was good, the disk was not. If it failed at the very end, the
	// change is there for the next transaction, and may be gone after a crash.
	newest := 0
	if viewErr := s.db.View(func(b *bbolt.Tx) error { newest = b.ID(); return nil }); viewErr != nil || newest >= id {
		err = fmt.Errorf("boltstore: %s: whether the last change is stored is not known: open the store again: %w", s.path, err)
		s.fail(err)
		return err
	}
	return fmt.Errorf("boltstore: %s: nothing was stored: %w", s.path, err)
}

// guarded makes an error of a panic: bbolt panics when a page is not what it
// expects, and to read a mapped file that has become shorter is a fault. Nothing
// works after one. It is called inside of a transaction, too, so that bbolt gives
// its locks back.
func (s *Store) guarded(f func() error) (err error) {
	done := false
	defer func() {
		if !done {
			s.fail(err)
		}
	}()
	defer recovered(s.path, &err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	err = f()
	done = true
	return err
}

// named adds the path to what is wrong with the file, and translates what bbolt
// says of a closed one.
func (s *Store) named(err error) error {
	switch {
	case errors.Is(err, errRow):
		return damaged(s.path, err)
	case errors.Is(err, bolterrors.ErrDatabaseNotOpen):
		return errClosed
	}
	return err
}

// damaged is the error for a file that is not what it should be.
func damaged(path string, err error) error {
	return fmt.Errorf("%w: %s: %v; stop the relay, then copy the file back from a backup, or move it away and start with a new one", ErrCorrupt, path, err)
}

// recovered makes an error of a panic. It must be deferred itself.
func recovered(path string, err *error) {
	if v := recover(); v != nil {
		*err = damaged(path, fmt.Errorf("%v", v))
	}
}

package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"

	"github.com/slastream/slastream-go/internal/durable"
)

// maxDocument bounds what a tower reads of its store, bytes.
const maxDocument = 256 << 20

// A MemoryStore is a [Store] for tests and for towers that may forget: what a
// tower tells twice is told with the same id. The zero value is empty and ready.
// It is safe for concurrent use.
type MemoryStore struct {
	mu       sync.Mutex
	document []byte
}

var (
	_ Store = (*MemoryStore)(nil)
	_ Store = FileStore{}

	_ Locker = FileStore{}
)

// Load returns a copy of what was saved last.
func (m *MemoryStore) Load(context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.document), nil
}

// Save keeps a copy.
func (m *MemoryStore) Save(_ context.Context, document []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.document = slices.Clone(document)
	return nil
}

// A FileStore is a [Store] in one file, which only its owner may read. A new
// document is written beside it (Path and ".new"), synced and renamed over the
// old one, so a crash or a full disk leaves one of the two. It is a [Locker]: the
// lock is on an empty file beside it (Path and ".lock"), which stays.
type FileStore struct {
	Path string
}

// Lock takes the file for one tower, until it is given back or the process ends.
// It fails with [ErrInUse] if another tower has it, and if the directory is not
// there or cannot be written to: a tower that can store nothing should not start.
func (f FileStore) Lock(context.Context) (unlock func() error, err error) {
	path := f.Path + ".lock"
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("watch: %q must be in a directory that is there, on a disk that can be written to, by this user: %w", f.Path, err)
	}
	locked, err := durable.TryLock(file)
	switch {
	case err != nil:
		err = fmt.Errorf("watch: %q: %w", path, err)
	case !locked:
		err = fmt.Errorf("%w: %q", ErrInUse, f.Path)
	default:
		return file.Close, nil
	}
	return nil, errors.Join(err, file.Close())
}

// Load reads the file; a file that is not there is no document. A file of more
// than 256 MiB is refused.
func (f FileStore) Load(context.Context) ([]byte, error) {
	file, err := os.Open(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("watch: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	document, err := io.ReadAll(io.LimitReader(file, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("watch: reading %q: %w", f.Path, err)
	}
	if len(document) > maxDocument {
		return nil, fmt.Errorf("%w: %q is larger than %d MiB", ErrCorrupt, f.Path, maxDocument>>20)
	}
	if len(document) == 0 {
		return nil, fmt.Errorf("%w: %q is empty", ErrCorrupt, f.Path)
	}
	return document, nil
}

// Save replaces the file.
func (f FileStore) Save(_ context.Context, document []byte) error {
	if err := durable.Replace(f.Path, document); err != nil {
		return fmt.Errorf("watch: saving %q: %w", f.Path, err)
	}
	return nil
}

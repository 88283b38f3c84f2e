package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
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
// old one, so a crash or a full disk leaves one of the two. Two towers must not
// share a file.
type FileStore struct {
	Path string
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
	if err := f.save(document); err != nil {
		return fmt.Errorf("watch: saving %q: %w", f.Path, err)
	}
	return nil
}

func (f FileStore) save(document []byte) error {
	next := f.Path + ".new"
	file, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(document)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(next, f.Path); err != nil {
		return err
	}
	// The rename is for good once the directory is synced. Systems that cannot
	// sync a directory keep the old file or the new one all the same.
	dir, err := os.Open(filepath.Dir(f.Path))
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrInvalid) || errors.Is(err, fs.ErrPermission) {
		err = nil
	}
	return errors.Join(err, dir.Close())
}

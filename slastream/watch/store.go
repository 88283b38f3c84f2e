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
	if err := durable.Replace(f.Path, document); err != nil {
		return fmt.Errorf("watch: saving %q: %w", f.Path, err)
	}
	return nil
}

package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/slastream/slastream-go/attestation"
)

// ErrProofUsed says that a proving period already earned another chunk: a proof
// pays once.
var ErrProofUsed = errors.New("relay: proof already used")

// A MemoryStore is a [Store] that forgets at the end of the process. It is safe
// for concurrent use.
type MemoryStore struct {
	mu      sync.Mutex
	cursors map[attestation.Word]cursor
	chunks  map[chunkKey]Chunk
	used    map[attestation.PeriodKey]chunkKey
}

type cursor struct{ next, earned uint64 }

type chunkKey struct {
	deal  attestation.Word
	index uint64
}

var _ Store = (*MemoryStore)(nil)

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{
		cursors: map[attestation.Word]cursor{},
		chunks:  map[chunkKey]Chunk{},
		used:    map[attestation.PeriodKey]chunkKey{},
	}
}

// Cursor implements [Store].
func (m *MemoryStore) Cursor(_ context.Context, deal attestation.Word) (next, earned uint64, ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.cursors[deal]
	return c.next, c.earned, ok, nil
}

// Observe implements [Store].
func (m *MemoryStore) Observe(_ context.Context, deal attestation.Word, next, earned uint64, chunks []Chunk) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	fresh := map[attestation.PeriodKey]bool{}
	for _, c := range chunks {
		period := c.Proof.Key()
		if by, used := m.used[period]; used || fresh[period] {
			return fmt.Errorf("%w: period %d of data set %v earned chunk %d of deal %v", ErrProofUsed, period.Period, period.SetID, by.index, by.deal)
		}
		fresh[period] = true
	}
	for _, c := range chunks {
		key := chunkKey{c.Deal, c.Index}
		m.chunks[key] = c
		m.used[c.Proof.Key()] = key
	}
	m.cursors[deal] = cursor{next, earned}
	return nil
}

// Update implements [Store].
func (m *MemoryStore) Update(_ context.Context, chunks ...Chunk) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range chunks {
		if _, ok := m.chunks[chunkKey{c.Deal, c.Index}]; !ok {
			return fmt.Errorf("relay: chunk %d of deal %v was never observed", c.Index, c.Deal)
		}
	}
	for _, c := range chunks {
		m.chunks[chunkKey{c.Deal, c.Index}] = c
		if c.State == Refused {
			delete(m.used, c.Proof.Key())
		}
	}
	return nil
}

// Chunks implements [Store]. It yields the chunks as they were when the loop
// began.
func (m *MemoryStore) Chunks(_ context.Context, open bool) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		m.mu.Lock()
		all := slices.SortedFunc(maps.Values(m.chunks), func(a, b Chunk) int {
			return cmp.Or(a.Deal.Cmp(b.Deal), cmp.Compare(a.Index, b.Index))
		})
		m.mu.Unlock()
		for _, c := range all {
			if open && !c.State.Open() {
				continue
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}

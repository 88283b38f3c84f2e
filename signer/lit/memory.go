package lit

import (
	"context"
	"fmt"
	"sync"

	"github.com/slastream/slastream-go/attestation"
)

// A Memory is a [History] that forgets at the end of the process. It is safe for
// concurrent use; the zero value is empty. Signed chunks are few and small: it
// keeps them all.
type Memory struct {
	mu       sync.Mutex
	bindings map[attestation.Word]Binding
	signed   map[chunkKey]attestation.Signed
}

type chunkKey struct {
	deal  attestation.Word
	chunk uint64
}

var _ History = (*Memory)(nil)

// Bind remembers the binding of a deal, in place of an earlier one.
func (m *Memory) Bind(b Binding) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bindings == nil {
		m.bindings = make(map[attestation.Word]Binding)
	}
	m.bindings[b.DealID] = b
}

// Add remembers a signed chunk.
func (m *Memory) Add(s attestation.Signed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.signed == nil {
		m.signed = make(map[chunkKey]attestation.Signed)
	}
	m.signed[chunkKey{s.Attestation.DealID, s.Attestation.ChunkIndex}] = s
}

// Binding implements [History].
func (m *Memory) Binding(_ context.Context, deal attestation.Word) (Binding, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.bindings[deal]
	if !ok {
		return b, fmt.Errorf("lit: deal %v has no binding", deal)
	}
	return b, nil
}

// Signed implements [History].
func (m *Memory) Signed(_ context.Context, deal attestation.Word, chunk uint64) (attestation.Signed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.signed[chunkKey{deal, chunk}]
	if !ok {
		return s, fmt.Errorf("lit: chunk %d of deal %v is not known as signed", chunk, deal)
	}
	return s, nil
}

package signer

import (
	"context"
	"sync"

	"github.com/slastream/slastream-go/attestation"
)

// A MemoryJournal is a [Journal] that forgets at the end of the process: for
// tests and examples. It is safe for concurrent use.
type MemoryJournal struct {
	mu      sync.Mutex
	records map[Slot]Record
	proofs  map[proofKey]Slot
}

type proofKey struct {
	key    attestation.PublicKey
	domain attestation.Domain
	proof  attestation.PeriodKey
}

var _ Journal = (*MemoryJournal)(nil)

// NewMemoryJournal returns an empty journal.
func NewMemoryJournal() *MemoryJournal {
	return &MemoryJournal{records: map[Slot]Record{}, proofs: map[proofKey]Slot{}}
}

// BySlot implements [Journal].
func (j *MemoryJournal) BySlot(_ context.Context, slot Slot) (Record, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	rec, ok := j.records[slot]
	return rec, ok, nil
}

// ByProof implements [Journal].
func (j *MemoryJournal) ByProof(_ context.Context, key attestation.PublicKey, domain attestation.Domain, proof attestation.PeriodKey) (Slot, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	slot, ok := j.proofs[proofKey{key, domain, proof}]
	return slot, ok, nil
}

// Put implements [Journal].
func (j *MemoryJournal) Put(_ context.Context, slot Slot, rec Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records[slot] = rec
	j.proofs[proofKey{slot.Key, slot.Domain, rec.Request.Evidence.Key()}] = slot
	return nil
}

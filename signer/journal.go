package signer

import (
	"context"
	"sync"
	"time"

	"github.com/slastream/slastream-go/attestation"
)

// A Slot names what one signature pays: one chunk of one deal of one escrow,
// under one attestation key. It is comparable.
type Slot struct {
	Key        attestation.PublicKey `json:"key"`
	Domain     attestation.Domain    `json:"domain"`
	DealID     attestation.Word      `json:"dealId"`
	ChunkIndex uint64                `json:"chunkIndex"`
}

// A Record is what a [Journal] holds for a slot: the request as it was first
// allowed, and the signature once there is one. A record without a signature is
// a claim: signing began, and only the same statement may go on.
//
// The JSON form is an object of all fields; it will not change.
type Record struct {
	Key       attestation.PublicKey `json:"key"`
	Request   Request               `json:"request"`
	Began     time.Time             `json:"began"` // when the slot was claimed
	Signed    bool                  `json:"signed"`
	Signature attestation.Signature `json:"signature"` // valid if Signed
	Batch     attestation.Word      `json:"batch"`     // digest of the batch that Signature is over; zero: over the attestation itself
}

// Slot returns the slot that the record is for.
func (r Record) Slot() Slot {
	return Slot{Key: r.Key, Domain: r.Request.Domain, DealID: r.Request.Attestation.DealID, ChunkIndex: r.Request.Attestation.ChunkIndex}
}

// signedAlone reports whether the record holds a signature over the attestation
// itself, as release_chunk takes it.
func (r Record) signedAlone() bool { return r.Signed && r.Batch == attestation.Word{} }

// A Journal remembers what was signed. Each method returns after the change is
// as durable as the journal is; after an error of Put nothing may be signed
// until it is known what is stored. A [Guard] calls it from one goroutine at a
// time; two guards must not share one. Package filejournal keeps one in a file.
type Journal interface {
	// BySlot returns the newest record of a slot; ok is false if there is none.
	BySlot(ctx context.Context, slot Slot) (rec Record, ok bool, err error)
	// ByProof returns the slot that a proving period pays on one escrow; ok is
	// false if there is none.
	ByProof(ctx context.Context, key attestation.PublicKey, domain attestation.Domain, proof attestation.PeriodKey) (slot Slot, ok bool, err error)
	// Put stores records in order, each in place of the one of its slot, and that
	// its proof pays that slot. A crash can cut the list short at any place.
	Put(ctx context.Context, recs ...Record) error
}

// A MemoryJournal is a [Journal] that forgets at the end of the process: for
// tests and examples. It is safe for concurrent use.
type MemoryJournal struct {
	mu      sync.Mutex
	records map[Slot]*Record
	proofs  map[proofKey]*Record // the record whose proof it is
}

type proofKey struct {
	key    attestation.PublicKey
	domain attestation.Domain
	proof  attestation.PeriodKey
}

var _ Journal = (*MemoryJournal)(nil)

// NewMemoryJournal returns an empty journal.
func NewMemoryJournal() *MemoryJournal {
	return &MemoryJournal{records: map[Slot]*Record{}, proofs: map[proofKey]*Record{}}
}

// BySlot implements [Journal].
func (j *MemoryJournal) BySlot(_ context.Context, slot Slot) (Record, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	rec, ok := j.records[slot]
	if !ok {
		return Record{}, false, nil
	}
	return *rec, true, nil
}

// ByProof implements [Journal].
func (j *MemoryJournal) ByProof(_ context.Context, key attestation.PublicKey, domain attestation.Domain, proof attestation.PeriodKey) (Slot, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	rec, ok := j.proofs[proofKey{key, domain, proof}]
	if !ok {
		return Slot{}, false, nil
	}
	return rec.Slot(), true, nil
}

// Put implements [Journal].
func (j *MemoryJournal) Put(_ context.Context, recs ...Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, rec := range recs {
		j.records[rec.Slot()] = &rec
		j.proofs[proofKey{rec.Key, rec.Request.Domain, rec.Request.Evidence.Key()}] = &rec
	}
	return nil
}

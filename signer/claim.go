package signer

import (
	"context"
	"fmt"
	"time"

	"github.com/slastream/slastream-go/attestation"
)

// begin decides on requests and returns their records. A claim for each that
// has no signature is in the journal when it returns, even if there was one
// before: an earlier process may have failed between writing and syncing it.
// Until done is called no one else signs for these slots.
func (g *guard) begin(ctx context.Context, reqs []Request) (recs []Record, done func(), err error) {
	for _, req := range reqs {
		for _, policy := range g.policies {
			if err := policy.check(ctx, req); err != nil {
				return nil, nil, err
			}
		}
		if err := checkEvidence(req); err != nil {
			return nil, nil, err
		}
	}
	slots := make([]Slot, len(reqs))
	for i, req := range reqs {
		slots[i] = g.slot(req)
	}
	if done, err = g.reserve(ctx, slots); err != nil {
		return nil, nil, err
	}
	if recs, err = g.claim(ctx, reqs); err != nil {
		done()
		return nil, nil, err
	}
	return recs, done, nil
}

func checkEvidence(req Request) error {
	if req.Evidence.SetID != req.Attestation.ProofSetID {
		return fmt.Errorf("%w: data set %v, attested %v", ErrEvidence, req.Evidence.SetID, req.Attestation.ProofSetID)
	}
	return nil
}

func (g *guard) slot(req Request) Slot {
	return Record{Key: g.inner.PublicKey(), Request: req}.Slot()
}

// reserve waits until none of the slots is being signed and takes them all. It
// holds none while it waits, so two batches cannot block each other.
func (g *guard) reserve(ctx context.Context, slots []Slot) (release func(), err error) {
	mine := make(chan struct{})
	for {
		g.mu.Lock()
		other := g.firstBusy(slots)
		if other == nil {
			for _, slot := range slots {
				g.busy[slot] = mine
			}
			g.mu.Unlock()
			return func() {
				g.mu.Lock()
				defer g.mu.Unlock()
				for _, slot := range slots {
					delete(g.busy, slot)
				}
				close(mine)
			}, nil
		}
		g.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, fmt.Errorf("signer: %w", ctx.Err())
		}
	}
}

func (g *guard) firstBusy(slots []Slot) chan struct{} {
	for _, slot := range slots {
		if other, ok := g.busy[slot]; ok {
			return other
		}
	}
	return nil
}

// claim finds or makes the record of each request and stores the claims among
// them, all with one Put. It stores nothing if one request is refused.
func (g *guard) claim(ctx context.Context, reqs []Request) ([]Record, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	recs := make([]Record, len(reqs))
	var claims []Record
	if err := distinct(reqs); err != nil {
		return nil, err
	}
	for i, req := range reqs {
		rec, begun, err := g.find(ctx, req)
		if err != nil {
			return nil, err
		}
		if !begun {
			rec.Began = time.Now().UTC()
			for _, policy := range g.policies {
				if err := policy.take(ctx, req, true); err != nil {
					return nil, err
				}
			}
		}
		if !rec.Signed {
			claims = append(claims, rec)
		}
		recs[i] = rec
	}
	return recs, g.putLocked(ctx, claims)
}

// distinct fails if requests of one batch stand against each other.
func distinct(reqs []Request) error {
	if len(reqs) == 1 {
		return nil
	}
	type chunk struct {
		deal  attestation.Word
		index uint64
	}
	chunks, proofs := map[chunk]Request{}, map[attestation.PeriodKey]Request{}
	for _, req := range reqs {
		at, proof := chunk{req.Attestation.DealID, req.Attestation.ChunkIndex}, req.Evidence.Key()
		prev, twice := chunks[at]
		if twice && prev.SameStatement(req) {
			return fmt.Errorf("signer: batch holds chunk %d of deal %v twice", at.index, at.deal)
		}
		if !twice {
			prev, twice = proofs[proof]
		}
		if twice {
			return &EquivocationError{Prev: prev, New: req}
		}
		chunks[at], proofs[proof] = req, req
	}
	return nil
}

// find returns the record that a request continues, or a new one. It fails if
// another request stands against this one.
func (g *guard) find(ctx context.Context, req Request) (rec Record, begun bool, err error) {
	slot := g.slot(req)
	rec, begun, err = g.journal.BySlot(ctx, slot)
	if err != nil {
		return Record{}, false, fmt.Errorf("signer: journal: %w", err)
	}
	if begun {
		if !rec.Request.SameStatement(req) {
			return Record{}, false, &EquivocationError{Prev: rec.Request, New: req}
		}
		return rec, true, nil
	}
	other, used, err := g.journal.ByProof(ctx, slot.Key, slot.Domain, req.Evidence.Key())
	if err != nil {
		return Record{}, false, fmt.Errorf("signer: journal: %w", err)
	}
	if used && other != slot {
		prev, _, err := g.journal.BySlot(ctx, other)
		if err != nil {
			return Record{}, false, fmt.Errorf("signer: journal: %w", err)
		}
		return Record{}, false, &EquivocationError{Prev: prev.Request, New: req}
	}
	return Record{Key: slot.Key, Request: req}, false, nil
}

// store stores records that are signed, even if the caller has gone.
func (g *guard) store(ctx context.Context, recs ...Record) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.putLocked(context.WithoutCancel(ctx), recs)
}

func (g *guard) putLocked(ctx context.Context, recs []Record) error {
	if len(recs) == 0 {
		return nil
	}
	if err := g.journal.Put(ctx, recs...); err != nil {
		return fmt.Errorf("signer: journal: %w", err)
	}
	return nil
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/policy"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

const (
	// forgetEvery is how often verdicts that no deal needs are forgotten.
	forgetEvery = 24 * time.Hour
	// keptEpochs is how many epochs of verdicts are kept below the cursor, a week:
	// a deal that is bound later than that after its start has the history read
	// again.
	keptEpochs = 7 * 2880
)

// A proofs is the proof source of the relay. It forgets what no deal needs, and
// where that is asked for all the same, as when a data set is bound again or the
// store was lost, a new source reads the history from its beginning: what it says
// is what the one before had said.
type proofs struct {
	fresh      func() (*policy.Source, error)
	checkpoint string // file of what the source knows
	log        *slog.Logger

	source atomic.Pointer[policy.Source]
}

var (
	_ relay.ProofSource = (*proofs)(nil)
	_ relay.Feed        = (*proofs)(nil)
	_ relay.Confirmer   = (*proofs)(nil)
	_ relay.SetChecker  = (*proofs)(nil)
	_ json.Marshaler    = (*proofs)(nil)
	_ json.Unmarshaler  = (*proofs)(nil)
)

func newProofs(checkpoint string, log *slog.Logger, fresh func() (*policy.Source, error)) (*proofs, error) {
	s, err := fresh()
	if err != nil {
		return nil, err
	}
	p := &proofs{fresh: fresh, checkpoint: checkpoint, log: log}
	p.source.Store(s)
	return p, nil
}

// renew puts a new source in the place of one whose memory does not serve.
func (p *proofs) renew(old *policy.Source, why error) error {
	s, err := p.fresh()
	if err != nil {
		return err
	}
	if !p.source.CompareAndSwap(old, s) {
		return nil // somebody else has
	}
	p.log.Warn("the history is read again", "why", oneLine(why))
	if err := os.Remove(p.checkpoint); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Head implements relay.ProofSource.
func (p *proofs) Head(ctx context.Context) (uint64, error) { return p.source.Load().Head(ctx) }

// Proofs implements relay.ProofSource.
func (p *proofs) Proofs(ctx context.Context, set attestation.Word, from, to uint64) iter.Seq2[slastream.Proof, error] {
	return p.remembered(func(s *policy.Source) iter.Seq2[slastream.Proof, error] { return s.Proofs(ctx, set, from, to) })
}

// All implements relay.Feed.
func (p *proofs) All(ctx context.Context, from, to uint64) iter.Seq2[slastream.Proof, error] {
	return p.remembered(func(s *policy.Source) iter.Seq2[slastream.Proof, error] { return s.All(ctx, from, to) })
}

// remembered yields an answer of the source, or of a new one if that was
// forgotten.
func (p *proofs) remembered(ask func(*policy.Source) iter.Seq2[slastream.Proof, error]) iter.Seq2[slastream.Proof, error] {
	return func(yield func(slastream.Proof, error) bool) {
		s := p.source.Load()
		begun := false
		for proof, err := range ask(s) {
			if !begun && errors.Is(err, policy.ErrForgotten) {
				if err := p.renew(s, err); err != nil {
					yield(slastream.Proof{}, err)
					return
				}
				ask(p.source.Load())(yield)
				return
			}
			begun = true
			if !yield(proof, err) {
				return
			}
		}
	}
}

// Confirm implements relay.Confirmer. A source whose proof is gone is wrong
// about more than that.
func (p *proofs) Confirm(ctx context.Context, proof slastream.Proof) error {
	s := p.source.Load()
	err := s.Confirm(ctx, proof)
	if errors.Is(err, policy.ErrOrphaned) {
		return errors.Join(err, p.renew(s, err))
	}
	return err
}

// CheckSet implements relay.SetChecker.
func (p *proofs) CheckSet(ctx context.Context, set attestation.Word) error {
	return p.source.Load().CheckSet(ctx, set)
}

// MarshalJSON implements json.Marshaler.
func (p *proofs) MarshalJSON() ([]byte, error) { return p.source.Load().MarshalJSON() }

// UnmarshalJSON implements json.Unmarshaler.
func (p *proofs) UnmarshalJSON(b []byte) error { return p.source.Load().UnmarshalJSON(b) }

// forgetNow forgets, if it is time to, the verdicts that no deal needs: those a
// week below the cursor, except where a deal is still to be read.
func (d *daemon) forgetNow(ctx context.Context) {
	if time.Since(d.forgotten) < forgetEvery {
		return
	}
	from, err := d.neededFrom(ctx)
	if err != nil {
		d.log.Warn("nothing is forgotten: the store does not say what is needed", "err", oneLine(err))
		return
	}
	d.forgotten = time.Now()
	d.source.source.Load().Forget(from)
}

// neededFrom is the first epoch whose verdicts are needed.
func (d *daemon) neededFrom(ctx context.Context) (uint64, error) {
	from, err := d.store.Cursor(ctx)
	if err != nil {
		return 0, err
	}
	from -= min(from, keptEpochs)
	for t, err := range d.store.Tracks(ctx, relay.TrackQuery{}) {
		if err != nil {
			return 0, err
		}
		if t.Behind && !t.Over { // also those that are halted: they go on
			from = min(from, max(t.Next, t.StartEpoch))
		}
	}
	return d.pending.neededFrom(from), nil
}

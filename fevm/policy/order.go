package policy

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// ErrForgotten marks a question about epochs whose verdicts [Source.Forget]
// dropped. Ask from a later epoch on, or take a new [Source].
var ErrForgotten = errors.New("policy: the verdicts of that epoch are forgotten")

const (
	// pageProofs is how many proofs All copies at a time.
	pageProofs = 256
	// maxWatched is how many data sets one call of All asks the state about.
	maxWatched = 64
)

// A slot is where a payable verdict is: with its data set.
type slot struct {
	at place
	of *verdicts
}

func placeOf(v *Verdict) place { return place{v.Proof.BlockNumber, uint(v.Proof.LogIndex)} }

// search finds the first verdict at a place or behind it.
func search(v []Verdict, at place) int {
	i, _ := slices.BinarySearchFunc(v, at, func(v Verdict, at place) int { return placeOf(&v).compare(at) })
	return i
}

// firstSlot finds the first slot at a place or behind it.
func (s *Source) firstSlot(at place) int {
	i, _ := slices.BinarySearchFunc(s.order, at, func(o slot, at place) int { return o.at.compare(at) })
	return i
}

// All yields the payable proofs of all data sets, or of those in Config.Sets,
// whose epoch is in [from, to], in chain order, at most one for each proving
// period of a set: for a set, what [Source.Proofs] yields. It reads and it fails
// as Proofs does, and costs as much as there are new logs and proofs in the
// range, however many data sets there are.
//
// With Config.State it also asks for the last proofs that the verifier has a
// record of, of 64 data sets at most in each call that has new epochs to read. They
// take turns: those in Config.Sets, and those that another method was called
// with, such as Proofs or [Source.CheckSet]. If one of them has a proof that no log
// shows, its epoch is read again; if it still is not shown, the call fails with
// *[HiddenProofError] before that epoch is judged, and the next call reads again.
// If the epoch was judged in an earlier call, where it was not the set's turn, that
// failure stays. A question that the state does not answer is put off to the set's
// next turn, unless none is answered.
func (s *Source) All(ctx context.Context, from, to uint64) iter.Seq2[slastream.Proof, error] {
	return func(yield func(slastream.Proof, error) bool) {
		next, page := place{block: from}, make([]slastream.Proof, 0, pageProofs)
		for {
			var err error
			if page, err = s.page(ctx, next, to, page[:0]); err != nil {
				yield(slastream.Proof{}, err)
				return
			}
			for _, p := range page {
				if !yield(p, nil) {
					return
				}
			}
			if len(page) < pageProofs {
				return
			}
			last := &page[len(page)-1]
			next = place{last.BlockNumber, uint(last.LogIndex) + 1}
		}
	}
}

// page appends the next payable proofs, from a place on, to an empty page.
func (s *Source) page(ctx context.Context, from place, to uint64, page []slastream.Proof) ([]slastream.Proof, error) {
	leave, err := s.take(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := s.kept(from.block); err != nil {
		return nil, err
	}
	if err := s.advanceAll(ctx, to); err != nil {
		return nil, err
	}
	for _, o := range s.order[s.firstSlot(from):] {
		if o.at.block > to || len(page) == pageProofs {
			break
		}
		page = append(page, o.of.payable[search(o.of.payable, o.at)].Proof)
	}
	return page, nil
}

// kept fails if the verdicts from an epoch on are not all there.
func (s *Source) kept(from uint64) error {
	if from < s.floor {
		return fmt.Errorf("%w: %d, kept are those from %d on", ErrForgotten, from, s.floor)
	}
	return nil
}

// advanceAll judges the epochs up to to, and asks the state about the sets whose
// turn it is.
func (s *Source) advanceAll(ctx context.Context, to uint64) error {
	if to < s.next {
		return nil
	}
	head, err := s.final(ctx, to)
	if err != nil {
		return err
	}
	last, asked, err := s.lastOfTurn(ctx, to)
	if err != nil {
		return err
	}
	for set, epoch := range last {
		if known := s.tracker.touched(set); epoch < s.next && known < epoch {
			return &HiddenProofError{Set: set, Epoch: epoch, Known: known}
		}
	}
	if err := s.judgeUpTo(ctx, to, head, last, func(attestation.Word) bool { return true }); err != nil {
		return err
	}
	for set := range last {
		s.checked[set] = to
	}
	s.watched.pass(asked)
	return nil
}

// lastOfTurn asks for the last proofs of the sets whose turn it is, and says how
// many that were.
func (s *Source) lastOfTurn(ctx context.Context, to uint64) (last map[attestation.Word]uint64, asked int, err error) {
	if s.config.State == nil {
		return nil, 0, nil
	}
	last = make(map[attestation.Word]uint64)
	answered := false
	for set := range s.watched.turn {
		asked++
		if failed := s.lastProof(ctx, set, to, last); failed == nil {
			answered = true
		} else {
			err = failed
		}
		if ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
	}
	if err != nil && !answered {
		return nil, 0, err
	}
	return last, asked, nil
}

// A watch is the data sets that the state is asked about in turn.
type watch struct {
	sets []attestation.Word
	has  map[attestation.Word]bool
	at   int // whose turn it is
}

func newWatch(sets []attestation.Word) watch {
	w := watch{has: make(map[attestation.Word]bool)}
	for _, set := range sets {
		w.add(set)
	}
	return w
}

func (w *watch) add(set attestation.Word) {
	if !w.has[set] {
		w.has[set] = true
		w.sets = append(w.sets, set)
	}
}

// turn yields those whose turn it is.
func (w *watch) turn(yield func(attestation.Word) bool) {
	for i := range min(len(w.sets), maxWatched) {
		if !yield(w.sets[(w.at+i)%len(w.sets)]) {
			return
		}
	}
}

// pass ends the turn of n of them.
func (w *watch) pass(n int) {
	if len(w.sets) > 0 {
		w.at = (w.at + n) % len(w.sets)
	}
}

// Forget drops the verdicts of epochs below epoch, payable and refused, and does
// not keep those that are still to be read: a question about them is
// [ErrForgotten] from then on. What is payable afterwards does not change, since
// the state of the data sets is kept. An epoch below that of an earlier call
// changes nothing. It waits while the source reads, and copies what it keeps, so
// a relay that runs for months calls it once a day or so. It is part of a
// checkpoint.
func (s *Source) Forget(epoch uint64) {
	s.busy <- struct{}{}
	defer func() { <-s.busy }()
	if epoch <= s.floor {
		return
	}
	s.floor = epoch
	at := place{block: epoch}
	drop := func(v []Verdict) []Verdict {
		if i := search(v, at); i > 0 {
			return slices.Clone(v[i:])
		}
		return v
	}
	s.order = slices.Clone(s.order[s.firstSlot(at):])
	maps.DeleteFunc(s.sets, func(_ attestation.Word, v *verdicts) bool {
		v.payable, v.refused = drop(v.payable), drop(v.refused)
		return len(v.payable)+len(v.refused) == 0
	})
}

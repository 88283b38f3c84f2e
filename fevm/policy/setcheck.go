package policy

import (
	"context"
	"fmt"
	"math/bits"
	"slices"

	"github.com/slastream/slastream-go/attestation"
)

// A SetError says why a data set should not back a deal: as things are, none of
// its proofs would be payable.
type SetError struct {
	Set    attestation.Word
	Reason Reason
	Detail string // the numbers behind the reason, may be empty
	Advice string // what to do
}

// Error holds all of it.
func (e *SetError) Error() string {
	text := fmt.Sprintf("policy: data set %s: %s", e.Set.Big(), e.Reason)
	if e.Detail != "" {
		text += " (" + e.Detail + ")"
	}
	return text + ": " + e.Advice
}

const (
	// ReasonLeftOut: Config.Sets does not name the data set.
	ReasonLeftOut Reason = "it is not in Config.Sets"
	// ReasonNotSeen: no log up to the head shows the data set.
	ReasonNotSeen Reason = "there is no such data set"
	// ReasonNotCreated: the data set's first events lie before Config.FromBlock, so
	// that the pieces of that time are not known.
	ReasonNotCreated Reason = "its creation was not seen"
)

// advice says what to do about a data set that must not be bound.
var advice = map[Reason]string{
	ReasonLeftOut:       "add it, in every relay of the deal",
	ReasonNotSeen:       "check its number, the chain and the verifier; wait until its creation is final",
	ReasonNotCreated:    "set Config.FromBlock at or before its creation, and read again",
	ReasonDeleted:       "bind another one: it never comes back",
	ReasonTooManyPieces: "bind one with fewer pieces",
	ReasonBadPiece:      "the provider must remove that piece",
	ReasonFewLeaves:     "the provider must add the pieces first, or Rules.MinLeaves is not meant for it",
	ReasonProvider:      "bind a data set of a provider in Rules.Providers, or add this one to them",
	ReasonListener:      "bind a data set of a listener in Rules.Listeners: it cannot be changed",
	ReasonOtherPieces:   "the provider must add what is missing and remove the rest, or Rules.Pieces, Roots and OtherLeaves are those of another data set",
}

// CheckSet reports whether a data set can back a deal, as the logs show it up to
// the head: it exists, is not deleted, and satisfies what can be known of its
// [Rules] before the next proof: Providers, Listeners, MinLeaves, Pieces and
// Roots, of the pieces that the next proving period will draw from. A failure is a
// *[SetError], which says what to do; other errors are those of
// [Source.Proofs], and say nothing about the set. From then on [Source.All] asks
// the state about the set, too.
//
// It is no promise: a provider can delete the set in the next epoch. With
// Config.Mock, where sets are not created, only Config.Sets counts.
func (s *Source) CheckSet(ctx context.Context, set attestation.Word) error {
	leave, err := s.take(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if s.tracker.only != nil && !s.tracker.only[set] {
		return setError(set, objection{reason: ReasonLeftOut})
	}
	if s.config.Mock {
		return nil
	}
	head, err := s.readerHead(ctx)
	if err != nil {
		return err
	}
	to := head - min(head, s.config.Overlap)
	if to >= s.config.FromBlock {
		if err := s.advance(ctx, set, to); err != nil {
			return err
		}
	}
	state := s.tracker.sets[set]
	if state == nil {
		return setError(set, objection{ReasonNotSeen, fmt.Sprintf("up to epoch %d", to)})
	}
	rules := s.config.rules(set)
	if o := state.checkNext(rules); o.reason != "" {
		return setError(set, o)
	}
	if len(rules.Listeners) > 0 {
		listener, err := s.listener(ctx, set, to, head)
		if err != nil {
			return err
		}
		if !slices.Contains(rules.Listeners, listener) {
			return setError(set, objection{ReasonListener, listener.String()})
		}
	}
	return nil
}

func setError(set attestation.Word, o objection) error {
	return &SetError{Set: set, Reason: o.reason, Detail: o.detail, Advice: advice[o.reason]}
}

// checkNext looks at a data set as it will be in the next proving period, if
// nothing else changes.
func (s *dataSet) checkNext(rules *Rules) objection {
	switch {
	case s.deleted:
		return objection{reason: ReasonDeleted}
	case s.provider == (attestation.EthereumAddress{}):
		return objection{reason: ReasonNotCreated}
	}
	next := *s
	next.fresh = nil
	next.leaves = s.liveLeaves()
	return next.checkSet(rules, max(rules.MinChallenges, 1))
}

// liveLeaves returns the leaves of all pieces, saturating. Where CIDs were not
// emitted it is what the open period says, if that is more.
func (s *dataSet) liveLeaves() uint64 {
	var sum uint64
	missing := false
	for _, p := range s.pieces {
		more, carry := bits.Add64(sum, p.leaves(), 0)
		if sum = more; carry != 0 {
			return 1<<64 - 1
		}
		missing = missing || p.state == pieceMissing
	}
	if missing && s.isOpen {
		return max(sum, s.leaves)
	}
	return sum
}

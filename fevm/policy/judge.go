package policy

import (
	"fmt"
	"slices"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

// An objection is why a proof is not payable, the zero value if it is.
type objection struct {
	reason Reason
	detail string
}

// inspect decides about a proof that the logs have no objection to.
type inspect func(v *Verdict, s *dataSet, rules *Rules, challenges []fevm.Challenge) (objection, error)

// prove judges a PossessionProven. It fails, and changes nothing, if inspect
// does. The first proof of a period decides, whatever the verdict.
func (s *dataSet) prove(rules *Rules, challenges []fevm.Challenge, v *Verdict, more inspect) error {
	if s.isOpen && !s.deleted {
		v.Proof.Period = s.period
	}
	o := s.checkOrder(v.Proof.BlockNumber)
	decides := o.reason == ""
	if o.reason == "" {
		o = s.checkPeriod(rules, v.Proof.BlockNumber)
	}
	if o.reason == "" {
		o = s.checkSet(rules, len(challenges))
	}
	if o.reason == "" {
		o = s.checkChallenges(challenges)
	}
	if o.reason == "" && more != nil && rules.needsMore() {
		var err error
		if o, err = more(v, s, rules, challenges); err != nil {
			return err
		}
	}
	s.touched = v.Proof.BlockNumber
	if decides {
		s.decided, s.lastDecided = true, s.period
	}
	if o.reason != "" {
		v.refuse(o.reason, o.detail)
		return nil
	}
	s.paid, s.lastPaid = true, s.period
	first, _ := s.piece(challenges[0].PieceID)
	v.Proof.RootCID = first.cid.Root()
	return nil
}

// checkOrder looks whether the proof is the first of an open period.
func (s *dataSet) checkOrder(epoch uint64) objection {
	switch {
	case s.deleted:
		return objection{reason: ReasonDeleted}
	case !s.isOpen:
		return objection{reason: ReasonNoPeriod}
	case epoch < s.period:
		return objection{ReasonPremature, fmt.Sprintf("epoch %d, challenge epoch %d", epoch, s.period)}
	case s.decided && s.period <= s.lastDecided:
		return objection{ReasonDuplicate, fmt.Sprintf("challenge epoch %d", s.period)}
	}
	return objection{}
}

// checkPeriod looks at when the period is, and at when the proof came in it.
func (s *dataSet) checkPeriod(rules *Rules, epoch uint64) objection {
	switch {
	case s.paid && s.period-s.lastPaid < rules.MinSpacing:
		return objection{ReasonTooSoon, fmt.Sprintf("challenge epochs %d and %d, want %d epochs between them", s.lastPaid, s.period, rules.MinSpacing)}
	case rules.Window > 0 && epoch-s.period > rules.Window:
		return objection{ReasonLate, fmt.Sprintf("epoch %d, challenge epoch %d, window of %d epochs", epoch, s.period, rules.Window)}
	}
	return objection{}
}

// checkSet looks at the data set, and at the number of challenges.
func (s *dataSet) checkSet(rules *Rules, challenges int) objection {
	switch {
	case challenges < max(rules.MinChallenges, 1):
		return objection{ReasonFewChallenges, fmt.Sprintf("%d, want %d", challenges, rules.MinChallenges)}
	case s.overflow:
		return objection{ReasonTooManyPieces, fmt.Sprintf("more than %d", maxPieces)}
	case s.bad > 0:
		return objection{ReasonBadPiece, fmt.Sprintf("%d of %d pieces", s.bad, len(s.pieces))}
	case s.leaves < rules.MinLeaves:
		return objection{ReasonFewLeaves, fmt.Sprintf("%d leaves, want %d", s.leaves, rules.MinLeaves)}
	}
	if len(rules.Providers) > 0 && !slices.Contains(rules.Providers, s.provider) {
		detail := "its creation was not seen"
		if s.provider != (attestation.EthereumAddress{}) {
			detail = s.provider.String()
		}
		return objection{ReasonProvider, detail}
	}
	if rules.pinned() {
		if detail := rules.checkPieces(s); detail != "" {
			return objection{ReasonOtherPieces, detail}
		}
	}
	return objection{}
}

// checkChallenges looks at the leaves that were shown.
func (s *dataSet) checkChallenges(challenges []fevm.Challenge) objection {
	for i, ch := range challenges {
		p, ok := s.piece(ch.PieceID)
		if !ok || p.state != pieceKnown {
			return objection{ReasonUnknownPiece, fmt.Sprintf("challenge %d is of piece %s", i, ch.PieceID.Big())}
		}
		if offset, ok := ch.Offset.Uint64(); !ok || offset >= p.leaves() {
			return objection{ReasonBadChallenge, fmt.Sprintf("challenge %d is of leaf %s, piece %s has %d", i, ch.Offset.Big(), ch.PieceID.Big(), p.leaves())}
		}
	}
	return objection{}
}

// mock judges a RootsAdded of the mock verifier. The mock knows no proving
// periods, so each epoch is one, and none of the rules.
func (s *dataSet) mock(c *Config, event fevm.MockRootsAdded, v *Verdict) {
	if !c.Mock {
		v.refuse(ReasonMock, "")
		return
	}
	epoch := v.Proof.BlockNumber
	v.Proof.Period = epoch
	if s.decided && epoch <= s.lastDecided {
		v.refuse(ReasonDuplicate, fmt.Sprintf("epoch %d", epoch))
		return
	}
	s.decided, s.lastDecided = true, epoch
	switch {
	case len(event.RootCIDs) == 0:
		v.refuse(ReasonNoRoot, "")
	default:
		s.paid, s.lastPaid = true, epoch
		v.Proof.RootCID = event.RootCIDs[0]
	}
}

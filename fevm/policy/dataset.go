package policy

import (
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

// maxPieces bounds the pieces that are followed for one data set.
const maxPieces = 1 << 20

// A dataSet is what the events of one data set have said so far.
type dataSet struct {
	pieces   map[attestation.Word]piece // live pieces by id
	bad      int                        // pieces whose CID is not canonical
	overflow bool                       // pieces were left out
	deleted  bool

	isOpen bool
	period uint64 // challenge epoch of the last NextProvingPeriod, if isOpen

	proven    bool
	lastEpoch uint64 // period of the last first proof, if proven
}

// A piece is what is kept of a piece CID. leaves is 0 if the CID is not
// canonical or was not emitted.
type piece struct {
	root   attestation.Word
	leaves uint64
	bad    bool
}

func (s *dataSet) add(e fevm.PiecesAdded) {
	if s.deleted {
		return
	}
	if s.pieces == nil {
		s.pieces = make(map[attestation.Word]piece)
	}
	for i, id := range e.PieceIDs {
		if len(s.pieces) >= maxPieces {
			s.overflow = true
			return
		}
		var p piece
		if e.PieceCIDs != nil {
			if cid, err := e.PieceCIDs[i].Parse(); err != nil {
				p.bad = true
				s.bad++
			} else {
				p.root, p.leaves = cid.Root(), cid.LeafCount()
			}
		}
		if s.pieces[id].bad {
			s.bad--
		}
		s.pieces[id] = p
	}
}

// remove also ends the proving period: the contract has no challenge scheduled
// until the next one. (Before 3.5.0, NextProvingPeriod follows in the same
// transaction.)
func (s *dataSet) remove(ids []attestation.Word) {
	for _, id := range ids {
		if s.pieces[id].bad {
			s.bad--
		}
		delete(s.pieces, id)
	}
	s.isOpen = false
}

// open begins a proving period. An empty set has none, and an epoch of 2^64 or
// more never comes.
func (s *dataSet) open(e fevm.NextProvingPeriod) {
	epoch, ok := e.ChallengeEpoch.Uint64()
	s.isOpen = ok && !e.LeafCount.IsZero() && !s.deleted
	s.period = epoch
}

// prove judges a PossessionProven. The first one of a period decides, whatever
// the verdict: the contract lets a provider repeat it at will.
func (s *dataSet) prove(c Config, challenges []fevm.Challenge, v *Verdict) {
	epoch := v.Proof.BlockNumber
	switch {
	case s.deleted:
		v.refuse(ReasonDeleted, "")
		return
	case !s.isOpen:
		v.refuse(ReasonNoPeriod, "")
		return
	}
	v.Proof.Period = s.period
	switch {
	case epoch < s.period:
		v.refuse(ReasonPremature, fmt.Sprintf("epoch %d, challenge epoch %d", epoch, s.period))
		return
	case s.proven && s.period <= s.lastEpoch:
		v.refuse(ReasonDuplicate, fmt.Sprintf("challenge epoch %d", s.period))
		return
	}
	s.proven, s.lastEpoch = true, s.period
	switch {
	case len(challenges) < c.MinChallenges:
		v.refuse(ReasonFewChallenges, fmt.Sprintf("%d, want %d", len(challenges), c.MinChallenges))
		return
	case s.overflow:
		v.refuse(ReasonTooManyPieces, fmt.Sprintf("more than %d", maxPieces))
		return
	case s.bad > 0:
		v.refuse(ReasonBadPiece, fmt.Sprintf("%d of %d pieces", s.bad, len(s.pieces)))
		return
	case len(challenges) == 0:
		v.refuse(ReasonFewChallenges, "none")
		return
	}
	for i, ch := range challenges {
		p, ok := s.pieces[ch.PieceID]
		if !ok || p.leaves == 0 {
			v.refuse(ReasonUnknownPiece, fmt.Sprintf("challenge %d is of piece %s", i, ch.PieceID.Big()))
			return
		}
		if offset, ok := ch.Offset.Uint64(); !ok || offset >= p.leaves {
			v.refuse(ReasonBadChallenge, fmt.Sprintf("challenge %d is of leaf %s, piece %s has %d", i, ch.Offset.Big(), ch.PieceID.Big(), p.leaves))
			return
		}
	}
	v.Proof.RootCID = s.pieces[challenges[0].PieceID].root
}

// mock judges a RootsAdded of the mock verifier. The mock knows no proving
// periods, so each epoch is one.
func (s *dataSet) mock(c Config, roots []attestation.Word, v *Verdict) {
	if !c.Mock {
		v.refuse(ReasonMock, "")
		return
	}
	epoch := v.Proof.BlockNumber
	v.Proof.Period = epoch
	if s.proven && epoch <= s.lastEpoch {
		v.refuse(ReasonDuplicate, fmt.Sprintf("epoch %d", epoch))
		return
	}
	s.proven, s.lastEpoch = true, epoch
	if len(roots) == 0 {
		v.refuse(ReasonNoRoot, "")
		return
	}
	v.Proof.RootCID = roots[0]
}

package policy

import (
	"slices"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

// maxPieces bounds the pieces that are followed for one data set.
const maxPieces = 1 << 20

// A dataSet is what the events of one data set have said so far.
type dataSet struct {
	provider attestation.EthereumAddress // zero: the creation was not seen
	pieces   map[uint64]piece            // live pieces by id
	fresh    map[uint64]bool             // those that were added since the period was opened
	bad      int                         // pieces whose CID is not canonical
	overflow bool                        // pieces were left out
	deleted  bool

	isOpen bool
	period uint64 // challenge epoch of the last NextProvingPeriod, if isOpen
	leaves uint64 // from which its challenges are drawn, saturating

	decided     bool
	lastDecided uint64 // period of the last first proof, payable or not, if decided
	paid        bool
	lastPaid    uint64 // period of the last payable proof, if paid

	opened  uint64 // epoch of the first NextProvingPeriod, 0 for none
	touched uint64 // epoch of the last event that may set getDataSetLastProvenEpoch
	active  bool   // a period was opened since the set was created or empty
}

// A piece is a piece CID, or why there is none.
type piece struct {
	cid   fevm.PieceCID
	state pieceState
}

type pieceState uint8

const (
	pieceMissing pieceState = iota // the CID was not emitted: releases before v2.1.0
	pieceKnown
	pieceBad // the CID is not canonical
)

func (p piece) leaves() uint64 {
	if p.state != pieceKnown {
		return 0
	}
	return p.cid.LeafCount()
}

func (s *dataSet) add(e fevm.PiecesAdded) {
	if s.deleted {
		return
	}
	if s.pieces == nil {
		s.pieces = make(map[uint64]piece)
	}
	if s.fresh == nil {
		s.fresh = make(map[uint64]bool)
	}
	for i, word := range e.PieceIDs {
		id, ok := word.Uint64()
		if len(s.pieces) >= maxPieces || !ok { // ids count from 0
			s.overflow = true
			return
		}
		var p piece
		if e.PieceCIDs != nil {
			if cid, err := e.PieceCIDs[i].Parse(); err != nil {
				p.state = pieceBad
				s.bad++
			} else {
				p = piece{cid, pieceKnown}
			}
		}
		if s.pieces[id].state == pieceBad {
			s.bad--
		}
		s.pieces[id] = p
		s.fresh[id] = true
	}
}

// remove also ends the proving period: the contract has no challenge scheduled
// until the next one. (Before 3.5.0, NextProvingPeriod follows in the same
// transaction.)
func (s *dataSet) remove(ids []attestation.Word) {
	for _, word := range ids {
		id, ok := word.Uint64()
		if !ok {
			continue // never added
		}
		if s.pieces[id].state == pieceBad {
			s.bad--
		}
		delete(s.pieces, id)
		delete(s.fresh, id)
	}
	s.isOpen = false
}

// open begins a proving period. An empty set has none, and an epoch of 2^64 or
// more never comes.
func (s *dataSet) open(e fevm.NextProvingPeriod, at uint64) {
	if s.deleted {
		return
	}
	epoch, ok := e.ChallengeEpoch.Uint64()
	s.isOpen = ok && !e.LeafCount.IsZero()
	s.period, s.leaves = epoch, saturated(e.LeafCount)
	s.fresh = nil
	if s.opened == 0 {
		s.opened = at
	}
	if !s.active && s.isOpen {
		s.active, s.touched = true, at
	}
}

// empty ends the proving period of a set that lost its last piece.
func (s *dataSet) empty(at uint64) {
	s.isOpen, s.active = false, false
	s.touched = at
}

// challenged returns the ids of the pieces that challenges of the open period are
// drawn from, in order.
func (s *dataSet) challenged() []uint64 {
	ids := make([]uint64, 0, len(s.pieces)-len(s.fresh))
	for id := range s.pieces {
		if !s.fresh[id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// snapshot is the set as the verifier checks proofs of the open period against.
func (s *dataSet) snapshot(id attestation.Word) fevm.DataSet {
	out := fevm.DataSet{ID: id, ChallengeRange: s.leaves}
	for _, pieceID := range s.challenged() {
		out.Pieces = append(out.Pieces, fevm.Piece{ID: pieceID, CID: s.pieces[pieceID].cid.Bytes()})
	}
	return out
}

// piece returns the piece with an id, if it is live.
func (s *dataSet) piece(id attestation.Word) (piece, bool) {
	n, ok := id.Uint64()
	if !ok {
		return piece{}, false
	}
	p, ok := s.pieces[n]
	return p, ok
}

func saturated(w attestation.Word) uint64 {
	if v, ok := w.Uint64(); ok {
		return v
	}
	return 1<<64 - 1
}

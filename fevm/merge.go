package fevm

import (
	"fmt"
	"slices"

	"github.com/slastream/slastream-go/attestation"
)

// MergePiecesAdded joins the events of one addPieces to one. Release 3.5.0 emits
// a PiecesAddedV2 for each 100 pieces, and nodes are known to return the logs of
// a transaction out of order: the parts are put in order of their first piece.
// It fails with [ErrMalformed] if there are none, if they are not of one data
// set, if ids overlap or leave a gap, or if only some have CIDs.
func MergePiecesAdded(parts ...PiecesAdded) (PiecesAdded, error) {
	if len(parts) == 0 {
		return PiecesAdded{}, fmt.Errorf("%w: no PiecesAdded to merge", ErrMalformed)
	}
	sorted := slices.Clone(parts)
	slices.SortStableFunc(sorted, func(a, b PiecesAdded) int { return compareWords(a.FirstPieceID, b.FirstPieceID) })
	out := PiecesAdded{SetID: sorted[0].SetID, FirstPieceID: sorted[0].FirstPieceID}
	next := out.FirstPieceID
	for i, p := range sorted {
		switch {
		case p.SetID != out.SetID:
			return PiecesAdded{}, fmt.Errorf("%w: PiecesAdded of data sets %s and %s", ErrMalformed, out.SetID.Big(), p.SetID.Big())
		case (p.PieceCIDs == nil) != (sorted[0].PieceCIDs == nil):
			return PiecesAdded{}, fmt.Errorf("%w: PiecesAdded with and without CIDs", ErrMalformed)
		case i > 0 && p.FirstPieceID != next:
			return PiecesAdded{}, fmt.Errorf("%w: PiecesAdded from piece %s, want %s", ErrMalformed, p.FirstPieceID.Big(), next.Big())
		}
		for _, id := range p.PieceIDs {
			if id != next {
				return PiecesAdded{}, fmt.Errorf("%w: PiecesAdded has piece %s, want %s", ErrMalformed, id.Big(), next.Big())
			}
			next = increment(next)
		}
		out.PieceIDs = append(out.PieceIDs, p.PieceIDs...)
		out.PieceCIDs = append(out.PieceCIDs, p.PieceCIDs...)
	}
	return out, nil
}

func compareWords(a, b attestation.Word) int { return slices.Compare(a[:], b[:]) }

package fevm_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

// added is the event of n pieces from first on.
func added(set, first uint64, n int) fevm.PiecesAdded {
	e := fevm.PiecesAdded{SetID: attestation.WordFromUint64(set), FirstPieceID: attestation.WordFromUint64(first)}
	for i := range uint64(n) {
		e.PieceIDs = append(e.PieceIDs, attestation.WordFromUint64(first+i))
		e.PieceCIDs = append(e.PieceCIDs, fevm.RawCID{byte(first + i)})
	}
	return e
}

func TestMergePiecesAdded(t *testing.T) {
	want := added(7, 100, 250)
	a, b, c := added(7, 100, 100), added(7, 200, 100), added(7, 300, 50)
	for _, parts := range [][]fevm.PiecesAdded{{a, b, c}, {c, a, b}, {b, c, a}, {want}} {
		got, err := fevm.MergePiecesAdded(parts...)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.Len(t, a.PieceIDs, 100, "the parts are not changed")

	noCIDs := b
	noCIDs.PieceCIDs = nil
	holes := added(7, 200, 2)
	holes.PieceIDs[1] = attestation.WordFromUint64(300)
	for name, parts := range map[string][]fevm.PiecesAdded{
		"none":                {},
		"a gap":               {a, c},
		"twice the same":      {a, a},
		"an overlap":          {a, added(7, 199, 10)},
		"another set":         {a, added(8, 200, 1)},
		"one without CIDs":    {a, noCIDs},
		"a hole inside a log": {a, holes},
	} {
		_, err := fevm.MergePiecesAdded(parts...)
		require.ErrorIs(t, err, fevm.ErrMalformed, name)
	}
}

package fevm_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

// twoProofs is a call with paths of two and zero nodes.
func twoProofs() fevm.ProvePossession {
	return fevm.ProvePossession{SetID: attestation.WordFromUint64(9), Proofs: []fevm.MerkleProof{
		{Leaf: [32]byte{1}, Path: [][32]byte{{2}, {3}}},
		{Leaf: [32]byte{4}, Path: [][32]byte{}},
	}}
}

func TestCalldataRoundTrip(t *testing.T) {
	got, err := fevm.ParseProvePossession(twoProofs().Calldata())
	require.NoError(t, err)
	require.Equal(t, twoProofs(), got)
}

func TestParseProvePossessionRefuses(t *testing.T) {
	good := twoProofs().Calldata()
	change := func(at int, word []byte) []byte {
		b := append([]byte(nil), good...)
		copy(b[at:], word)
		return b
	}
	const proofs, length, element, path = 4 + 32, 4 + 64, 4 + 96, 4 + 96 + 64
	shared := cat(good[:4], w32(1), w32(64), w32(200))
	for range 200 {
		shared = append(shared, w32(200*32)...)
	}
	shared = cat(shared, w32(0), w32(64), w32(1000), make([]byte, 32000))
	for name, b := range map[string][]byte{
		"empty":                       nil,
		"selector alone":              good[:4],
		"another selector":            change(0, []byte{0}),
		"set id alone":                good[:36],
		"cut in a path":               good[:len(good)-64],
		"cut in the last length":      good[:len(good)-1],
		"proofs offset of 2^256-1":    change(proofs, ones()),
		"proofs offset of -32":        change(proofs, append(ones()[:31], 0xe0)),
		"proofs offset of 2^64":       change(proofs, cat(make([]byte, 23), []byte{1}, make([]byte, 8))),
		"proofs offset at the end":    change(proofs, w32(uint64(len(good)-4))),
		"length of 2^59":              change(length, w32(1<<59)),
		"length of 2^256-1":           change(length, ones()),
		"element offset at the end":   change(element, w32(uint64(len(good)))),
		"element far before":          change(element, cat([]byte{0x80}, make([]byte, 31))),
		"path longer than the data":   change(path+64, w32(9)),
		"path length of 2^63":         change(path+64, cat(make([]byte, 24), []byte{0x80}, make([]byte, 7))),
		"200 proofs share 1000 words": shared,
	} {
		_, err := fevm.ParseProvePossession(b)
		require.ErrorIs(t, err, fevm.ErrMalformed, name)
		require.Less(t, len(err.Error()), 400, name)
	}
}

func TestVerifyRefusesSetsItCannotJudge(t *testing.T) {
	seed := attestation.WordFromUint64(1)
	cid := fevm.PieceCID{}
	set := fevm.DataSet{ID: attestation.WordFromUint64(9), ChallengeRange: 1, Pieces: []fevm.Piece{{ID: 0, CID: cid.Bytes()}}}
	call := fevm.ProvePossession{SetID: set.ID, Proofs: []fevm.MerkleProof{{}}}
	_, err := call.Verify(set, seed)
	require.NoError(t, err)

	other := set
	other.ID = attestation.WordFromUint64(8)
	_, err = call.Verify(other, seed)
	require.ErrorContains(t, err, "calldata is for data set")

	lenient := set
	lenient.Pieces = []fevm.Piece{{ID: 3, CID: unhex(t, "015591202300050a"+root127)}}
	_, err = call.Verify(lenient, seed)
	var cidErr *fevm.PieceCIDError
	require.ErrorAs(t, err, &cidErr)
	require.ErrorContains(t, err, "piece 3")

	unordered := set
	unordered.Pieces = append(unordered.Pieces, unordered.Pieces[0])
	_, err = call.Verify(unordered, seed)
	require.ErrorContains(t, err, "id order")

	short := set
	short.ChallengeRange = 1 << 40
	_, err = call.Verify(short, seed)
	var refused *fevm.ProofError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, &fevm.ProofError{Reason: "Leaf index out of bounds", Proof: 0}, refused)
}

var gethProofs = arguments(`[{"name":"setId","type":"uint256"},{"name":"proofs","type":"tuple[]","components":[{"name":"leaf","type":"bytes32"},{"name":"proof","type":"bytes32[]"}]}]`)

type gethProof = struct {
	Leaf  [32]byte
	Proof [][32]byte
}

// FuzzParseProvePossession checks that hostile calldata never panics, that what
// go-ethereum's decoder accepts is read in the same way, and that every result
// survives its own encoding.
func FuzzParseProvePossession(f *testing.F) {
	var recorded recordedProofs
	readJSON(f, "proofs-v3.5.0.json", &recorded)
	for i, c := range recorded.Cases {
		if i%10 == 0 && len(c.Calldata) < 2000 {
			f.Add(unhex(f, c.Calldata))
		}
	}
	f.Add(twoProofs().Calldata())
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := fevm.ParseProvePossession(b)
		if err != nil {
			require.ErrorIs(t, err, fevm.ErrMalformed)
			return
		}
		again, err := fevm.ParseProvePossession(got.Calldata())
		require.NoError(t, err)
		require.Equal(t, got, again)
		values, err := gethProofs.Unpack(b[4:])
		if err != nil {
			return // it refuses negative offsets
		}
		proofs := *abi.ConvertType(values[1], new([]gethProof)).(*[]gethProof)
		require.Len(t, got.Proofs, len(proofs))
		for i, p := range proofs {
			require.Equal(t, fevm.MerkleProof{Leaf: p.Leaf, Path: p.Proof}, got.Proofs[i])
		}
	})
}

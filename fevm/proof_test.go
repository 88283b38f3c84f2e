package fevm_test

import (
	"crypto/sha256"
	"strconv"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

// recordedProofs are calls of provePossession on release 3.5.0.
type recordedProofs struct {
	Pieces []struct {
		Label       string
		CID         string
		ProofHeight uint8
		Padding     uint64
		LeafCount   uint64
		Root        string
		RawSize     *int
		Leaves      []string
	}
	Snapshots []struct {
		ID     string
		Pieces [][2]any
	}
	Cases []recordedProof
}

type recordedProof struct {
	ID, Kind, Label, SetID, Calldata, ChallengeRange, Snapshot, Verdict, Error, Log string
	Seed                                                                            *string
	Challenges                                                                      [][2]uint64
}

func (p recordedProofs) sets(t testing.TB) map[string][]fevm.Piece {
	sets := make(map[string][]fevm.Piece)
	for _, s := range p.Snapshots {
		pieces := make([]fevm.Piece, len(s.Pieces))
		for i, piece := range s.Pieces {
			pieces[i] = fevm.Piece{ID: uint64(piece[0].(float64)), CID: unhex(t, piece[1].(string))}
		}
		sets[s.ID] = pieces
	}
	return sets
}

// verify is what a payer does with the calldata of a recorded case.
func (c recordedProof) verify(t testing.TB, pieces []fevm.Piece) ([]fevm.Challenge, error) {
	call, err := fevm.ParseProvePossession(unhex(t, c.Calldata))
	if err != nil {
		return nil, err
	}
	set := fevm.DataSet{ID: call.SetID, Pieces: pieces}
	set.ChallengeRange, err = strconv.ParseUint(c.ChallengeRange, 10, 64)
	require.NoError(t, err)
	var seed attestation.Word
	if c.Seed != nil {
		seed = word(t, *c.Seed)
	}
	return call.Verify(set, seed)
}

func TestVerifyGivesTheContractsVerdict(t *testing.T) {
	var recorded recordedProofs
	readJSON(t, "proofs-v3.5.0.json", &recorded)
	sets := recorded.sets(t)
	checked := map[string]int{}
	for _, c := range recorded.Cases {
		pieces, known := sets[c.Snapshot]
		require.True(t, known || c.Verdict == "reject" && c.Snapshot == "", c.ID)
		got, err := c.verify(t, pieces)
		name := c.ID + " " + c.Label
		switch {
		case c.Verdict == "accept":
			require.NoError(t, err, name)
			require.Len(t, got, len(c.Challenges), name)
			for i, ch := range c.Challenges {
				require.Equal(t, fevm.Challenge{PieceID: attestation.WordFromUint64(ch[0]), Offset: attestation.WordFromUint64(ch[1])}, got[i], name)
			}
			if c.Kind == "tx" {
				requireEvent(t, c, got)
			}
			checked["accepted"]++
		case c.Error == "(no revert data)":
			require.ErrorIs(t, err, fevm.ErrMalformed, name)
			checked["undecodable"]++
		case c.Error == "proof did not verify", c.Error == "proof length does not match tree height", c.Error == "empty proof":
			var refused *fevm.ProofError
			require.ErrorAs(t, err, &refused, name)
			require.Equal(t, c.Error, refused.Reason, name)
			checked["refused"]++
		case c.Label == "bad-leaf-tx": // a receipt has no reason
			var refused *fevm.ProofError
			require.ErrorAs(t, err, &refused, name)
			checked["refused"]++
		case c.Error == "no challenge scheduled" && c.ChallengeRange == "0":
			var refused *fevm.ProofError
			require.ErrorAs(t, err, &refused, name)
			require.Equal(t, c.Error, refused.Reason, name)
			checked["refused"]++
		case c.Error == "Incorrect fee amount", c.Label == "listener-duplicate", c.Label == "listener-duplicate-tx", c.Label == "listener-too-few":
			// The proofs are right: what is wrong is not in the calldata.
			require.NoError(t, err, name)
			checked["right"]++
		case c.Error == "premature proof", c.Error == "Only the storage provider can prove possession", c.Error == "no challenge scheduled":
			// The contract refuses these before it looks at the proofs.
			checked["earlier"]++
		default:
			require.Failf(t, "unexpected case", "%s: %s %s", name, c.Verdict, c.Error)
		}
	}
	t.Log(checked)
	require.Equal(t, 297, len(recorded.Cases))
	require.Equal(t, 90, checked["accepted"])
	require.Equal(t, 11, checked["undecodable"])
}

// requireEvent checks the challenges against the log of the transaction.
func requireEvent(t *testing.T, c recordedProof, want []fevm.Challenge) {
	t.Helper()
	event, err := fevm.ParseLog(&types.Log{
		Topics: []common.Hash{
			common.HexToHash("0x1acf7df9f0c1b0208c23be6178950c0273f89b766805a2c0bd1e53d25c700e50"),
			common.Hash(word(t, c.SetID)),
		},
		Data: unhex(t, c.Log),
	})
	require.NoError(t, err)
	require.Equal(t, fevm.PossessionProven{SetID: word(t, c.SetID), Challenges: want}, event)
}

func TestPieceTreesHaveTheRecordedRoots(t *testing.T) {
	var recorded recordedProofs
	readJSON(t, "proofs-v3.5.0.json", &recorded)
	for _, p := range recorded.Pieces {
		var leaves [][32]byte
		if p.RawSize != nil {
			leaves = fevm.PieceLeaves(rawBytes(p.Label, *p.RawSize))
		}
		for _, leaf := range p.Leaves {
			leaves = append(leaves, [32]byte(unhex(t, leaf)))
		}
		tree, err := fevm.NewMerkleTree(p.ProofHeight, leaves)
		require.NoError(t, err, p.Label)
		cid, err := fevm.NewPieceCID(tree.Root(), p.ProofHeight, p.Padding)
		require.NoError(t, err, p.Label)
		require.Equal(t, unhex(t, p.CID), cid.Bytes(), p.Label)
		require.Equal(t, p.LeafCount, cid.LeafCount(), p.Label)
		if p.RawSize != nil {
			require.Equal(t, uint64(*p.RawSize), cid.RawSize(), p.Label)
		}
		for _, offset := range []uint64{0, 1, cid.LeafCount() - 1, 1<<p.ProofHeight - 1} {
			proof, err := tree.Prove(offset)
			if offset >= 1<<p.ProofHeight {
				require.Error(t, err, p.Label)
				continue
			}
			require.NoError(t, err, p.Label)
			require.Equal(t, cid.Root(), proof.Root(offset), p.Label)
		}
	}
}

// rawBytes are the data of a recorded piece.
func rawBytes(label string, size int) []byte {
	var raw []byte
	for i := 0; len(raw) < size; i++ {
		block := sha256.Sum256([]byte(label + ":" + strconv.Itoa(i)))
		raw = append(raw, block[:]...)
	}
	return raw[:size]
}

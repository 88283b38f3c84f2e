package fevm_test

import (
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

func ExampleParseLog() {
	l := &types.Log{
		Topics: []common.Hash{
			common.HexToHash("0xc099ffec4e3e773644a4d1dda368c46af853a0eeb15babde217f53a657396e1e"),
			common.HexToHash("0x01"),
		},
		Data: common.FromHex("0x00000000000000000000000000000000000000000000000000000000000000a1" +
			"00000000000000000000000000000000000000000000000000000000000002de"),
	}
	event, err := fevm.ParseLog(l)
	if err != nil {
		fmt.Println(err)
		return
	}
	switch e := event.(type) {
	case fevm.NextProvingPeriod:
		fmt.Println("set", e.SetID.Big(), "challenge epoch", e.ChallengeEpoch.Big(), "leaves", e.LeafCount.Big())
	case fevm.PossessionProven:
		fmt.Println("set", e.SetID.Big(), "proven with", len(e.Challenges), "challenges")
	}
	// Output: set 1 challenge epoch 161 leaves 734
}

func ExampleParsePieceCID() {
	cid, err := fevm.ParsePieceCID(common.FromHex("0155912023f80305de6815dcb348843215a94de532954b60be550a4bec6e74555665e9a5ec4e0f3c"))
	fmt.Println(cid, cid.RawSize(), "bytes in", cid.LeafCount(), "leaves", err)

	_, err = fevm.ParsePieceCID([]byte("not a CID"))
	fmt.Println(err, errors.Is(err, fevm.ErrMalformed))
	// Output:
	// bafkzcibd7abqlxticxolgseegik2stpfgkkuwyf6kufex3doorkvmzpjuxwe4dz4 512 bytes in 17 leaves <nil>
	// fevm: piece CID 0x6e6f74206120434944: InvalidCommPv2Prefix true
}

// A provider makes the proofs, and a payer who has the transaction checks them.
func ExampleProvePossession_Verify() {
	raw := []byte("what the client wants to be kept, in one piece of eight leaves")
	tree, _ := fevm.NewMerkleTree(3, fevm.PieceLeaves(raw))
	cid, _ := fevm.NewPieceCID(tree.Root(), tree.Height(), uint64(254-len(raw)))
	set := fevm.DataSet{
		ID:             attestation.WordFromUint64(7),
		ChallengeRange: cid.LeafCount(),
		Pieces:         []fevm.Piece{{ID: 0, CID: cid.Bytes()}},
	}
	seed := attestation.WordFromUint64(42) // the beacon's randomness

	challenges, _ := set.Challenges(seed, 5)
	call := fevm.ProvePossession{SetID: set.ID}
	for _, c := range challenges {
		offset, _ := c.Offset.Uint64()
		proof, _ := tree.Prove(offset)
		call.Proofs = append(call.Proofs, proof)
	}

	seen, err := fevm.ParseProvePossession(call.Calldata())
	if err != nil {
		fmt.Println(err)
		return
	}
	proven, err := seen.Verify(set, seed)
	fmt.Println(len(proven), "challenges proven", err)

	seen.Proofs[1].Leaf[0] ^= 1
	_, err = seen.Verify(set, seed)
	fmt.Println(err)
	// Output:
	// 5 challenges proven <nil>
	// fevm: prove possession: proof 1: proof did not verify
}

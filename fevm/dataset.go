package fevm

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"sort"

	"golang.org/x/crypto/sha3"

	"github.com/slastream/slastream-go/attestation"
)

// A DataSet is what the verifier knows of a data set when it checks proofs:
// the pieces that are live then, removed ones left out, in id order, and the
// leaf count that the last NextProvingPeriod fixed (pieces added later in the
// period are live, and not challenged).
type DataSet struct {
	ID             attestation.Word
	ChallengeRange uint64 // 32-byte leaves
	Pieces         []Piece
}

// A Piece is one piece of a [DataSet].
type Piece struct {
	ID  uint64
	CID RawCID
}

// A ProofError is the contract's refusal of a proof.
type ProofError struct {
	Reason string // the revert text of provePossession, verbatim
	Proof  int    // index of the proof that was refused, -1 if the call was as a whole
}

// Error returns the reason, after the proof it is about.
func (e *ProofError) Error() string {
	if e.Proof < 0 {
		return "fevm: prove possession: " + e.Reason
	}
	return fmt.Sprintf("fevm: prove possession: proof %d: %s", e.Proof, e.Reason)
}

// Revert texts of PDPVerifier.provePossession and what it calls.
const (
	reasonEmpty       = "empty proof"
	reasonNoChallenge = "no challenge scheduled"
	reasonOutOfBounds = "Leaf index out of bounds"
	reasonLength      = "proof length does not match tree height"
	reasonNotVerified = "proof did not verify"
)

// Challenges returns the first n challenges of the proving period whose beacon
// randomness is seed (getRandomness of the period's challenge epoch).
// Challenge i is keccak256(seed ‖ ID ‖ uint64 i) modulo ChallengeRange, found
// among the pieces' leaves. It fails with *[ProofError] where the contract
// would, with *[PieceCIDError] if a piece's CID is not canonical, and if the
// pieces are not in id order.
func (s DataSet) Challenges(seed attestation.Word, n int) ([]Challenge, error) {
	index, err := s.index()
	if err != nil {
		return nil, err
	}
	if n > 0 && s.ChallengeRange == 0 {
		return nil, &ProofError{Reason: reasonNoChallenge, Proof: -1}
	}
	challenges := make([]Challenge, 0, max(n, 0))
	for i := range n {
		at, offset, ok := index.find(s.challengedLeaf(seed, uint64(i)))
		if !ok {
			return nil, &ProofError{Reason: reasonOutOfBounds, Proof: i}
		}
		challenges = append(challenges, s.challenge(at, offset))
	}
	return challenges, nil
}

func (s DataSet) challenge(at int, offset uint64) Challenge {
	return Challenge{attestation.WordFromUint64(s.Pieces[at].ID), attestation.WordFromUint64(offset)}
}

// challengedLeaf returns the index, among all leaves of the set, of challenge i.
// The range must not be zero.
func (s DataSet) challengedLeaf(seed attestation.Word, i uint64) uint64 {
	var in [72]byte
	copy(in[:], seed[:])
	copy(in[32:], s.ID[:])
	binary.BigEndian.PutUint64(in[64:], i)
	h := sha3.NewLegacyKeccak256()
	h.Write(in[:])
	var sum [32]byte
	h.Sum(sum[:0])
	var rem uint64
	for j := 0; j < len(sum); j += 8 {
		rem = bits.Rem64(rem, binary.BigEndian.Uint64(sum[j:]), s.ChallengeRange)
	}
	return rem
}

// A leafIndex finds the piece that holds a leaf of a data set.
type leafIndex struct {
	cids []PieceCID
	ends []uint64 // leaves up to and with each piece, saturating
}

func (s DataSet) index() (leafIndex, error) {
	x := leafIndex{make([]PieceCID, len(s.Pieces)), make([]uint64, len(s.Pieces))}
	var end uint64
	for i, p := range s.Pieces {
		if i > 0 && p.ID <= s.Pieces[i-1].ID {
			return x, fmt.Errorf("fevm: data set %s: piece %d after piece %d: want id order", s.ID, p.ID, s.Pieces[i-1].ID)
		}
		cid, err := p.CID.Parse()
		if err != nil {
			return x, fmt.Errorf("fevm: data set %s: piece %d: %w", s.ID, p.ID, err)
		}
		sum, carry := bits.Add64(end, cid.LeafCount(), 0)
		if carry != 0 {
			sum = math.MaxUint64
		}
		end = sum
		x.cids[i], x.ends[i] = cid, end
	}
	return x, nil
}

func (x leafIndex) find(leaf uint64) (piece int, offset uint64, ok bool) {
	piece = sort.Search(len(x.ends), func(i int) bool { return x.ends[i] > leaf })
	if piece == len(x.ends) {
		return 0, 0, false
	}
	if piece > 0 {
		leaf -= x.ends[piece-1]
	}
	return piece, leaf, true
}

// Verify checks the proofs as provePossession does, against the set at the time
// of the call and the beacon randomness of its challenge epoch, and returns
// the challenges that PossessionProven then carries. It fails with *[ProofError] where the
// contract reverts, with *[PieceCIDError] if a piece's CID is not canonical (releases
// before 3.5.0 accepted such pieces and prove them in their own way; they are
// not worth paying for), and if p is about another set.
//
// The caller, the fee, whether the challenge epoch is reached and what the
// listener says are not in the calldata and not checked.
func (p ProvePossession) Verify(set DataSet, seed attestation.Word) ([]Challenge, error) {
	if p.SetID != set.ID {
		return nil, fmt.Errorf("fevm: prove possession: calldata is for data set %s, not %s", p.SetID, set.ID)
	}
	if len(p.Proofs) == 0 {
		return nil, &ProofError{Reason: reasonEmpty, Proof: -1}
	}
	if set.ChallengeRange == 0 {
		return nil, &ProofError{Reason: reasonNoChallenge, Proof: -1}
	}
	index, err := set.index()
	if err != nil {
		return nil, err
	}
	challenges := make([]Challenge, len(p.Proofs))
	for i, proof := range p.Proofs {
		at, offset, ok := index.find(set.challengedLeaf(seed, uint64(i)))
		if !ok {
			return nil, &ProofError{Reason: reasonOutOfBounds, Proof: i}
		}
		cid := index.cids[at]
		if len(proof.Path) != int(cid.height) {
			return nil, &ProofError{Reason: reasonLength, Proof: i}
		}
		if proof.Root(offset) != cid.root {
			return nil, &ProofError{Reason: reasonNotVerified, Proof: i}
		}
		challenges[i] = set.challenge(at, offset)
	}
	return challenges, nil
}

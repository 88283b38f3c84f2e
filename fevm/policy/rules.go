package policy

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

// Rules are what a data set and its proofs must be, beyond what the verifier
// checks itself. The zero value asks for no more than Config.MinChallenges. Each
// rule closes one way to earn without storing what was agreed; a strict listener
// enforces some of them on the chain, but a provider chooses the listener.
type Rules struct {
	// Listeners are the contracts that may hold the data set's own rules, such as
	// the warm storage service (fevm.CurrentDeployment). The zero address stands
	// for no listener. The verifier fixes the listener when the data set is
	// created. Empty means any. It needs Config.State.
	Listeners []attestation.EthereumAddress
	// Providers are the storage providers that may be paid: who the data set
	// belonged to, by DataSetCreated and StorageProviderChanged, when it was
	// proven. Empty means any. It needs Config.FromBlock at or before the creation.
	Providers []attestation.EthereumAddress
	// MinChallenges is Config.MinChallenges for these sets; 0 means that.
	MinChallenges int
	// Window is how many epochs after its challenge epoch a proof may come at
	// most: the challengeWindow of the warm storage service is 20. Before the
	// challenge epoch the verifier takes none. 0 means any time until the next
	// period is opened.
	Window uint64
	// MinSpacing is how many epochs lie at least between the challenge epochs of
	// two periods that are paid. Without a strict listener a provider can open a
	// period every 150 epochs, 75 minutes, on Mainnet. An honest provider of the
	// warm storage service is early by its window at most: there the right number
	// is maxProvingPeriod − challengeWindow, 2860 on Mainnet. 0 means any.
	MinSpacing uint64
	// MinLeaves is from how many leaves of 32 bytes the challenges of the period
	// were drawn at least (leafCount of NextProvingPeriod). 0 means any.
	MinLeaves uint64
	// Pieces are the pieces that are paid for. Each must be challenged in the
	// period, once at least, and no other piece may be, but for OtherLeaves: other
	// pieces draw challenges away from those that are paid for, and a piece of
	// zeros costs nothing to keep. Empty means any.
	Pieces []fevm.PieceCID
	// Roots are the same, as roots: those of a piece that was made elsewhere may
	// be all that is known. A root alone does not say how much of the piece is
	// padding, which is never challenged, so it needs MinLeaves.
	Roots []attestation.Word
	// OtherLeaves is how many leaves other pieces may have in the period, where
	// Pieces or Roots are set.
	OtherLeaves uint64
	// Verify says whether the Merkle proofs are checked again from the calldata.
	// It needs Config.State and Config.Inputs.
	Verify Verification
}

// A Verification says which proofs are checked again.
type Verification uint8

const (
	// VerifyNone believes the verifier's event.
	VerifyNone Verification = iota
	// VerifyDirect checks the proofs of providers that call the verifier
	// themselves, and believes the event of those that call it through another
	// contract, such as a multisig, since their calldata is that contract's.
	VerifyDirect
	// VerifyAll refuses what cannot be checked, with [ReasonNotVerifiable].
	VerifyAll
)

// complete returns r with its defaults filled in.
func (r Rules) complete(minChallenges int) (Rules, error) {
	if r.MinChallenges < 0 {
		return r, fmt.Errorf("want 0 challenges or more, got %d", r.MinChallenges)
	}
	r.MinChallenges = cmp.Or(r.MinChallenges, minChallenges)
	if r.Verify > VerifyAll {
		return r, fmt.Errorf("unknown verification %d", r.Verify)
	}
	if len(r.Roots) > 0 && r.MinLeaves == 0 {
		return r, errors.New("roots need MinLeaves: a root does not say how much of its piece is padding")
	}
	return r, nil
}

// needsMore reports whether logs alone do not decide.
func (r *Rules) needsMore() bool { return len(r.Listeners) > 0 || r.Verify != VerifyNone }

// pinned reports whether only some pieces are paid for.
func (r *Rules) pinned() bool { return len(r.Pieces)+len(r.Roots) > 0 }

// checkPieces compares the pieces that are challenged in the open period with
// those that are paid for, and returns what is wrong, "" for nothing. The first of
// equal pieces counts, in id order; its copies are other pieces.
func (r *Rules) checkPieces(s *dataSet) string {
	cids := make(map[fevm.PieceCID]bool, len(r.Pieces)) // to whether it is missing
	for _, p := range r.Pieces {
		cids[p] = true
	}
	roots := make(map[attestation.Word]bool, len(r.Roots))
	for _, root := range r.Roots {
		roots[root] = true
	}
	var other uint64
	for _, id := range s.challenged() {
		p := s.pieces[id]
		root := attestation.Word(p.cid.Root())
		switch {
		case p.state != pieceKnown:
			return fmt.Sprintf("piece %d has no known CID", id)
		case cids[p.cid]:
			cids[p.cid] = false
		case roots[root]:
			roots[root] = false
		default:
			sum, carry := bits.Add64(other, p.leaves(), 0)
			if carry != 0 {
				sum = math.MaxUint64
			}
			other = sum
		}
	}
	for _, p := range r.Pieces {
		if cids[p] {
			return fmt.Sprintf("piece %s is not challenged", p)
		}
	}
	for _, root := range r.Roots {
		if roots[root] {
			return fmt.Sprintf("root %s is not challenged", root)
		}
	}
	if other > r.OtherLeaves {
		return fmt.Sprintf("%d leaves of other pieces, want at most %d", other, r.OtherLeaves)
	}
	return ""
}

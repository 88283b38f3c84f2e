package policy

import (
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A Verdict is what one proof event is worth.
type Verdict struct {
	// Proof always holds the evidence and the time of the event. Its RootCID is set,
	// and it can be paid for, only if Refusal is nil.
	Proof   slastream.Proof
	Refusal *Refusal
}

// A Refusal says why a proof event is not payable. It is an error.
type Refusal struct {
	Reason   Reason
	Evidence attestation.Evidence // Period is 0 where no proving period was open
	Detail   string               // the numbers behind the reason, may be empty
}

// Error returns the reason and its detail, after the data set and the epoch.
func (r *Refusal) Error() string {
	text := fmt.Sprintf("policy: data set %s: proof in epoch %d: %s", r.Evidence.SetID.Big(), r.Evidence.BlockNumber, r.Reason)
	if r.Detail != "" {
		text += ": " + r.Detail
	}
	return text
}

// A Reason is why a proof event is not payable, in words for a person.
type Reason string

const (
	// ReasonForeign: another contract emitted an event of the same shape.
	ReasonForeign Reason = "emitted by a contract other than the verifier"
	// ReasonMock: the mock dialect, where it is not enabled.
	ReasonMock Reason = "the mock verifier's event proves nothing"
	// ReasonDeleted: the data set was deleted before.
	ReasonDeleted Reason = "the data set is deleted"
	// ReasonNoPeriod: no NextProvingPeriod is in force: none was seen, the set
	// became empty, or pieces were removed since.
	ReasonNoPeriod Reason = "no proving period is open"
	// ReasonPremature: the challenge epoch was still to come.
	ReasonPremature Reason = "proven before its challenge epoch"
	// ReasonDuplicate: the period's first proof, payable or not, came before.
	ReasonDuplicate Reason = "the proving period is already proven"
	// ReasonFewChallenges: less than Config.MinChallenges.
	ReasonFewChallenges Reason = "too few challenges"
	// ReasonUnknownPiece: a challenged piece is not in the set, or its CID was
	// never emitted.
	ReasonUnknownPiece Reason = "a challenged piece is not known"
	// ReasonBadChallenge: a challenge is behind the end of its piece.
	ReasonBadChallenge Reason = "a challenge is outside its piece"
	// ReasonBadPiece: the set holds a piece whose CID is not canonical. Releases
	// before 3.5.0 accepted such CIDs and then verify proofs that show nothing.
	ReasonBadPiece Reason = "the data set holds a piece with a CID that is not canonical"
	// ReasonTooManyPieces: the set grew beyond what is followed, 2^20 live pieces.
	ReasonTooManyPieces Reason = "the data set has more pieces than are followed"
	// ReasonLate: more than Rules.Window epochs after the challenge epoch.
	ReasonLate Reason = "the challenge window is over"
	// ReasonTooSoon: less than Rules.MinSpacing epochs after the period that was
	// paid last.
	ReasonTooSoon Reason = "the proving period is too close to the last one that was paid"
	// ReasonFewLeaves: less than Rules.MinLeaves.
	ReasonFewLeaves Reason = "the data set is too small"
	// ReasonProvider: the data set's storage provider is not in Rules.Providers,
	// or its creation was not seen.
	ReasonProvider Reason = "the storage provider is another one"
	// ReasonListener: the data set's listener is not in Rules.Listeners.
	ReasonListener Reason = "the listener is another one"
	// ReasonOtherPieces: the challenged pieces are not those that are paid for.
	ReasonOtherPieces Reason = "the data set does not hold just the pieces that are paid for"
	// ReasonWrongProof: the calldata does not prove what the event says. The
	// detail is the contract's own reason.
	ReasonWrongProof Reason = "the proof does not verify"
	// ReasonNotVerifiable: the transaction is no direct call of provePossession
	// for the data set, so that the proof cannot be checked again.
	ReasonNotVerifiable Reason = "the proof cannot be checked from the calldata"
	// ReasonNoRoot: a mock event without roots.
	ReasonNoRoot Reason = "the event names no root"
)

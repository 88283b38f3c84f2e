package slastream

import (
	"fmt"

	"github.com/slastream/slastream-go/attestation"
)

// A RevertError is what a contract said when it refused a call: a value of the
// contract, never a transport failure. The model and a node give equal values
// for the same call.
//
// Compare with errors.Is against the values below; Reason decides.
type RevertError struct {
	Reason string           // panic felt as text, verbatim, such as "Chunk already released"
	TxHash attestation.Word // transaction that reverted; 0 for a call or an estimate
}

func (e *RevertError) Error() string {
	if e.TxHash.IsZero() {
		return fmt.Sprintf("slastream: reverted: %q", e.Reason)
	}
	return fmt.Sprintf("slastream: transaction %v reverted: %q", e.TxHash, e.Reason)
}

// Is reports whether target is a *RevertError, or an
// *attestation.VerifyError, with the same reason.
func (e *RevertError) Is(target error) bool {
	switch t := target.(type) {
	case *RevertError:
		return t.Reason == e.Reason
	case *attestation.VerifyError:
		return t.Reason == e.Reason
	}
	return false
}

// Every panic text of the escrow (sla_escrow.cairo and the corelib it calls).
var (
	ErrPaused            error = &RevertError{Reason: "Contract is paused"}
	ErrNotOwner          error = &RevertError{Reason: "Not owner"}
	ErrNoChunks          error = &RevertError{Reason: "num_chunks must be > 0"}
	ErrNoChunkAmount     error = &RevertError{Reason: "chunk_amount must be > 0"}
	ErrNoDuration        error = &RevertError{Reason: "sla_duration must be > 0"}
	ErrDealNotActive     error = &RevertError{Reason: "Deal not active"}
	ErrDealSlashed       error = &RevertError{Reason: "Deal already slashed"}        // unreachable: such a deal is not active
	ErrAllChunksReleased error = &RevertError{Reason: "All chunks already released"} // unreachable: such a deal is not active
	ErrChunkOutOfBounds  error = &RevertError{Reason: "chunk_index out of bounds"}
	ErrChunkReleased     error = &RevertError{Reason: "Chunk already released"}
	ErrDeadline          error = &RevertError{Reason: "SLA deadline not reached"}
	ErrRecovery          error = &RevertError{Reason: "Signature recovery failed"}
	ErrKeyX              error = &RevertError{Reason: "PKP key X mismatch"}
	ErrKeyY              error = &RevertError{Reason: "PKP key Y mismatch"}
	ErrNoInverse         error = &RevertError{Reason: "Option::unwrap failed."} // legacy rules, r = n
	ErrInvalidArgument   error = &RevertError{Reason: "Invalid argument"}       // legacy rules, r ≥ p
	ErrMulOverflow       error = &RevertError{Reason: "u256_mul Overflow"}
	ErrAddOverflow       error = &RevertError{Reason: "u256_add Overflow"}
	ErrSubOverflow       error = &RevertError{Reason: "u256_sub Overflow"} // STRK: allowance or balance too small
	ErrDeadlineOverflow  error = &RevertError{Reason: "u64_add Overflow"}
)

// What only the extended class of starknet/cairo says.
var (
	ErrKeyNotOnCurve   error = &RevertError{Reason: "PKP key not on curve"} // constructor
	ErrTokenZero       error = &RevertError{Reason: "Token is zero"}        // constructor
	ErrOwnerZero       error = &RevertError{Reason: "Owner is zero"}        // constructor
	ErrProviderZero    error = &RevertError{Reason: "Provider is zero"}
	ErrTokenFailed     error = &RevertError{Reason: "Token transfer failed"} // the token answered false
	ErrBatchEmpty      error = &RevertError{Reason: "Batch is empty"}
	ErrBatchTooLarge   error = &RevertError{Reason: "Batch too large"}
	ErrNotPendingOwner error = &RevertError{Reason: "Not pending owner"}
)

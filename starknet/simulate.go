package starknet

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/slastream/slastream-go/slastream"
)

// A trace is as much of INVOKE_TXN_TRACE as says how it ended: an invocation,
// or why it reverted.
type trace struct {
	Execute struct {
		Reason *string `json:"revert_reason"`
	} `json:"execute_invocation"`
}

// Simulate runs calls as the account's next transaction would, on the state at
// the tag pre_confirmed, and keeps nothing. It needs no tokens for the fee. What
// a contract refuses is a *slastream.RevertError, the same as of an estimate or
// a receipt; the account's own refusal is [ErrValidation]. An account without a
// key leaves the check of the signature out.
func (a *Account) Simulate(ctx context.Context, calls ...Call) error {
	if err := a.checkChain(ctx); err != nil {
		return err
	}
	calldata, err := multicall(calls)
	if err != nil {
		return err
	}
	nonce, err := a.Nonce(ctx)
	if err != nil {
		return err
	}
	body, flags, err := a.question(ctx, invokeTx{query: true, sender: a.address, calldata: calldata, nonce: nonce, bounds: Bounds{Tip: a.fees.Tip}})
	if err != nil {
		return err
	}
	var list []struct {
		Trace *trace `json:"transaction_trace"`
	}
	if err := call(ctx, a.caller, &list, "starknet_simulateTransactions", tagPreConfirmed, []json.RawMessage{body}, append(flags, "SKIP_FEE_CHARGE")); err != nil {
		return err
	}
	if len(list) != 1 || list[0].Trace == nil {
		return fmt.Errorf("%w: %d simulations for one transaction", ErrBadAnswer, len(list))
	}
	if text := list[0].Trace.Execute.Reason; text != nil {
		return ParseRevertReason(*text)
	}
	return nil
}

// ParseRevertReason reads the text in which a node says why a transaction
// reverted, for programs with a client of their own: revert_reason of a receipt,
// of a trace or of a simulation, failure_reason of a status. The reason is the
// first felt of the innermost panic, as text if it is a short string; where
// there is none, as with a contract that is not deployed or bounds that were
// too low, the last line of the text. At most 300 bytes are kept.
func ParseRevertReason(text string) *slastream.RevertError {
	return &slastream.RevertError{Reason: reason(text)}
}

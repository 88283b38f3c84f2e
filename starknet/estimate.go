package starknet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/NethermindEth/juno/core/felt"
)

// An estimate is FEE_ESTIMATE of the specification.
type estimate struct {
	L1Gas       wireFelt `json:"l1_gas_consumed"`
	L1GasPrice  wireFelt `json:"l1_gas_price"`
	L2Gas       wireFelt `json:"l2_gas_consumed"`
	L2GasPrice  wireFelt `json:"l2_gas_price"`
	L1DataGas   wireFelt `json:"l1_data_gas_consumed"`
	L1DataPrice wireFelt `json:"l1_data_gas_price"`
}

// maxEstimates is how often an estimate is tried again because the account's
// nonce changed between the questions.
const maxEstimates = 20

// validateGas is what an estimate with SKIP_VALIDATE leaves out: the L2 gas for
// the check of a signature. OpenZeppelin's account uses 130,240 on
// starknet-devnet 0.6.1 and 170,240 on 0.10.1; the rest is room for others.
const validateGas = 1_000_000

// Estimate asks what calls may cost and adds the margins of [Fees]. It
// estimates for the account's next nonce, whichever that is.
//
// The question is signed as a query, which no node can turn into a transaction.
// An account without a key asks for an estimate without the check of the
// signature, and adds 1e6 of L2 gas for it, several times what the account of
// OpenZeppelin uses.
//
// Errors: *slastream.RevertError if a contract would refuse; [ErrValidation];
// [ErrChain].
func (a *Account) Estimate(ctx context.Context, calls []Call) (Bounds, error) {
	if err := a.checkChain(ctx); err != nil {
		return Bounds{}, err
	}
	calldata, err := multicall(calls)
	if err != nil {
		return Bounds{}, err
	}
	nonce, err := a.Nonce(ctx)
	if err != nil {
		return Bounds{}, err
	}
	b, _, err := a.estimateNext(ctx, calldata, nonce)
	return b, err
}

// estimateNext estimates for the account's next nonce, which is probably hint,
// and returns it.
func (a *Account) estimateNext(ctx context.Context, calldata []*felt.Felt, hint uint64) (Bounds, uint64, error) {
	e, next, err := a.askNext(ctx, calldata, hint)
	if err != nil {
		return Bounds{}, next, err
	}
	b, err := a.bounds(e)
	return b, next, err
}

// estimateOpen estimates for a nonce that must not be used yet.
func (a *Account) estimateOpen(ctx context.Context, calldata []*felt.Felt, nonce uint64) (Bounds, error) {
	e, err := a.askOpen(ctx, calldata, nonce)
	if err != nil {
		return Bounds{}, err
	}
	return a.bounds(e)
}

func (a *Account) estimateAt(ctx context.Context, calldata []*felt.Felt, nonce uint64) (Bounds, error) {
	e, err := a.askEstimate(ctx, calldata, nonce)
	if err != nil {
		return Bounds{}, err
	}
	return a.bounds(e)
}

// bounds adds the margins to an estimate.
func (a *Account) bounds(e *estimate) (Bounds, error) {
	b, err := a.fees.bounds(e)
	if err == nil && a.key == nil {
		b.L2Gas.Amount = max(b.L2Gas.Amount, min(b.L2Gas.Amount+validateGas, maxL2Gas))
	}
	return b, err
}

// askNext asks for the estimate of estimateNext.
func (a *Account) askNext(ctx context.Context, calldata []*felt.Felt, hint uint64) (*estimate, uint64, error) {
	for tries := 0; ; tries++ {
		e, err := a.askEstimate(ctx, calldata, hint)
		if !errors.Is(err, ErrNonce) || tries == maxEstimates {
			return e, hint, err
		}
		if hint, err = a.Nonce(ctx); err != nil {
			return nil, 0, err
		}
	}
}

// askOpen asks for the estimate of estimateOpen.
func (a *Account) askOpen(ctx context.Context, calldata []*felt.Felt, nonce uint64) (*estimate, error) {
	e, err := a.askEstimate(ctx, calldata, nonce)
	if !errors.Is(err, ErrNonce) {
		return e, err
	}
	next, nonceErr := a.Nonce(ctx)
	if nonceErr != nil {
		return nil, nonceErr
	}
	if next >= nonce {
		return nil, fmt.Errorf("%w (next is %d, want %d)", err, next, nonce)
	}
	e, _, err = a.askNext(ctx, calldata, next)
	return e, err
}

func (a *Account) askEstimate(ctx context.Context, calldata []*felt.Felt, nonce uint64) (*estimate, error) {
	body, flags, err := a.question(ctx, invokeTx{query: true, sender: a.address, calldata: calldata, nonce: nonce, bounds: Bounds{Tip: a.fees.Tip}})
	if err != nil {
		return nil, err
	}
	var list []estimate
	if err := call(ctx, a.caller, &list, "starknet_estimateFee", []json.RawMessage{body}, flags, tagPreConfirmed); err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, fmt.Errorf("%w: %d estimates for one transaction", ErrBadAnswer, len(list))
	}
	return &list[0], nil
}

// question is the body of a transaction to be estimated, and the flags.
func (a *Account) question(ctx context.Context, tx invokeTx) (json.RawMessage, []string, error) {
	if a.key == nil {
		body, err := tx.body()
		return body, []string{"SKIP_VALIDATE"}, err
	}
	chain, err := FeltFromWord(a.chainID)
	if err != nil {
		return nil, nil, fmt.Errorf("starknet: chain id: %w", err)
	}
	// A bad signature of a query is found by the node; only the first is checked
	// here, before the node is asked anything.
	signed, err := a.seal(ctx, &Unsigned{Hash: WordFromFelt(tx.hash(chain)), tx: tx}, !a.keyChecked.Load())
	return signed.Body, []string{}, err
}

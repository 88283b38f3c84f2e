package starknet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// maxFailures is how many failed questions in a row a waiting function takes:
// public nodes are busy or away at times.
const maxFailures = 5

// Send sends a signed transaction, also one that was stored and may have been
// sent before: if the node has it already, that is success. [ErrNonce] means
// that the node does not know this transaction and refuses its nonce. After a
// failure of the transport it is open whether the transaction arrived: send it
// again, or ask [Account.Status].
func (a *Account) Send(ctx context.Context, tx slastream.SignedTx) error {
	if !json.Valid(tx.Body) {
		return fmt.Errorf("starknet: send %v: body is not JSON", tx.Hash)
	}
	if err := a.checkChain(ctx); err != nil {
		return err
	}
	var answer struct {
		Hash wireFelt `json:"transaction_hash"`
	}
	err := call(ctx, a.caller, &answer, "starknet_addInvokeTransaction", json.RawMessage(tx.Body))
	if err == nil {
		if got := hashWord(&answer.Hash); got != tx.Hash {
			return fmt.Errorf("%w: sent %v, the node says %v", ErrBadAnswer, tx.Hash, got)
		}
		return nil
	}
	n, ok := code(err)
	switch {
	case ok && n == codeDuplicateTx:
		return nil
	case ok && n == codeInvalidNonce:
		// Also the answer to a transaction that is executed already.
		s, statusErr := a.Status(ctx, tx.Hash)
		if statusErr != nil {
			return statusErr
		}
		if s.State != slastream.TxUnknown {
			return nil
		}
	}
	return err
}

// Status says how far a transaction has come. A hash that the node does not
// know is slastream.TxUnknown, not an error. A transaction in the block under
// construction counts as received: it can still be dropped.
func (a *Account) Status(ctx context.Context, hash attestation.Word) (slastream.TxStatus, error) {
	return status(ctx, a.caller, hash)
}

// Wait asks for a transaction until it is accepted on L2, also if it reverted:
// see Status.Revert of the receipt. It goes on while the node does not know the
// transaction, so ctx must end at some time. A few failed questions in
// a row are passed over, a bad answer ([ErrBadAnswer]) is not.
func (a *Account) Wait(ctx context.Context, hash attestation.Word) (*Receipt, error) {
	failures := 0
	for {
		r, err := receipt(ctx, a.caller, hash)
		switch {
		case err == nil && r != nil && r.Status.State >= slastream.TxAccepted:
			return r, nil
		case err == nil:
			failures = 0
		case ctx.Err() != nil:
			return nil, fmt.Errorf("starknet: wait for %v: %w", hash, ctx.Err())
		default:
			failures++
			if errors.Is(err, ErrBadAnswer) || failures > maxFailures {
				return nil, err
			}
		}
		timer := time.NewTimer(a.poll)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("starknet: wait for %v: %w", hash, ctx.Err())
		case <-timer.C:
		}
	}
}

// Execute makes one transaction of calls, sends it and waits until it is
// accepted on L2. A refusal by a contract is a *slastream.RevertError: without
// a transaction hash if the estimate said so, which costs nothing; with one if
// it was included, which costs the fee, and then the receipt is returned too.
//
// Execute waits for other calls of Execute on this account to end first, so that
// no two take one nonce. Programs that share an account collide with
// [ErrNonce].
func (a *Account) Execute(ctx context.Context, calls ...Call) (*Receipt, error) {
	select {
	case a.executing <- struct{}{}:
		defer func() { <-a.executing }()
	case <-ctx.Done():
		return nil, fmt.Errorf("starknet: execute: %w", ctx.Err())
	}
	nonce, err := a.Nonce(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := a.Sign(ctx, calls, nonce)
	if err != nil {
		return nil, err
	}
	if err := a.Send(ctx, tx); err != nil {
		return nil, err
	}
	r, err := a.Wait(ctx, tx.Hash)
	if err != nil {
		return nil, err
	}
	if r.Status.Revert != nil {
		return r, r.Status.Revert
	}
	return r, nil
}

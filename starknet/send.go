package starknet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// maxFailures is how many failed questions in a row a waiting function takes:
// public nodes are busy or away at times.
const maxFailures = 5

// Send sends a signed transaction, also one that was stored and may have been
// sent before: if the node has it already, that is success. [ErrNonce] means
// that the node does not know this transaction and refuses its nonce. Unless the
// node refused the transaction for certain, an error is an *[UnsettledError]:
// it is open whether the transaction arrived, so send it again, or ask
// [Account.Status].
func (a *Account) Send(ctx context.Context, tx slastream.SignedTx) error {
	if !json.Valid(tx.Body) {
		return fmt.Errorf("starknet: send %v: body is not JSON", tx.Hash)
	}
	if err := a.checkChain(ctx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("starknet: send %v: %w", tx.Hash, err)
	}
	var answer struct {
		Hash wireFelt `json:"transaction_hash"`
	}
	err := call(ctx, a.caller, &answer, "starknet_addInvokeTransaction", json.RawMessage(tx.Body))
	if err == nil {
		if got := hashWord(&answer.Hash); got != tx.Hash {
			return &UnsettledError{tx, fmt.Errorf("%w: sent %v, the node says %v", ErrBadAnswer, tx.Hash, got)}
		}
		return nil
	}
	n, ok := code(err)
	switch {
	case ok && n == codeDuplicateTx:
		return nil
	case ok && isVerdict(n):
		// Also the answer to a transaction that is executed already, or that waits
		// since it was sent before while the account's balance or the prices
		// changed.
		s, statusErr := a.Status(ctx, tx.Hash)
		if statusErr != nil {
			return &UnsettledError{tx, fmt.Errorf("%w, and its status: %w", err, statusErr)}
		}
		if s.State != slastream.TxUnknown {
			return nil
		}
	}
	if !isRefused(err) {
		return &UnsettledError{tx, err}
	}
	return err
}

// Discard says that a transaction of this account will never be sent, so that
// [Fees.MaxPerDay] need not count it.
func (a *Account) Discard(tx slastream.SignedTx) { a.budget.release(tx.Hash) }

// Status says how far a transaction has come. A hash that the node does not
// know is slastream.TxUnknown, not an error. A transaction in the block under
// construction counts as received: it can still be dropped.
func (a *Account) Status(ctx context.Context, hash attestation.Word) (slastream.TxStatus, error) {
	s, r, err := lookUp(ctx, a.caller, hash)
	a.settle(r)
	return s, err
}

// Wait asks for a transaction until it is accepted on L2, also if it reverted:
// see Status.Revert of the receipt. It goes on while the node does not know the
// transaction, so ctx must end at some time. A few failed questions in
// a row are passed over, a bad answer ([ErrBadAnswer]) is not.
func (a *Account) Wait(ctx context.Context, hash attestation.Word) (*Receipt, error) {
	failures := 0
	for {
		r, err := a.receipt(ctx, hash)
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
		if err := pause(ctx, a.poll); err != nil {
			return nil, fmt.Errorf("starknet: wait for %v: %w", hash, err)
		}
	}
}

// WaitFor asks for a transaction until it has come as far as state, also if it
// reverted:
//
//   - slastream.TxReceived: executed in the block under construction
//     (PRE_CONFIRMED). It can still be dropped, and Status.Revert is not told
//     yet.
//   - slastream.TxAccepted: in a block accepted on L2, as [Account.Wait].
//   - slastream.TxSettled: in a block proven on L1, which takes hours.
//
// It goes on until ctx ends, through failures of the transport, with growing
// pauses, and also if the transaction was in a block and is unknown again:
// somebody may send it again. Only a bad answer ([ErrBadAnswer]) ends it before,
// among them a receipt of another transaction.
func (a *Account) WaitFor(ctx context.Context, hash attestation.Word, state slastream.TxState) (*Receipt, error) {
	for failures := 0; ; {
		r, err := a.receipt(ctx, hash)
		switch _, out := errors.AsType[*RangeError](err); {
		case err == nil && r != nil && r.Status.State >= state:
			return r, nil
		case err == nil:
			failures = 0
		case errors.Is(err, ErrBadAnswer) || out:
			return nil, err
		default:
			failures++
		}
		if err := pause(ctx, backoff(a.poll, failures)); err != nil {
			return nil, fmt.Errorf("starknet: wait for %v: %w", hash, err)
		}
	}
}

// receipt asks for a receipt: nil, nil if there is none.
func (a *Account) receipt(ctx context.Context, hash attestation.Word) (*Receipt, error) {
	r, err := receipt(ctx, a.caller, hash)
	a.settle(r)
	return r, err
}

// settle counts what a transaction paid.
func (a *Account) settle(r *Receipt) {
	if r != nil && r.Status.State >= slastream.TxAccepted {
		a.budget.settle(r.Hash, r.Fee)
	}
}

// maxBackoff is the longest pause between two tries, before its jitter.
const maxBackoff = 30 * time.Second

// backoff is the pause after so many failures in a row: poll after none,
// then twice as long each time, and up to a quarter more or less, so that many
// who failed together do not come back together.
func backoff(poll time.Duration, failures int) time.Duration {
	if failures == 0 {
		return poll
	}
	d := max(poll, min(poll<<min(failures, 10), maxBackoff))
	return d - d/4 + rand.N(d/2+1)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Execute makes one transaction of calls, sends it and waits until it is
// accepted on L2. A refusal by a contract is a *slastream.RevertError: without
// a transaction hash if the estimate said so, which costs nothing; with one if
// it was included, which costs the fee, and then the receipt is returned too.
// An *[UnsettledError] holds a transaction that may still be executed.
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
		if _, open := errors.AsType[*UnsettledError](err); !open {
			a.Discard(tx)
		}
		return nil, err
	}
	r, err := a.Wait(ctx, tx.Hash)
	if err != nil {
		return nil, &UnsettledError{tx, err}
	}
	if r.Status.Revert != nil {
		return r, r.Status.Revert
	}
	return r, nil
}

package starknet

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/slastream/slastream-go/slastream"
)

// group pays items in one transaction if that is possible, in more if not. It
// has done nothing if they are too many for one: then it has made size smaller.
func (r *releaseRun) group(ctx context.Context, list []int) (done bool, err error) {
	gas, err := r.gas(ctx, list)
	revert, refused := errors.AsType[*slastream.RevertError](err)
	switch {
	case err == nil && gas > releaseGas && len(list) > 1:
		r.size = fit(len(list), gas)
		return false, nil
	case err == nil:
		// What comes before the first release makes this a little too few.
		r.size = int(min(releasesInSierra, max(1, releaseGas/(gas/uint64(len(list))+1))))
		return true, r.transact(ctx, list)
	case !refused:
		r.fail(list, err)
		return true, err
	case len(list) == 1:
		r.out[list[0]] = Release{Err: revert}
		return true, nil
	case isLimit(revert):
		r.size = fewer(len(list))
		return false, nil
	}
	good, err := r.acceptedOfHalves(ctx, list)
	switch {
	case err != nil:
		r.fail(list, err)
		return true, err
	case len(good) == len(list): // each half alone is fine
		return true, r.apart(ctx, list)
	}
	return true, r.send(ctx, good)
}

// apart pays items in two transactions.
func (r *releaseRun) apart(ctx context.Context, list []int) error {
	left, right := halves(list)
	if err := r.send(ctx, left); err != nil {
		r.fail(right, err)
		return err
	}
	return r.send(ctx, right)
}

func halves(list []int) (left, right []int) {
	h := len(list) / 2
	return list[:h:h], list[h:len(list):len(list)]
}

// accepted asks, by halves, which items the escrow takes as things are, and
// says of the others why not.
func (r *releaseRun) accepted(ctx context.Context, list []int) ([]int, error) {
	_, err := r.gas(ctx, list)
	revert, refused := errors.AsType[*slastream.RevertError](err)
	switch {
	case err == nil:
		return list, nil
	case !refused:
		return nil, err
	case len(list) == 1:
		r.out[list[0]] = Release{Err: revert}
		return nil, nil
	}
	return r.acceptedOfHalves(ctx, list)
}

func (r *releaseRun) acceptedOfHalves(ctx context.Context, list []int) ([]int, error) {
	left, right := halves(list)
	good, err := r.accepted(ctx, left)
	if err != nil {
		return nil, err
	}
	more, err := r.accepted(ctx, right)
	return append(good, more...), err
}

// gas estimates the L2 gas of a transaction that pays items.
func (r *releaseRun) gas(ctx context.Context, list []int) (uint64, error) {
	a := r.escrow.account
	if err := a.checkChain(ctx); err != nil {
		return 0, err
	}
	calldata, err := multicall(r.calls(list))
	if err != nil {
		return 0, err
	}
	nonce, err := a.Nonce(ctx)
	if err != nil {
		return 0, err
	}
	e, _, err := a.askNext(ctx, calldata, nonce)
	if err != nil {
		return 0, err
	}
	return e.gas()
}

// gas returns the L2 gas of an estimate.
func (e *estimate) gas() (uint64, error) {
	gas, ok := WordFromFelt(e.L2Gas.felt()).Uint64()
	if !ok || gas == 0 || gas > 1<<40 {
		return 0, fmt.Errorf("%w: estimate of %v L2 gas", ErrBadAnswer, e.L2Gas.felt())
	}
	return gas, nil
}

// fit is how many releases fit into one transaction, where n of them need gas
// and are too many.
func fit(n int, gas uint64) int { return min(n-1, max(1, int(uint64(n)*releaseGas/gas))) }

// isLimit reports whether a transaction was too large rather than refused by
// the escrow. Texts of blockifier: the gas or the steps are used up, or more
// than the bound.
func isLimit(revert *slastream.RevertError) bool {
	text := strings.ToLower(revert.Reason)
	for _, part := range []string{"out of gas", "insufficient max l2gas", "no remaining steps", "exceeds the maximum", "exceeded the maximum"} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// maxNonceTries is how often a transaction is made anew because the account
// sent another one meanwhile.
const maxNonceTries = 3

// transact pays items in one transaction that an estimate says will pass.
func (r *releaseRun) transact(ctx context.Context, list []int) error {
	var receipt *Receipt
	var err error
	for range maxNonceTries {
		receipt, err = r.escrow.execute(ctx, r.calls(list)...)
		if _, open := errors.AsType[*UnsettledError](err); open || !errors.Is(err, ErrNonce) {
			break
		}
	}
	if err == nil {
		return r.paid(list, receipt)
	}
	if open, ok := errors.AsType[*UnsettledError](err); ok {
		for _, i := range list {
			r.out[i] = Release{Err: err}
		}
		return open.Err // of what comes after, the outcome is known: not sent
	}
	revert, refused := errors.AsType[*slastream.RevertError](err)
	switch {
	case !refused:
		r.fail(list, err)
		return err
	case len(list) == 1:
		r.out[list[0]] = Release{TxHash: revert.TxHash, Err: revert}
		return nil
	}
	// Something has changed since the estimate, such as a chunk that another
	// relay paid. The next estimates find it.
	return r.apart(ctx, list)
}

// paid marks the items whose event is in the receipt.
func (r *releaseRun) paid(list []int, receipt *Receipt) error {
	seen := make(map[dealChunk]bool)
	for event := range r.escrow.eventsOf(receipt) {
		if e, ok := event.(slastream.ChunkReleased); ok {
			seen[dealChunk{e.DealID, e.ChunkIndex}] = true
		}
	}
	for _, i := range list {
		r.out[i] = Release{TxHash: receipt.Hash}
		if c := r.chunk(i); !seen[c] {
			r.out[i].Err = fmt.Errorf("%w: transaction %v has no ChunkReleased event for %v", ErrBadAnswer, receipt.Hash, c)
		}
	}
	return nil
}

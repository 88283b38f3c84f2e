package starknet

import (
	"context"
	"errors"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A SizeError says that releases do not fit into one transaction: the estimate
// needs more L2 gas than the network allows, or the node stopped it for want of
// gas or steps. It is no refusal by the escrow. It comes only where there is
// something to leave out, never for one release.
type SizeError struct {
	Releases int   // that were asked for, 2 or more
	Most     int   // how many should fit: at least 1, less than Releases
	Err      error // what the node said, nil where the estimate says so
}

func (e *SizeError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("starknet: %d releases are too many for one transaction, try %d: %v", e.Releases, e.Most, e.Err)
	}
	return fmt.Sprintf("starknet: %d releases are too many for one transaction, %d should fit", e.Releases, e.Most)
}

// Fit returns Most: for programs that tell the error by its method and do not
// import this package.
func (e *SizeError) Fit() int { return e.Most }

// SignReleases makes and signs one transaction that pays many chunks, of any
// deals, with a call of release_chunk for each, and does not send it. They are
// paid all or none: one that the escrow refuses makes all revert, so that who
// gets a *slastream.RevertError looks for it by halves.
//
// On starknet-devnet 41 releases of the compatible class fit into one
// transaction of 1e9 L2 gas, the network's limit, and 40 on its newer release,
// 0.10.1. More are a *[SizeError], which says how many to try. Other errors are
// those of [Account.Sign]. No release at all is an error.
//
// For the same as one call that also searches and waits, see
// [Escrow.ReleaseAll]; for less gas, where the class has it,
// [Escrow.SignReleaseBatch].
func (e *Escrow) SignReleases(ctx context.Context, signed []attestation.Signed, nonce uint64) (slastream.SignedTx, error) {
	a := e.account
	switch {
	case a == nil:
		return slastream.SignedTx{}, ErrNoAccount
	case len(signed) == 0:
		return slastream.SignedTx{}, errors.New("starknet: sign releases: there are none")
	}
	if err := a.checkChain(ctx); err != nil {
		return slastream.SignedTx{}, err
	}
	calls := make([]Call, len(signed))
	for i := range signed {
		calls[i] = e.ReleaseCall(signed[i])
	}
	calldata, err := multicall(calls)
	if err != nil {
		return slastream.SignedTx{}, err
	}
	needs, err := a.askOpen(ctx, calldata, nonce)
	if err != nil {
		return slastream.SignedTx{}, tooMany(len(signed), err)
	}
	gas, err := needs.gas()
	if err != nil {
		return slastream.SignedTx{}, err
	}
	if gas > releaseGas && len(signed) > 1 {
		return slastream.SignedTx{}, &SizeError{Releases: len(signed), Most: fit(len(signed), gas)}
	}
	bounds, err := a.bounds(needs)
	if err != nil {
		return slastream.SignedTx{}, err
	}
	u, err := a.unsigned(invokeTx{sender: a.address, calldata: calldata, nonce: nonce, bounds: bounds})
	if err != nil {
		return slastream.SignedTx{}, err
	}
	return a.sign(ctx, u)
}

// tooMany makes what an estimate of n releases says a *SizeError if it is one.
func tooMany(n int, err error) error {
	if revert, ok := errors.AsType[*slastream.RevertError](err); ok && n > 1 && isLimit(revert) {
		return &SizeError{Releases: n, Most: fewer(n), Err: errors.New(revert.Reason)}
	}
	return err
}

// fewer is how many releases to try where n were too many and nothing says by
// how much.
func fewer(n int) int { return max(1, n*3/4) }

// Account returns the address of the account that changes the escrow, zero if
// it was made without one.
func (e *Escrow) Account() slastream.Address {
	if e.account == nil {
		return slastream.Address{}
	}
	return e.account.address
}

// Bump is [Account.Bump] of the escrow's account.
func (e *Escrow) Bump(ctx context.Context, tx slastream.SignedTx) (slastream.SignedTx, error) {
	if e.account == nil {
		return slastream.SignedTx{}, ErrNoAccount
	}
	return e.account.Bump(ctx, tx)
}

package starknet

import (
	"context"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
)

// How many calls of release_chunk fit into one transaction of 1e9 L2 gas, the
// network's limit, as measured on starknet-devnet 0.6.1: 24.0 million each where
// the node counts Cairo steps, 18.0 million where it counts Sierra gas. The
// newer devnet 0.10.1 charges some 25 million, so 40 fit.
const (
	releasesInSteps  = 41
	releasesInSierra = 55
)

// releaseGas is what the estimate of one transaction may be: a little less than
// the limit, because execution differs from the estimate by some ten thousand.
const releaseGas = maxL2Gas - 5_000_000

// A Release is what became of one item of [Escrow.ReleaseAll].
//
//   - Err nil: the chunk is paid, by transaction TxHash.
//   - Err a *slastream.RevertError: the escrow refuses it. Its TxHash is 0 if
//     that was found out for free. slastream.ErrChunkReleased means that the
//     chunk is paid, but not by this call.
//   - Err an *[UnsettledError]: it is part of a transaction whose outcome is
//     not known.
//   - Err anything else: it was not sent.
type Release struct {
	TxHash attestation.Word
	Err    error
}

// ReleaseAll pays many chunks, of any deals, in as few transactions as
// possible, and says of each item what became of it: the answer is as long as
// the input, in its order.
//
// First it finds out for free what the escrow would refuse: a
// chunk that is paid or that an earlier item pays, a deal that has ended, a
// signature that the escrow's key and rules ([DetectRules]) do not take. What
// is left goes into transactions of up to 55 releases, as many as the estimates
// say fit. If an estimate says that a transaction would revert, the items that
// are to blame are searched by halves, with estimates, and left out.
//
// Transactions are sent one after the other, each when the one before it is
// accepted on L2. A failure that is no refusal ends the sending; with
// [WithSender] failures of the transport are waited out. To try again, call it
// with the same items: what is paid is not paid again.
//
// A relay that must survive a crash stores transactions before it sends them;
// this method does not. Where the escrow has release_batch, which is cheaper by
// far, and somebody signs batches, use [Escrow.ReleaseBatch].
func (e *Escrow) ReleaseAll(ctx context.Context, items []attestation.Signed) []Release {
	run := &releaseRun{escrow: e, items: items, out: make([]Release, len(items)), size: releasesInSteps}
	if e.account == nil {
		run.fail(run.all(), ErrNoAccount)
		return run.out
	}
	for open := run.all(); len(open) > 0; {
		ready, later, err := run.screen(ctx, open)
		if err != nil {
			run.fail(open, err)
			break
		}
		if err := run.send(ctx, ready); err != nil {
			run.fail(later, err)
			break
		}
		open = later // fewer than before: those that wait for one that was ready
	}
	return run.out
}

// A releaseRun is one call of ReleaseAll. Items are named by their index.
type releaseRun struct {
	escrow   *Escrow
	items    []attestation.Signed
	out      []Release
	size     int     // of the next transaction
	verdicts []error // on the signatures, once they are checked
}

func (r *releaseRun) all() []int {
	list := make([]int, len(r.items))
	for i := range list {
		list[i] = i
	}
	return list
}

// fail says that items were not sent.
func (r *releaseRun) fail(list []int, cause error) {
	for _, i := range list {
		r.out[i] = Release{Err: fmt.Errorf("starknet: not released: %w", cause)}
	}
}

func (r *releaseRun) calls(list []int) []Call {
	out := make([]Call, len(list))
	for k, i := range list {
		out[k] = r.escrow.ReleaseCall(r.items[i])
	}
	return out
}

// send pays items that passed the screen. An error means that nothing more
// should be sent; the items that it concerns have been told.
func (r *releaseRun) send(ctx context.Context, list []int) error {
	for len(list) > 0 {
		n := min(r.size, len(list))
		done, err := r.group(ctx, list[:n:n])
		if err != nil {
			r.fail(list[n:], err)
			return err
		}
		if done {
			list = list[n:]
		}
	}
	return nil
}

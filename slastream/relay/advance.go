package relay

import (
	"context"
	"errors"

	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
)

// advance takes a chunk one state further, or returns it as it is when there
// is nothing to do but wait. Every effect on a chain belongs to a state that is
// already in the store.
func (r *Relay) advance(ctx context.Context, c Chunk, t *turn) (Chunk, error) {
	switch c.State {
	case Observed:
		return r.attest(ctx, c)
	case Attested:
		return r.prepare(ctx, c, t)
	case Stored:
		if err := t.send(ctx, c.Tx); err != nil {
			return r.settleFailedSend(ctx, c, t, err)
		}
		c.State = Sent
		return c, nil
	default:
		return r.confirm(ctx, c, t)
	}
}

func (r *Relay) attest(ctx context.Context, c Chunk) (Chunk, error) {
	if end, err := r.ended(ctx, c); err != nil || !end.State.Open() {
		return end, err
	}
	want := c.attestation()
	signed, err := r.Signer.Attest(ctx, signer.Request{Attestation: want, Domain: r.Domain, Evidence: c.Proof.Evidence})
	if err != nil {
		return c, err
	}
	want.Timestamp = signed.Attestation.Timestamp // a guard may answer with an earlier statement
	if signed.Attestation != want {
		return c, errors.New("the signer answered with another attestation")
	}
	c.Signed, c.State = signed, Attested
	return c, nil
}

// ended takes a chunk to its end if the accepted state of the escrow says so:
// paid, by whomever, or of a deal that is over. A revert is only a hint: an
// estimate sees blocks that may yet be dropped, and a completed deal answers
// "Deal not active" for a chunk that is paid.
func (r *Relay) ended(ctx context.Context, c Chunk) (Chunk, error) {
	paid, err := r.Escrow.ChunkReleased(ctx, c.Deal, c.Index)
	if err != nil {
		return c, err
	}
	if paid {
		c.State = Released
		return c, nil
	}
	deal, err := r.Escrow.Deal(ctx, c.Deal)
	if err != nil {
		return c, err
	}
	switch {
	case !deal.Exists():
		// A node that lags behind the one that was asked before.
		return c, errors.New("the escrow has no such deal")
	case !deal.Active:
		c.State, c.Reason = Refused, reason(slastream.ErrDealNotActive)
	case c.Index >= deal.Chunks:
		c.State, c.Reason = Refused, reason(slastream.ErrChunkOutOfBounds)
	}
	return c, nil
}

func reason(err error) string {
	revert, _ := errors.AsType[*slastream.RevertError](err)
	return revert.Reason
}

// prepare numbers and signs the release. Nothing is sent: the transaction goes
// to the store first.
func (r *Relay) prepare(ctx context.Context, c Chunk, t *turn) (Chunk, error) {
	if end, err := r.ended(ctx, c); err != nil || !end.State.Open() {
		return end, err
	}
	nonce, err := t.next(ctx)
	if err != nil {
		return c, err
	}
	tx, err := r.Escrow.SignRelease(ctx, c.Signed, nonce)
	if err != nil {
		return c, err
	}
	c.Tx, c.State = tx, Stored
	return c, nil
}

// settleFailedSend decides what an error of Send means: the node may have the
// transaction all the same.
func (r *Relay) settleFailedSend(ctx context.Context, c Chunk, t *turn, sendErr error) (Chunk, error) {
	status, err := r.Escrow.Status(ctx, c.Tx.Hash)
	if err != nil {
		return c, errors.Join(sendErr, err)
	}
	if status.State != slastream.TxUnknown {
		c.State = Sent
		return c, nil
	}
	return r.replace(ctx, c, t, sendErr)
}

// confirm waits for the transaction to be accepted. One that the node has lost
// is sent again, byte for byte.
func (r *Relay) confirm(ctx context.Context, c Chunk, t *turn) (Chunk, error) {
	status, err := t.settled(ctx, c.Tx.Hash)
	switch {
	case err != nil:
		return c, err
	case status.State == slastream.TxUnknown:
		if err := t.send(ctx, c.Tx); err != nil {
			return r.replace(ctx, c, t, err)
		}
		return c, nil
	case status.State < slastream.TxAccepted:
		return c, nil
	case status.Revert == nil:
		c.State = Released
		return c, nil
	}
	end, err := r.ended(ctx, c)
	if err != nil || !end.State.Open() {
		return end, err
	}
	// Reverted for a reason that passes, such as a pause: once more, with a new
	// transaction, in the next turn.
	r.Logger.Warn("release reverted", "deal", c.Deal, "chunk", c.Index, "reason", status.Revert.Reason)
	return c.withoutTx(), nil
}

// replace deals with a transaction that the node does not know and does not
// take. If its nonce is used on chain it can never be included, and the chunk
// gets a new one. If its nonce is free it is signed anew at that nonce, since
// its fee may have become too low: of two transactions with one nonce at most
// one is included, so this cannot pay twice. A nonce ahead of the chain's
// waits for the chunks before it, except for the lowest of all: it fills the gap.
// The chunks of a batch go back to where they came from, each for itself, and
// make a new one in the next turn; should the old one be included after all, the
// escrow refuses the second payment.
func (r *Relay) replace(ctx context.Context, c Chunk, t *turn, cause error) (Chunk, error) {
	nonce, err := r.Escrow.Nonce(ctx)
	if err != nil {
		return c, errors.Join(cause, err)
	}
	if nonce < c.Tx.Nonce && !t.lowest(c.Tx.Nonce) {
		return c, cause
	}
	// It may have been included between the look-up and this answer.
	status, err := r.Escrow.Status(ctx, c.Tx.Hash)
	if err != nil {
		return c, errors.Join(cause, err)
	}
	if status.State != slastream.TxUnknown {
		c.State = Sent
		return c, nil
	}
	if nonce > c.Tx.Nonce || c.Batched {
		return c.withoutTx(), nil
	}
	tx, err := r.Escrow.SignRelease(ctx, c.Signed, nonce)
	if err != nil {
		return c, errors.Join(cause, err)
	}
	if tx.Hash == c.Tx.Hash {
		return c, cause
	}
	c.Tx, c.State = tx, Stored
	return c, nil
}

package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// settle looks after the transactions that are on their way, in the order of
// their nonces: a node may not take a nonce before the one below it.
func (t *turn) settle(ctx context.Context) {
	failures := 0
	for _, f := range slices.Clone(t.flight) {
		if t.over || ctx.Err() != nil || failures >= maxErrors {
			return
		}
		if f.gone {
			continue
		}
		if err := t.settleOne(ctx, f); err != nil {
			failures++
			t.fail(fmt.Sprintf("transaction of nonce %d", f.Nonce), err)
		}
	}
}

func (t *turn) settleOne(ctx context.Context, f *flying) error {
	status, hash, err := t.status(ctx, f.Transaction)
	switch {
	case err != nil:
		return err
	case status.State >= slastream.TxAccepted && status.Revert != nil:
		t.reverted(ctx, f, status.Revert)
		return nil
	case status.State >= slastream.TxAccepted:
		return t.accepted(ctx, f, status, hash)
	case status.State == slastream.TxReceived:
		f.sent = true
		if err := t.arrived(ctx, f); err != nil {
			return err
		}
		if t.gap(f) && t.now() >= f.Stored+millis(t.BumpAfter) {
			return t.fillGap(ctx, f)
		}
		return t.bump(ctx, f)
	case f.sent:
		return nil // a node that forgets, or answers from behind another
	}
	if again, err := t.stillPays(ctx, f); !again {
		return err
	}
	if t.gap(f) {
		return t.fillGap(ctx, f)
	}
	t.send(ctx, f)
	return nil
}

// fillGap signs a transaction anew that waits for a nonce below its own which
// nothing has any more: the one that had it was given back. A node takes it and
// never includes it. If it takes both, the second reverts, and all that wait
// behind are free.
func (t *turn) fillGap(ctx context.Context, f *flying) error {
	nonce, err := t.Escrow.Nonce(ctx)
	if err != nil {
		return err
	}
	if nonce >= f.Nonce || nonce < max(t.nonce, t.floor) {
		return nil // a node that was behind, or is
	}
	if err := t.replace(ctx, f, nonce, errGap); err != nil && !f.replaced {
		return err
	}
	return nil
}

var errGap = errors.New("nothing has the nonce below it")

// stillPays asks the escrow before a transaction of an earlier turn is sent
// again: who was away may find the escrow paused, or a chunk paid by another, and
// a revert costs the fee. What would not pay any more gives its chunks back; if
// the node had it all the same, its nonce keeps another from paying.
func (t *turn) stillPays(ctx context.Context, f *flying) (bool, error) {
	if t.nonce > f.Nonce {
		return true, nil // it cannot be included any more, or is and the node is behind
	}
	if paused, err := t.askPaused(ctx); err != nil {
		return false, err
	} else if paused {
		return false, slastream.ErrPaused
	}
	for _, id := range f.Chunks {
		paid, err := t.Escrow.ChunkReleased(ctx, id.Deal, id.Index)
		if err != nil {
			return false, err
		}
		deal, err := t.deal(ctx, id.Deal)
		if err != nil {
			return false, err
		}
		if err := deal.CheckRelease(id.Index, paid); err != nil {
			t.giveBack(ctx, f, err)
			return false, nil
		}
	}
	return true, nil
}

// arrived stores that the node has the transaction.
func (t *turn) arrived(ctx context.Context, f *flying) error {
	if f.State != Stored {
		return nil
	}
	next := f.Transaction
	next.State = Sent
	if t.move(ctx, f.Transaction, func(c *Chunk) { c.State = Sent }, Change{Put: []Transaction{next}}) {
		f.Transaction = next
	}
	return nil
}

// accepted tells the recorder and then the store that a transaction has paid.
func (t *turn) accepted(ctx context.Context, f *flying, status slastream.TxStatus, hash attestation.Word) error {
	if t.Recorder != nil {
		chunks, err := t.chunksOf(ctx, f.Transaction)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(f.Signed, func(tx slastream.SignedTx) bool { return tx.Hash == hash })
		payment := Payment{Tx: f.Signed[i], Status: status, Chunks: chunks, Batched: chunks[0].Batched}
		if err := t.Recorder.Record(ctx, payment); err != nil {
			return fmt.Errorf("record a payment: %w", err)
		}
	}
	next := f.Transaction
	next.State, next.Due = Accepted, t.now()+millis(t.SettleAfter)
	if t.move(ctx, f.Transaction, func(c *Chunk) { c.State, c.TxHash, c.Retry = Accepted, hash, Retry{} }, Change{Put: []Transaction{next}}) {
		f.gone, f.Transaction = true, next
		for _, id := range f.Chunks {
			delete(t.suspects, id.Deal)
		}
		t.floor, t.highest = max(t.floor, f.Nonce+1), max(t.highest, f.Nonce)
	}
	return nil
}

// reverted gives the chunks back: the fee is lost. What the escrow says then,
// the next look at each chunk finds out.
func (t *turn) reverted(ctx context.Context, f *flying, revert *slastream.RevertError) bool {
	t.Logger.Warn("release reverted", "nonce", f.Nonce, "chunks", len(f.Chunks), "reason", revert.Reason)
	if !t.giveBack(ctx, f, revert) {
		return false
	}
	t.report.Wasted++
	t.floor = max(t.floor, f.Nonce+1)
	return true
}

// giveBack drops a transaction that will never pay, and lets its chunks have
// another.
func (t *turn) giveBack(ctx context.Context, f *flying, cause error) bool {
	back := func(c *Chunk) {
		again := c.Retry.Class == ClassReverted
		if *c = t.failed(c.withoutTx(), cause); !again {
			c.Retry.At = 0 // the escrow is asked before anything else is done
		}
	}
	f.gone = t.move(ctx, f.Transaction, back, Change{Drop: []TxID{f.TxID}})
	return f.gone
}

// send hands a transaction to the node. An error leaves open whether it arrived.
func (t *turn) send(ctx context.Context, f *flying) {
	err := t.Escrow.Send(ctx, f.newest())
	if t.Observer != nil {
		t.Observer.Sent(f.Transaction, err)
	}
	if err == nil {
		f.sent = true
		t.report.Sent++
		if err := t.arrived(ctx, f); err != nil {
			t.fail(fmt.Sprintf("transaction of nonce %d", f.Nonce), err)
		}
		return
	}
	if ctx.Err() != nil {
		return
	}
	if err := t.settleFailedSend(ctx, f, err); err != nil {
		t.fail(fmt.Sprintf("send nonce %d", f.Nonce), err)
	}
}

// settleFailedSend decides what an error of Send means: the node may have the
// transaction all the same.
//
// If the nonce is used on chain, a transaction that the node does not know can
// never be included, and its chunks get another. If the nonce is free it is
// signed anew, since its fee may have become too low: of two transactions with
// one nonce at most one is included, so this cannot pay twice. A nonce ahead of
// the chain's waits for the transactions before it, except for the lowest of
// all, which fills the gap.
func (t *turn) settleFailedSend(ctx context.Context, f *flying, cause error) error {
	nonce, err := t.Escrow.Nonce(ctx)
	if err != nil {
		return errors.Join(cause, err)
	}
	// After the nonce: it may have been included before that answer.
	status, _, err := t.status(ctx, f.Transaction)
	if err != nil {
		return errors.Join(cause, err)
	}
	switch {
	case status.State != slastream.TxUnknown:
		return t.arrived(ctx, f)
	case nonce > f.Nonce:
		t.giveBack(ctx, f, cause)
		t.nonce = max(t.nonce, nonce)
		return nil
	case nonce < f.Nonce && (nonce < max(t.nonce, t.floor) || !t.lowest(f.Nonce)):
		return cause
	}
	return t.replace(ctx, f, nonce, cause)
}

// replace signs a transaction that the node does not take again, at the chain's
// nonce, and stores it in the place of the old one.
func (t *turn) replace(ctx context.Context, f *flying, nonce uint64, cause error) error {
	chunks, err := t.chunksOf(ctx, f.Transaction)
	if err != nil {
		return err
	}
	tx, err := t.signAgain(ctx, chunks, nonce)
	if _, reverts := errors.AsType[*slastream.RevertError](err); reverts {
		t.giveBack(ctx, f, err)
		return err
	}
	if err != nil {
		return errors.Join(cause, err)
	}
	if tx.Hash == f.newest().Hash {
		return cause
	}
	next := f.Transaction
	next.Stored, next.State = t.now(), Stored
	change := Change{}
	if nonce == f.Nonce {
		next.Signed = another(f.Signed, tx)
	} else {
		next.TxID, next.Signed = TxID{tx.Sender, tx.Nonce}, []slastream.SignedTx{tx}
		change.Drop = []TxID{f.TxID}
	}
	change.Put = []Transaction{next}
	if t.move(ctx, f.Transaction, func(c *Chunk) { c.State, c.Tx = Stored, next.TxID }, change) {
		f.Transaction, f.sent = next, false
		t.sortFlight()
		if !f.replaced { // once a turn
			f.replaced = true
			t.send(ctx, f)
			return nil
		}
	}
	return cause
}

// maxSigned is how much that was signed for one nonce is remembered.
const maxSigned = 16

// another adds to what was signed for a nonce, and forgets what is neither the
// first, by which the store knows it, nor among the newest. If that is included all
// the same, the nonce is used by a transaction that is not known, and the escrow
// says what was paid.
func another(signed []slastream.SignedTx, tx slastream.SignedTx) []slastream.SignedTx {
	signed = slices.Clone(signed)
	if len(signed) >= maxSigned {
		signed = slices.Delete(signed, 1, len(signed)-maxSigned+2)
	}
	return append(signed, tx)
}

// signAgain signs the release of chunks that are signed for.
func (t *turn) signAgain(ctx context.Context, chunks []Chunk, nonce uint64) (slastream.SignedTx, error) {
	switch {
	case chunks[0].Batched:
		items := make([]attestation.Attestation, len(chunks))
		for i, c := range chunks {
			items[i] = c.Signed.Attestation
		}
		if batcher, ok := t.Escrow.(Batcher); ok {
			return batcher.SignReleaseBatch(ctx, items, chunks[0].Signed.Signature, nonce)
		}
	case len(chunks) == 1:
		return t.Escrow.SignRelease(ctx, chunks[0].Signed, nonce)
	default:
		if caller, ok := t.Escrow.(Multicaller); ok {
			return caller.SignReleases(ctx, signatures(chunks), nonce)
		}
	}
	return slastream.SignedTx{}, errors.New("the escrow cannot release several chunks at once any more")
}

// bump replaces a transaction that waits too long by one with higher fees.
func (t *turn) bump(ctx context.Context, f *flying) error {
	bumper, ok := t.Escrow.(Bumper)
	if !ok || t.now() < f.Stored+millis(t.BumpAfter) || f.Nonce != t.nonce {
		return nil
	}
	tx, err := bumper.Bump(ctx, f.newest())
	if err != nil {
		return fmt.Errorf("a replacement with higher fees: %w", err)
	}
	next := f.Transaction
	next.Signed, next.Stored = another(f.Signed, tx), t.now()
	if !t.move(ctx, f.Transaction, nil, Change{Put: []Transaction{next}}) {
		return nil
	}
	f.Transaction = next
	t.Logger.Info("replaced by a transaction with higher fees", "nonce", f.Nonce, "hash", tx.Hash)
	return t.Escrow.Send(ctx, tx)
}

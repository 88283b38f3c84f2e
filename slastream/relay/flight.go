package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A flying transaction is one that is not accepted, as this turn knows it.
type flying struct {
	Transaction
	sent     bool // the node took it in this turn
	replaced bool // it was signed anew in this turn
	gone     bool // it is accepted, or its chunks went elsewhere
}

// load reads the account's nonce and the transactions that are on their way, or
// accepted and due. Where the chain's nonce is not above those of the accepted
// transactions, a reorganization took some back, or the node is behind: then all
// of them are looked at.
func (t *turn) load(ctx context.Context) bool {
	nonce, err := t.Escrow.Nonce(ctx)
	if err != nil {
		t.fail("nonce", err)
		return false
	}
	t.nonce = nonce
	due := t.now()
	if suspicious := t.highest == math.MaxUint64 || nonce <= t.highest; suspicious {
		due = math.MaxUint64
	}
	found, err := collect(t.Store.Transactions(ctx, t.Escrow.Account(), due))
	if err != nil {
		t.fail("transactions", &storeError{err})
		return false
	}
	if due == math.MaxUint64 {
		t.highest = 0
	}
	for _, tx := range found {
		if tx.State < Accepted {
			t.flight = append(t.flight, &flying{Transaction: tx})
			continue
		}
		t.highest = max(t.highest, tx.Nonce)
		if tx.Due <= t.now() || tx.Nonce >= nonce {
			if !t.recheck(ctx, tx) {
				return false
			}
		}
	}
	t.sortFlight()
	return true
}

// sortFlight puts what is on its way in the order of the nonces.
func (t *turn) sortFlight() {
	slices.SortFunc(t.flight, func(a, b *flying) int { return cmp.Compare(a.Nonce, b.Nonce) })
}

// recheck looks at an accepted transaction again: it settles, stays, or is back
// on its way.
func (t *turn) recheck(ctx context.Context, tx Transaction) bool {
	status, hash, err := t.status(ctx, tx)
	if err != nil {
		t.fail(fmt.Sprintf("transaction of nonce %d", tx.Nonce), err)
		t.floor = max(t.floor, tx.Nonce+1) // it counts as accepted until the node says otherwise
		return true
	}
	switch {
	case status.State == slastream.TxSettled && status.Revert == nil:
		t.floor = max(t.floor, tx.Nonce+1)
		return t.move(ctx, tx, func(c *Chunk) { c.State, c.TxHash, c.Retry = Settled, hash, Retry{} }, Change{Drop: []TxID{tx.TxID}})
	case status.State >= slastream.TxAccepted && status.Revert == nil:
		t.floor = max(t.floor, tx.Nonce+1)
		if tx.Due > t.now() {
			return true
		}
		tx.Due = t.now() + millis(t.SettleAfter)
		return t.move(ctx, tx, nil, Change{Put: []Transaction{tx}})
	case status.State >= slastream.TxAccepted:
		return t.reverted(ctx, &flying{Transaction: tx}, status.Revert)
	}
	t.Logger.Warn("a payment was taken back by a reorganization of Starknet: sent again", "nonce", tx.Nonce, "chunks", len(tx.Chunks))
	tx.State = Sent
	if !t.move(ctx, tx, func(c *Chunk) { c.State = Sent }, Change{Put: []Transaction{tx}}) {
		return false
	}
	t.flight = append(t.flight, &flying{Transaction: tx})
	return true
}

// move changes the chunks of a transaction together with it, and reports whether
// the store took it. With change nil the chunks stay.
func (t *turn) move(ctx context.Context, tx Transaction, change func(*Chunk), c Change) bool {
	var before []Chunk
	if change != nil {
		var err error
		if before, err = t.chunksOf(ctx, tx); err != nil {
			t.fail("chunks", err)
			return false
		}
		c.Chunks = slices.Clone(before)
		for i := range c.Chunks {
			change(&c.Chunks[i])
		}
	}
	if _, err := t.put(ctx, before, c); err != nil {
		t.fail(fmt.Sprintf("transaction of nonce %d", tx.Nonce), err)
		return false
	}
	return true
}

// chunksOf returns the chunks of a transaction, in its order.
func (t *turn) chunksOf(ctx context.Context, tx Transaction) ([]Chunk, error) {
	if len(tx.Chunks) == 0 {
		return nil, &storeError{errors.New("a transaction has no chunks")} // without IDs it would be all chunks
	}
	chunks, err := collect(t.Store.Chunks(ctx, ChunkQuery{IDs: tx.Chunks}))
	if err != nil {
		return nil, &storeError{err}
	}
	if len(chunks) != len(tx.Chunks) {
		return nil, &storeError{errors.New("a chunk of a transaction is missing")}
	}
	return chunks, nil
}

// status asks for the newest of what was signed for a nonce, then the others:
// any of them can have been included. It returns the hash of the one that got
// furthest.
func (t *turn) status(ctx context.Context, tx Transaction) (best slastream.TxStatus, hash attestation.Word, err error) {
	for _, signed := range slices.Backward(tx.Signed) {
		status, err := t.Escrow.Status(ctx, signed.Hash)
		if err != nil {
			return best, hash, err
		}
		if status.State > best.State {
			best, hash = status, signed.Hash
		}
		if best.State >= slastream.TxAccepted {
			break
		}
	}
	return best, hash, nil
}

// nextNonce is the nonce of the next transaction: the lowest that nothing on the
// way has, or what is above would wait for it for ever.
func (t *turn) nextNonce() uint64 {
	next := max(t.nonce, t.floor)
	for _, f := range t.flight {
		if !f.gone && f.Nonce == next {
			next++
		}
	}
	return next
}

// gap reports whether a transaction waits for a nonce that nothing has.
func (t *turn) gap(f *flying) bool { return f.Nonce > max(t.nonce, t.floor) && t.lowest(f.Nonce) }

// lowest reports whether no transaction on the way has a lower nonce.
func (t *turn) lowest(nonce uint64) bool {
	return !slices.ContainsFunc(t.flight, func(f *flying) bool { return !f.gone && f.Nonce < nonce })
}

// room reports whether another transaction may be on its way. If there are
// enough, it looks whether some have arrived.
func (t *turn) room(ctx context.Context) bool {
	flying := func() int {
		n := 0
		for _, f := range t.flight {
			if !f.gone {
				n++
			}
		}
		return n
	}
	if flying() >= t.InFlight {
		t.settle(ctx)
	}
	return !t.over && ctx.Err() == nil && flying() < t.InFlight
}

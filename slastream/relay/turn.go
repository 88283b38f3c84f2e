package relay

import (
	"context"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A turn is what one turn of a relay knows of its account. It hands out nonces:
// the chain's next, or the one after the highest that an open chunk's stored
// transaction holds. And it asks about a transaction once, however many chunks
// it releases.
type turn struct {
	escrow Escrow
	open   []Chunk
	known  bool
	nonce  uint64

	sent     map[attestation.Word]bool
	statuses map[attestation.Word]slastream.TxStatus
}

func newTurn(escrow Escrow, open []Chunk) *turn {
	return &turn{escrow: escrow, open: open, sent: map[attestation.Word]bool{}, statuses: map[attestation.Word]slastream.TxStatus{}}
}

func (t *turn) next(ctx context.Context) (uint64, error) {
	if t.known {
		return t.nonce, nil
	}
	nonce, err := t.escrow.Nonce(ctx)
	if err != nil {
		return 0, err
	}
	for _, c := range t.open {
		if c.Tx.Hash != (attestation.Word{}) {
			nonce = max(nonce, c.Tx.Nonce+1)
		}
	}
	t.known, t.nonce = true, nonce
	return nonce, nil
}

// take says that a transaction with that nonce is in the store.
func (t *turn) take(nonce uint64) { t.nonce = max(t.nonce, nonce+1) }

// lowest reports whether no chunk of this turn holds a lower nonce.
func (t *turn) lowest(nonce uint64) bool {
	for _, c := range t.open {
		if c.Tx.Hash != (attestation.Word{}) && c.Tx.Nonce < nonce {
			return false
		}
	}
	return true
}

// send sends a transaction unless the node took it in this turn.
func (t *turn) send(ctx context.Context, tx slastream.SignedTx) error {
	if t.sent[tx.Hash] {
		return nil
	}
	if err := t.escrow.Send(ctx, tx); err != nil {
		return err
	}
	t.sent[tx.Hash] = true
	return nil
}

// settled returns the status of a transaction. One that the node knows is not
// asked for twice.
func (t *turn) settled(ctx context.Context, hash attestation.Word) (slastream.TxStatus, error) {
	if status, ok := t.statuses[hash]; ok {
		return status, nil
	}
	status, err := t.escrow.Status(ctx, hash)
	if err == nil && status.State != slastream.TxUnknown {
		t.statuses[hash] = status
	}
	return status, err
}

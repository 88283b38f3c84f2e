package relay_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// mempool is a node that takes a nonce ahead of the account's, as a sequencer
// does, and lets it wait for the one before.
type mempool struct {
	*world
	waits map[uint64]slastream.SignedTx
	drops bool // it forgets what it takes
}

func (m *mempool) Send(ctx context.Context, tx slastream.SignedTx) error {
	if m.drops {
		m.sends++
		return nil
	}
	if tx.Nonce > m.nonce {
		if _, ok := m.waits[tx.Nonce]; ok && m.waits[tx.Nonce].Hash != tx.Hash {
			return errors.New("a transaction with that nonce waits")
		}
		m.waits[tx.Nonce], m.known[tx.Hash].status.State = tx, slastream.TxReceived
		return nil
	}
	err := m.world.Send(ctx, tx)
	for next, ok := m.waits[m.nonce]; err == nil && ok; next, ok = m.waits[m.nonce] {
		delete(m.waits, m.nonce)
		m.known[next.Hash].status.State = slastream.TxUnknown
		err = m.world.Send(ctx, next)
	}
	return err
}

// TestANonceThatIsGivenBackHoldsUpNoOther: the transaction with the lowest nonce
// need not be sent any more, and the one above it waits for that nonce.
func TestANonceThatIsGivenBackHoldsUpNoOther(t *testing.T) {
	for name, late := range map[string]bool{"before the other is sent again": false, "after it": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first, second, third := w.deal(2), w.deal(2), w.deal(2)
			w.prove(1, 10)
			w.prove(2, 10)
			m := &mempool{world: w, waits: map[uint64]slastream.SignedTx{}, drops: true}
			r := w.start(relay.NewMemoryStore(), func(c *relay.Config) { c.Escrow = m }, bind(first, 1, 0), bind(second, 2, 0), bind(third, 3, 0))
			_, err := r.Step(t.Context())
			require.NoError(t, err)
			require.Equal(t, 2, w.sends)
			// The node was started again, and somebody else has paid the first.
			m.drops = false
			if late {
				for _, known := range w.known {
					if known.items[0].Attestation.DealID == second {
						known.status.State = slastream.TxReceived
					}
				}
				for hash, known := range w.known {
					if known.status.State == slastream.TxReceived {
						m.waits[1] = slastream.SignedTx{Hash: hash, Sender: account, Nonce: 1}
					}
				}
			}
			other, err := relay.New(func() relay.Config {
				c := w.config(relay.NewMemoryStore(), bind(first, 1, 0))
				c.Escrow = rival{w}
				return c
			}())
			require.NoError(t, err)
			_, err = other.Step(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, 1, w.released(first))
			require.Zero(t, w.nonce)
			for range 4 {
				w.later(r)
			}
			require.EqualValues(t, 1, w.released(second))
			w.prove(3, 150)
			w.head = 200
			for range 4 {
				w.later(r)
			}
			require.EqualValues(t, 1, w.released(third))
			require.LessOrEqual(t, w.reverts(), 1)
		})
	}
}

// rival pays with another account.
type rival struct{ *world }

func (rival) Nonce(context.Context) (uint64, error) { return 0, nil }

func (r rival) Send(ctx context.Context, tx slastream.SignedTx) error {
	known := r.known[tx.Hash]
	delete(r.known, tx.Hash)
	for _, item := range known.items {
		require.NoError(r.t, r.memory.As(account).Release(ctx, item))
	}
	r.known[tx.Hash] = &transaction{items: known.items}
	return nil
}

func (rival) Status(context.Context, attestation.Word) (slastream.TxStatus, error) {
	return slastream.TxStatus{State: slastream.TxAccepted}, nil
}

// refusing is a node that takes no transactions, while fees change.
type refusing struct{ *world }

func (r refusing) Send(context.Context, slastream.SignedTx) error {
	r.price++
	return errors.New("the account's balance is too low")
}

// TestATransactionThatIsNeverTakenDoesNotGrow: a day without a balance.
func TestATransactionThatIsNeverTakenDoesNotGrow(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(2)
	w.prove(1, 10)
	store := relay.NewMemoryStore()
	r := w.start(store, func(c *relay.Config) { c.Escrow = refusing{w} }, bind(deal, 1, 0))
	for range 200 {
		w.later(r)
	}
	n := 0
	for tx, err := range store.Transactions(t.Context(), account, 0) {
		require.NoError(t, err)
		n = len(tx.Signed)
	}
	require.NotZero(t, n)
	require.LessOrEqual(t, n, 32)
	w.price = 255
	r = w.relay(store)
	for range 3 {
		w.later(r)
	}
	require.EqualValues(t, 1, w.released(deal))
}

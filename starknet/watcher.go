package starknet

import (
	"context"
	"iter"

	"github.com/slastream/slastream-go/slastream"
)

// Watcher returns [Escrow.History] as the slastream.Watcher that an
// slastream.Client follows the escrow with. Errors and guarantees are those of
// [History.Follow].
func (e *Escrow) Watcher(options ...HistoryOption) slastream.Watcher {
	return watcher{e.History(options...)}
}

type watcher struct{ history *History[slastream.Event] }

func (w watcher) Follow(ctx context.Context, from slastream.Cursor, seen ...slastream.ChainEvent) iter.Seq2[slastream.ChainEvent, error] {
	held := make([]HistoryEvent[slastream.Event], len(seen))
	for i, e := range seen {
		held[i] = HistoryEvent[slastream.Event]{
			Event: e.Event, ID: e.ID, TxIndex: e.TxIndex, BlockNumber: e.BlockNumber, BlockHash: e.BlockHash,
		}
	}
	return func(yield func(slastream.ChainEvent, error) bool) {
		for u, err := range w.history.Follow(ctx, from, held...) {
			if err != nil {
				yield(slastream.ChainEvent{}, err)
				return
			}
			event := slastream.ChainEvent{
				Event: u.Event, ID: u.ID, TxIndex: u.TxIndex, BlockNumber: u.BlockNumber, BlockHash: u.BlockHash,
				Retracted: u.Retracted, Cursor: u.Cursor,
			}
			if !yield(event, nil) {
				return
			}
		}
	}
}

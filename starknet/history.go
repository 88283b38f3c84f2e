package starknet

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A HistoryEvent is an event of the escrow and where it is on the chain.
type HistoryEvent struct {
	Event       slastream.Event
	BlockNumber uint64
	BlockHash   attestation.Word
	TxHash      attestation.Word
	Index       int // of the event among those of the escrow in its transaction, from 0
}

// Head returns the number of the newest accepted block.
func (e *Escrow) Head(ctx context.Context) (uint64, error) {
	var n uint64
	err := call(ctx, e.caller, &n, "starknet_blockNumber")
	return n, err
}

const (
	// pageSize is below the limits of all public nodes (pathfinder: 1024).
	pageSize = 1000
	// maxEmptyPages is how many pages without an event may follow each other: a
	// node may answer one while it searches, but not for ever.
	maxEmptyPages = 10_000
)

// Events returns the events of the escrow in the blocks from to to, both
// included and both in the chain, in chain order. Events of a kind that
// [ParseEvent] does not know are left out but counted in Index. The iteration
// ends with the first error.
func (e *Escrow) Events(ctx context.Context, from, to uint64) iter.Seq2[HistoryEvent, error] {
	return func(yield func(HistoryEvent, error) bool) {
		var (
			token  string
			last   attestation.Word
			block  uint64
			index  int
			first  = true
			empty  int
			reader = historyReader{e, from, to}
		)
		for {
			page, err := reader.page(ctx, token)
			if err != nil {
				yield(HistoryEvent{}, err)
				return
			}
			for i := range page.Events {
				h, err := reader.read(&page.Events[i])
				known := !errors.Is(err, ErrUnknownEvent)
				if err != nil && known {
					yield(HistoryEvent{}, err)
					return
				}
				if h.BlockNumber < block {
					yield(HistoryEvent{}, fmt.Errorf("%w: event of block %d after block %d", ErrBadAnswer, h.BlockNumber, block))
					return
				}
				if index++; first || h.TxHash != last {
					index = 0
				}
				first, last, block, h.Index = false, h.TxHash, h.BlockNumber, index
				if known && !yield(h, nil) {
					return
				}
			}
			if empty++; len(page.Events) > 0 {
				empty = 0
			}
			switch {
			case page.Token == "":
				return
			case page.Token == token || empty > maxEmptyPages:
				yield(HistoryEvent{}, fmt.Errorf("%w: pages of events without end", ErrBadAnswer))
				return
			}
			token = page.Token
		}
	}
}

type historyReader struct {
	escrow   *Escrow
	from, to uint64
}

type eventPage struct {
	Events []historyLog `json:"events"`
	Token  string       `json:"continuation_token"`
}

// A historyLog is EMITTED_EVENT.
type historyLog struct {
	wireLog
	BlockHash   *wireFelt `json:"block_hash"`
	BlockNumber *uint64   `json:"block_number"`
	TxHash      wireFelt  `json:"transaction_hash"`
}

func (h historyReader) page(ctx context.Context, token string) (*eventPage, error) {
	type block struct {
		Number uint64 `json:"block_number"`
	}
	filter := struct {
		From    block    `json:"from_block"`
		To      block    `json:"to_block"`
		Address wireFelt `json:"address"`
		Size    int      `json:"chunk_size"`
		Token   string   `json:"continuation_token,omitempty"`
	}{block{h.from}, block{h.to}, wire(addressFelt(h.escrow.address)), pageSize, token}
	page := new(eventPage)
	if err := call(ctx, h.escrow.caller, page, "starknet_getEvents", filter); err != nil {
		return nil, err
	}
	return page, nil
}

// read checks and parses an event. With ErrUnknownEvent the place is valid.
func (h historyReader) read(l *historyLog) (HistoryEvent, error) {
	if l.BlockHash == nil || l.BlockNumber == nil || *l.BlockNumber < h.from || *l.BlockNumber > h.to {
		return HistoryEvent{}, fmt.Errorf("%w: event outside of blocks %d to %d", ErrBadAnswer, h.from, h.to)
	}
	log, err := l.log()
	if err != nil {
		return HistoryEvent{}, err
	}
	if log.From != h.escrow.address {
		return HistoryEvent{}, fmt.Errorf("%w: event of %v, asked for %v", ErrBadAnswer, log.From, h.escrow.address)
	}
	out := HistoryEvent{BlockNumber: *l.BlockNumber, BlockHash: hashWord(l.BlockHash), TxHash: hashWord(&l.TxHash)}
	out.Event, err = ParseEvent(log.Keys, log.Data)
	if err != nil {
		return out, fmt.Errorf("transaction %v: %w", out.TxHash, err)
	}
	return out, nil
}

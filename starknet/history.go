package starknet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A HistoryEvent is an event of a contract and where it is on the chain: E is
// slastream.Event for an escrow, [Transfer] for a token.
type HistoryEvent[E any] struct {
	Event       E
	ID          EventID
	TxIndex     uint64 // of the transaction in its block, from 0
	BlockNumber uint64
	BlockHash   attestation.Word
}

func (e *HistoryEvent[E]) place() place { return place{e.BlockNumber, e.TxIndex, e.ID.Index} }

// A place is where an event stands: the order of the chain.
type place struct{ block, tx, event uint64 }

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.block, q.block), cmp.Compare(p.tx, q.tx), cmp.Compare(p.event, q.event))
}

// A Finality is how sure a block must be before its events count. Events of
// the pre-confirmed block never do: it can be dropped or reordered.
type Finality uint8

const (
	// AcceptedOnL2 is the consensus of Starknet's sequencers, seconds after the
	// transaction. Reorganizations are rare; Starknet had some of hundreds of
	// blocks.
	AcceptedOnL2 Finality = iota
	// AcceptedOnL1 is proven and verified on Ethereum, hours after the
	// transaction.
	AcceptedOnL1
)

// A Waker shortens the wait of [History.Follow] for the next block. Wait
// returns nil when there may be one, an error if it cannot say or ctx ends; it
// must return when ctx ends. It is a hint: Follow asks the node itself, at
// the latest after its poll time and not more often than ten times in that time,
// whatever Wait does. Package starknet/heads has one over WebSocket.
type Waker interface {
	Wait(ctx context.Context) error
}

// A HistoryOption changes what [Escrow.History] and [ERC20.History] make.
type HistoryOption func(*historyConfig)

type historyConfig struct {
	finality Finality
	poll     time.Duration
	waker    Waker
	keys     [][]wireFelt // after the selectors
	deal     bool         // events of a deal only
}

// WithFinality makes Follow wait for a finality; the default is AcceptedOnL2.
func WithFinality(f Finality) HistoryOption { return func(c *historyConfig) { c.finality = f } }

// WithPollTime sets the time between two questions for new blocks, 2 seconds
// unless set. Zero or less changes nothing.
func WithPollTime(d time.Duration) HistoryOption {
	return func(c *historyConfig) {
		if d > 0 {
			c.poll = d
		}
	}
}

// WithWaker gives Follow a hint when to ask.
func WithWaker(w Waker) HistoryOption { return func(c *historyConfig) { c.waker = w } }

// WithKeys keeps the events whose keys after the selector are among those of
// their position; an empty position takes any. The node does the filtering.
// A token whose class has the addresses in the data (STRK does) has no keys to
// ask for: with this option it seems to have no transfers.
func WithKeys(positions ...[]*felt.Felt) HistoryOption {
	return func(c *historyConfig) {
		c.keys = nil
		for _, p := range positions {
			c.keys = append(c.keys, wires(p))
		}
	}
}

// WithDeal keeps the events of one deal of an escrow.
func WithDeal(id attestation.Word) HistoryOption {
	low, high := SplitU256(id)
	return func(c *historyConfig) {
		WithKeys([]*felt.Felt{low}, []*felt.Felt{high})(c)
		c.deal = true
	}
}

// A History reads the events of one contract. It is safe for concurrent use.
//
// What it believes: events stand in chain order, each in the block that the
// node names by number and hash, below the end that was asked for, from the
// contract and with the keys that were asked for, at a place that the block or
// its receipts confirm; ranges are asked for by the hash of their ends, so that
// a node that is behind or on a fork does not answer for them. Everything
// else is [ErrBadAnswer]. A node that hides events is noticed before RPC 0.10,
// where the block has others of the contract, and else not: ask two nodes.
type History[E any] struct {
	source eventSource
	config historyConfig
	parse  func(Log) (E, error)
}

func newHistory[E any](c *contract, selectors []felt.Felt, parse func(Log) (E, error), options []HistoryOption) *History[E] {
	h := &History[E]{config: historyConfig{poll: 2 * time.Second}, parse: parse}
	for _, o := range options {
		o(&h.config)
	}
	h.source = eventSource{caller: c.caller, address: c.address}
	if h.config.deal {
		selectors = dealSelectors
	}
	if len(selectors) > 0 || len(h.config.keys) > 0 {
		first := make([]wireFelt, len(selectors))
		for i := range selectors {
			first[i] = wire(&selectors[i])
		}
		h.source.keys = append([][]wireFelt{first}, h.config.keys...)
	}
	return h
}

// dealSelectors are those of the events with a deal id in their keys.
var dealSelectors = []felt.Felt{selDealCreated, selChunkReleased, selDealSlashed, selDealCompleted}

// History returns the history of the escrow: all events that [ParseEvent]
// knows. It makes no request.
func (e *Escrow) History(options ...HistoryOption) *History[slastream.Event] {
	return newHistory(&e.contract, nil, func(l Log) (slastream.Event, error) { return ParseEvent(l.Keys, l.Data) }, options)
}

// Events is the Events of the escrow's [Escrow.History].
func (e *Escrow) Events(ctx context.Context, from, to uint64) iter.Seq2[HistoryEvent[slastream.Event], error] {
	return e.History().Events(ctx, from, to)
}

// Follow is the Follow of the escrow's [Escrow.History].
func (e *Escrow) Follow(ctx context.Context, cursor Cursor, seen ...HistoryEvent[slastream.Event]) iter.Seq2[Update[slastream.Event], error] {
	return e.History().Follow(ctx, cursor, seen...)
}

// Head returns the number of the newest accepted block.
func (e *Escrow) Head(ctx context.Context) (uint64, error) {
	var n uint64
	err := call(ctx, e.caller, &n, "starknet_blockNumber")
	return n, err
}

// History returns the transfers of the token. It makes no request.
//
// Transfers of STRK include the fees of all transactions: follow it with a
// filter of your own, and expect several hundred a block.
func (t *ERC20) History(options ...HistoryOption) *History[Transfer] {
	return newHistory(&t.contract, []felt.Felt{selTransfer}, func(l Log) (Transfer, error) {
		e, err := ParseTokenEvent(l.Keys, l.Data)
		transfer, ok := e.(Transfer)
		if err == nil && !ok {
			return Transfer{}, fmt.Errorf("%w: %T, asked for transfers", ErrBadAnswer, e)
		}
		return transfer, err
	}, options)
}

// Events returns the events in the blocks from to to, both included and both
// in the chain, in chain order. Events of a kind that the parser does not know
// are left out. The iteration ends with the first error, the transport's too.
//
// Blocks are those of the chain at the moment: that to is final enough for what
// the caller does, is for the caller to see. A reorganization below to during
// the iteration is [ErrBadAnswer].
func (h *History[E]) Events(ctx context.Context, from, to uint64) iter.Seq2[HistoryEvent[E], error] {
	return func(yield func(HistoryEvent[E], error) bool) {
		if from > to {
			return
		}
		if err := h.between(ctx, from, to, func(e HistoryEvent[E]) bool { return yield(e, nil) }); err != nil && !errors.Is(err, errStopped) {
			yield(HistoryEvent[E]{}, err)
		}
	}
}

// errStopped says that the consumer wants no more.
var errStopped = errors.New("stopped")

// between delivers the events from a block to a block, in as many ranges as
// the node wants.
func (h *History[E]) between(ctx context.Context, from, to uint64, yield func(HistoryEvent[E]) bool) error {
	last, err := h.source.blockAt(ctx, to)
	if err != nil {
		return err
	}
	var after place // of the newest event, if there was one
	started := false
	for next, span := from, uint64(maxSpan); next <= to; {
		end := last
		if to-next >= span {
			if end, err = h.source.blockAt(ctx, next+span-1); err != nil {
				return err
			}
		}
		err := h.source.events(ctx, blockRange{first: next, last: end}, func(l *placedLog) error {
			if started && l.place.compare(after) <= 0 {
				return nil
			}
			started, after, next = true, l.place, l.place.block
			e, known, err := h.read(l)
			if err == nil && known && !yield(e) {
				return errStopped
			}
			return err
		})
		switch {
		case err == nil && end.number == to:
			return nil
		case err == nil:
			next = end.number + 1
		case refused(err) && end.number > next:
			span = (end.number - next + 1) / 2
		default:
			return err
		}
	}
	return nil
}

// read parses an event. It is not known if the parser does not know its kind.
func (h *History[E]) read(l *placedLog) (e HistoryEvent[E], known bool, err error) {
	v, err := h.parse(l.log)
	switch {
	case errors.Is(err, ErrUnknownEvent):
		return e, false, nil
	case err != nil:
		return e, false, fmt.Errorf("event %v: %w", l.id, err)
	}
	return HistoryEvent[E]{Event: v, ID: l.id, TxIndex: l.place.tx, BlockNumber: l.place.block, BlockHash: l.hash}, true, nil
}

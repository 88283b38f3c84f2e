package starknet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// Limits of what is asked for and believed.
const (
	// pageSize is below the limits of all public nodes (pathfinder: 1024).
	pageSize = 1000
	// maxSpan is how many blocks one question covers. Nodes that want less
	// refuse it, and the range is halved.
	maxSpan = 10_000
	// maxEmptyPages is how many pages without an event may follow each other: a
	// node may answer one while it searches, but not for ever.
	maxEmptyPages = 10_000
	// maxToken bounds a continuation token, which is sent back.
	maxToken = 4096
	// maxBlockEvents bounds the events of one contract in a block. Starknet's
	// own limit is 5000 for all contracts.
	maxBlockEvents = 100_000
	// maxFelts bounds the keys and the data of an event. Starknet's own limits
	// are 50 and 300.
	maxFelts = 1000
	// requestTime bounds one question, so that a node that does not answer
	// is asked again.
	requestTime = time.Minute
)

const (
	codeBlockNotFound = 24
	codeInvalidToken  = 33
)

// errMoved says that the blocks are no longer those that were asked about.
// Asking again is right, but not for ever.
var errMoved = fmt.Errorf("%w: the blocks changed while they were read", ErrBadAnswer)

// An eventSource asks a node for the events of a contract.
type eventSource struct {
	caller  Caller
	address slastream.Address
	keys    [][]wireFelt // as in the filter of the request
}

// A placedLog is an event whose place was checked.
type placedLog struct {
	log   Log
	id    EventID
	place place
	hash  attestation.Word // of the block
}

// A blockRange is what to read: all of the blocks first to last. It begins
// with a hash where one is known.
type blockRange struct {
	first uint64
	hash  attestation.Word // of block first, or zero
	last  *blockHeader
}

// ask makes a call and decodes the answer here, so that an answer of another
// shape is ErrBadAnswer whatever the Caller makes of it.
func (s *eventSource) ask(ctx context.Context, result any, method string, params ...any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	var raw json.RawMessage
	if err := call(ctx, s.caller, &raw, method, params...); err != nil {
		return err
	}
	if bytes.Equal(raw, []byte("null")) || len(raw) == 0 {
		return fmt.Errorf("%w: %s: no result", ErrBadAnswer, method)
	}
	if err := json.Unmarshal(raw, result); err != nil {
		return fmt.Errorf("%w: %s: %v", ErrBadAnswer, method, err)
	}
	return nil
}

// refused reports whether the node may want a smaller range: it answered an
// error that does not say something else. Providers have no common code for it
// (-32005, -32602, -32603, 63 and others are in use).
func refused(err error) bool {
	n, ok := code(err)
	return ok && n != codeBlockNotFound && n != codeInvalidToken
}

type eventPage struct {
	Events []emittedEvent `json:"events"`
	Token  string         `json:"continuation_token"`
}

// An emittedEvent is EMITTED_EVENT. The indexes are there since RPC 0.10.
type emittedEvent struct {
	wireLog
	BlockHash   *wireFelt `json:"block_hash"`
	BlockNumber *uint64   `json:"block_number"`
	TxHash      wireFelt  `json:"transaction_hash"`
	TxIndex     *uint64   `json:"transaction_index"`
	EventIndex  *uint64   `json:"event_index"`
}

func (s *eventSource) page(ctx context.Context, r blockRange, token string) (*eventPage, error) {
	from := BlockNumber(r.first)
	if !r.hash.IsZero() {
		from = BlockHash(r.hash)
	}
	filter := struct {
		From    Block        `json:"from_block"`
		To      Block        `json:"to_block"`
		Address wireFelt     `json:"address"`
		Keys    [][]wireFelt `json:"keys,omitempty"`
		Size    int          `json:"chunk_size"`
		Token   string       `json:"continuation_token,omitempty"`
	}{from, BlockHash(r.last.hash), wire(addressFelt(s.address)), s.keys, pageSize, token}
	page := new(eventPage)
	if err := s.ask(ctx, page, "starknet_getEvents", filter); err != nil {
		return nil, err
	}
	switch {
	case len(page.Events) > pageSize:
		return nil, fmt.Errorf("%w: page of %d events, asked for %d", ErrBadAnswer, len(page.Events), pageSize)
	case len(page.Token) > maxToken:
		return nil, fmt.Errorf("%w: continuation token of %d bytes", ErrBadAnswer, len(page.Token))
	}
	return page, nil
}

// events delivers the events of a range in chain order. deliver ends it with
// an error.
func (s *eventSource) events(ctx context.Context, r blockRange, deliver func(*placedLog) error) error {
	var (
		token  string
		empty  int
		placed []*placedLog
		p      = placer{source: s, blocks: r}
	)
	for {
		page, err := s.page(ctx, r, token)
		if err != nil {
			return err
		}
		// The whole page is checked first: one wrong event makes all doubtful.
		placed = placed[:0]
		for i := range page.Events {
			l, err := p.place(ctx, &page.Events[i])
			if err != nil {
				return err
			}
			placed = append(placed, l)
		}
		for _, l := range placed {
			if err := deliver(l); err != nil {
				return err
			}
		}
		if empty++; len(page.Events) > 0 {
			empty = 0
		}
		switch {
		case page.Token == "":
			return p.leave()
		case page.Token == token || empty > maxEmptyPages:
			return fmt.Errorf("%w: pages of events without end", ErrBadAnswer)
		}
		token = page.Token
	}
}

// matches reports whether an event is one that the filter asks for.
func (s *eventSource) matches(l *Log) bool {
	if l.From != s.address {
		return false
	}
	for i, wanted := range s.keys {
		if len(wanted) > 0 && (i >= len(l.Keys) || !slices.ContainsFunc(wanted, func(w wireFelt) bool { return w.felt().Equal(l.Keys[i]) })) {
			return false
		}
	}
	return true
}

// A placer checks the events of a range, block by block.
type placer struct {
	source *eventSource
	blocks blockRange
	block  *blockHeader // of the newest event, nil before the first
	newest place        // of that event
	count  int          // of events in the block
	// Of a node before RPC 0.10: the events of the block that are still to come,
	// as the receipts have them.
	derived bool
	rest    []placedLog
}

// place checks an event and finds its place.
func (p *placer) place(ctx context.Context, e *emittedEvent) (*placedLog, error) {
	switch {
	case e.BlockHash == nil || e.BlockNumber == nil || *e.BlockNumber < p.blocks.first || *e.BlockNumber > p.blocks.last.number:
		return nil, fmt.Errorf("%w: event outside of blocks %d to %d", ErrBadAnswer, p.blocks.first, p.blocks.last.number)
	case len(e.Keys) > maxFelts || len(e.Data) > maxFelts:
		return nil, fmt.Errorf("%w: event of %d keys and %d felts of data", ErrBadAnswer, len(e.Keys), len(e.Data))
	}
	log, err := e.log()
	switch {
	case err != nil:
		return nil, err
	case log.From != p.source.address:
		return nil, fmt.Errorf("%w: event of %v, asked for %v", ErrBadAnswer, log.From, p.source.address)
	case !p.source.matches(&log):
		return nil, fmt.Errorf("%w: event with keys that were not asked for", ErrBadAnswer)
	}
	numbered := e.TxIndex != nil && e.EventIndex != nil
	if p.block == nil || p.block.number != *e.BlockNumber {
		if err := p.enter(ctx, *e.BlockNumber, numbered); err != nil {
			return nil, err
		}
	}
	if p.block.hash != hashWord(e.BlockHash) {
		return nil, fmt.Errorf("%w: event in block %d %v, which is %v", errMoved, p.block.number, hashWord(e.BlockHash), p.block.hash)
	}
	out := &placedLog{log: log, hash: p.block.hash, id: EventID{TxHash: hashWord(&e.TxHash)}}
	out.place.block = p.block.number
	if p.derived {
		if len(p.rest) == 0 || !p.rest[0].same(out) {
			return nil, fmt.Errorf("%w: event of transaction %v is not the next of block %d", ErrBadAnswer, out.id.TxHash, p.block.number)
		}
		out, p.rest = &p.rest[0], p.rest[1:]
	} else {
		if !numbered {
			return nil, fmt.Errorf("%w: event of transaction %v without its index", ErrBadAnswer, out.id.TxHash)
		}
		out.place.tx, out.place.event, out.id.Index = *e.TxIndex, *e.EventIndex, *e.EventIndex
		if out.place.tx >= uint64(len(p.block.txs)) || p.block.txs[out.place.tx] != out.id.TxHash {
			return nil, fmt.Errorf("%w: transaction %v is not number %d of block %d", ErrBadAnswer, out.id.TxHash, out.place.tx, p.block.number)
		}
		if p.count > 0 && out.place.compare(p.newest) <= 0 {
			return nil, fmt.Errorf("%w: event %v out of order", ErrBadAnswer, out.id)
		}
	}
	if p.count++; p.count > maxBlockEvents {
		return nil, fmt.Errorf("%w: more than %d events in block %d", ErrBadAnswer, maxBlockEvents, p.block.number)
	}
	p.newest = out.place
	return out, nil
}

func (l *placedLog) same(o *placedLog) bool {
	equal := func(a, b []*felt.Felt) bool { return slices.EqualFunc(a, b, (*felt.Felt).Equal) }
	return l.id.TxHash == o.id.TxHash && equal(l.log.Keys, o.log.Keys) && equal(l.log.Data, o.log.Data)
}

// enter takes the block of the next event.
func (p *placer) enter(ctx context.Context, number uint64, numbered bool) error {
	if p.block != nil && number < p.block.number {
		return fmt.Errorf("%w: event of block %d after block %d", ErrBadAnswer, number, p.block.number)
	}
	if err := p.leave(); err != nil {
		return err
	}
	var err error
	p.derived, p.count = !numbered, 0
	switch {
	case !numbered:
		p.block, p.rest, err = p.source.receipts(ctx, number)
	case number == p.blocks.last.number:
		p.block = p.blocks.last
	default:
		p.block, err = p.source.blockAt(ctx, number)
	}
	switch {
	case err != nil:
		return err
	case number == p.blocks.first && !p.blocks.hash.IsZero() && p.block.hash != p.blocks.hash,
		number == p.blocks.last.number && p.block.hash != p.blocks.last.hash:
		return errMoved
	}
	return nil
}

// leave ends a block: nothing of it may be missing.
func (p *placer) leave() error {
	if len(p.rest) > 0 {
		return fmt.Errorf("%w: event %v is in the receipts and not in the pages", ErrBadAnswer, p.rest[0].id)
	}
	return nil
}

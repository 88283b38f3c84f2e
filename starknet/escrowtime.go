package starknet

import (
	"context"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// Now returns the Unix seconds of the newest accepted block, or of that of
// [Escrow.At]: what the contract compared deadlines with last. The block under
// construction is later, so a deadline at or before Now has passed for certain.
func (e *Escrow) Now(ctx context.Context) (uint64, error) {
	h, err := e.events().block(ctx, e.block)
	if err != nil {
		return 0, err
	}
	return e.timeOf(h)
}

// timeOf refuses a block at 1970: the node left the timestamp out.
func (e *Escrow) timeOf(h *blockHeader) (uint64, error) {
	if h.time == 0 {
		return 0, fmt.Errorf("%w: block %d without timestamp", ErrBadAnswer, h.number)
	}
	return h.time, nil
}

// events is the source of the escrow's events with these keys.
func (e *Escrow) events(keys ...[]wireFelt) *eventSource {
	return &eventSource{caller: e.caller, address: e.address, keys: keys}
}

// CreatedAt returns the Unix seconds of the block that holds the DealCreated
// event of a deal. The contract does not keep them. A deal without such an
// event up to the newest accepted block, or that of [Escrow.At], is
// slastream.ErrNoDeal.
//
// The node searches, by the keys of the event: most nodes answer for their whole
// chain in one question, and those that refuse so large a range are asked
// again for smaller ones, the newest blocks first. A reorganization may move a deal to
// another block: ask at [BlockL1Accepted] for an answer that stays, or ask again
// once it has come so far.
func (e *Escrow) CreatedAt(ctx context.Context, deal attestation.Word) (uint64, error) {
	var keys [][]wireFelt
	for _, f := range dealKeys(selDealCreated, deal) {
		keys = append(keys, []wireFelt{wire(f)})
	}
	source := e.events(keys...)
	last, err := source.block(ctx, e.block)
	if err != nil {
		return 0, err
	}
	for span := last.number + 1; ; {
		first := last.number + 1 - min(span, last.number+1)
		var found *placedLog
		err := source.events(ctx, blockRange{first: first, last: last}, func(l *placedLog) error {
			found = l
			return errStopped
		})
		switch {
		case found != nil:
			return e.createdBy(ctx, source, found)
		case err == nil && first == 0:
			return 0, fmt.Errorf("starknet: created at: %w: %v", slastream.ErrNoDeal, deal.Big())
		case err == nil:
			if last, err = source.blockAt(ctx, first-1); err != nil {
				return 0, err
			}
		case refused(err) && first < last.number:
			span = (last.number - first + 1) / 2
		default:
			return 0, err
		}
	}
}

// createdBy returns the time of the block of a DealCreated event.
func (e *Escrow) createdBy(ctx context.Context, source *eventSource, l *placedLog) (uint64, error) {
	if _, err := ParseEvent(l.log.Keys, l.log.Data); err != nil {
		return 0, fmt.Errorf("event %v: %w", l.id, err)
	}
	h, err := source.block(ctx, BlockHash(l.hash))
	switch {
	case err != nil:
		return 0, err
	case h.hash != l.hash || h.number != l.place.block:
		return 0, fmt.Errorf("%w: block %d %v, asked for %d %v", ErrBadAnswer, h.number, h.hash, l.place.block, l.hash)
	}
	return e.timeOf(h)
}

// ReleasePending reports whether the block under construction holds a release
// of the deal that no accepted block holds. Who slashes a deal waits while it
// does: such a release may complete it, and its provider did the work in time.
// It does not see transactions that wait in a mempool.
//
// It may say yes of a release that has just been accepted, never no of one that
// was executed when it was asked.
func (e *Escrow) ReleasePending(ctx context.Context, deal attestation.Word) (bool, error) {
	// In this order: a block that is sealed between the two questions hides
	// nothing.
	accepted, err := e.At(Block{}).Deal(ctx, deal)
	if err != nil {
		return false, err
	}
	open, err := e.At(BlockPreConfirmed()).Deal(ctx, deal)
	if err != nil {
		return false, err
	}
	return open.Released > accepted.Released, nil
}

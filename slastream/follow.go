package slastream

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/slastream/slastream-go/attestation"
)

// An EventID names an event: the transaction that emitted it and the event's
// position in its receipt, from 0, counting the events of all contracts. It is
// the same whenever and from whichever node the event is read, comparable, and
// good as a key of a database. It names no block, so it stays the same when a
// reorganization puts the transaction into another one, unless the transaction
// then does something else: drop what was retracted before adding what is new.
type EventID struct {
	TxHash attestation.Word
	Index  uint64
}

// String is the hash of the transaction, a colon and the index in decimal.
func (id EventID) String() string { return id.TxHash.String() + ":" + strconv.FormatUint(id.Index, 10) }

// MarshalText writes what String returns.
func (id EventID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText writes, and nothing else.
func (id *EventID) UnmarshalText(b []byte) error {
	hash, index, _ := strings.Cut(string(b), ":")
	w, err := attestation.ParseWord(hash)
	i, errIndex := strconv.ParseUint(index, 10, 64)
	got := EventID{w, i}
	if err != nil || errIndex != nil || got.String() != string(b) {
		return fmt.Errorf("slastream: event id %q: want 0x, 64 hexadecimal digits, a colon and a number", excerpt(string(b)))
	}
	*id = got
	return nil
}

// A Cursor says how far somebody has come who follows an escrow: store the one
// of the last [ChainEvent] in the transaction that stores what follows from it,
// to go on without a gap and without a repetition. It is comparable and small.
// The zero value is the beginning of the chain, and Cursor{Block: n} the
// beginning of block n, such as [Deployment].StartBlock.
type Cursor struct {
	Block uint64           `json:"block"`
	Hash  attestation.Word `json:"hash,omitzero"`  // of that block; zero: begin with the block
	Event EventID          `json:"event,omitzero"` // the last one; zero with a Hash: the whole block was read
}

// A ChainEvent is an event of the escrow and where it is on the chain.
type ChainEvent struct {
	Event       Event
	ID          EventID
	TxIndex     uint64 // of the transaction in its block, from 0
	BlockNumber uint64
	BlockHash   attestation.Word
	Retracted   bool   // it was delivered before, and a reorganisation took it off the chain: undo it
	Cursor      Cursor // where the consumer stands after this event
}

// A Watcher follows the events of an escrow as its chain grows.
type Watcher interface {
	// Follow yields the events after a cursor and then new ones as they come, in
	// chain order, until ctx ends, the caller stops or the watcher cannot go on.
	// After a reorganisation it first retracts, newest first, and then yields what
	// took the place. seen are the newest events that the caller holds, in chain
	// order: with them it can retract what was lost while nobody followed.
	Follow(ctx context.Context, from Cursor, seen ...ChainEvent) iter.Seq2[ChainEvent, error]
}

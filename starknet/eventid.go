package starknet

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/slastream/slastream-go/attestation"
)

// An EventID names an event: the transaction that emitted it and the event's
// position in the receipt of that transaction, from 0, counting the events of
// all contracts. It is comparable and good as a key of a database.
//
// The id is the same whichever version of the RPC answered: since 0.10 nodes
// say the position (event_index), before it is found in the receipts. It
// names no block, so it stays the same when a reorganization puts the
// transaction into another block, unless the transaction then does something
// else: what follows a different execution is a different event under a used
// id, so drop what was retracted before adding what is new.
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
	s := string(b)
	hash, index, ok := strings.Cut(s, ":")
	if ok {
		w, err := attestation.ParseWord(hash)
		i, errIndex := strconv.ParseUint(index, 10, 64)
		got := EventID{w, i}
		if err == nil && errIndex == nil && got.String() == s {
			*id = got
			return nil
		}
	}
	return fmt.Errorf("starknet: event id %q: want 0x, 64 hexadecimal digits, a colon and a number", excerpt(s))
}

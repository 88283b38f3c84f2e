package watch

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A seenEvent is a slastream.ChainEvent as the state keeps it: to be retracted if
// it is lost while nobody follows. Cursor and Retracted are not kept.
type seenEvent slastream.ChainEvent

// seenForm is a seenEvent in JSON.
type seenForm struct {
	Type      string            `json:"type"`
	Event     json.RawMessage   `json:"event"`
	ID        slastream.EventID `json:"id"`
	TxIndex   uint64            `json:"txIndex"`
	Block     uint64            `json:"block"`
	BlockHash attestation.Word  `json:"blockHash"`
}

// eventTypes are the types of events by their names in the state: those of the Go
// types.
var eventTypes = map[string]func([]byte) (slastream.Event, error){
	"DealCreated":              readEvent[slastream.DealCreated],
	"ChunkReleased":            readEvent[slastream.ChunkReleased],
	"DealSlashed":              readEvent[slastream.DealSlashed],
	"DealCompleted":            readEvent[slastream.DealCompleted],
	"Paused":                   readEvent[slastream.Paused],
	"Unpaused":                 readEvent[slastream.Unpaused],
	"OwnershipTransferStarted": readEvent[slastream.OwnershipTransferStarted],
	"OwnershipTransferred":     readEvent[slastream.OwnershipTransferred],
}

func readEvent[E slastream.Event](b []byte) (slastream.Event, error) {
	var e E
	err := strict(b, &e)
	return e, err
}

func (s seenEvent) MarshalJSON() ([]byte, error) {
	event, err := json.Marshal(s.Event)
	if err != nil {
		return nil, err
	}
	name := strings.TrimPrefix(fmt.Sprintf("%T", s.Event), "slastream.")
	return json.Marshal(seenForm{name, event, s.ID, s.TxIndex, s.BlockNumber, s.BlockHash})
}

func (s *seenEvent) UnmarshalJSON(b []byte) error {
	var f seenForm
	if err := strict(b, &f); err != nil {
		return err
	}
	read, ok := eventTypes[f.Type]
	if !ok {
		return fmt.Errorf("no event is a %.40q", f.Type)
	}
	event, err := read(f.Event)
	if err != nil {
		return err
	}
	*s = seenEvent{Event: event, ID: f.ID, TxIndex: f.TxIndex, BlockNumber: f.Block, BlockHash: f.BlockHash}
	return nil
}

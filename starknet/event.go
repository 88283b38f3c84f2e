package starknet

import (
	"errors"
	"fmt"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

var (
	// ErrUnknownEvent marks keys whose selector names no event that the parser
	// knows.
	ErrUnknownEvent = errors.New("starknet: unknown event")
	// ErrMalformed marks felts that are not what their contract emits or
	// returns: a felt too few or too many, or out of range.
	ErrMalformed = errors.New("starknet: malformed")
)

// Selectors of the events: the first key.
var (
	selDealCreated   = *Selector("DealCreated")
	selChunkReleased = *Selector("ChunkReleased")
	selDealSlashed   = *Selector("DealSlashed")
	selDealCompleted = *Selector("DealCompleted")
	selPaused        = *Selector("Paused")
	selUnpaused      = *Selector("Unpaused")

	selOwnershipTransferStarted = *Selector("OwnershipTransferStarted")
	selOwnershipTransferred     = *Selector("OwnershipTransferred")
)

// ParseEvent reads an event that the escrow emitted. The deal id is in the keys,
// after the selector; see [EncodeEvent] for the layouts. It returns
// [ErrUnknownEvent] for a selector that is none of these, and [ErrMalformed]
// if the felts do not fit the selector.
//
// Anybody can emit such felts: compare the emitting contract's address first.
func ParseEvent(keys, data []*felt.Felt) (slastream.Event, error) {
	if len(keys) == 0 || keys[0] == nil {
		return nil, fmt.Errorf("%w: no selector", ErrUnknownEvent)
	}
	k, d := reader{in: keys[1:]}, reader{in: data}
	var e slastream.Event
	switch *keys[0] {
	case selDealCreated:
		e = slastream.DealCreated{DealID: k.u256(), Client: d.address(), Provider: d.address(), TotalAmount: d.amount(), NumChunks: d.uint(8), SLADeadline: d.uint(8)}
	case selChunkReleased:
		e = slastream.ChunkReleased{DealID: k.u256(), ChunkIndex: d.uint(8), Amount: d.amount(), Provider: d.address()}
	case selDealSlashed:
		e = slastream.DealSlashed{DealID: k.u256(), Provider: d.address(), SlashAmount: d.amount(), Client: d.address()}
	case selDealCompleted:
		e = slastream.DealCompleted{DealID: k.u256(), Provider: d.address(), TotalPaid: d.amount()}
	case selPaused:
		e = slastream.Paused{By: d.address()}
	case selUnpaused:
		e = slastream.Unpaused{By: d.address()}
	case selOwnershipTransferStarted:
		e = slastream.OwnershipTransferStarted{Previous: k.address(), New: k.address()}
	case selOwnershipTransferred:
		e = slastream.OwnershipTransferred{Previous: k.address(), New: k.address()}
	default:
		return nil, fmt.Errorf("%w: selector %v", ErrUnknownEvent, keys[0])
	}
	if !k.done() {
		return nil, k.end(fmt.Sprintf("keys of %T", e))
	}
	if !d.done() {
		return nil, d.end(fmt.Sprintf("data of %T", e))
	}
	return e, nil
}

// EncodeEvent returns the felts that the escrow emits for an event: what
// [ParseEvent] reads.
//
//	DealCreated    keys: selector, id (2)   data: client, sp, total (2), num_chunks, sla_deadline
//	ChunkReleased  keys: selector, id (2)   data: chunk_index, amount (2), sp
//	DealSlashed    keys: selector, id (2)   data: sp, slash_amount (2), client
//	DealCompleted  keys: selector, id (2)   data: sp, total_paid (2)
//	Paused         keys: selector           data: by
//	Unpaused       keys: selector           data: by
//
// and of the extended class, with nothing in the data:
//
//	OwnershipTransferStarted  keys: selector, previous_owner, new_owner
//	OwnershipTransferred      keys: selector, previous_owner, new_owner
func EncodeEvent(e slastream.Event) (keys, data []*felt.Felt) {
	var w writer
	switch e := e.(type) {
	case slastream.DealCreated:
		keys = dealKeys(selDealCreated, e.DealID)
		w.address(e.Client)
		w.address(e.Provider)
		w.amount(e.TotalAmount)
		w.uint(e.NumChunks)
		w.uint(e.SLADeadline)
	case slastream.ChunkReleased:
		keys = dealKeys(selChunkReleased, e.DealID)
		w.uint(e.ChunkIndex)
		w.amount(e.Amount)
		w.address(e.Provider)
	case slastream.DealSlashed:
		keys = dealKeys(selDealSlashed, e.DealID)
		w.address(e.Provider)
		w.amount(e.SlashAmount)
		w.address(e.Client)
	case slastream.DealCompleted:
		keys = dealKeys(selDealCompleted, e.DealID)
		w.address(e.Provider)
		w.amount(e.TotalPaid)
	case slastream.Paused:
		keys = []*felt.Felt{selPaused.Clone()}
		w.address(e.By)
	case slastream.Unpaused:
		keys = []*felt.Felt{selUnpaused.Clone()}
		w.address(e.By)
	case slastream.OwnershipTransferStarted:
		keys = ownerKeys(selOwnershipTransferStarted, e.Previous, e.New)
	case slastream.OwnershipTransferred:
		keys = ownerKeys(selOwnershipTransferred, e.Previous, e.New)
	}
	return keys, w.out
}

func ownerKeys(selector felt.Felt, previous, next slastream.Address) []*felt.Felt {
	w := writer{out: []*felt.Felt{&selector}}
	w.address(previous)
	w.address(next)
	return w.out
}

func dealKeys(selector felt.Felt, id attestation.Word) []*felt.Felt {
	low, high := SplitU256(id)
	return []*felt.Felt{&selector, low, high}
}

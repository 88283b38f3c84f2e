package slastream

import "github.com/slastream/slastream-go/attestation"

// An Event is one of the events of the escrow: [DealCreated], [ChunkReleased],
// [DealSlashed], [DealCompleted], [Paused] or [Unpaused], and of the extended
// class [OwnershipTransferStarted] or [OwnershipTransferred]. The set is closed;
// a type switch over it needs no default.
type Event interface{ isEvent() }

// DealCreated says that a client opened a deal and locked its tokens.
type DealCreated struct {
	DealID      attestation.Word
	Client      Address
	Provider    Address
	TotalAmount Amount // chunk amount × chunks, without collateral
	NumChunks   uint64
	SLADeadline uint64 // Unix seconds
}

// ChunkReleased says that one chunk was paid to the provider.
type ChunkReleased struct {
	DealID     attestation.Word
	ChunkIndex uint64
	Amount     Amount
	Provider   Address
}

// DealSlashed says that a deal ended at its deadline and SlashAmount,
// collateral and unpaid chunks, went back to the client.
type DealSlashed struct {
	DealID      attestation.Word
	Provider    Address
	SlashAmount Amount
	Client      Address
}

// DealCompleted says that the last chunk was paid; the collateral went to the
// provider in the same transaction. TotalPaid does not include it.
type DealCompleted struct {
	DealID    attestation.Word
	Provider  Address
	TotalPaid Amount
}

// Paused says that the owner stopped create_deal and release_chunk. Slashing
// goes on.
type Paused struct{ By Address }

// Unpaused says that the owner allowed create_deal and release_chunk again.
type Unpaused struct{ By Address }

// OwnershipTransferStarted says that the owner offered the escrow to New, or
// took an offer back if New is the zero address. Extended class only.
type OwnershipTransferStarted struct{ Previous, New Address }

// OwnershipTransferred says that New is the owner from now on. The constructor
// emits the first, whose Previous is the zero address. Extended class only.
type OwnershipTransferred struct{ Previous, New Address }

func (DealCreated) isEvent()              {}
func (ChunkReleased) isEvent()            {}
func (DealSlashed) isEvent()              {}
func (DealCompleted) isEvent()            {}
func (Paused) isEvent()                   {}
func (Unpaused) isEvent()                 {}
func (OwnershipTransferStarted) isEvent() {}
func (OwnershipTransferred) isEvent()     {}

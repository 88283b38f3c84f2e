package starknet

import (
	"context"
	"fmt"
	"iter"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// CreateDealCall returns the call that opens a deal. The escrow takes
// [slastream.Terms.Locked] from the account's allowance: put [ERC20.ApproveCall]
// before it, or use [Escrow.CreateDealCalls].
//
//	fn create_deal(ref self, sp: ContractAddress, num_chunks: u64, chunk_amount: u256,
//	    collateral: u256, sla_duration_secs: u64) -> u256
func (e *Escrow) CreateDealCall(terms slastream.Terms) Call {
	return NewCall(e.address, "create_deal", EncodeCreateDeal(terms)...)
}

// CreateDealCalls returns the calls that open a deal: approve, for exactly what
// it locks, and create_deal. It asks for the token once. Terms that lock more
// than a u256 come without an approval, so that the refusal is the contract's.
// A provider that is no address is a *[RangeError].
func (e *Escrow) CreateDealCalls(ctx context.Context, terms slastream.Terms) ([]Call, error) {
	if err := checkAddresses("create deal: provider", terms.Provider); err != nil {
		return nil, err
	}
	create := e.CreateDealCall(terms)
	locked, err := terms.Locked()
	if err != nil {
		return []Call{create}, nil
	}
	token, err := e.Token(ctx)
	if err != nil {
		return nil, err
	}
	return []Call{approveCall(token, e.address, locked), create}, nil
}

// ReleaseCall returns the call that pays one chunk.
//
//	fn release_chunk(ref self, deal_id: u256, chunk_index: u64, proof_set_id: u256, root_cid: u256,
//	    timestamp: u64, sig_r: u256, sig_s: u256, sig_v: u32)
func (e *Escrow) ReleaseCall(signed attestation.Signed) Call {
	return Call{e.address, selReleaseChunk.Clone(), EncodeReleaseChunk(signed)}
}

// ReleaseBatchCall returns the call that pays many chunks with one signature.
// Extended class only.
//
//	fn release_batch(ref self, items: Array<BatchItem>, sig_r: u256, sig_s: u256, sig_v: u32)
func (e *Escrow) ReleaseBatchCall(items []attestation.Attestation, sig attestation.Signature) Call {
	return NewCall(e.address, "release_batch", EncodeReleaseBatch(items, sig)...)
}

// SlashCall returns the call that ends a deal whose deadline has passed.
//
//	fn slash(ref self, deal_id: u256)
func (e *Escrow) SlashCall(deal attestation.Word) Call {
	low, high := SplitU256(deal)
	return NewCall(e.address, "slash", low, high)
}

// PauseCall returns the call with which the owner stops create_deal and
// release_chunk.
//
//	fn pause(ref self)
func (e *Escrow) PauseCall() Call { return NewCall(e.address, "pause") }

// UnpauseCall returns the call with which the owner allows them again.
//
//	fn unpause(ref self)
func (e *Escrow) UnpauseCall() Call { return NewCall(e.address, "unpause") }

// TransferOwnershipCall returns the call with which the owner offers the escrow
// to somebody. Extended class only.
//
//	fn transfer_ownership(ref self, new_owner: ContractAddress)
func (e *Escrow) TransferOwnershipCall(to slastream.Address) Call {
	return NewCall(e.address, "transfer_ownership", addressFelt(to))
}

// AcceptOwnershipCall returns the call with which the offer is taken. Extended
// class only.
//
//	fn accept_ownership(ref self)
func (e *Escrow) AcceptOwnershipCall() Call { return NewCall(e.address, "accept_ownership") }

// eventsOf yields the events of the escrow in a receipt. Look-alikes of other
// contracts and events of a kind that is not known are left out.
func (e *Escrow) eventsOf(r *Receipt) iter.Seq[slastream.Event] {
	return func(yield func(slastream.Event) bool) {
		for _, l := range r.Logs {
			if l.From != e.address {
				continue
			}
			if event, err := ParseEvent(l.Keys, l.Data); err == nil && !yield(event) {
				return
			}
		}
	}
}

// dealChunk names one chunk.
type dealChunk struct {
	deal  attestation.Word
	chunk uint64
}

func (c dealChunk) String() string { return fmt.Sprintf("chunk %d of deal %v", c.chunk, c.deal) }

package starknet

import (
	"context"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// itemFelts is the number of felts of an item of release_batch.
const itemFelts = 8

// EncodeReleaseBatch returns the calldata of release_batch: the number of
// items, 8 felts an item, and 5 for the signature.
//
//	fn release_batch(ref self, items: Array<BatchItem>, sig_r: u256, sig_s: u256, sig_v: u32)
//	struct BatchItem { deal_id: u256, chunk_index: u64, proof_set_id: u256, root_cid: u256, timestamp: u64 }
func EncodeReleaseBatch(items []attestation.Attestation, sig attestation.Signature) []*felt.Felt {
	w := newWriter(1 + itemFelts*len(items) + 5)
	w.uint(uint64(len(items)))
	for _, a := range items {
		w.u256(a.DealID)
		w.uint(a.ChunkIndex)
		w.u256(a.ProofSetID)
		w.u256(a.RootCID)
		w.uint(a.Timestamp)
	}
	w.u256(sig.R)
	w.u256(sig.S)
	w.uint(uint64(sig.V))
	return w.out
}

// DecodeReleaseBatch reads the calldata of release_batch as the entry point
// does: the items are its first parameter. Errors are those of
// [DecodeReleaseChunk].
func DecodeReleaseBatch(calldata []*felt.Felt) ([]attestation.Attestation, attestation.Signature, error) {
	r := reader{in: calldata}
	items := r.items()
	sig := attestation.Signature{R: r.u256(), S: r.u256(), V: uint32(r.uint(4))}
	if err := r.entryPoint(); err != nil {
		return nil, attestation.Signature{}, err
	}
	return items, sig, nil
}

// items reads an array of BatchItem as one value.
func (r *reader) items() []attestation.Attestation {
	first := r.value + 1
	n := r.uint(4)
	items := make([]attestation.Attestation, 0, min(n, uint64(len(r.in)/itemFelts)))
	for range n {
		if r.err != nil {
			break
		}
		items = append(items, attestation.Attestation{
			DealID: r.u256(), ChunkIndex: r.uint(8), ProofSetID: r.u256(), RootCID: r.u256(), Timestamp: r.uint(8),
		})
	}
	r.value = first
	return items
}

// ReleaseBatch pays many chunks with one signature, that of their
// [attestation.Batch]. Only the extended class has it; the others answer
// ENTRYPOINT_NOT_FOUND. More than 480 items are slastream.ErrBatchTooLarge.
//
//	fn release_batch(ref self, items: Array<BatchItem>, sig_r: u256, sig_s: u256, sig_v: u32)
func (e *Escrow) ReleaseBatch(ctx context.Context, items []attestation.Attestation, sig attestation.Signature) error {
	_, err := e.execute(ctx, e.ReleaseBatchCall(items, sig))
	return err
}

// SignReleaseBatch makes and signs the transaction that pays many chunks, and
// does not send it. Errors are those of [Account.Sign].
func (e *Escrow) SignReleaseBatch(ctx context.Context, items []attestation.Attestation, sig attestation.Signature, nonce uint64) (slastream.SignedTx, error) {
	if e.account == nil {
		return slastream.SignedTx{}, ErrNoAccount
	}
	return e.account.Sign(ctx, []Call{e.ReleaseBatchCall(items, sig)}, nonce)
}

package relay

import (
	"context"
	"errors"
	"slices"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
)

// batch takes observed chunks to Stored, up to Config.Batch of them with one
// signature and one transaction. Chunks that it cannot take stay as they are:
// they go alone in the same turn, where what is wrong with one is said of that
// one. The error is about the store or the node, not about a chunk.
func (r *Relay) batch(ctx context.Context, open []Chunk, t *turn) error {
	if r.Batch < 2 {
		return nil
	}
	var ready []*Chunk
	for i := range open {
		c := &open[i]
		if c.State != Observed {
			continue
		}
		end, err := r.ended(ctx, *c)
		if err != nil {
			continue // it is asked again alone, and the error reported there
		}
		if end.State != Observed {
			if err := r.Store.Update(ctx, end); err != nil {
				return &storeError{err}
			}
			*c = end
			continue
		}
		ready = append(ready, c)
	}
	for group := range slices.Chunk(ready, r.Batch) {
		if err := r.batchOf(ctx, group, t); err != nil {
			return err
		}
	}
	return nil
}

// batchOf takes a group of chunks to Stored, or the halves of it if the escrow
// would refuse the whole. A chunk alone needs no batch.
func (r *Relay) batchOf(ctx context.Context, group []*Chunk, t *turn) error {
	if len(group) < 2 {
		return nil
	}
	batch, sig, err := r.attestBatch(ctx, group)
	if err != nil {
		r.Logger.Warn("batch not signed", "chunks", len(group), "err", err)
		return nil
	}
	nonce, err := t.next(ctx)
	if err != nil {
		return err
	}
	tx, err := r.Escrow.(Batcher).SignReleaseBatch(ctx, batch.Items, sig, nonce)
	if revert, ok := errors.AsType[*slastream.RevertError](err); ok {
		r.Logger.Warn("batch split", "chunks", len(group), "reason", revert.Reason)
		half := len(group) / 2
		if err := r.batchOf(ctx, group[:half], t); err != nil {
			return err
		}
		return r.batchOf(ctx, group[half:], t)
	}
	if err != nil {
		return err
	}
	stored := make([]Chunk, len(group))
	for i, c := range group {
		stored[i] = *c
		stored[i].Tx, stored[i].Batched, stored[i].State = tx, true, Stored
	}
	if err := r.Store.Update(ctx, stored...); err != nil {
		return &storeError{err}
	}
	t.take(nonce)
	for i, c := range group {
		*c = stored[i]
	}
	return nil
}

// attestBatch has a batch of chunks signed, and checks that it is that batch.
func (r *Relay) attestBatch(ctx context.Context, group []*Chunk) (attestation.Batch, attestation.Signature, error) {
	req := signer.BatchRequest{Domain: r.Domain, Items: make([]signer.BatchItem, len(group))}
	for i, c := range group {
		req.Items[i] = signer.BatchItem{Attestation: c.attestation(), Evidence: c.Proof.Evidence}
	}
	signed, err := r.Signer.(signer.BatchSigner).AttestBatch(ctx, req)
	if err != nil {
		return attestation.Batch{}, attestation.Signature{}, err
	}
	same := func(got attestation.Attestation, want signer.BatchItem) bool {
		want.Attestation.Timestamp = got.Timestamp // a guard may answer with an earlier statement
		return got == want.Attestation
	}
	if signed.Batch.Domain != r.Domain || !slices.EqualFunc(signed.Batch.Items, req.Items, same) {
		return attestation.Batch{}, attestation.Signature{}, errors.New("the signer answered with another batch")
	}
	return signed.Batch, signed.Signature, nil
}

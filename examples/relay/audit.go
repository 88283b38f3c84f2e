package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/audit"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/slastream/relay"
)

// A recorder appends each payment to the audit log, before the store says that
// it was made: after a crash between the two it is told again, and the log knows
// it.
type recorder struct {
	log    *audit.Log
	escrow slastream.Reader
	status func(ctx context.Context, hash attestation.Word) (slastream.TxStatus, error)
}

var _ relay.Recorder = (*recorder)(nil)

// openAudit opens the log, and makes it the first time.
func (d *daemon) openAudit() (*recorder, error) {
	path := d.config.Relay.Audit
	h := audit.Header{
		Domain: attestation.Domain{ChainID: d.config.Starknet.ChainID, Escrow: d.config.Starknet.Escrow.Word()},
		Key:    d.signer.PublicKey(), Rules: d.rules, Class: d.class,
	}
	log, err := audit.Open(path, h)
	if errors.Is(err, fs.ErrNotExist) {
		log, err = audit.Create(path, h)
	}
	if err != nil {
		return nil, fmt.Errorf("relay.audit %s: %w", path, err)
	}
	d.closeLater(log.Close)
	return &recorder{log, d.escrow, d.escrow.Status}, nil
}

// Record implements relay.Recorder.
func (r *recorder) Record(ctx context.Context, p relay.Payment) error {
	if !p.Tx.Hash.IsZero() {
		return r.record(ctx, p)
	}
	for some := range slices.Chunk(p.Chunks, escrow.MaxBatch) {
		if err := r.foreign(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// foreign appends chunks that others paid. What the log says of one of them
// already stays: such as a payment of this relay, in the words of an older
// signature.
func (r *recorder) foreign(ctx context.Context, chunks []relay.Chunk) error {
	err := r.record(ctx, relay.Payment{Chunks: chunks})
	if _, ok := errors.AsType[*audit.ConflictError](err); !ok {
		return err
	}
	if len(chunks) == 1 {
		return nil
	}
	half := len(chunks) / 2
	return errors.Join(r.foreign(ctx, chunks[:half]), r.foreign(ctx, chunks[half:]))
}

func (r *recorder) record(ctx context.Context, p relay.Payment) error {
	release := audit.Release{TxHash: p.Tx.Hash, Block: p.Status.BlockNumber, Sender: p.Tx.Sender, Batched: p.Batched}
	seen := map[attestation.Word]bool{}
	var entries []audit.Entry
	for _, c := range p.Chunks {
		if !seen[c.Deal] {
			seen[c.Deal] = true
			deal, err := r.escrow.Deal(ctx, c.Deal)
			if err != nil {
				return err
			}
			entries = append(entries, audit.Entry{Deal: &deal})
		}
		if c.Signed == (attestation.Signed{}) {
			c.Signed.Attestation = c.Attestation() // another relay has signed it
		}
		release.Chunks = append(release.Chunks, audit.Chunk{Proof: c.Proof, Signed: c.Signed, Amount: c.Amount})
	}
	entries = append(entries, audit.Entry{Release: &release})
	err := r.log.Append(entries...)
	conflict, ok := errors.AsType[*audit.ConflictError](err)
	if !ok || release.TxHash.IsZero() || conflict.TxHash.IsZero() || conflict.TxHash == release.TxHash {
		return err
	}
	// A reorganization of Starknet took the transaction that the log names off the
	// chain, or it never was there for good: the one that counts replaces it.
	old, statusErr := r.status(ctx, conflict.TxHash)
	if statusErr != nil {
		return statusErr
	}
	if old.State >= slastream.TxAccepted && old.Revert == nil {
		return err // both paid, which the escrow cannot: for a person to look at
	}
	release.Replaces = conflict.TxHash
	return r.log.Append(entries...)
}

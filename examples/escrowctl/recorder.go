package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// A recorder is a node that remembers which transactions it was sent.
type recorder struct {
	starknet.Caller

	mu   sync.Mutex
	sent []transaction
}

var _ starknet.Caller = (*recorder)(nil)

// A transaction is one that was sent.
type transaction struct {
	kind string // "declare" or "invoke"
	hash attestation.Word
	fee  slastream.Amount // FRI
}

// sendMethods are the methods that send a transaction, and its kind.
var sendMethods = map[string]string{
	"starknet_addDeclareTransaction": "declare",
	"starknet_addInvokeTransaction":  "invoke",
}

// CallContext makes the call.
func (r *recorder) CallContext(ctx context.Context, result any, method string, params ...any) error {
	kind, ok := sendMethods[method]
	if !ok {
		return r.Caller.CallContext(ctx, result, method, params...)
	}
	var raw json.RawMessage
	if err := r.Caller.CallContext(ctx, &raw, method, params...); err != nil {
		return err
	}
	var answer struct {
		Hash string `json:"transaction_hash"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return err
	}
	hash, err := attestation.ParseWord(answer.Hash)
	if err != nil {
		return fmt.Errorf("%s: transaction hash %.80q", method, answer.Hash)
	}
	r.mu.Lock()
	r.sent = append(r.sent, transaction{kind: kind, hash: hash})
	r.mu.Unlock()
	if result == nil {
		return nil
	}
	return json.Unmarshal(raw, result)
}

// hashes returns the hashes of what was sent, oldest first.
func (r *recorder) hashes() []attestation.Word {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []attestation.Word
	for _, tx := range r.sent {
		out = append(out, tx.hash)
	}
	return out
}

// transactions returns what was sent, with the fees from the receipts.
func (r *recorder) transactions(ctx context.Context) ([]transaction, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := []transaction{}
	for _, tx := range r.sent {
		f, err := starknet.FeltFromWord(tx.hash)
		if err != nil {
			return nil, err
		}
		var receipt struct {
			Fee struct {
				Amount string `json:"amount"`
			} `json:"actual_fee"`
		}
		if err := r.Caller.CallContext(ctx, &receipt, "starknet_getTransactionReceipt", f.String()); err != nil {
			return nil, fmt.Errorf("receipt of %v: %w", tx.hash, err)
		}
		fee, err := attestation.ParseWord(receipt.Fee.Amount)
		if err != nil {
			return nil, fmt.Errorf("receipt of %v: fee %.80q", tx.hash, receipt.Fee.Amount)
		}
		tx.fee = slastream.AmountFromWord(fee)
		out = append(out, tx)
	}
	return out, nil
}

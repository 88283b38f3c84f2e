package starknet

import (
	"context"
	"fmt"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A Log is an event as a contract emitted it. [ParseEvent] reads those of the
// escrow, [ParseTokenEvent] those of a token.
type Log struct {
	From slastream.Address // the contract
	Keys []*felt.Felt
	Data []*felt.Felt
}

// A Receipt is what became of a transaction that is in a block. The last of the
// Logs is the transfer of the fee to the sequencer, also after a revert.
type Receipt struct {
	Hash   attestation.Word
	Status slastream.TxStatus
	Fee    slastream.Amount // FRI
	Logs   []Log
}

type wireLog struct {
	From wireFelt   `json:"from_address"`
	Keys []wireFelt `json:"keys"`
	Data []wireFelt `json:"data"`
}

func (l *wireLog) log() (Log, error) {
	from, err := AddressFromFelt(l.From.felt())
	if err != nil {
		return Log{}, fmt.Errorf("%w: event: %w", ErrBadAnswer, err)
	}
	return Log{from, felts(l.Keys), felts(l.Data)}, nil
}

// A wireReceipt is TXN_RECEIPT_WITH_BLOCK_INFO. Pre-confirmed receipts have no
// block hash, and before RPC 0.9.0 no block number.
type wireReceipt struct {
	Hash      wireFelt `json:"transaction_hash"`
	Finality  string   `json:"finality_status"`
	Execution string   `json:"execution_status"`
	Reason    string   `json:"revert_reason"`
	Fee       struct {
		Amount wireFelt `json:"amount"`
	} `json:"actual_fee"`
	Events      []wireLog `json:"events"`
	BlockHash   *wireFelt `json:"block_hash"`
	BlockNumber *uint64   `json:"block_number"`
}

func (r *wireReceipt) receipt(hash attestation.Word) (*Receipt, error) {
	if got := hashWord(&r.Hash); got != hash {
		return nil, fmt.Errorf("%w: receipt of %v, asked for %v", ErrBadAnswer, got, hash)
	}
	state, err := txState(r.Finality)
	if err != nil {
		return nil, err
	}
	out := &Receipt{Hash: hash, Status: slastream.TxStatus{State: state}, Fee: slastream.AmountFromWord(hashWord(&r.Fee.Amount))}
	for i := range r.Events {
		l, err := r.Events[i].log()
		if err != nil {
			return nil, err
		}
		out.Logs = append(out.Logs, l)
	}
	if state < slastream.TxAccepted {
		return out, nil
	}
	if r.BlockHash == nil || r.BlockNumber == nil {
		return nil, fmt.Errorf("%w: receipt of %v: %s without block", ErrBadAnswer, hash, r.Finality)
	}
	out.Status.BlockHash, out.Status.BlockNumber = hashWord(r.BlockHash), *r.BlockNumber
	switch r.Execution {
	case "SUCCEEDED":
	case "REVERTED":
		out.Status.Revert = &slastream.RevertError{Reason: reason(r.Reason), TxHash: hash}
	default:
		return nil, fmt.Errorf("%w: receipt of %v: execution status %q", ErrBadAnswer, hash, excerpt(r.Execution))
	}
	return out, nil
}

// txState reads TXN_STATUS. What may still be dropped or reordered counts as
// received only.
func txState(s string) (slastream.TxState, error) {
	switch s {
	case "RECEIVED", "CANDIDATE", "PRE_CONFIRMED":
		return slastream.TxReceived, nil
	case "ACCEPTED_ON_L2":
		return slastream.TxAccepted, nil
	case "ACCEPTED_ON_L1":
		return slastream.TxSettled, nil
	}
	return 0, fmt.Errorf("%w: transaction status %q", ErrBadAnswer, excerpt(s))
}

// receipt asks for a receipt: nil, nil if the node has none, because it does
// not know the transaction or has not executed it yet.
func receipt(ctx context.Context, c Caller, hash attestation.Word) (*Receipt, error) {
	f, err := FeltFromWord(hash)
	if err != nil {
		return nil, fmt.Errorf("starknet: transaction hash: %w", err)
	}
	var r wireReceipt
	if err := call(ctx, c, &r, "starknet_getTransactionReceipt", wire(f)); err != nil {
		if n, ok := code(err); ok && n == codeTxHashNotFound {
			return nil, nil
		}
		return nil, err
	}
	return r.receipt(hash)
}

// status asks for the status of a transaction.
func status(ctx context.Context, c Caller, hash attestation.Word) (slastream.TxStatus, error) {
	s, _, err := lookUp(ctx, c, hash)
	return s, err
}

// lookUp asks for the status of a transaction, and returns its receipt if there
// is one.
func lookUp(ctx context.Context, c Caller, hash attestation.Word) (slastream.TxStatus, *Receipt, error) {
	r, err := receipt(ctx, c, hash)
	if err != nil {
		return slastream.TxStatus{}, nil, err
	}
	if r != nil {
		return r.Status, r, nil
	}
	// No receipt: it may wait in the mempool of the node.
	var s struct {
		Finality string `json:"finality_status"`
	}
	f, _ := FeltFromWord(hash) // receipt has checked it
	if err := call(ctx, c, &s, "starknet_getTransactionStatus", wire(f)); err != nil {
		if n, ok := code(err); ok && n == codeTxHashNotFound {
			return slastream.TxStatus{}, nil, nil
		}
		return slastream.TxStatus{}, nil, err
	}
	if _, err := txState(s.Finality); err != nil {
		return slastream.TxStatus{}, nil, err
	}
	// Even if it was accepted in between: the block is told by the receipt only.
	return slastream.TxStatus{State: slastream.TxReceived}, nil, nil
}

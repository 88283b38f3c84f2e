package starknet

import (
	"context"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
)

// A blockHeader is what is needed of a block.
type blockHeader struct {
	number uint64
	hash   attestation.Word
	parent attestation.Word
	time   uint64             // Unix seconds
	txs    []attestation.Word // in order
	l1     bool               // accepted on L1, and so on L2
}

// A wireBlock is BLOCK_WITH_TX_HASHES. A block that is not sealed has no hash.
type wireBlock struct {
	Status string     `json:"status"`
	Hash   *wireFelt  `json:"block_hash"`
	Parent *wireFelt  `json:"parent_hash"`
	Number *uint64    `json:"block_number"`
	Time   uint64     `json:"timestamp"`
	Txs    []wireFelt `json:"transactions"`
}

func (b *wireBlock) header() (*blockHeader, error) {
	if b.Hash == nil || b.Parent == nil || b.Number == nil {
		return nil, fmt.Errorf("%w: block without hash, parent or number", ErrBadAnswer)
	}
	h := &blockHeader{number: *b.Number, hash: hashWord(b.Hash), parent: hashWord(b.Parent), time: b.Time, l1: b.Status == "ACCEPTED_ON_L1"}
	if !h.l1 && b.Status != "ACCEPTED_ON_L2" {
		return nil, fmt.Errorf("%w: block %d with status %q", ErrBadAnswer, h.number, excerpt(b.Status))
	}
	if h.hash.IsZero() {
		return nil, fmt.Errorf("%w: block %d with hash 0", ErrBadAnswer, h.number)
	}
	h.txs = make([]attestation.Word, len(b.Txs))
	for i := range b.Txs {
		h.txs[i] = hashWord(&b.Txs[i])
	}
	return h, nil
}

// blockAt asks for the block of a number.
func (s *eventSource) blockAt(ctx context.Context, number uint64) (*blockHeader, error) {
	h, err := s.block(ctx, BlockNumber(number))
	if err == nil && h.number != number {
		return nil, fmt.Errorf("%w: block %d, asked for %d", ErrBadAnswer, h.number, number)
	}
	return h, err
}

func (s *eventSource) block(ctx context.Context, id Block) (*blockHeader, error) {
	var b wireBlock
	if err := s.ask(ctx, &b, "starknet_getBlockWithTxHashes", id); err != nil {
		return nil, err
	}
	return b.header()
}

// settled asks for the newest block that is accepted on L1, nil if there is none
// yet. A node that does not know the tag may answer with a newer one, which is
// an error.
func (s *eventSource) settled(ctx context.Context) (*blockHeader, error) {
	h, err := s.block(ctx, BlockL1Accepted())
	if n, _ := code(err); n == codeBlockNotFound {
		return nil, nil
	}
	if err == nil && !h.l1 {
		return nil, fmt.Errorf("%w: block %d is not accepted on L1, asked for one that is", ErrBadAnswer, h.number)
	}
	return h, err
}

// receipts asks for a block and the events in it that the filter takes.
func (s *eventSource) receipts(ctx context.Context, number uint64) (*blockHeader, []placedLog, error) {
	var b struct {
		wireBlock
		Txs []struct {
			Receipt struct {
				Hash   wireFelt  `json:"transaction_hash"`
				Events []wireLog `json:"events"`
			} `json:"receipt"`
		} `json:"transactions"`
	}
	if err := s.ask(ctx, &b, "starknet_getBlockWithReceipts", BlockNumber(number)); err != nil {
		return nil, nil, err
	}
	h, err := b.header()
	switch {
	case err != nil:
		return nil, nil, err
	case h.number != number:
		return nil, nil, fmt.Errorf("%w: block %d, asked for %d", ErrBadAnswer, h.number, number)
	}
	var list []placedLog
	for i := range b.Txs {
		r := &b.Txs[i].Receipt
		for j := range r.Events {
			log, err := r.Events[j].log()
			if err != nil {
				return nil, nil, err
			}
			if s.matches(&log) {
				list = append(list, placedLog{
					log: log, hash: h.hash,
					id:    EventID{TxHash: hashWord(&r.Hash), Index: uint64(j)},
					place: place{number, uint64(i), uint64(j)},
				})
			}
		}
	}
	return h, list, nil
}

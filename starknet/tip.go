package starknet

import (
	"context"
	"fmt"
	"slices"
)

// maxTipSample bounds the requests of MedianTip.
const maxTipSample = 100

// MedianTip returns the median of the tips of so many transactions, spread
// evenly over the newest accepted block: something to set [Fees.Tip] from where
// blocks are full. A sample is 1 to 100, a request each, and fewer if the block
// has fewer; whole blocks are never loaded. The tip is in FRI for a unit of L2
// gas, 0 for an empty block. Transactions without a tip, of L1 or of an old
// version, count as 0.
func (a *Account) MedianTip(ctx context.Context, sample int) (uint64, error) {
	var head struct {
		Hash   wireFelt `json:"block_hash"`
		Number uint64   `json:"block_number"`
	}
	if err := call(ctx, a.caller, &head, "starknet_blockHashAndNumber"); err != nil {
		return 0, err
	}
	type byHash struct {
		Hash wireFelt `json:"block_hash"`
	}
	block := byHash{head.Hash}
	var count uint64
	if err := call(ctx, a.caller, &count, "starknet_getBlockTransactionCount", block); err != nil {
		return 0, err
	}
	size := min(count, uint64(min(max(sample, 1), maxTipSample)))
	if size == 0 {
		return 0, nil
	}
	var tips []uint64
	for i := range size {
		var tx struct {
			Tip wireFelt `json:"tip"`
		}
		// count may be anything: no product of it.
		index := count/size*i + count%size*i/size
		if err := call(ctx, a.caller, &tx, "starknet_getTransactionByBlockIdAndIndex", block, index); err != nil {
			return 0, err
		}
		tip, ok := WordFromFelt(tx.Tip.felt()).Uint64()
		if !ok {
			return 0, fmt.Errorf("%w: tip %v", ErrBadAnswer, tx.Tip.felt())
		}
		tips = append(tips, tip)
	}
	slices.Sort(tips)
	return tips[len(tips)/2], nil
}

package starknet

import (
	"context"
	"fmt"
	"math"

	"github.com/slastream/slastream-go/slastream"
)

// bumpPercent is what a replacement must add to the tip and to the price of L2
// gas.
const bumpPercent = 10

// Bump makes a transaction to replace one that does not get in: the same calls
// and nonce, every price and the tip higher by a tenth, and the bounds at least
// those of a fresh estimate. It does not send it.
//
// That is the rule of the sequencer's mempool (starkware-libs/sequencer,
// crates/apollo_mempool/src/mempool.rs, should_replace_tx): tip and maximal
// price of L2 gas must both be at least fee_escalation_percentage, 10, above
// those of the transaction that waits, rounded up; otherwise the answer is code
// 64 or 59. A transaction that a sequencer has put into its block already can
// not be replaced, and nodes without a mempool have nothing to replace in.
//
// The old transaction stays valid: either may be included, whichever a
// sequencer takes first, and only one can. So wait for both hashes, and keep
// the old one until the new one is accepted. A tip of 0 becomes 1.
//
// Errors: [ErrNonce] if the nonce is used, then there is nothing left to
// replace; *[FeeError]; *slastream.RevertError if the calls would revert by now;
// [ErrMalformed] if tx is none of this account and chain.
func (a *Account) Bump(ctx context.Context, tx slastream.SignedTx) (slastream.SignedTx, error) {
	if err := a.checkChain(ctx); err != nil {
		return slastream.SignedTx{}, err
	}
	old, err := a.read(tx)
	if err != nil {
		return slastream.SignedTx{}, err
	}
	fresh, err := a.estimateOpen(ctx, old.calldata, old.nonce)
	if err != nil {
		return slastream.SignedTx{}, err
	}
	was := old.bounds
	old.bounds = Bounds{
		L1Gas:     was.L1Gas.bump(fresh.L1Gas),
		L1DataGas: was.L1DataGas.bump(fresh.L1DataGas),
		L2Gas:     was.L2Gas.bump(fresh.L2Gas),
		Tip:       max(fresh.Tip, bumpTip(was.Tip)),
	}
	u, err := a.unsigned(*old)
	if err != nil {
		return slastream.SignedTx{}, err
	}
	return a.sign(ctx, u)
}

// bump is b at a price higher by a tenth, and at least fresh.
func (b Bound) bump(fresh Bound) Bound {
	price := morePrice(b.Price, bumpPercent, true)
	if fresh.Price.Cmp(price) > 0 {
		price = fresh.Price
	}
	return Bound{max(b.Amount, fresh.Amount), price}
}

// bumpTip is a tip higher by a tenth, rounded up, and by 1 at least.
func bumpTip(tip uint64) uint64 {
	more := max(tip/10, 1)
	if tip > 10 && tip%10 > 0 {
		more++
	}
	return min(tip, math.MaxUint64-more) + more
}

// read reads a signed transaction of this account. The hash must be the one
// that its body has.
func (a *Account) read(tx slastream.SignedTx) (*invokeTx, error) {
	t, err := parseInvoke(tx.Body)
	if err != nil {
		return nil, fmt.Errorf("starknet: transaction %v: %w", tx.Hash, err)
	}
	chain, err := FeltFromWord(a.chainID)
	if err != nil {
		return nil, fmt.Errorf("starknet: chain id: %w", err)
	}
	switch hash := WordFromFelt(t.hash(chain)); {
	case t.sender != a.address || tx.Sender != a.address:
		return nil, fmt.Errorf("%w: transaction %v: sender %v, want %v", ErrMalformed, tx.Hash, t.sender, a.address)
	case t.nonce != tx.Nonce:
		return nil, fmt.Errorf("%w: transaction %v: nonce %d, want %d", ErrMalformed, tx.Hash, t.nonce, tx.Nonce)
	case hash != tx.Hash:
		return nil, fmt.Errorf("%w: transaction %v: its body has the hash %v", ErrMalformed, tx.Hash, hash)
	}
	return t, nil
}

package starknet

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// Fees is what an account may pay. The zero value adds half to every estimate,
// pays no tip and has no cap.
//
// What a transaction may cost is the sum of its [Bounds], which is more than
// what it will cost: it pays for the gas it uses at the price of its block. The
// caps count the bounds, since only they are certain when a transaction is
// signed.
type Fees struct {
	// AmountMargin and PriceMargin are what is added to the estimated amounts of
	// gas and to the prices, in percent. 0 means 50; 1 is the least.
	AmountMargin, PriceMargin uint16
	// Max is the most that one transaction may cost, in FRI. 0 means no cap.
	Max slastream.Amount
	// MaxPerDay is the most that the transactions signed in the last 24 hours
	// may cost together, in FRI. 0 means no cap. It counts what this Account
	// signed in this process, nothing that other programs sign and nothing from
	// before a restart. A transaction counts with its bounds until its receipt is
	// seen, then with the fee it paid; one that was never sent does not count;
	// of several with one nonce only the dearest counts, since the chain
	// executes one.
	MaxPerDay slastream.Amount
	// Tip is paid on top of the price, in FRI for each unit of L2 gas.
	// Sequencers take higher tips first. Nearly all transactions go without one
	// as long as blocks are not full; [Account.MedianTip] tells what others pay.
	Tip uint64
}

// WithFees sets what the account may pay.
func WithFees(f Fees) AccountOption { return func(a *Account) { a.fees = f } }

// A FeeError says that a transaction was not signed because it may cost more
// than [Fees] allow.
type FeeError struct {
	Most slastream.Amount // what the transaction may cost at most, FRI
	Cap  slastream.Amount // the cap, FRI
	Day  bool             // the cap is Fees.MaxPerDay, not Fees.Max
	Left slastream.Amount // what is left of it; only if Day
}

func (e *FeeError) Error() string {
	const decimals = 18
	most, limit := e.Most.Format(decimals), e.Cap.Format(decimals)
	if e.Day {
		return fmt.Sprintf("starknet: transaction may cost %s STRK, but %s of Fees.MaxPerDay %s are left: wait, or raise the cap",
			most, e.Left.Format(decimals), limit)
	}
	return fmt.Sprintf("starknet: transaction may cost %s STRK, more than Fees.Max %s: make fewer calls at once, wait for lower prices, or raise the cap", most, limit)
}

// A Bound is how much of a resource a transaction may use, and at what price.
type Bound struct {
	Amount uint64
	Price  slastream.Amount // FRI for a unit, below 2^128
}

// Bounds are the resource bounds and the tip of a transaction: what it may cost.
// The hash covers them.
type Bounds struct {
	L1Gas, L1DataGas, L2Gas Bound
	Tip                     uint64 // FRI for a unit of L2 gas, on top of its price
}

// Most returns the most that a transaction with these bounds can cost, in FRI.
func (b Bounds) Most() slastream.Amount {
	sum := new(big.Int)
	for _, r := range []struct {
		bound Bound
		tip   uint64
	}{{b.L1Gas, 0}, {b.L1DataGas, 0}, {b.L2Gas, b.Tip}} {
		price := r.bound.Price.Word().Big()
		price.Add(price, new(big.Int).SetUint64(r.tip))
		sum.Add(sum, price.Mul(price, new(big.Int).SetUint64(r.bound.Amount)))
	}
	return amountFromBig(sum)
}

func (b Bounds) check() error {
	for _, r := range []Bound{b.L1Gas, b.L1DataGas, b.L2Gas} {
		if w := r.Price.Word(); !fits(w, 16) {
			return &RangeError{"u128", w}
		}
	}
	return nil
}

// amountFromBig returns v, which is not negative, or the largest amount.
func amountFromBig(v *big.Int) slastream.Amount {
	var w attestation.Word
	if v.BitLen() > 256 {
		for i := range w {
			w[i] = 0xff
		}
		return slastream.AmountFromWord(w)
	}
	v.FillBytes(w[:])
	return slastream.AmountFromWord(w)
}

// maxL2Gas is what a transaction may use at most: the network's own limit was
// raised to 1.11e9 only in 0.14.4.
const maxL2Gas = 1_000_000_000

// bounds adds the margins to an estimate. The L2 amount stays at the limit of
// the network if the margin alone would exceed it.
func (f *Fees) bounds(e *estimate) (Bounds, error) {
	b := Bounds{Tip: f.Tip}
	for _, r := range []struct {
		name          string
		amount, price *wireFelt
		to            *Bound
	}{
		{"l1_gas", &e.L1Gas, &e.L1GasPrice, &b.L1Gas},
		{"l1_data_gas", &e.L1DataGas, &e.L1DataPrice, &b.L1DataGas},
		{"l2_gas", &e.L2Gas, &e.L2GasPrice, &b.L2Gas},
	} {
		amount, ok := WordFromFelt(r.amount.felt()).Uint64()
		price := WordFromFelt(r.price.felt())
		if !ok || amount > 1<<62 || !fits(price, 15) {
			return Bounds{}, fmt.Errorf("%w: estimate of %s: amount %v, price %v", ErrBadAnswer, r.name, r.amount.felt(), r.price.felt())
		}
		*r.to = Bound{moreUint(amount, margin(f.AmountMargin)), morePrice(slastream.AmountFromWord(price), margin(f.PriceMargin), false)}
	}
	used, _ := WordFromFelt(e.L2Gas.felt()).Uint64()
	if used == 0 { // every transaction uses some
		return Bounds{}, fmt.Errorf("%w: estimate without l2_gas_consumed", ErrBadAnswer)
	}
	if b.L2Gas.Amount > maxL2Gas {
		b.L2Gas.Amount = max(used, maxL2Gas)
	}
	return b, nil
}

func margin(percent uint16) uint64 {
	if percent == 0 {
		return 50
	}
	return uint64(percent)
}

// moreUint is v and percent of it, at most the end of a u64.
func moreUint(v, percent uint64) uint64 {
	high, low := bits.Mul64(v, percent)
	if high >= 100 {
		return math.MaxUint64
	}
	more, _ := bits.Div64(high, low, 100)
	sum, carry := bits.Add64(v, more, 0)
	if carry > 0 {
		return math.MaxUint64
	}
	return sum
}

// morePrice is v and percent of it, rounded down or up, at most the end of
// a u128.
func morePrice(v slastream.Amount, percent uint64, up bool) slastream.Amount {
	n := v.Word().Big()
	more := new(big.Int).Mul(n, new(big.Int).SetUint64(percent))
	if up {
		more.Add(more, big.NewInt(99))
	}
	n.Add(n, more.Div(more, big.NewInt(100)))
	if n.BitLen() > 128 {
		n.Sub(new(big.Int).Lsh(big.NewInt(1), 128), big.NewInt(1))
	}
	return amountFromBig(n)
}

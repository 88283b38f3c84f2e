package simulated

import (
	"fmt"

	"github.com/slastream/slastream-go/slastream"
)

// Gas prices in FRI and the least that a transaction must allow, as on
// starknet-devnet.
const (
	gasPrice   = 1_000_000_000
	minL2Gas   = 550_000
	minDataGas = 128
)

// A cost is the gas of one call: what starknet-devnet 0.6.1 charged for the
// same call on the real contract, rounded. An estimate, not a measurement: no
// Cairo runs here.
type cost struct {
	done   uint64 // L2 gas if the transaction succeeds
	undone uint64 // L2 gas if a later call reverts it
	failed uint64 // L2 gas if this call reverts it
	data   uint64 // L1 data gas of the first such call in a transaction
}

const (
	baseL2Gas   = 750_720 // validate, an empty execute, fee transfer
	baseDataGas = 128
	moreDataGas = 64 // of a call like the one before
)

// gas is what a transaction used.
type gas struct{ l2, data uint64 }

// meter sums up the gas of the calls of one transaction.
type meter struct {
	done, undone, data uint64
	last               *entry
}

func (m *meter) add(e *entry) {
	m.done += e.cost.done
	m.undone += e.cost.undone
	switch {
	case e.cost.data == 0:
	case m.last == nil:
		m.data += e.cost.data
	case m.last == e:
		m.data += moreDataGas
	default:
		m.data += e.cost.data - moreDataGas
	}
	m.last = e
}

// used is the gas of a transaction whose calls all succeeded.
func (m *meter) used() gas { return gas{baseL2Gas + m.done, baseDataGas + m.data} }

// reverted is the gas of a transaction that the entry point e reverted; e is
// nil if there was none.
func (m *meter) reverted(e *entry) gas {
	g := gas{baseL2Gas + m.undone, baseDataGas}
	if e != nil {
		g.l2 += e.cost.failed
	}
	return g
}

// fee is the price of the gas. tip is FRI for a unit of L2 gas.
func (g gas) fee(tip slastream.Amount) slastream.Amount {
	price, _ := slastream.AmountFromUint64(gasPrice).Add(tip)
	l2, _ := price.Mul(g.l2)
	data, _ := slastream.AmountFromUint64(gasPrice).Mul(g.data)
	sum, _ := l2.Add(data)
	return sum
}

// estimated is g as a node estimates it: L1 data gas comes out higher than
// what is charged.
func (g gas) estimated(calls int) gas {
	return gas{g.l2, g.data + 32*uint64(calls+1)}
}

// exceeded says which bound the gas is above, in the words of the blockifier,
// and the gas that is charged then; "" if none.
func (g gas) exceeded(b *resourceBounds) (string, gas) {
	if most := b.L2Gas.amount(); g.l2 > most {
		return fmt.Sprintf("Insufficient max L2Gas: max amount: %d, actual used: %d.", most, g.l2), gas{most, g.data}
	}
	if most := b.L1DataGas.amount(); g.data > most {
		return fmt.Sprintf("Insufficient max L1DataGas: max amount: %d, actual used: %d.", most, g.data), gas{g.l2, most}
	}
	return "", g
}

// zero reports whether nothing at all may be used.
func (b *resourceBounds) zero() bool {
	return b.L1Gas.amount() == 0 && b.L1DataGas.amount() == 0 && b.L2Gas.amount() == 0
}

// covers reports whether the bounds allow the present prices and the least
// gas of any transaction.
func (b *resourceBounds) covers() bool {
	price := slastream.AmountFromUint64(gasPrice)
	for _, r := range []struct {
		bound bound
		least uint64
	}{{b.L1Gas, 0}, {b.L1DataGas, minDataGas}, {b.L2Gas, minL2Gas}} {
		if r.bound.amount() < r.least || slastream.AmountFromWord(r.bound.Price.bytes()).Cmp(price) < 0 {
			return false
		}
	}
	return true
}

// most is the largest fee: the sum of each limit times its price.
func (b *resourceBounds) most(tip slastream.Amount) slastream.Amount {
	// Three products of at most 192 bits, and a tip of 128.
	sum, _ := b.L1Gas.most().Add(b.L1DataGas.most())
	sum, _ = sum.Add(b.L2Gas.most())
	tips, _ := tip.Mul(b.L2Gas.amount())
	sum, _ = sum.Add(tips)
	return sum
}

package slastream

import (
	"errors"
	"fmt"
	"strings"

	"github.com/holiman/uint256"

	"github.com/slastream/slastream-go/attestation"
)

// ErrAmountRange is returned by arithmetic whose result is not in [0, 2^256).
var ErrAmountRange = errors.New("slastream: amount out of range")

// An Amount is a number of tokens in base units (FRI for STRK, wei for ETH): a
// u256 whose arithmetic is checked. It is comparable; the zero value is 0.
type Amount struct{ v uint256.Int }

// AmountFromUint64 returns v base units.
func AmountFromUint64(v uint64) Amount { return Amount{*uint256.NewInt(v)} }

// AmountFromWord returns w base units.
func AmountFromWord(w attestation.Word) Amount {
	var a Amount
	a.v.SetBytes32(w[:])
	return a
}

// ParseAmount reads a decimal number of tokens, such as "1.5", and returns it
// in base units of a token with that many decimals. With decimals 0, s is in
// base units. It fails if s has more fractional digits than decimals, anything
// but digits and one point, or a value of 2^256 or more: nothing is rounded.
func ParseAmount(s string, decimals uint8) (Amount, error) {
	whole, frac, point := strings.Cut(s, ".")
	switch {
	case whole == "" || point && frac == "" || !allDigits(whole) || !allDigits(frac):
		return Amount{}, fmt.Errorf("slastream: amount %q: want decimal digits with at most one point", excerpt(s))
	case len(frac) > int(decimals):
		return Amount{}, fmt.Errorf("slastream: amount %q: more than %d fractional digits", excerpt(s), decimals)
	}
	digits := strings.TrimLeft(whole+frac+strings.Repeat("0", int(decimals)-len(frac)), "0")
	if digits == "" {
		return Amount{}, nil
	}
	var a Amount
	if len(digits) > 78 || a.v.SetFromDecimal(digits) != nil {
		return Amount{}, fmt.Errorf("slastream: amount %q with %d decimals: %w", excerpt(s), decimals, ErrAmountRange)
	}
	return a, nil
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Add returns a + b, or [ErrAmountRange].
func (a Amount) Add(b Amount) (Amount, error) {
	var sum Amount
	if _, overflow := sum.v.AddOverflow(&a.v, &b.v); overflow {
		return Amount{}, fmt.Errorf("%w: %v + %v", ErrAmountRange, a, b)
	}
	return sum, nil
}

// Sub returns a − b, or [ErrAmountRange] if b is greater than a.
func (a Amount) Sub(b Amount) (Amount, error) {
	var diff Amount
	if _, underflow := diff.v.SubOverflow(&a.v, &b.v); underflow {
		return Amount{}, fmt.Errorf("%w: %v - %v", ErrAmountRange, a, b)
	}
	return diff, nil
}

// Mul returns a × n, or [ErrAmountRange].
func (a Amount) Mul(n uint64) (Amount, error) {
	var product Amount
	if _, overflow := product.v.MulOverflow(&a.v, uint256.NewInt(n)); overflow {
		return Amount{}, fmt.Errorf("%w: %v * %d", ErrAmountRange, a, n)
	}
	return product, nil
}

// Cmp compares a and b: -1, 0 or +1.
func (a Amount) Cmp(b Amount) int { return a.v.Cmp(&b.v) }

// IsZero reports whether a is 0.
func (a Amount) IsZero() bool { return a.v.IsZero() }

// Word returns a as an integer.
func (a Amount) Word() attestation.Word { return a.v.Bytes32() }

// String returns a in base units, decimal.
func (a Amount) String() string { return a.v.Dec() }

// Format returns a in whole tokens of the given decimals, without trailing
// zeros: Format(18) of 1500000000000000000 is "1.5". [ParseAmount] reads it
// back.
func (a Amount) Format(decimals uint8) string {
	s := a.v.Dec()
	d := int(decimals)
	if d == 0 {
		return s
	}
	if len(s) <= d {
		s = strings.Repeat("0", d-len(s)+1) + s
	}
	frac := strings.TrimRight(s[len(s)-d:], "0")
	if frac == "" {
		return s[:len(s)-d]
	}
	return s[:len(s)-d] + "." + frac
}

// MarshalText returns [Amount.String].
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads base units, as [ParseAmount] with 0 decimals does.
func (a *Amount) UnmarshalText(b []byte) error {
	v, err := ParseAmount(string(b), 0)
	if err != nil {
		return err
	}
	*a = v
	return nil
}

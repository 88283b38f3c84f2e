package naive

import "math/big"

// Rules is the behaviour of one of the two corelibs.
type Rules string

// The two behaviours.
const (
	LowS   Rules = "lows"   // corelib 2.14.0 and later
	Legacy Rules = "legacy" // corelib 2.13.1 and earlier
)

// The felts that release_chunk panics with, as text. Accept is the answer where
// it does not panic.
const (
	Accept          = ""
	InvalidArgument = "Invalid argument"
	UnwrapFailed    = "Option::unwrap failed."
	RecoveryFailed  = "Signature recovery failed"
	KeyXMismatch    = "PKP key X mismatch"
	KeyYMismatch    = "PKP key Y mismatch"
)

// A Signature is what release_chunk receives: r and s are u256, v is u32.
type Signature struct {
	R, S *big.Int
	V    uint32
}

// Verdict returns [Accept], or the felt that release_chunk panics with when it
// checks a signature of the digest z against the stored key (x, y). Any u256
// are allowed for them.
func Verdict(rules Rules, z *big.Int, sig Signature, x, y *big.Int) string {
	q, felt := Recover(rules, z, sig)
	if felt != "" {
		return felt
	}
	return Compare(q, x, y)
}

// Compare is the second half of [Verdict]: the recovered key against the stored
// one, first x, then y.
func Compare(q Point, x, y *big.Int) string {
	qx, qy := q.XY()
	if qx.Cmp(x) != 0 {
		return KeyXMismatch
	}
	if qy.Cmp(y) != 0 {
		return KeyYMismatch
	}
	return Accept
}

// Recover is recover_public_key with the assertion that it found something: the
// point, or the felt of the panic.
func Recover(rules Rules, z *big.Int, sig Signature) (q Point, felt string) {
	if rules == LowS && !IsInLowSRange(sig) {
		return Point{}, RecoveryFailed
	}
	if sig.R.Cmp(p) >= 0 {
		return Point{}, InvalidArgument
	}
	point, ok := PointWithX(sig.R, IsOdd(sig.V))
	if !ok {
		return Point{}, RecoveryFailed
	}
	rInverse := inverse(sig.R, n)
	if rInverse == nil {
		return Point{}, UnwrapFailed
	}
	u1 := mod(mul(z, rInverse), n)
	u2 := mod(mul(sig.S, rInverse), n)
	return g.Times(sub(n, u1)).Plus(point.Times(u2)), ""
}

// IsInLowSRange is the guard of corelib 2.14.0: 0 < r < n and 0 < s ≤ ⌊n/2⌋.
func IsInLowSRange(sig Signature) bool {
	half := new(big.Int).Rsh(n, 1)
	return sig.R.Sign() > 0 && sig.R.Cmp(n) < 0 && sig.S.Sign() > 0 && sig.S.Cmp(half) <= 0
}

// IsOdd is the contract's reading of v: only 1 says that R has an odd y.
func IsOdd(v uint32) bool { return v == 1 }

package starknet

import (
	"sync"

	"github.com/NethermindEth/juno/core/felt"
	starkcurve "github.com/consensys/gnark-crypto/ecc/stark-curve"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/fr"
)

// A multiples holds j·16^i·P for every window i and digit j from 1 to 15, so
// that a multiple of P is at most 64 additions and no doubling.
type multiples [64][15]starkcurve.G1Affine

func newMultiples(p *starkcurve.G1Affine) *multiples {
	list := make([]starkcurve.G1Jac, 0, len(multiples{})*15)
	var base starkcurve.G1Jac
	base.FromAffine(p)
	for range len(multiples{}) {
		sum := base
		for range 15 {
			list = append(list, sum)
			sum.AddAssign(&base)
		}
		base = sum
	}
	m := new(multiples)
	for i, a := range starkcurve.BatchJacobianToAffineG1(list) {
		m[i/15][i%15] = a
	}
	return m
}

// times returns k·P.
func (m *multiples) times(k *fr.Element) starkcurve.G1Jac {
	var sum starkcurve.G1Jac
	sum.X.SetOne()
	sum.Y.SetOne() // and Z = 0: the point at infinity
	digits := k.Bytes()
	for i := range m {
		d := digits[31-i/2]
		if i%2 == 1 {
			d >>= 4
		}
		if d &= 15; d != 0 {
			sum.AddMixed(&m[i][d-1])
		}
	}
	return sum
}

var generator = sync.OnceValue(func() *multiples {
	_, g := starkcurve.Generators()
	return newMultiples(&g)
})

// A verifier checks signatures of one public key with tables of multiples,
// several times faster than without: an account checks each of its signatures.
type verifier struct {
	key *multiples // nil if the public key is no point of the curve
}

// newVerifier makes the tables of the public key with that x.
func newVerifier(x *felt.Felt) *verifier {
	if x == nil {
		return new(verifier)
	}
	// y² = x³ + x + b. Which root it is does not matter: see verify.
	p := starkcurve.G1Affine{X: fp.Element(*x)}
	_, b := starkcurve.CurveCoefficients()
	p.Y.Square(&p.X).Mul(&p.Y, &p.X).Add(&p.Y, &p.X).Add(&p.Y, &b)
	if p.Y.Sqrt(&p.Y) == nil {
		return new(verifier)
	}
	return &verifier{newMultiples(&p)}
}

// verify reports whether (r, s) signs hash, as accounts check it:
// check_ecdsa_signature of Cairo's corelib knows only the x of the public key
// and accepts either y.
func (v *verifier) verify(hash, r, s *felt.Felt) bool {
	if v.key == nil || hash == nil || r == nil || s == nil {
		return false
	}
	rs, okR := scalar(r)
	ss, okS := scalar(s)
	if !okR || !okS {
		return false
	}
	h := hash.Bytes()
	var z, u1, u2 fr.Element
	z.SetBytes(h[:])
	ss.Inverse(&ss)
	u1.Mul(&z, &ss)
	u2.Mul(&rs, &ss)
	a, b := generator().times(&u1), v.key.times(&u2)
	var sum starkcurve.G1Jac
	want := fp.Element(*r)
	sum.Set(&a).AddAssign(&b)
	if hasX(&sum, &want) {
		return true
	}
	sum.Set(&a).SubAssign(&b)
	return hasX(&sum, &want)
}

// scalar returns f if it is in [1, n): Cairo refuses any other r or s.
func scalar(f *felt.Felt) (fr.Element, bool) {
	b := f.Bytes()
	var k fr.Element
	err := k.SetBytesCanonical(b[:])
	return k, err == nil && !k.IsZero()
}

// hasX reports whether x is the affine x of p, without a division.
func hasX(p *starkcurve.G1Jac, x *fp.Element) bool {
	if p.Z.IsZero() {
		return false
	}
	var zz fp.Element
	zz.Square(&p.Z)
	return p.X.Equal(zz.Mul(&zz, x))
}

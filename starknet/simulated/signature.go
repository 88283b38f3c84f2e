package simulated

import (
	"math/big"
	"sync"

	starkcurve "github.com/consensys/gnark-crypto/ecc/stark-curve"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/fr"
)

// windows is the number of 4-bit digits of a scalar.
const windows = 64

// multiples holds j·16^i·P for every window i and digit j from 1 to 15, so
// that a multiple of P is at most 64 additions and no doubling. A node checks
// one signature a transaction, always against the same few keys.
type multiples [windows][15]starkcurve.G1Affine

func newMultiples(p *starkcurve.G1Affine) *multiples {
	list := make([]starkcurve.G1Jac, 0, windows*15)
	var base starkcurve.G1Jac
	base.FromAffine(p)
	for range windows {
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

// addTo adds k·P to sum.
func (m *multiples) addTo(sum *starkcurve.G1Jac, k *fr.Element) {
	digits := k.Bytes()
	for i := range windows {
		b := digits[31-i/2]
		if i%2 == 1 {
			b >>= 4
		}
		if d := b & 15; d != 0 {
			sum.AddMixed(&m[i][d-1])
		}
	}
}

// generator returns the multiples of the generator, computed once.
var generator = sync.OnceValue(func() *multiples {
	_, g := starkcurve.Generators()
	return newMultiples(&g)
})

// A starkKey checks signatures of one account as OpenZeppelin's account does:
// check_ecdsa_signature of Cairo's corelib, which knows only the x of the
// public key and so accepts either y.
type starkKey struct {
	point     starkcurve.G1Affine
	multiples func() *multiples
}

func newStarkKey(secret *big.Int) *starkKey {
	k := new(starkKey)
	k.point.ScalarMultiplicationBase(secret)
	k.multiples = sync.OnceValue(func() *multiples { return newMultiples(&k.point) })
	return k
}

// publicKey is the x coordinate.
func (k *starkKey) publicKey() hexFelt { return hexFelt(k.point.X) }

// verify reports whether (r, s) signs hash.
func (k *starkKey) verify(hash, r, s hexFelt) bool {
	rs, okR := scalar(r)
	ss, okS := scalar(s)
	if !okR || !okS {
		return false
	}
	h := hash.bytes()
	var z, u1, u2 fr.Element
	z.SetBytes(h[:])
	ss.Inverse(&ss)
	u1.Mul(&z, &ss)
	u2.Mul(&rs, &ss)

	var a, b, sum starkcurve.G1Jac
	infinity(&a)
	infinity(&b)
	generator().addTo(&a, &u1)
	k.multiples().addTo(&b, &u2)
	want := fp.Element(r)
	sum.Set(&a).AddAssign(&b)
	if hasX(&sum, &want) {
		return true
	}
	sum.Set(&a).SubAssign(&b)
	return hasX(&sum, &want)
}

// scalar returns f if it is in [1, n): Cairo refuses any other r or s.
func scalar(f hexFelt) (fr.Element, bool) {
	b := f.bytes()
	var k fr.Element
	err := k.SetBytesCanonical(b[:])
	return k, err == nil && !k.IsZero()
}

func infinity(p *starkcurve.G1Jac) {
	p.X.SetOne()
	p.Y.SetOne()
	p.Z.SetZero()
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

package simulated

import (
	"math/big"
	"sync"
	"sync/atomic"

	starkcurve "github.com/consensys/gnark-crypto/ecc/stark-curve"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/fr"
)

// A multiples holds j·2^(width·i)·P for every window i of a scalar and digit j,
// so that a multiple of P is one addition a window and no doubling. A node
// checks one signature a transaction, always against the same few keys.
type multiples struct {
	width  int // bits of a window
	points []starkcurve.G1Affine
}

func newMultiples(p *starkcurve.G1Affine, width int) *multiples {
	windows, digits := (256+width-1)/width, 1<<width-1
	list := make([]starkcurve.G1Jac, 0, windows*digits)
	var base starkcurve.G1Jac
	base.FromAffine(p)
	for range windows {
		sum := base
		for range digits {
			list = append(list, sum)
			sum.AddAssign(&base)
		}
		base = sum
	}
	return &multiples{width, starkcurve.BatchJacobianToAffineG1(list)}
}

// addTo adds k·P to sum.
func (m *multiples) addTo(sum *starkcurve.G1Jac, k *fr.Element) {
	words := k.Bits()
	digits := 1<<m.width - 1
	for i, at := 0, 0; at < 256; i, at = i+1, at+m.width {
		d := words[at/64] >> (at % 64)
		if at%64+m.width > 64 && at/64 < 3 {
			d |= words[at/64+1] << (64 - at%64)
		}
		if j := int(d) & digits; j != 0 {
			sum.AddMixed(&m.points[i*digits+j-1])
		}
	}
}

// generator returns the multiples of the generator, computed once.
var generator = sync.OnceValue(func() *multiples {
	_, g := starkcurve.Generators()
	return newMultiples(&g, 8)
})

// A starkKey checks signatures of one account as OpenZeppelin's account does:
// check_ecdsa_signature of Cairo's corelib, which knows only the x of the
// public key and so accepts either y.
type starkKey struct {
	public hexFelt // x
	point  func() *starkcurve.G1Affine
	used   atomic.Bool
	table  func() *multiples
}

// newStarkKey returns the key with that x. One that is on no point of the
// curve verifies nothing.
func newStarkKey(public hexFelt) *starkKey {
	k := &starkKey{public: public}
	k.point = sync.OnceValue(func() *starkcurve.G1Affine {
		x := fp.Element(public)
		a, b := starkcurve.CurveCoefficients()
		var y fp.Element
		y.Square(&x).Add(&y, &a).Mul(&y, &x).Add(&y, &b) // x³ + ax + b
		if y.Sqrt(&y) == nil {
			return nil
		}
		return &starkcurve.G1Affine{X: x, Y: y}
	})
	k.table = sync.OnceValue(func() *multiples { return newMultiples(k.point(), 6) })
	return k
}

// publicKeyOf is the x coordinate of the public key of a secret.
func publicKeyOf(secret *big.Int) hexFelt {
	var p starkcurve.G1Affine
	p.ScalarMultiplicationBase(secret)
	return hexFelt(p.X)
}

// verify reports whether (r, s) signs hash. The table of multiples is made for
// the second signature: many accounts sign once.
func (k *starkKey) verify(hash, r, s hexFelt) bool {
	rs, okR := scalar(r)
	ss, okS := scalar(s)
	if !okR || !okS || k.point() == nil {
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
	if k.used.Swap(true) {
		k.table().addTo(&b, &u2)
	} else {
		b.FromAffine(k.point())
		b.ScalarMultiplication(&b, u2.BigInt(new(big.Int)))
	}
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

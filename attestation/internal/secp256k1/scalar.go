package secp256k1

import (
	"encoding/binary"
	"math/bits"

	"github.com/consensys/gnark-crypto/ecc/secp256k1/fr"
)

// A Scalar is an integer from 0 to n − 1, where n is the order of the group,
// in four limbs of 64 bits, least significant first.
type Scalar [4]uint64

// SetBytes sets k to the big-endian number b mod n and reports whether b is
// below n.
func (k *Scalar) SetBytes(b *[32]byte) bool {
	k[3] = binary.BigEndian.Uint64(b[0:])
	k[2] = binary.BigEndian.Uint64(b[8:])
	k[1] = binary.BigEndian.Uint64(b[16:])
	k[0] = binary.BigEndian.Uint64(b[24:])
	// 2^256 is below 2n: one subtraction is enough.
	var r Scalar
	var borrow uint64
	r[0], borrow = bits.Sub64(k[0], 0xbfd25e8cd0364141, 0)
	r[1], borrow = bits.Sub64(k[1], 0xbaaedce6af48a03b, borrow)
	r[2], borrow = bits.Sub64(k[2], 1<<64-2, borrow)
	r[3], borrow = bits.Sub64(k[3], 1<<64-1, borrow)
	if borrow == 0 {
		*k = r
	}
	return borrow != 0
}

// IsZero reports whether k is 0.
func (k *Scalar) IsZero() bool { return *k == Scalar{} }

// invert sets k to 1/x, and to 0 if x is 0.
func (k *Scalar) invert(x *Scalar) *Scalar {
	m := orderModulus()
	*k = m.invert(*x)
	return k
}

// fr.Element has Montgomery's form, k·2^256. The product of one number in that
// form and one without is a product without: so only divisors are converted.
func (k *Scalar) montgomery() fr.Element {
	// The element with these limbs is 2^512 mod n; as a number, 2^256.
	square := fr.Element{0x896cf21467d7d140, 0x741496c20e7cf878, 0xe697f5e45bcd07c6, 0x9d671cd581c69bc5}
	m := fr.Element(*k)
	m.Mul(&m, &square)
	return m
}

// mul sets k to x·y, where y has Montgomery's form.
func (k *Scalar) mul(x *Scalar, y *fr.Element) *Scalar {
	m := fr.Element(*x)
	m.Mul(&m, y)
	*k = Scalar(m)
	return k
}

// neg sets k to −x.
func (k *Scalar) neg(x *Scalar) *Scalar {
	m := fr.Element(*x)
	m.Neg(&m)
	*k = Scalar(m)
	return k
}

// A half is an integer of less than 2^128 in absolute value.
type half struct {
	lo, hi   uint64
	negative bool
}

// split returns a and b with k = a + b·λ mod n, where λ·(x, y) = (β·x, y).
// It is the decomposition of GLV: (k, 0) less the nearest vector of the lattice
// {(a, b): a + b·λ = 0 mod n}, whose basis is (a1, −b1), (a2, a1).
func (k *Scalar) split() (a, b half) {
	const (
		a10, a11 = 0xe86c90e49284eb15, 0x3086d221a7d46bcd
		b10, b11 = 0x6f547fa90abfe4c3, 0xe4437ed6010e8828
		a20, a21 = 0x57c1108d9d44cfd8, 0x14ca50f7a8e2f3f6 // and 2^128
	)
	// c1 = k·a1/n and c2 = k·b1/n, rounded, by factors round(2^384·a1/n) and
	// round(2^384·b1/n).
	c1 := k.scale(&Scalar{0xe893209a45dbb031, 0x3daa8a1471e8ca7f, a10, a11})
	c2 := k.scale(&Scalar{0x1571b4ae8ac47f71, 0x221208ac9df506c6, b10 + 1, b11})

	// a = k − c1·a1 − c2·a2 and b = c1·b1 − c2·a1, mod 2^192 because they are
	// short.
	x := wide192{k[0], k[1], k[2]}
	x.sub(mul192(c1, a10, a11))
	x.sub(mul192(c2, a20, a21))
	x.sub(wide192{0, 0, c2[0]})
	y := mul192(c1, b10, b11)
	y.sub(mul192(c2, a10, a11))
	return x.half(), y.half()
}

// scale returns k·f/2^384, rounded.
func (k *Scalar) scale(f *Scalar) [2]uint64 {
	var t [8]uint64
	for i, ki := range k {
		var carry uint64
		for j, fj := range f {
			h, l := bits.Mul64(ki, fj)
			var c uint64
			l, c = bits.Add64(l, t[i+j], 0)
			h += c
			l, c = bits.Add64(l, carry, 0)
			t[i+j], carry = l, h+c
		}
		t[i+4] = carry
	}
	lo, c := bits.Add64(t[6], t[5]>>63, 0)
	return [2]uint64{lo, t[7] + c}
}

// A wide192 is an integer mod 2^192, least significant limb first.
type wide192 [3]uint64

func (x *wide192) sub(y wide192) {
	var b uint64
	x[0], b = bits.Sub64(x[0], y[0], 0)
	x[1], b = bits.Sub64(x[1], y[1], b)
	x[2], _ = bits.Sub64(x[2], y[2], b)
}

// half returns the number between −2^191 and 2^191 that x stands for, which
// the caller knows to be a half.
func (x wide192) half() half {
	negative := x[2]>>63 == 1
	if negative {
		var y wide192
		y.sub(x)
		x = y
	}
	return half{x[0], x[1], negative}
}

// mul192 returns c·(m0 + m1·2^64).
func mul192(c [2]uint64, m0, m1 uint64) wide192 {
	h00, l00 := bits.Mul64(c[0], m0)
	h01, l01 := bits.Mul64(c[0], m1)
	h10, l10 := bits.Mul64(c[1], m0)
	r1, ca := bits.Add64(h00, l01, 0)
	r1, cb := bits.Add64(r1, l10, 0)
	return wide192{l00, r1, h01 + h10 + ca + cb + c[1]*m1}
}

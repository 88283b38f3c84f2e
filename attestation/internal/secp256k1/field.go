package secp256k1

import (
	"encoding/binary"
	"math/bits"
)

// An Element is an element of the field of the curve, an integer mod
// p = 2^256 − 2^32 − 977, in four limbs of 64 bits, least significant first.
// Every value of the limbs is allowed: numbers from p up to 2^256 stand for
// themselves less p. [Element.Bytes], [Element.IsZero], [Element.IsOdd] and
// [Element.Equal] see through that.
type Element [4]uint64

// fold is 2^256 mod p: what a carry out of the highest limb is worth.
const fold = 1<<32 + 977

// The limbs of p.
const (
	p0 = 1<<64 - fold
	p1 = 1<<64 - 1 // also the two higher ones
)

// SetBytes sets z to the big-endian number b and reports whether it is below
// p. If not, z is the number less p.
func (z *Element) SetBytes(b *[32]byte) bool {
	z[3] = binary.BigEndian.Uint64(b[0:])
	z[2] = binary.BigEndian.Uint64(b[8:])
	z[1] = binary.BigEndian.Uint64(b[16:])
	z[0] = binary.BigEndian.Uint64(b[24:])
	return !z.reduce()
}

// Bytes returns the number from 0 to p − 1 in big-endian bytes.
func (z *Element) Bytes() [32]byte {
	r := *z
	r.reduce()
	var b [32]byte
	binary.BigEndian.PutUint64(b[0:], r[3])
	binary.BigEndian.PutUint64(b[8:], r[2])
	binary.BigEndian.PutUint64(b[16:], r[1])
	binary.BigEndian.PutUint64(b[24:], r[0])
	return b
}

// reduce brings z below p and reports whether it had to.
func (z *Element) reduce() bool {
	if z[3]&z[2]&z[1] != p1 || z[0] < p0 {
		return false
	}
	*z = Element{z[0] - p0}
	return true
}

// IsZero reports whether z is 0 mod p.
func (z *Element) IsZero() bool {
	return z[0]|z[1]|z[2]|z[3] == 0 || z[3]&z[2]&z[1] == p1 && z[0] == p0
}

// IsOdd reports whether the number from 0 to p − 1 is odd.
func (z *Element) IsOdd() bool {
	r := *z
	r.reduce()
	return r[0]&1 == 1
}

// Equal reports whether z and x are equal mod p.
func (z *Element) Equal(x *Element) bool {
	var d Element
	d.Sub(z, x)
	return d.IsZero()
}

// Add sets z to x + y.
func (z *Element) Add(x, y *Element) *Element {
	r0, c := bits.Add64(x[0], y[0], 0)
	r1, c := bits.Add64(x[1], y[1], c)
	r2, c := bits.Add64(x[2], y[2], c)
	r3, c := bits.Add64(x[3], y[3], c)
	r0, c = bits.Add64(r0, -c&fold, 0)
	r1, c = bits.Add64(r1, 0, c)
	r2, c = bits.Add64(r2, 0, c)
	r3, c = bits.Add64(r3, 0, c)
	// A second carry leaves less than fold in r0: no third one.
	z[0], z[1], z[2], z[3] = r0+-c&fold, r1, r2, r3
	return z
}

// Sub sets z to x − y.
func (z *Element) Sub(x, y *Element) *Element {
	r0, b := bits.Sub64(x[0], y[0], 0)
	r1, b := bits.Sub64(x[1], y[1], b)
	r2, b := bits.Sub64(x[2], y[2], b)
	r3, b := bits.Sub64(x[3], y[3], b)
	r0, b = bits.Sub64(r0, -b&fold, 0)
	r1, b = bits.Sub64(r1, 0, b)
	r2, b = bits.Sub64(r2, 0, b)
	r3, b = bits.Sub64(r3, 0, b)
	// A second borrow leaves more than 2^64 − fold in r0: no third one.
	z[0], z[1], z[2], z[3] = r0-(-b&fold), r1, r2, r3
	return z
}

// Neg sets z to −x.
func (z *Element) Neg(x *Element) *Element { return z.Sub(&Element{}, x) }

// Double sets z to 2x.
func (z *Element) Double(x *Element) *Element { return z.Add(x, x) }

// Mul sets z to x·y. The reduction at its end stands in Square too: as a function
// of eight arguments it would make both a sixth slower.
func (z *Element) Mul(x, y *Element) *Element {
	var c uint64
	y0, y1, y2, y3 := y[0], y[1], y[2], y[3]

	a := x[0]
	h0, t0 := bits.Mul64(a, y0)
	h1, t1 := bits.Mul64(a, y1)
	h2, t2 := bits.Mul64(a, y2)
	t4, t3 := bits.Mul64(a, y3)
	t1, c = bits.Add64(t1, h0, 0)
	t2, c = bits.Add64(t2, h1, c)
	t3, c = bits.Add64(t3, h2, c)
	t4 += c

	var l0, l1, l2, l3, h3 uint64
	a = x[1]
	h0, l0 = bits.Mul64(a, y0)
	h1, l1 = bits.Mul64(a, y1)
	h2, l2 = bits.Mul64(a, y2)
	h3, l3 = bits.Mul64(a, y3)
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	t1, c = bits.Add64(t1, l0, 0)
	t2, c = bits.Add64(t2, l1, c)
	t3, c = bits.Add64(t3, l2, c)
	t4, c = bits.Add64(t4, l3, c)
	t5 := h3 + c

	a = x[2]
	h0, l0 = bits.Mul64(a, y0)
	h1, l1 = bits.Mul64(a, y1)
	h2, l2 = bits.Mul64(a, y2)
	h3, l3 = bits.Mul64(a, y3)
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	t2, c = bits.Add64(t2, l0, 0)
	t3, c = bits.Add64(t3, l1, c)
	t4, c = bits.Add64(t4, l2, c)
	t5, c = bits.Add64(t5, l3, c)
	t6 := h3 + c

	a = x[3]
	h0, l0 = bits.Mul64(a, y0)
	h1, l1 = bits.Mul64(a, y1)
	h2, l2 = bits.Mul64(a, y2)
	h3, l3 = bits.Mul64(a, y3)
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	t3, c = bits.Add64(t3, l0, 0)
	t4, c = bits.Add64(t4, l1, c)
	t5, c = bits.Add64(t5, l2, c)
	t6, c = bits.Add64(t6, l3, c)
	t7 := h3 + c

	h0, l0 = bits.Mul64(t4, fold)
	h1, l1 = bits.Mul64(t5, fold)
	h2, l2 = bits.Mul64(t6, fold)
	h3, l3 = bits.Mul64(t7, fold)
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	t0, c = bits.Add64(t0, l0, 0)
	t1, c = bits.Add64(t1, l1, c)
	t2, c = bits.Add64(t2, l2, c)
	t3, c = bits.Add64(t3, l3, c)
	h3 += c

	// What is left above 2^256 has 34 bits.
	h0, l0 = bits.Mul64(h3, fold)
	t0, c = bits.Add64(t0, l0, 0)
	t1, c = bits.Add64(t1, h0, c)
	t2, c = bits.Add64(t2, 0, c)
	t3, c = bits.Add64(t3, 0, c)
	// A carry leaves less than 2^67: adding fold ends in t1.
	t0, c = bits.Add64(t0, -c&fold, 0)
	z[0], z[1], z[2], z[3] = t0, t1+c, t2, t3
	return z
}

// Square sets z to x².
func (z *Element) Square(x *Element) *Element {
	var c uint64
	x0, x1, x2, x3 := x[0], x[1], x[2], x[3]

	// The products of different limbs, each of which counts twice.
	h01, t1 := bits.Mul64(x0, x1)
	h02, t2 := bits.Mul64(x0, x2)
	t4, t3 := bits.Mul64(x0, x3)
	t2, c = bits.Add64(t2, h01, 0)
	t3, c = bits.Add64(t3, h02, c)
	t4 += c
	h12, l12 := bits.Mul64(x1, x2)
	h13, l13 := bits.Mul64(x1, x3)
	t3, c = bits.Add64(t3, l12, 0)
	t4, c = bits.Add64(t4, l13, c)
	t5 := h13 + c
	t6, l23 := bits.Mul64(x2, x3)
	t4, c = bits.Add64(t4, h12, 0)
	t5, c = bits.Add64(t5, l23, c)
	t6 += c

	t7 := t6 >> 63
	t6 = t6<<1 | t5>>63
	t5 = t5<<1 | t4>>63
	t4 = t4<<1 | t3>>63
	t3 = t3<<1 | t2>>63
	t2 = t2<<1 | t1>>63
	t1 <<= 1

	var l0 uint64
	h0, t0 := bits.Mul64(x0, x0)
	h1, l1 := bits.Mul64(x1, x1)
	t1, c = bits.Add64(t1, h0, 0)
	t2, c = bits.Add64(t2, l1, c)
	t3, c = bits.Add64(t3, h1, c)
	h2, l2 := bits.Mul64(x2, x2)
	h3, l3 := bits.Mul64(x3, x3)
	t4, c = bits.Add64(t4, l2, c)
	t5, c = bits.Add64(t5, h2, c)
	t6, c = bits.Add64(t6, l3, c)
	t7 += h3 + c

	h0, l0 = bits.Mul64(t4, fold)
	h1, l1 = bits.Mul64(t5, fold)
	h2, l2 = bits.Mul64(t6, fold)
	h3, l3 = bits.Mul64(t7, fold)
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	t0, c = bits.Add64(t0, l0, 0)
	t1, c = bits.Add64(t1, l1, c)
	t2, c = bits.Add64(t2, l2, c)
	t3, c = bits.Add64(t3, l3, c)
	h3 += c

	// What is left above 2^256 has 34 bits.
	h0, l0 = bits.Mul64(h3, fold)
	t0, c = bits.Add64(t0, l0, 0)
	t1, c = bits.Add64(t1, h0, c)
	t2, c = bits.Add64(t2, 0, c)
	t3, c = bits.Add64(t3, 0, c)
	// A carry leaves less than 2^67: adding fold ends in t1.
	t0, c = bits.Add64(t0, -c&fold, 0)
	z[0], z[1], z[2], z[3] = t0, t1+c, t2, t3
	return z
}

// Invert sets z to 1/x, and to 0 if x is 0.
func (z *Element) Invert(x *Element) *Element {
	r := *x
	r.reduce()
	m := fieldModulus()
	*z = m.invert(r)
	return z
}

// Halve sets z to x/2.
func (z *Element) Halve(x *Element) *Element {
	// Where x is odd, x + p is even.
	odd := -(x[0] & 1)
	r0, c := bits.Add64(x[0], odd&p0, 0)
	r1, c := bits.Add64(x[1], odd, c)
	r2, c := bits.Add64(x[2], odd, c)
	r3, c := bits.Add64(x[3], odd, c)
	z[0], z[1], z[2], z[3] = r0>>1|r1<<63, r1>>1|r2<<63, r2>>1|r3<<63, r3>>1|c<<63
	return z
}

// Sqrt sets z to a square root of x and reports whether there is one. z is not
// x.
func (z *Element) Sqrt(x *Element) bool {
	// x^((p+1)/4): the exponent is 223 ones, 0, 22 ones, 0000, 11, 00.
	// xN is x^(2^N − 1).
	var x2, x3, x6, x9, x11, x22, x44, x88, x176, x220, x223, t Element
	x2.squares(x, 1).Mul(&x2, x)
	x3.squares(&x2, 1).Mul(&x3, x)
	x6.squares(&x3, 3).Mul(&x6, &x3)
	x9.squares(&x6, 3).Mul(&x9, &x3)
	x11.squares(&x9, 2).Mul(&x11, &x2)
	x22.squares(&x11, 11).Mul(&x22, &x11)
	x44.squares(&x22, 22).Mul(&x44, &x22)
	x88.squares(&x44, 44).Mul(&x88, &x44)
	x176.squares(&x88, 88).Mul(&x176, &x88)
	x220.squares(&x176, 44).Mul(&x220, &x44)
	x223.squares(&x220, 3).Mul(&x223, &x3)
	t.squares(&x223, 23).Mul(&t, &x22)
	t.squares(&t, 6).Mul(&t, &x2)
	z.squares(&t, 2)
	t.Square(z)
	return t.Equal(x)
}

// squares sets z to x^(2^n).
func (z *Element) squares(x *Element, n int) *Element {
	z.Square(x)
	for range n - 1 {
		z.Square(z)
	}
	return z
}

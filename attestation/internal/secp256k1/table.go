package secp256k1

import (
	"math/bits"
	"sync"
)

// The windows of a table that callers may ask for, in bits.
const (
	MinWindow = 4
	MaxWindow = 16
)

// A table holds multiples of a point P for products k·P with a half k, without
// doublings: for each window i of the half, P·2^(window·i)·j with j from 1 to
// 2^(window−1). Digits are signed, so that half of the multiples are enough.
type table struct {
	window int
	points []Point // of window i at [i·2^(window−1) + j − 1]
}

// rounds returns how many windows a half has. The highest takes the carry of
// the signed digits without one of its own.
func rounds(window int) int { return (128 + window) / window }

// newTable makes the table of a point on the curve: 64 bytes and some six
// multiplications a point.
func newTable(p Point, window int) *table {
	size := 1 << (window - 1)
	t := &table{window, make([]Point, rounds(window)*size)}
	scratch := make([]Element, size)
	for i := range rounds(window) {
		multiples := t.points[i*size:][:size]
		multiples[0] = p
		for m := 1; m < size; m *= 2 {
			addToEach(multiples[m:2*m], multiples[:m], scratch)
		}
		p = multiples[size-1]
		var double xyzz
		double.double(&p.X, &p.Y)
		p = double.affine()
	}
	return t
}

// addToEach sets dst[j] to p[j] plus the last of p, where p are the multiples 1
// to m of one point: none but the last is that last one or its opposite.
func addToEach(dst, p []Point, scratch []Element) {
	last := len(p) - 1
	q := p[last]
	divisor := func(j int) (d Element) {
		if j == last {
			return *d.Double(&q.Y)
		}
		return *d.Sub(&q.X, &p[j].X)
	}
	product := Element{1}
	for j := range p {
		scratch[j] = product
		d := divisor(j)
		product.Mul(&product, &d)
	}
	product.Invert(&product)
	for j := last; j >= 0; j-- {
		var inverse, slope Element
		inverse.Mul(&product, &scratch[j])
		d := divisor(j)
		product.Mul(&product, &d)
		if j == last {
			slope.Square(&q.X)
			d.Double(&slope)
			slope.Add(&slope, &d)
		} else {
			slope.Sub(&q.Y, &p[j].Y)
		}
		slope.Mul(&slope, &inverse)
		chord(&dst[j], &slope, &p[j], &q.X)
	}
}

// chord sets sum to the sum of p and a point with the coordinate x, where slope
// is that of the line through both.
func chord(sum *Point, slope *Element, p *Point, x *Element) {
	var sx, sy Element
	sx.Square(slope)
	sx.Sub(&sx, &p.X)
	sx.Sub(&sx, x)
	sy.Sub(&p.X, &sx)
	sy.Mul(&sy, slope)
	sum.Y.Sub(&sy, &p.Y)
	sum.X = sx
}

// Digits are a half, less its sign, plus 2^(window−1) in each window: so each
// window of the sum is the signed digit plus 2^(window−1), without carries.
type digits struct {
	limbs    [3]uint64
	negative bool
}

func (t *table) digits(h half) digits {
	d := wide192{h.lo, h.hi}
	var offset wide192
	for i := range rounds(t.window) {
		bit := i*t.window + t.window - 1
		offset[bit/64] |= 1 << (bit % 64)
	}
	var zero wide192
	zero.sub(offset)
	d.sub(zero)
	return digits{d, h.negative}
}

// at returns the multiple for window i and whether to subtract it, or nil for
// a digit of 0.
func (t *table) at(d *digits, i int) (*Point, bool) {
	bit := i * t.window
	word := d.limbs[bit/64] >> (bit % 64)
	if rest := 64 - bit%64; rest < t.window {
		word |= d.limbs[bit/64+1] << rest
	}
	size := 1 << (t.window - 1)
	digit := int(word)&(2*size-1) - size
	if digit == 0 {
		return nil, false
	}
	// The sign of a digit is a coin toss: no branch on it.
	sign := digit >> (bits.UintSize - 1)
	return &t.points[i*size+(digit^sign)-sign-1], sign&1 == 1 != d.negative
}

// add adds k·P to a, where d are the digits of k.
func (t *table) add(a *xyzz, d *digits) {
	for i := range rounds(t.window) {
		if p, negative := t.at(d, i); p != nil {
			a.add(p, negative)
		}
	}
}

// ofGenerator returns the table of G with that window. It is made once.
func ofGenerator(window int) *table { return generators[window]() }

// generators make the tables of G, each when it is first asked for.
var generators = func() (once [MaxWindow + 1]func() *table) {
	for window := MinWindow; window <= MaxWindow; window++ {
		once[window] = sync.OnceValue(func() *table { return newTable(Generator(), window) })
	}
	return once
}()

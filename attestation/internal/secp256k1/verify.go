package secp256k1

import "github.com/consensys/gnark-crypto/ecc/secp256k1/fr"

// A Verifier answers for one key Q whether (z/s)·G + (r/s)·Q is the point R of
// a signature. It is immutable and safe for concurrent use.
type Verifier struct{ g, q *table }

// NewVerifier makes the tables of q, which is on the curve, with windows of
// that many bits. Those of G are made once for each window and then shared.
func NewVerifier(q Point, window int) *Verifier {
	return &Verifier{g: ofGenerator(window), q: newTable(q, window)}
}

// A Claim is that (Z/S)·G + (R/S)·Q has the coordinate X and a y of that
// parity. S is not 0.
type Claim struct {
	Z, R, S Scalar
	X       Element
	Odd     bool
}

// Holds reports whether the claim is true.
func (v *Verifier) Holds(c *Claim) bool {
	var inverse Scalar
	m := inverse.invert(&c.S).montgomery()
	f := v.factors(c, &m)
	var sum xyzz
	v.g.add(&sum, &f[0])
	v.q.add(&sum, &f[1])
	sum.endomorphism()
	v.g.add(&sum, &f[2])
	v.q.add(&sum, &f[3])
	if sum.isInfinity() {
		return false
	}
	// Without an inversion first: most claims that do not hold end here.
	var x Element
	if !x.Mul(&c.X, &sum.zz).Equal(&sum.x) {
		return false
	}
	var y Element
	y.Invert(&sum.zzz)
	y.Mul(&y, &sum.y)
	return y.IsOdd() == c.Odd
}

// factors returns the digits of Z/S and R/S, given 1/S: first the halves that
// count λ times, of G and of Q, then the others.
func (v *Verifier) factors(c *Claim, inverse *fr.Element) [4]digits {
	var u Scalar
	g0, g1 := u.mul(&c.Z, inverse).split()
	q0, q1 := u.mul(&c.R, inverse).split()
	return [4]digits{v.g.digits(g1), v.q.digits(q1), v.g.digits(g0), v.q.digits(q0)}
}

// BatchSize is how many claims a batch takes at most: as many as keep its
// scratch memory, some 400 bytes a claim, in a second-level cache.
const BatchSize = 512

// A Batch is the scratch memory of [Batch.Hold].
type Batch struct {
	sums  [BatchSize]Point // as far as they are added up
	state [BatchSize]state
	fours [4][BatchSize]digits
	steps [BatchSize]step
	// Of each step: x of the multiple less x of the sum, and the product of
	// those of the steps before.
	divisors, before [BatchSize]Element
	touched          uint64
}

type state uint8

const (
	empty  state = iota // the sum is infinity
	finite              // the sum is a Point
	// A multiple met itself or its opposite, so that the chord through both
	// has no slope. Nobody can make that happen but who knows the secret of Q
	// or breaks Keccak-256; such a claim is tried alone.
	exceptional
)

// A step is one addition of a round: to sums[index], of the multiple or its
// opposite.
type step struct {
	multiple *Point
	index    int32
	negative bool
	special  bool // done already, or given up
}

// Hold sets holds[i] to what [Verifier.Holds] says of claims[i], for at most
// [BatchSize] claims. An affine addition costs an inversion and 3
// multiplications; here all additions of a round share one inversion, which
// costs 3 multiplications each.
func (b *Batch) Hold(v *Verifier, claims []Claim, holds []bool) {
	n := len(claims)
	b.prepare(v, claims)
	for i, t := range []*table{v.g, v.q, v.g, v.q} {
		if i == 2 {
			lambda := beta()
			for j := range n {
				b.sums[j].X.Mul(&b.sums[j].X, &lambda)
			}
		}
		for window := range rounds(t.window) {
			b.round(t, window, i, n)
		}
	}
	for j := range n {
		switch b.state[j] {
		case exceptional:
			holds[j] = v.Holds(&claims[j])
		case empty:
			holds[j] = false
		case finite:
			holds[j] = b.sums[j].X.Equal(&claims[j].X) && b.sums[j].Y.IsOdd() == claims[j].Odd
		}
	}
}

// prepare sets the digits of all claims, with one inversion for all S.
func (b *Batch) prepare(v *Verifier, claims []Claim) {
	var s, before [BatchSize]fr.Element
	var product fr.Element
	product.SetOne()
	for j := range claims {
		b.state[j] = empty
		s[j] = claims[j].S.montgomery()
		before[j] = product
		product.Mul(&product, &s[j])
	}
	limbs := Scalar(product.Bits())
	inverse := limbs.invert(&limbs).montgomery()
	for j := len(claims) - 1; j >= 0; j-- {
		before[j].Mul(&before[j], &inverse)
		inverse.Mul(&inverse, &s[j])
		f := v.factors(&claims[j], &before[j])
		for i := range f {
			b.fours[i][j] = f[i]
		}
	}
}

// round adds to each of n sums the multiple that its digit for the window
// asks for.
func (b *Batch) round(t *table, window, four, n int) {
	// Touch the multiples first: the table is larger than the nearest caches,
	// and loads that no multiplication waits for wait for memory together.
	count := 0
	var touched uint64
	for j := range n {
		if p, negative := t.at(&b.fours[four][j], window); p != nil {
			b.steps[count] = step{p, int32(j), negative, false}
			touched |= p.X[0]
			count++
		}
	}
	b.touched = touched
	steps := b.steps[:count]

	product := Element{1}
	for i := range steps {
		s, d := &steps[i], &b.divisors[i]
		d.Sub(&s.multiple.X, &b.sums[s.index].X)
		b.before[i] = product
		if b.state[s.index] != finite || d.IsZero() {
			b.special(s)
			continue
		}
		product.Mul(&product, d)
	}
	product.Invert(&product)
	for i := count - 1; i >= 0; i-- {
		s := &steps[i]
		if s.special {
			continue
		}
		sum := &b.sums[s.index]
		var slope, inverse Element
		inverse.Mul(&product, &b.before[i])
		product.Mul(&product, &b.divisors[i])
		if s.negative {
			slope.Add(&s.multiple.Y, &sum.Y)
			slope.Neg(&slope)
		} else {
			slope.Sub(&s.multiple.Y, &sum.Y)
		}
		slope.Mul(&slope, &inverse)
		chord(sum, &slope, sum, &s.multiple.X)
	}
}

// special takes a step that is no chord out of its round.
func (b *Batch) special(s *step) {
	s.special = true
	if b.state[s.index] != empty {
		b.state[s.index] = exceptional
		return
	}
	sum := &b.sums[s.index]
	*sum = *s.multiple
	if s.negative {
		sum.Y.Neg(&sum.Y)
	}
	b.state[s.index] = finite
}

package secp256k1

// Recover returns (s·r − z·G)/rx, the public key that made a signature: r is
// its point R, on the curve, rx the x of R mod n, not 0. A result of (0, 0) is
// infinity.
func Recover(r *Point, rx, s, z *Scalar) Point {
	var inverse, u Scalar
	m := inverse.invert(rx).montgomery()
	sum := mul(r, u.mul(s, &m))
	u.mul(z, &m)
	sum.addGenerator(u.neg(&u))
	return sum.affine()
}

// recoverWindow gives the table of G a size of 0.4 MiB and 26 additions.
const recoverWindow = 10

// addGenerator adds k·G to a.
func (a *xyzz) addGenerator(k *Scalar) {
	t := ofGenerator(recoverWindow)
	lower, upper := k.split()
	d := t.digits(lower)
	t.add(a, &d)
	// λ·G costs one table less: a + b·λ·G = λ·(a/λ + b·G), and 1/λ = λ².
	a.endomorphism()
	a.endomorphism()
	d = t.digits(upper)
	t.add(a, &d)
	a.endomorphism()
}

// The digits of a point that is known only now are odd, from −15 to 15, with
// at least four zeros between them.
const (
	nafWidth = 5
	nafSize  = 1 << (nafWidth - 2)
)

// mul returns k·p, for p on the curve.
func mul(p *Point, k *Scalar) xyzz {
	lower, upper := k.split()
	a, b := lower.naf(), upper.naf()
	odd, z := oddMultiples(p)
	image := odd
	for i := range image {
		b := beta()
		image[i].X.Mul(&image[i].X, &b)
	}
	var sum jacobian
	for i := len(a) - 1; i >= 0; i-- {
		sum.double()
		addDigit(&sum, &odd, a[i])
		addDigit(&sum, &image, b[i])
	}
	sum.z.Mul(&sum.z, &z)
	return sum.xyzz()
}

func addDigit(sum *jacobian, odd *[nafSize]Point, digit int8) {
	switch {
	case digit > 0:
		sum.add(&odd[digit/2], false)
	case digit < 0:
		sum.add(&odd[-digit/2], true)
	}
}

// naf returns the digits of the number, least significant first.
func (h half) naf() (digits [129]int8) {
	lo, hi, top := h.lo, h.hi, uint64(0)
	for i := range digits {
		if lo&1 == 1 {
			d := int64(lo & (1<<nafWidth - 1))
			if d >= 1<<(nafWidth-1) {
				d -= 1 << nafWidth
			}
			x := wide192{lo, hi, top}
			x.sub(wide192{uint64(d), uint64(d >> 63), uint64(d >> 63)})
			lo, hi, top = x[0], x[1], x[2]
			if h.negative {
				d = -d
			}
			digits[i] = int8(d)
		}
		lo, hi, top = lo>>1|hi<<63, hi>>1|top<<63, top>>1
	}
	return digits
}

// oddMultiples returns p, 3p, … 15p as affine points of another curve
// y² = x³ + 7·z⁻⁶, and that z. Formulas for a curve without x do not read the
// constant 7, so that a sum made there is one made here once its z-coordinate
// is multiplied by z. This saves the inversion that affine points need here.
//
// p has a large order: none of the sums meets a point twice, or infinity.
func oddMultiples(p *Point) (odd [nafSize]Point, z Element) {
	double := jacobian{p.X, p.Y, Element{1}}
	double.double()
	z = double.z
	step := Point{double.x, double.y}

	// p on the curve where 2p has z = 1, and from there on.
	sum := jacobian{z: Element{1}}
	var zz Element
	zz.Square(&z)
	sum.x.Mul(&p.X, &zz)
	zz.Mul(&zz, &z)
	sum.y.Mul(&p.Y, &zz)
	var ratios [nafSize]Element
	odd[0] = Point{sum.x, sum.y}
	for i := 1; i < nafSize; i++ {
		ratios[i] = sum.add(&step, false)
		odd[i] = Point{sum.x, sum.y}
	}
	z.Mul(&z, &sum.z)

	// Give all the z of the last.
	scale := ratios[nafSize-1]
	for i := nafSize - 2; i >= 0; i-- {
		zz.Square(&scale)
		odd[i].X.Mul(&odd[i].X, &zz)
		zz.Mul(&zz, &scale)
		odd[i].Y.Mul(&odd[i].Y, &zz)
		scale.Mul(&scale, &ratios[i])
	}
	return odd, z
}

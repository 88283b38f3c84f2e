package secp256k1

// A Point is a point of the curve in affine coordinates. Infinity is (0, 0),
// which is not on the curve.
type Point struct{ X, Y Element }

// Generator returns G.
func Generator() Point {
	return Point{
		X: Element{0x59f2815b16f81798, 0x029bfcdb2dce28d9, 0x55a06295ce870b07, 0x79be667ef9dcbbac},
		Y: Element{0x9c47d08ffb10d4b8, 0xfd17b448a6855419, 0x5da4fbfc0e1108a8, 0x483ada7726a3c465},
	}
}

// SetX sets p to the point with that x whose y is odd or even, and reports
// whether there is one.
func (p *Point) SetX(x *Element, odd bool) bool {
	y2 := rightSide(x)
	p.X = *x
	if !p.Y.Sqrt(&y2) {
		return false
	}
	if p.Y.IsOdd() != odd {
		p.Y.Neg(&p.Y)
	}
	return true
}

// IsOnCurve reports whether p is on the curve and not infinity.
func (p *Point) IsOnCurve() bool {
	y2 := rightSide(&p.X)
	var square Element
	return square.Square(&p.Y).Equal(&y2)
}

// rightSide returns x³ + 7.
func rightSide(x *Element) Element {
	var r Element
	r.Square(x)
	r.Mul(&r, x)
	return *r.Add(&r, &Element{7})
}

// beta returns β with λ·(x, y) = (β·x, y) for every point: a third root of 1.
func beta() Element {
	return Element{0xc1396c28719501ee, 0x9cf0497512f58995, 0x6e64479eac3434e9, 0x7ae96a2b657c0710}
}

// An xyzz is a point (x/zz, y/zzz) with zz³ = zzz². Infinity has zz = 0. Adding
// an affine point costs 8 multiplications and 2 squarings.
type xyzz struct{ x, y, zz, zzz Element }

func (a *xyzz) isInfinity() bool { return a.zz == Element{} }

// add adds p, which is not infinity, or −p.
func (a *xyzz) add(p *Point, negative bool) {
	y := p.Y
	if negative {
		y.Neg(&y)
	}
	if a.isInfinity() {
		*a = xyzz{p.X, y, Element{1}, Element{1}}
		return
	}
	// madd-2008-s
	var h, r, hh, hhh, q Element
	h.Mul(&p.X, &a.zz)
	h.Sub(&h, &a.x)
	r.Mul(&y, &a.zzz)
	r.Sub(&r, &a.y)
	if h.IsZero() {
		// The same point, or its opposite.
		*a = xyzz{}
		if r.IsZero() {
			a.double(&p.X, &y)
		}
		return
	}
	hh.Square(&h)
	hhh.Mul(&h, &hh)
	q.Mul(&a.x, &hh)
	a.zz.Mul(&a.zz, &hh)
	a.zzz.Mul(&a.zzz, &hhh)
	hh.Double(&q)
	hh.Add(&hh, &hhh)
	a.x.Square(&r)
	a.x.Sub(&a.x, &hh)
	q.Sub(&q, &a.x)
	q.Mul(&q, &r)
	a.y.Mul(&a.y, &hhh)
	a.y.Sub(&q, &a.y)
}

// double sets a to 2·(x, y). No point has y = 0: n is odd.
func (a *xyzz) double(x, y *Element) {
	// mdbl-2008-s-1
	var u, s, m Element
	u.Double(y)
	a.zz.Square(&u)
	a.zzz.Mul(&u, &a.zz)
	s.Mul(x, &a.zz)
	m.Square(x)
	u.Double(&m)
	m.Add(&m, &u)
	u.Double(&s)
	a.x.Square(&m)
	a.x.Sub(&a.x, &u)
	s.Sub(&s, &a.x)
	s.Mul(&s, &m)
	u.Mul(&a.zzz, y)
	a.y.Sub(&s, &u)
}

// affine returns a in affine coordinates.
func (a *xyzz) affine() Point {
	if a.isInfinity() {
		return Point{}
	}
	// 1/zz = (zz/zzz)², since zz³ = zzz².
	var i, z Element
	i.Invert(&a.zzz)
	z.Mul(&i, &a.zz)
	z.Square(&z)
	var p Point
	p.X.Mul(&a.x, &z)
	p.Y.Mul(&a.y, &i)
	return p
}

// endomorphism multiplies a by λ.
func (a *xyzz) endomorphism() {
	b := beta()
	a.x.Mul(&a.x, &b)
}

// A jacobian is a point (x/z², y/z³); infinity has z = 0. Doubling costs 3
// multiplications and 4 squarings.
type jacobian struct{ x, y, z Element }

func (a *jacobian) isInfinity() bool { return a.z == Element{} }

// double doubles a.
func (a *jacobian) double() {
	if a.isInfinity() {
		return
	}
	// With l = 3/2·x² and s = y²: x' = l² − 2·x·s, y' = l·(x·s − x') − s²,
	// z' = y·z.
	var l, s, t Element
	l.Square(&a.x)
	t.Halve(&l)
	l.Add(&l, &t)
	a.z.Mul(&a.z, &a.y)
	s.Square(&a.y)
	t.Mul(&a.x, &s)
	a.x.Square(&l)
	a.x.Sub(&a.x, &t)
	a.x.Sub(&a.x, &t)
	t.Sub(&t, &a.x)
	t.Mul(&t, &l)
	s.Square(&s)
	a.y.Sub(&t, &s)
}

// add adds p, which is not infinity, or −p. Where a is neither infinity nor ±p
// it returns the factor of z.
func (a *jacobian) add(p *Point, negative bool) (h Element) {
	y := p.Y
	if negative {
		y.Neg(&y)
	}
	if a.isInfinity() {
		*a = jacobian{p.X, y, Element{1}}
		return
	}
	var r, zz, hhh, q Element
	zz.Square(&a.z)
	h.Mul(&p.X, &zz)
	h.Sub(&h, &a.x)
	r.Mul(&y, &a.z)
	r.Mul(&r, &zz)
	r.Sub(&r, &a.y)
	if h.IsZero() {
		// The same point, or its opposite.
		if !r.IsZero() {
			*a = jacobian{}
			return
		}
		*a = jacobian{p.X, y, Element{1}}
		a.double()
		return
	}
	zz.Square(&h)
	hhh.Mul(&h, &zz)
	q.Mul(&a.x, &zz)
	a.z.Mul(&a.z, &h)
	zz.Double(&q)
	zz.Add(&zz, &hhh)
	a.x.Square(&r)
	a.x.Sub(&a.x, &zz)
	q.Sub(&q, &a.x)
	q.Mul(&q, &r)
	a.y.Mul(&a.y, &hhh)
	a.y.Sub(&q, &a.y)
	return h
}

// xyzz returns the same point in the other coordinates.
func (a *jacobian) xyzz() xyzz {
	r := xyzz{x: a.x, y: a.y}
	r.zz.Square(&a.z)
	r.zzz.Mul(&r.zz, &a.z)
	return r
}

package naive

import "math/big"

// The prime p = 2^256 − 2^32 − 977 of the field, the number n of points of the
// group, and its generator. Nothing writes to them.
var (
	p = hex("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f")
	n = hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
	g = Point{
		x: hex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
		y: hex("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"),
	}
)

// P returns a copy of p.
func P() *big.Int { return new(big.Int).Set(p) }

// N returns a copy of n.
func N() *big.Int { return new(big.Int).Set(n) }

// G returns the generator.
func G() Point { return g }

func hex(s string) *big.Int {
	v, _ := new(big.Int).SetString(s, 16)
	return v
}

// A Point is a point of secp256k1, y² = x³ + 7 over the integers mod p. The
// zero value is infinity.
type Point struct{ x, y *big.Int }

// IsInfinity reports whether a is the neutral element of the group.
func (a Point) IsInfinity() bool { return a.x == nil }

// XY returns the coordinates as get_xy of the blockifier does: those of
// infinity are (0, 0).
func (a Point) XY() (x, y *big.Int) {
	if a.IsInfinity() {
		return new(big.Int), new(big.Int)
	}
	return new(big.Int).Set(a.x), new(big.Int).Set(a.y)
}

// PointWithX returns the point with that x < p whose y is odd or even as asked.
// It returns false if no point has that x.
func PointWithX(x *big.Int, odd bool) (Point, bool) {
	square := mod(add(mul(mul(x, x), x), big.NewInt(7)), p)
	// p = 3 mod 4, so a square has the root square^((p+1)/4).
	exponent := new(big.Int).Rsh(add(p, big.NewInt(1)), 2)
	y := new(big.Int).Exp(square, exponent, p)
	if mod(mul(y, y), p).Cmp(square) != 0 {
		return Point{}, false
	}
	if (y.Bit(0) == 1) != odd {
		y = sub(p, y)
	}
	return Point{new(big.Int).Set(x), y}, true
}

// Plus returns a + b.
func (a Point) Plus(b Point) Point {
	switch {
	case a.IsInfinity():
		return b
	case b.IsInfinity():
		return a
	case a.x.Cmp(b.x) != 0:
		// The line through both: (y₂ − y₁)/(x₂ − x₁).
		return third(a, b, mul(sub(b.y, a.y), inverse(sub(b.x, a.x), p)))
	case a.y.Cmp(b.y) != 0:
		return Point{} // opposite points
	default:
		// The tangent: 3·x²/(2·y). No point has y = 0, since n is odd.
		return third(a, a, mul(mul(big.NewInt(3), mul(a.x, a.x)), inverse(add(a.y, a.y), p)))
	}
}

// third returns the opposite of the third point that a line through a and b
// has in common with the curve.
func third(a, b Point, slope *big.Int) Point {
	x := mod(sub(sub(mul(slope, slope), a.x), b.x), p)
	y := mod(sub(mul(slope, sub(a.x, x)), a.y), p)
	return Point{x, y}
}

// Times returns k·a, for any k that is not negative: it doubles and adds.
func (a Point) Times(k *big.Int) Point {
	var sum Point
	for i := k.BitLen() - 1; i >= 0; i-- {
		sum = sum.Plus(sum)
		if k.Bit(i) == 1 {
			sum = sum.Plus(a)
		}
	}
	return sum
}

func add(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) }
func sub(a, b *big.Int) *big.Int { return new(big.Int).Sub(a, b) }
func mul(a, b *big.Int) *big.Int { return new(big.Int).Mul(a, b) }
func mod(a, m *big.Int) *big.Int { return new(big.Int).Mod(a, m) }

// inverse returns 1/a mod m, or nil if there is none.
func inverse(a, m *big.Int) *big.Int { return new(big.Int).ModInverse(mod(a, m), m) }

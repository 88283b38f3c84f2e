package secp256k1_test

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation/internal/secp256k1"
)

// prime returns p.
func prime() *big.Int {
	p := new(big.Int).Lsh(big.NewInt(1), 256)
	return p.Sub(p, big.NewInt(1<<32+977))
}

// edgeLimbs are limbs at which carries happen or do not.
func edgeLimbs() []uint64 {
	const fold = 1<<32 + 977
	return []uint64{0, 1, 2, fold - 1, fold, fold + 1, 1 << 63, 1<<64 - fold - 1, 1<<64 - fold, 1<<64 - fold + 1, 1<<64 - 2, 1<<64 - 1}
}

// elements yields random elements and elements made of edge limbs.
func elements(yield func(secp256k1.Element) bool) {
	edges := edgeLimbs()
	for i := range 4000 {
		var e secp256k1.Element
		for j := range e {
			if i%2 == 0 {
				e[j] = rand.Uint64()
			} else {
				e[j] = edges[rand.IntN(len(edges))]
			}
		}
		if !yield(e) {
			return
		}
	}
}

// value returns the number that the limbs spell, mod p.
func value(e secp256k1.Element) *big.Int {
	v := new(big.Int)
	for i := range e {
		v.Lsh(v, 64)
		v.Or(v, new(big.Int).SetUint64(e[3-i]))
	}
	return v.Mod(v, prime())
}

func requireValue(t *testing.T, want *big.Int, got *secp256k1.Element, what string) {
	t.Helper()
	want = new(big.Int).Mod(want, prime())
	b := got.Bytes()
	require.Equal(t, want.FillBytes(make([]byte, 32)), b[:], what)
	require.Equal(t, want.Sign() == 0, got.IsZero(), "IsZero after %s", what)
	require.Equal(t, want.Bit(0) == 1, got.IsOdd(), "IsOdd after %s", what)
	var canonical secp256k1.Element
	require.True(t, canonical.SetBytes(&b))
	require.True(t, canonical.Equal(got), what)
}

func TestElementAgreesWithBig(t *testing.T) {
	var y secp256k1.Element
	for x := range elements {
		vx, vy := value(x), value(y)
		var z secp256k1.Element
		requireValue(t, new(big.Int).Add(vx, vy), z.Add(&x, &y), "Add")
		requireValue(t, new(big.Int).Sub(vx, vy), z.Sub(&x, &y), "Sub")
		requireValue(t, new(big.Int).Neg(vx), z.Neg(&x), "Neg")
		requireValue(t, new(big.Int).Lsh(vx, 1), z.Double(&x), "Double")
		requireValue(t, new(big.Int).Mul(vx, vy), z.Mul(&x, &y), "Mul")
		requireValue(t, new(big.Int).Mul(vx, vx), z.Square(&x), "Square")
		requireValue(t, vx, z.Double(z.Halve(&x)), "Halve")
		require.Equal(t, vx.Cmp(vy) == 0, x.Equal(&y))
		inverse := new(big.Int).ModInverse(vx, prime())
		if inverse == nil {
			inverse = new(big.Int)
		}
		requireValue(t, inverse, z.Invert(&x), "Invert")
		root := new(big.Int).ModSqrt(vx, prime())
		require.Equal(t, root != nil, z.Sqrt(&x), "Sqrt of %x", x)
		if root != nil {
			requireValue(t, vx, z.Square(&z), "Sqrt")
		}
		z = x
		requireValue(t, new(big.Int).Mul(vx, vx), z.Mul(&z, &z), "Mul of z by itself into z")
		z = x
		requireValue(t, new(big.Int).Sub(vy, vx), z.Sub(&y, &z), "Sub into its own argument")
		y = x
	}
}

// All elements of edge limbs, with some of them.
func TestArithmeticOfEdgeLimbsAgreeWithBig(t *testing.T) {
	limbs := edgeLimbs()
	var all []secp256k1.Element
	for _, a := range limbs {
		for _, b := range limbs {
			for _, c := range limbs {
				for _, d := range limbs {
					all = append(all, secp256k1.Element{a, b, c, d})
				}
			}
		}
	}
	p := prime()
	values := make([]*big.Int, len(all))
	for i, x := range all {
		values[i] = value(x)
	}
	var want big.Int
	wanted := make([]byte, 32)
	check := func(got *secp256k1.Element, what string, x, y secp256k1.Element) {
		want.Mod(&want, p).FillBytes(wanted)
		if b := got.Bytes(); !bytes.Equal(wanted, b[:]) {
			t.Fatalf("%s of %x, %x: got %x, want %x", what, x, y, b, wanted)
		}
	}
	var got secp256k1.Element
	for i, x := range all {
		want.Mul(values[i], values[i])
		check(got.Square(&x), "Square", x, x)
		want.Lsh(values[i], 1)
		check(got.Add(&x, &x), "Add", x, x)
		for k := range 10 {
			j := (i*31 + k*k*977 + k) % len(all)
			y := all[j]
			want.Mul(values[i], values[j])
			check(got.Mul(&x, &y), "Mul", x, y)
			want.Add(values[i], values[j])
			check(got.Add(&x, &y), "Add", x, y)
			want.Sub(values[i], values[j])
			check(got.Sub(&x, &y), "Sub", x, y)
		}
	}
}

// Factors a little below p, whose product is a·b, a little more than a multiple
// of 2^64: the last carry of the reduction then runs past the lowest limb.
func TestProductsOfNegativesNearALimbBoundary(t *testing.T) {
	var small []int64
	for bit := 28; bit < 37; bit++ {
		for k := int64(-2); k <= 2; k++ {
			small = append(small, 1<<bit+k, 3<<bit+k)
		}
	}
	for _, a := range small {
		for _, b := range small {
			va, vb := big.NewInt(-a), big.NewInt(-b)
			var x, y, z secp256k1.Element
			x.Neg(&secp256k1.Element{uint64(a)})
			y.Neg(&secp256k1.Element{uint64(b)})
			requireValue(t, new(big.Int).Mul(va, vb), z.Mul(&x, &y), "Mul")
			requireValue(t, new(big.Int).Mul(va, va), z.Square(&x), "Square")
		}
	}
}

func FuzzProduct(f *testing.F) {
	f.Add(uint64(0), uint64(1), uint64(0), uint64(0), uint64(0), uint64(1), uint64(0), uint64(0))
	f.Fuzz(func(t *testing.T, a, b, c, d, e, f, g, h uint64) {
		x, y := secp256k1.Element{a, b, c, d}, secp256k1.Element{e, f, g, h}
		var z secp256k1.Element
		requireValue(t, new(big.Int).Mul(value(x), value(y)), z.Mul(&x, &y), "Mul")
		requireValue(t, new(big.Int).Mul(value(x), value(x)), z.Square(&x), "Square")
		requireValue(t, new(big.Int).Add(value(x), value(y)), z.Add(&x, &y), "Add")
		requireValue(t, new(big.Int).Sub(value(x), value(y)), z.Sub(&x, &y), "Sub")
	})
}

func TestSetBytesSaysWhatIsNotBelowP(t *testing.T) {
	for delta := int64(-2); delta <= 2; delta++ {
		var b [32]byte
		new(big.Int).Add(prime(), big.NewInt(delta)).FillBytes(b[:])
		var e secp256k1.Element
		require.Equal(t, delta < 0, e.SetBytes(&b), "p%+d", delta)
		requireValue(t, big.NewInt(delta), &e, "SetBytes")
	}
}

func BenchmarkElement(b *testing.B) {
	x := secp256k1.Element{rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64()}
	y := secp256k1.Element{rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64()}
	b.Run("Add", func(b *testing.B) {
		for b.Loop() {
			x.Add(&x, &y)
		}
	})
	b.Run("Mul", func(b *testing.B) {
		for b.Loop() {
			x.Mul(&x, &y)
		}
	})
	b.Run("Square", func(b *testing.B) {
		for b.Loop() {
			x.Square(&x)
		}
	})
	b.Run("Invert", func(b *testing.B) {
		for b.Loop() {
			x.Invert(&x)
		}
	})
	b.Run("Sqrt", func(b *testing.B) {
		for b.Loop() {
			y.Sqrt(&x)
		}
	})
}

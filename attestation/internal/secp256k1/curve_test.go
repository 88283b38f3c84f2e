package secp256k1_test

import (
	"math/big"
	"math/rand/v2"
	"testing"

	decred "github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation/internal/secp256k1"
)

// order returns n, lambda the eigenvalue of the endomorphism.
func order() *big.Int { return decred.S256().N }

func lambda() *big.Int {
	l, _ := new(big.Int).SetString("5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72", 16)
	return l
}

// interesting returns numbers mod n at which halves, digits or sums are
// special, and some random ones.
func interesting() []*big.Int {
	n, l := order(), lambda()
	var ks []*big.Int
	add := func(k *big.Int) {
		k = new(big.Int).Mod(k, n)
		ks = append(ks, k, new(big.Int).Mod(new(big.Int).Neg(k), n))
	}
	for i := range int64(8) {
		add(big.NewInt(i))
		add(new(big.Int).Mul(l, big.NewInt(i)))
		add(new(big.Int).Add(l, big.NewInt(i)))
	}
	for bit := uint(1); bit < 256; bit += 9 {
		add(new(big.Int).Lsh(big.NewInt(1), bit))
		add(new(big.Int).Mul(l, new(big.Int).Lsh(big.NewInt(1), bit)))
		add(new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), bit), big.NewInt(1)))
	}
	add(new(big.Int).Rsh(n, 1))
	add(new(big.Int).Mul(l, l))
	for range 12 {
		add(randomScalar())
	}
	return ks
}

func randomScalar() *big.Int {
	b := make([]byte, 32)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return new(big.Int).Mod(new(big.Int).SetBytes(b), order())
}

func scalar(k *big.Int) (s secp256k1.Scalar) {
	var b [32]byte
	new(big.Int).Mod(k, order()).FillBytes(b[:])
	s.SetBytes(&b)
	return s
}

// times returns k·G as decred computes it.
func times(k *big.Int) (p secp256k1.Point) {
	var s decred.ModNScalar
	var b [32]byte
	new(big.Int).Mod(k, order()).FillBytes(b[:])
	s.SetBytes(&b)
	var r decred.JacobianPoint
	decred.ScalarBaseMultNonConst(&s, &r)
	if r.Z.IsZero() {
		return p
	}
	r.ToAffine()
	p.X.SetBytes(r.X.Bytes())
	p.Y.SetBytes(r.Y.Bytes())
	return p
}

func requirePoint(t *testing.T, want, got secp256k1.Point, args ...any) {
	t.Helper()
	require.Equal(t, want.X.Bytes(), got.X.Bytes(), args...)
	require.Equal(t, want.Y.Bytes(), got.Y.Bytes(), args...)
}

func TestRecoverIsTheSumOfTheProducts(t *testing.T) {
	ks := interesting()
	check := func(k, rx, s, z *big.Int) {
		if new(big.Int).Mod(rx, order()).Sign() == 0 {
			return
		}
		r := times(k)
		want := new(big.Int).Mul(s, k)
		want.Sub(want, z)
		want.Mul(want, new(big.Int).ModInverse(rx, order()))
		srx, ss, sz := scalar(rx), scalar(s), scalar(z)
		requirePoint(t, times(want), secp256k1.Recover(&r, &srx, &ss, &sz), "k %x, rx %x, s %x, z %x", k, rx, s, z)
	}
	one := big.NewInt(1)
	for i, s := range ks {
		check(one, one, s, new(big.Int))        // s·G by the ladder
		check(one, one, new(big.Int), s)        // −s·G by the table
		check(one, one, s, s)                   // infinity at the end
		check(one, one, s, new(big.Int).Neg(s)) // a sum met twice
		check(lambda(), one, s, ks[(i*7+1)%len(ks)])
		check(randomScalar(), ks[(i*5+2)%len(ks)], s, ks[(i*11+3)%len(ks)])
		if s.Sign() != 0 {
			check(s, one, ks[(i*3)%len(ks)], one)
		}
	}
}

func TestVerifierHoldsWhatIsTrue(t *testing.T) {
	ks := interesting()
	keys := []*big.Int{big.NewInt(1), big.NewInt(-1), big.NewInt(2), big.NewInt(1 << 12), lambda(), new(big.Int).Neg(lambda()), new(big.Int).Mul(lambda(), lambda()), randomScalar()}
	for i, key := range keys {
		for _, window := range []int{secp256k1.MinWindow, 7, secp256k1.MinWindow + i} {
			v := secp256k1.NewVerifier(times(key), window)
			var claims []secp256k1.Claim
			var want []bool
			claim := func(u1, u2, s *big.Int, off int64) {
				// R = u1·G + u2·Q with z = u1·s, r = u2·s; off moves it.
				k := new(big.Int).Add(u1, new(big.Int).Mul(u2, key))
				k.Add(k, big.NewInt(off))
				r := times(k)
				c := secp256k1.Claim{
					Z: scalar(new(big.Int).Mul(u1, s)), R: scalar(new(big.Int).Mul(u2, s)), S: scalar(s),
					X: r.X, Odd: r.Y.IsOdd(),
				}
				finite := new(big.Int).Mod(k, order()).Sign() != 0
				claims, want = append(claims, c), append(want, finite && off == 0)
				c.Odd = !c.Odd
				claims, want = append(claims, c), append(want, false)
			}
			for j, u := range ks {
				s := ks[(j*13+i)%len(ks)]
				if s.Sign() == 0 {
					s = big.NewInt(7)
				}
				claim(u, ks[(j*7+i)%len(ks)], s, 0)
				claim(u, ks[(j*5+i)%len(ks)], s, 1)
				claim(u, u, s, 0)
				claim(u, new(big.Int).Neg(u), s, 0)
				claim(new(big.Int).Mul(u, key), u, s, 0)
				claim(new(big.Int).Mul(u, key), new(big.Int).Neg(u), s, 0)
			}
			for j := range claims {
				require.Equal(t, want[j], v.Holds(&claims[j]), "key %x, window %d, claim %d: %x", key, window, j, claims[j])
			}
			var b secp256k1.Batch
			for size := 1; len(claims) > 0; size = min(2*size+1, secp256k1.BatchSize, len(claims)) {
				holds := make([]bool, size)
				b.Hold(v, claims[:size], holds)
				require.Equal(t, want[:size], holds, "key %x, window %d, batch of %d", key, window, size)
				claims, want = claims[size:], want[size:]
			}
		}
	}
}

func TestPointSetX(t *testing.T) {
	for range 200 {
		p := times(randomScalar())
		var q secp256k1.Point
		require.True(t, q.SetX(&p.X, p.Y.IsOdd()))
		requirePoint(t, p, q)
		require.True(t, q.IsOnCurve())
		q.Y.Add(&q.Y, &secp256k1.Element{1})
		require.False(t, q.IsOnCurve())
	}
	var q secp256k1.Point
	require.False(t, q.SetX(&secp256k1.Element{}, false), "x = 0")
	require.False(t, q.SetX(&secp256k1.Element{5}, false), "x = 5")
	require.False(t, new(secp256k1.Point).IsOnCurve(), "infinity")
	g := secp256k1.Generator()
	requirePoint(t, times(big.NewInt(1)), g)
}

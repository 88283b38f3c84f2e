package scenarios

import (
	"fmt"
	"math/big"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/attestation/internal/naive"
	"github.com/slastream/slastream-go/attestation/vectors"
)

// What the scenarios below sign, and with what: secrets that everybody may know.
var (
	example = attestation.Attestation{
		DealID:     word(big.NewInt(1)),
		ProofSetID: word(big.NewInt(42)),
		RootCID:    attestation.Word(keccak([]byte("root"))),
		Timestamp:  1_700_000_000,
	}
	exampleZ = number(keccak(encode(example)))
	secret   = modN(number(keccak([]byte("secret"))))
	nonce    = modN(number(keccak([]byte("nonce"))))

	// lambda times a point (x, y) is (β·x, y): the endomorphism that fast code
	// uses, where it may meet one point on two ways.
	lambda, _ = new(big.Int).SetString("5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72", 16)
)

// keys returns what a recording has not: keys and nonces that make fast code
// double, or meet a point and its opposite, and keys that are no points.
func keys() []vectors.Vector {
	one, two := big.NewInt(1), big.NewInt(2)
	all := []vectors.Vector{}
	for _, k := range []struct {
		name string
		d    *big.Int
		text string
	}{
		{"generator", one, "G"},
		{"negative-generator", minus(one), "-G"},
		{"twice-generator", two, "2·G"},
		{"half-generator", modN(new(big.Int).ModInverse(two, naive.N())), "G/2"},
		{"lambda-generator", lambda, "λ·G, which has the y of G"},
		{"negative-lambda-generator", minus(lambda), "-λ·G"},
		{"lambda-squared-generator", times(lambda, lambda), "λ²·G, which has the y of G"},
		{"half-n-generator", new(big.Int).Rsh(naive.N(), 1), "⌊n/2⌋·G"},
		{"two-to-128-generator", new(big.Int).Lsh(one, 128), "2^128·G"},
	} {
		sig := sign(k.d, nonce, exampleZ)
		all = append(all, release("key-is-"+k.name, "The signature is valid, and the key is "+k.text+".", example, sig, public(k.d)))
		sig = sign(secret, k.d, exampleZ)
		all = append(all, release("nonce-is-"+k.name, "The signature is valid, and R or its opposite is "+k.text+".", example, sig, public(secret)))
	}

	r := xOf(public(nonce))
	fitting := divide(exampleZ, r)
	twice := divide(times(two, exampleZ), nonce)
	valid := sign(secret, nonce, exampleZ)
	key := public(secret)
	max := word(new(big.Int).Sub(new(big.Int).Lsh(one, 256), one))
	offByOne := key
	offByOne.Y[31] ^= 1
	deal2 := example
	deal2.DealID = word(two)
	return append(all,
		release("nonce-is-secret", "The signature is valid, and R or its opposite is the key.", example, sign(secret, secret, exampleZ), key),
		release("summands-equal", "(z/s)·G and (r/s)·Q, whose sum is R, are the same point.", example,
			lower(naive.Signature{R: r, S: twice, V: oddOf(public(nonce))}), public(fitting)),
		release("summands-opposite", "(z/s)·G and (r/s)·Q are opposite points, whose sum is not R: the key has the x of the recovered one.", example,
			lower(naive.Signature{R: r, S: twice, V: oddOf(public(nonce))}), public(minus(fitting))),
		release("key-y-off-curve", "The key has the right x, and a y that is off the curve.", example, valid, offByOne),
		release("key-y-zero", "The key has the right x, and y is 0.", example, valid, attestation.PublicKey{X: key.X}),
		release("key-x-zero", "The key has the right y, and x is 0.", example, valid, attestation.PublicKey{Y: key.Y}),
		release("key-coordinates-swapped", "The key has x and y swapped.", example, valid, attestation.PublicKey{X: key.Y, Y: key.X}),
		release("key-max", "Both coordinates of the key are 2^256 - 1.", example, valid, attestation.PublicKey{X: max, Y: max}),
		release("key-zero-r-equals-n", "The key in the escrow is (0, 0) and r is n: no inverse is not an inverse of 0.", example,
			naive.Signature{R: naive.N(), S: valid.S}, attestation.PublicKey{}),
		release("r-above-p-fits-if-reduced", "r is p + 1, and the key would fit if x were r mod p.", example,
			naive.Signature{R: new(big.Int).Add(naive.P(), one), S: valid.S}, fitsPoint(one, new(big.Int).Add(naive.P(), one), valid.S, exampleZ)),
		release("v-2-fits-if-added-to-r", "r is 2 and v is 2, and the key would fit if x were r + n, as Ethereum reads v.", example,
			naive.Signature{R: two, S: valid.S, V: 2}, fitsPoint(new(big.Int).Add(naive.N(), two), two, valid.S, exampleZ)),
		release("other-deal", "The signature is of another deal.", deal2, valid, key),
	)
}

// digests returns scenarios with a digest that nobody knows an attestation of.
func digests() []vectors.Vector {
	n := naive.N()
	zero, five := new(big.Int), big.NewInt(5)
	max := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	forZero, forFive := sign(secret, nonce, zero), sign(secret, nonce, five)
	forMax := sign(secret, nonce, max)
	key := public(secret)
	nothing := naive.Signature{R: forZero.R, S: zero, V: forZero.V}
	nothingModN := naive.Signature{R: forZero.R, S: n, V: forZero.V}
	g := public(big.NewInt(1))
	// With R = G, r·Q = s·G − z·G.
	ofG := func(s *big.Int) naive.Signature { return naive.Signature{R: xOf(g), S: s, V: oddOf(g)} }
	// With R = 2·Q + 3·G, s = r/2 and z = 3·s the key is Q, of which nobody
	// knows the secret: the even point with x = 1.
	q, _ := naive.PointWithX(big.NewInt(1), false)
	chosen := keyOf(q.Times(big.NewInt(2)).Plus(naive.G().Times(big.NewInt(3))))
	s := divide(xOf(chosen), big.NewInt(2))
	forQ := lower(naive.Signature{R: xOf(chosen), S: s, V: oddOf(chosen)})
	zForQ := times(big.NewInt(3), s)
	beyond := keyOf(q)
	beyond.X = word(new(big.Int).Add(naive.P(), big.NewInt(1)))
	return []vectors.Vector{
		recovery("key-x-small", "The x of the key is 1, and the signature fits.", zForQ, forQ, keyOf(q)),
		recovery("key-x-above-p", "The x of the key in the escrow is p + 1, which is not reduced, and that of the recovered one is 1.", zForQ, forQ, beyond),
		recovery("z-zero", "z is 0, and the signature is valid.", zero, forZero, key),
		recovery("z-equals-n", "z is n, which counts as 0.", n, forZero, key),
		recovery("z-zero-another-key", "z is 0, and the key is another's.", zero, forZero, public(nonce)),
		recovery("z-small", "z is 5, and the signature is valid.", five, forFive, key),
		recovery("z-above-n", "z is n + 5, which counts as 5.", new(big.Int).Add(n, five), forFive, key),
		recovery("z-equals-p", "z is p, reduced mod n and not mod p.", naive.P(), sign(secret, nonce, naive.P()), key),
		recovery("z-max", "z is 2^256 - 1, reduced mod n.", max, forMax, key),
		recovery("z-max-reduced", "z is 2^256 - 1 mod n.", modN(max), forMax, key),
		recovery("z-zero-s-zero", "z and s are 0: the sum is infinity.", zero, nothing, key),
		recovery("z-zero-s-zero-for-zero-key", "z and s are 0: the sum is infinity, and the key in the escrow is (0, 0).", zero, nothing, attestation.PublicKey{}),
		recovery("z-equals-n-s-equals-n-for-zero-key", "z and s are n, which counts as 0, and the key in the escrow is (0, 0).", n, nothingModN, attestation.PublicKey{}),
		recovery("r-is-generator-doubled", "R is G, s = -z: s·R and -z·G are the same point.", minus(five), ofG(five), fits(minus(five), ofG(five))),
		recovery("r-is-generator-infinity", "R is G, s = z: s·R and -z·G are opposite, and the key in the escrow is (0, 0).", five, ofG(five), attestation.PublicKey{}),
		recovery("r-is-generator-s-one", "R is G, z = 0 and s = 1: one of the two summands is infinity.", zero, ofG(big.NewInt(1)), fits(zero, ofG(big.NewInt(1)))),
	}
}

// sign returns the signature of z with a low s and v 0 or 1.
func sign(d, k, z *big.Int) naive.Signature {
	point := public(k)
	r := xOf(point)
	s := divide(new(big.Int).Add(z, times(r, d)), k)
	return lower(naive.Signature{R: r, S: s, V: oddOf(point)})
}

// lower gives a signature with s < n a low s.
func lower(sig naive.Signature) naive.Signature {
	if !naive.IsInLowSRange(sig) {
		sig.S = minus(sig.S)
		sig.V ^= 1
	}
	if !naive.IsInLowSRange(sig) {
		panic(fmt.Sprintf("scenarios: nonce gives no signature: r = %x, s = %x", sig.R, sig.S))
	}
	return sig
}

// fits returns the key that accepts the signature.
func fits(z *big.Int, sig naive.Signature) attestation.PublicKey {
	q, felt := naive.Recover(naive.Legacy, z, sig)
	if felt != "" {
		panic("scenarios: nothing fits: " + felt)
	}
	return keyOf(q)
}

// fitsPoint returns the key (s·R − z·G)/r of the R with that x and an even y,
// whatever r is.
func fitsPoint(x, r, s, z *big.Int) attestation.PublicKey {
	point, ok := naive.PointWithX(x, false)
	if !ok {
		panic(fmt.Sprintf("scenarios: no point has x = %x", x))
	}
	return keyOf(point.Times(divide(s, r)).Plus(naive.G().Times(minus(divide(z, r)))))
}

func public(d *big.Int) attestation.PublicKey { return keyOf(naive.G().Times(d)) }

func xOf(k attestation.PublicKey) *big.Int { return number(k.X) }

func oddOf(k attestation.PublicKey) uint32 { return uint32(k.Y[31] & 1) }

func modN(v *big.Int) *big.Int { return new(big.Int).Mod(v, naive.N()) }

func times(a, b *big.Int) *big.Int { return modN(new(big.Int).Mul(a, b)) }

// divide returns a/b mod n.
func divide(a, b *big.Int) *big.Int { return times(a, new(big.Int).ModInverse(b, naive.N())) }

package attestation_test

import (
	"encoding/binary"
	"math/big"
	"testing"

	decred "github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/attestation/vectors"
)

// Ingredients are what a verdict is asked for.
type ingredients struct {
	z, r, s, x, y *big.Int
	v             uint32
}

// A recipe builds interesting ingredients from numbers of the fuzzer.
type recipe struct {
	preimage      [attestation.Size]byte
	z, r, s, x, y *big.Int
	v             uint32
	free          bool // z is the digest, and no attestation is known for it
	step          int
	secret, nonce int // which special secret d and nonce k; 0: from x and r
	edgeR, edgeS  int // which edge replaces r and s first; 0: none
}

// freeDigest is the bit of a step that makes a recipe free.
const freeDigest = 128

// The steps of recipes. Q is the key d·G and R the point k·G.
const (
	asGiven          = iota // r, s, v and the key as they are
	signed                  // valid, s low or high as it comes
	malleated               // valid, with n − s and v flipped
	signedByOpposite        // by n − d
	infiniteForZero         // s = z/k: the sum is infinity, for a key (0, 0)
	infinite                // s = z/k, for the key Q
	fitting                 // r, s, v as they are, and the key that they recover
	factors                 // (z/s)·G + (r/s)·Q with z/s = x and r/s = y
	recovering              // (s/r)·R − (z/r)·G with s/r = s and z/r = x, where z is free
	equalSummands           // (z/s)·G = (r/s)·Q = R/2
	oppositeSummands        // (z/s)·G = −(r/s)·Q
	offCurve                // valid, and then the y of the key is another
	steps
)

// special returns the special secrets: n − d and multiples by λ, under which
// fast code may meet a point twice or its opposite. That of 0 is not special.
func special() []*big.Int {
	n := decred.S256().N
	lambda, _ := new(big.Int).SetString("5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72", 16)
	of := func(v *big.Int) *big.Int { return v.Mod(v, n) }
	return []*big.Int{
		nil, big.NewInt(1), of(big.NewInt(-1)), big.NewInt(2), big.NewInt(3), lambda, of(new(big.Int).Neg(lambda)),
		of(new(big.Int).Mul(lambda, lambda)), new(big.Int).Rsh(n, 1), of(new(big.Int).ModInverse(big.NewInt(2), n)),
		new(big.Int).Lsh(big.NewInt(1), 128), of(new(big.Int).Add(lambda, big.NewInt(1))), of(new(big.Int).Lsh(lambda, 124)),
	}
}

// secrets is how many secrets are special, the one that is not included.
const secrets = 13

// edge returns the number at which a rule changes that has the index i.
func edge(i int) *big.Int {
	n, p := decred.S256().N, decred.S256().P
	one := big.NewInt(1)
	half := new(big.Int).Rsh(n, 1)
	return []*big.Int{
		nil, new(big.Int), one, big.NewInt(2), half, new(big.Int).Add(half, one),
		new(big.Int).Sub(n, one), n, new(big.Int).Add(n, one), new(big.Int).Add(n, big.NewInt(2)),
		new(big.Int).Sub(p, big.NewInt(3)), p, new(big.Int).Add(p, one),
		new(big.Int).Lsh(one, 128), new(big.Int).Lsh(one, 255), new(big.Int).Sub(new(big.Int).Lsh(one, 256), one),
	}[i]
}

const edgeCount = 16

// modular computes mod n; what divides by 0 is 0.
type modular struct{ n *big.Int }

func (m modular) times(a, b *big.Int) *big.Int { return new(big.Int).Mod(new(big.Int).Mul(a, b), m.n) }
func (m modular) minus(a *big.Int) *big.Int    { return new(big.Int).Mod(new(big.Int).Neg(a), m.n) }
func (m modular) over(a, b *big.Int) *big.Int {
	inverse := new(big.Int).ModInverse(b, m.n)
	if inverse == nil {
		return new(big.Int)
	}
	return m.times(a, inverse)
}

// cook follows the recipe. The points are decred's: they are only inputs.
func (in recipe) cook() ingredients {
	z := new(big.Int).SetBytes(crypto.Keccak256(in.preimage[:]))
	if in.free {
		z = in.z
	}
	if e := edge(in.edgeR); e != nil {
		in.r = e
	}
	if e := edge(in.edgeS); e != nil {
		in.s = e
	}
	given := ingredients{z: z, r: in.r, s: in.s, x: in.x, y: in.y, v: in.v}
	m := modular{decred.S256().N}
	d, k := in.scalar(in.secret, in.x), in.scalar(in.nonce, in.r)
	rx, ry := generated(k)
	odd := uint32(ry.Bit(0))
	qx, qy := generated(d)
	sign := func(d *big.Int) *big.Int { return m.over(new(big.Int).Add(z, m.times(rx, d)), k) }
	of := func(s, x, y *big.Int) ingredients { return ingredients{z: z, r: rx, s: s, x: x, y: y, v: odd} }
	switch in.step {
	case signed:
		return of(sign(d), qx, qy)
	case malleated:
		made := of(m.minus(sign(d)), qx, qy)
		made.v ^= 1
		return made
	case signedByOpposite:
		return of(sign(m.minus(d)), qx, qy)
	case infiniteForZero:
		return of(m.over(z, k), new(big.Int), new(big.Int))
	case infinite:
		return of(m.over(z, k), qx, qy)
	case fitting:
		sig := attestation.Signature{R: wordOf(in.r), S: wordOf(in.s), V: in.v}
		if key, err := attestation.Recover(attestation.RulesLegacy, attestation.Digest(wordOf(z)), sig); err == nil {
			given.x, given.y = key.X.Big(), key.Y.Big()
		}
		return given
	case factors:
		s := m.over(z, in.x)
		return ingredients{z: z, r: m.times(in.y, s), s: s, x: qx, y: qy, v: in.v}
	case recovering:
		made := of(m.times(in.s, rx), qx, qy)
		if in.free {
			made.z = m.times(in.x, rx)
		}
		return made
	case equalSummands, oppositeSummands:
		d := m.over(z, rx)
		if in.step == oppositeSummands {
			d = m.minus(d)
		}
		qx, qy := generated(d)
		return of(m.over(m.times(big.NewInt(2), z), k), qx, qy)
	case offCurve:
		return of(sign(d), qx, new(big.Int).Xor(qy, big.NewInt(1)))
	}
	return given
}

// scalar returns the special secret of that index, or v mod n.
func (in recipe) scalar(index int, v *big.Int) *big.Int {
	if s := special()[index]; s != nil {
		return s
	}
	return new(big.Int).Mod(v, decred.S256().N)
}

// valid returns a signature that the key of d accepts, where one is wanted.
func (in recipe) valid() attestation.Signed {
	in.free, in.step, in.r, in.edgeR, in.edgeS, in.nonce = false, signed, big.NewInt(7), 0, 0, 0
	in.preimage[63]++
	made := in.cook()
	sig := attestation.Signature{R: wordOf(made.r), S: wordOf(made.s), V: made.v}
	return attestation.Signed{Attestation: in.attestation(), Signature: sig.Normalize()}
}

func generated(k *big.Int) (x, y *big.Int) { return decred.S256().ScalarBaseMult(k.Bytes()) }

// addSeeds adds every vector as it is, every step, every special key and nonce,
// and every edge as r, as s and as digest.
func addSeeds(f *testing.F) {
	all, err := vectors.Load()
	require.NoError(f, err)
	for _, v := range all {
		switch v.Kind {
		case vectors.Release:
			addSeed(f, v, asGiven, 0, 0)
		case vectors.Recovery:
			addSeed(f, v, asGiven|freeDigest, 0, 0)
		}
		if v.Name != "valid-odd-r" {
			continue
		}
		for step := range byte(steps) {
			addSeed(f, v, step, 0, 0)
		}
		for i := range byte(secrets) {
			addSeed(f, v, signed, i, 0)
			addSeed(f, v, signed, i<<4|i, 0)
			addSeed(f, v, 1+i%(steps-1), i, 0)
		}
		for i := range byte(edgeCount) {
			addSeed(f, v, fitting, 0, i)
			addSeed(f, v, fitting, 0, i<<4)
		}
		for i := 1; i < edgeCount; i++ {
			z := attestation.Digest(wordOf(edge(i)))
			v.Digest = &z
			for _, step := range []byte{signed, fitting} {
				addSeed(f, v, step|freeDigest, 0, 0)
			}
		}
		// Pairs of special factors, in Recover and in tables.
		for i, a := range special()[1:] {
			for j, b := range special()[1:7] {
				v.Signature = &attestation.Signature{S: wordOf(a)}
				v.Key = &attestation.PublicKey{X: wordOf(b), Y: wordOf(a)}
				if i < 6 {
					addSeed(f, v, recovering|freeDigest, byte(i+j)%3<<4+16, 0)
				}
				if j == 0 {
					addSeed(f, v, factors, byte(i+1), 0)
				}
			}
		}
	}
}

func addSeed(f *testing.F, v vectors.Vector, how, numbers, edges byte) {
	f.Add([]byte(v.Preimage), v.Digest[:], v.Signature.R[:], v.Signature.S[:], v.Key.X[:], v.Key.Y[:], v.Signature.V, how, numbers, edges)
}

// padded returns the encoding of an attestation from as many bytes as there are,
// without what does not fit 64 bits.
func padded(b []byte) (enc [attestation.Size]byte) {
	copy(enc[:], b)
	clear(enc[32:56])
	clear(enc[128:152])
	return enc
}

// attestation returns what is encoded.
func (in recipe) attestation() attestation.Attestation {
	b := in.preimage[:]
	return attestation.Attestation{
		DealID:     attestation.Word(b[0:32]),
		ChunkIndex: binary.BigEndian.Uint64(b[56:64]),
		ProofSetID: attestation.Word(b[64:96]),
		RootCID:    attestation.Word(b[96:128]),
		Timestamp:  binary.BigEndian.Uint64(b[152:160]),
	}
}

// leading returns the first 32 bytes at most.
func leading(b []byte) []byte { return b[:min(len(b), 32)] }

// wordOf returns v, which is in [0, 2^256).
func wordOf(v *big.Int) (w attestation.Word) {
	v.FillBytes(w[:])
	return w
}

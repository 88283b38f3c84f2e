package escrow_test

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
)

// The curve secp256k1 in the slowest and plainest way: an oracle that shares
// no code with package attestation.

func hexInt(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 16)
	if !ok {
		panic(s)
	}
	return n
}

var (
	curveP = hexInt("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f")
	curveN = hexInt("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
	curveG = point{
		hexInt("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
		hexInt("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"),
	}
)

// point is a point in affine coordinates; infinity has no x.
type point struct{ x, y *big.Int }

func (p point) plus(q point) point {
	if p.x == nil {
		return q
	}
	if q.x == nil {
		return p
	}
	var slope *big.Int
	if p.x.Cmp(q.x) == 0 {
		sum := new(big.Int).Add(p.y, q.y)
		if sum.Mod(sum, curveP).Sign() == 0 {
			return point{}
		}
		slope = new(big.Int).Mul(p.x, p.x)
		slope.Mul(slope, big.NewInt(3))
		slope.Mul(slope, new(big.Int).ModInverse(new(big.Int).Lsh(p.y, 1), curveP))
	} else {
		dx := new(big.Int).Sub(q.x, p.x)
		slope = new(big.Int).Sub(q.y, p.y)
		slope.Mul(slope, new(big.Int).ModInverse(dx.Mod(dx, curveP), curveP))
	}
	x := new(big.Int).Mul(slope, slope)
	x.Sub(x, p.x).Sub(x, q.x).Mod(x, curveP)
	y := new(big.Int).Sub(p.x, x)
	y.Mul(y, slope).Sub(y, p.y).Mod(y, curveP)
	return point{x, y}
}

func (p point) times(k *big.Int) point {
	k = new(big.Int).Mod(k, curveN)
	var sum point
	for i := k.BitLen() - 1; i >= 0; i-- {
		sum = sum.plus(sum)
		if k.Bit(i) == 1 {
			sum = sum.plus(p)
		}
	}
	return sum
}

// key returns p as the escrow stores it; infinity is (0, 0).
func (p point) key() attestation.PublicKey {
	if p.x == nil {
		return attestation.PublicKey{}
	}
	return attestation.PublicKey{X: wordOf(p.x), Y: wordOf(p.y)}
}

func wordOf(n *big.Int) attestation.Word {
	w, err := attestation.WordFromBig(n)
	if err != nil {
		panic(err)
	}
	return w
}

// recovered returns the point that recover_public_key finds for r on the curve
// and not 0 modulo n: (s·R − z·G) / r.
func recovered(z, r, s *big.Int, odd bool) point {
	square := new(big.Int).Exp(r, big.NewInt(3), curveP)
	y := new(big.Int).ModSqrt(square.Add(square, big.NewInt(7)), curveP)
	if (y.Bit(0) == 1) != odd {
		y.Sub(curveP, y)
	}
	inverse := new(big.Int).ModInverse(r, curveN)
	minusZ := new(big.Int).Neg(z)
	return curveG.times(minusZ.Mul(minusZ, inverse)).plus(point{r, y}.times(new(big.Int).Mul(s, inverse)))
}

// testKey is the attestation key of the tests: secret 1000.
var (
	testSecret = big.NewInt(1000)
	testKey    = curveG.times(testSecret).key()
)

// sign signs with an Ethereum signer: low-s, V 0 or 1.
func sign(t testing.TB, secret *big.Int, a attestation.Attestation) attestation.Signed {
	t.Helper()
	key, err := crypto.ToECDSA(secret.FillBytes(make([]byte, 32)))
	require.NoError(t, err)
	digest := a.Digest()
	sig, err := crypto.Sign(digest[:], key)
	require.NoError(t, err)
	return attestation.Signed{Attestation: a, Signature: attestation.Signature{
		R: attestation.Word(sig[:32]), S: attestation.Word(sig[32:64]), V: uint32(sig[64]),
	}}
}

// highS returns the other signature of the same key: n − s, parity flipped.
func highS(s attestation.Signed) attestation.Signed {
	s.Signature.S = wordOf(new(big.Int).Sub(curveN, s.Signature.S.Big()))
	s.Signature.V ^= 1
	return s
}

// flipV returns the signature with the other parity.
func flipV(s attestation.Signed) attestation.Signed {
	s.Signature.V ^= 1
	return s
}

// chunkOf is the attestation of one chunk in the tests.
func chunkOf(deal, index uint64) attestation.Attestation {
	return attestation.Attestation{
		DealID: word(deal), ChunkIndex: index, ProofSetID: word(42), RootCID: word(7), Timestamp: 1234,
	}
}

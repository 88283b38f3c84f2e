package escrow_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// TestSignatureTable is the table of what recover_public_key accepts, as seen
// through release_chunk, with signatures and keys made here. The rows for a
// digest of n or more, or of 0, need a preimage of Keccak-256: package
// attestation tests them.
func TestSignatureTable(t *testing.T) {
	const (
		accepted  = ""
		recovery  = "Signature recovery failed"
		mismatchX = "PKP key X mismatch"
		mismatchY = "PKP key Y mismatch"
	)
	signedWith := func(v uint32) attestation.Signed {
		a := chunkOf(1, 3)
		for {
			if s := sign(t, testSecret, a); s.Signature.V == v {
				return s
			}
			a.Timestamp++
		}
	}
	valid, odd := signedWith(0), signedWith(1)
	att := valid.Attestation
	digest := att.Digest()
	z := new(big.Int).SetBytes(digest[:])
	r, s, v := valid.Signature.R.Big(), valid.Signature.S.Big(), valid.Signature.V

	plus := func(a *big.Int, b int64) *big.Int { return new(big.Int).Add(a, big.NewInt(b)) }
	half := new(big.Int).Rsh(curveN, 1)
	top := hexInt(strings.Repeat("f", 64))
	five := big.NewInt(5)
	// keyFor is the key that (r, s) is a signature of.
	keyFor := func(r, s *big.Int) attestation.PublicKey { return recovered(z, r, s, false).key() }
	// With R = k·G and s = z/k, s·R − z·G is infinity.
	k := big.NewInt(77)
	infinityR := curveG.times(k)
	infinityS := new(big.Int).Mul(z, new(big.Int).ModInverse(k, curveN))
	infinityS.Mod(infinityS, curveN)
	infinityV := uint32(infinityR.y.Bit(0))
	if infinityS.Cmp(half) > 0 { // −R and n − s have the same product
		infinityS.Sub(curveN, infinityS)
		infinityV ^= 1
	}

	sig := func(r, s *big.Int, v uint32) attestation.Signed {
		return attestation.Signed{Attestation: att, Signature: attestation.Signature{R: wordOf(r), S: wordOf(s), V: v}}
	}
	withV := func(s attestation.Signed, v uint32) attestation.Signed {
		s.Signature.V = v
		return s
	}
	for _, row := range []struct {
		name         string
		signed       attestation.Signed
		key          attestation.PublicKey
		legacy, lows string
	}{
		{"valid", valid, testKey, accepted, accepted},
		{"valid, odd", odd, testKey, accepted, accepted},
		{"high s, parity flipped", highS(valid), testKey, accepted, recovery},
		{"high s, parity kept", flipV(highS(valid)), testKey, mismatchX, recovery},
		{"other parity", flipV(valid), testKey, mismatchX, mismatchX},

		{"r = 0", sig(new(big.Int), s, v), testKey, recovery, recovery},
		{"r = n", sig(curveN, s, v), testKey, "Option::unwrap failed.", recovery},
		{"r = n+1, not on the curve", sig(plus(curveN, 1), s, v), testKey, recovery, recovery},
		{"r = n+2, on the curve", sig(plus(curveN, 2), s, v), testKey, mismatchX, recovery},
		{"r = n+2, its key", sig(plus(curveN, 2), five, 0), keyFor(plus(curveN, 2), five), accepted, recovery},
		{"r = p", sig(curveP, s, v), testKey, "Invalid argument", recovery},
		{"r = 2^256-1", sig(top, s, v), testKey, "Invalid argument", recovery},
		{"r = p, s = 0", sig(curveP, new(big.Int), v), testKey, "Invalid argument", recovery},
		{"r = n, s = n", sig(curveN, curveN, v), testKey, "Option::unwrap failed.", recovery},
		{"r = 5, not on the curve", sig(five, s, v), testKey, recovery, recovery},

		{"s = 0", sig(r, new(big.Int), v), testKey, mismatchX, recovery},
		{"s = 0, its key", sig(r, new(big.Int), 0), keyFor(r, new(big.Int)), accepted, recovery},
		{"s = n, key of s = 0", sig(r, curveN, 0), keyFor(r, new(big.Int)), accepted, recovery},
		{"s = 1, its key", sig(r, big.NewInt(1), 0), keyFor(r, big.NewInt(1)), accepted, accepted},
		{"s = n+1, key of s = 1", sig(r, plus(curveN, 1), 0), keyFor(r, big.NewInt(1)), accepted, recovery},
		{"s = 2^256-1, its key", sig(r, top, 0), keyFor(r, top), accepted, recovery},
		{"s = n/2, its key", sig(r, half, 0), keyFor(r, half), accepted, accepted},
		{"s = n/2+1, its key", sig(r, plus(half, 1), 0), keyFor(r, plus(half, 1)), accepted, recovery},

		{"v = 27 is even", withV(valid, 27), testKey, accepted, accepted},
		{"v = 2 is even", withV(valid, 2), testKey, accepted, accepted},
		{"v = 2^32-1 is even", withV(valid, 1<<32-1), testKey, accepted, accepted},
		{"v = 28 is even", withV(odd, 28), testKey, mismatchX, mismatchX},

		{"infinity, ordinary key", sig(infinityR.x, infinityS, infinityV), testKey, mismatchX, mismatchX},
		{"infinity, key (0, 0)", sig(infinityR.x, infinityS, infinityV), attestation.PublicKey{}, accepted, accepted},
		{"valid, key (0, 0)", valid, attestation.PublicKey{}, mismatchX, mismatchX},
		{"valid, negated key", valid, curveG.times(new(big.Int).Neg(testSecret)).key(), mismatchY, mismatchY},
		{"valid, key off the curve", valid, attestation.PublicKey{X: testKey.X, Y: word(5)}, mismatchY, mismatchY},
		{"another key's signature", sign(t, big.NewInt(1001), att), testKey, mismatchX, mismatchX},
	} {
		for rules, want := range map[attestation.Rules]string{
			attestation.RulesLegacy: row.legacy,
			attestation.RulesLowS:   row.lows,
		} {
			t.Run(row.name+"/"+rules.String(), func(t *testing.T) {
				c := openDeal(t, escrow.Params{Key: row.key, Rules: rules, Address: addr(100)}, 10)
				err := c.ReleaseChunk(escrow.Call{}, row.signed)
				if want == accepted {
					require.NoError(t, err)
					require.True(t, c.ChunkReleased(word(1), 3))
					return
				}
				requireReason(t, want, err)
				require.False(t, c.ChunkReleased(word(1), 3))
			})
		}
	}
}

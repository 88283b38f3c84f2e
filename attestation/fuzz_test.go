package attestation_test

import (
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
)

func testKey(t testing.TB) attestation.PublicKey {
	t.Helper()
	key, err := attestation.ParsePublicKey(secp256k1.PrivKeyFromBytes([]byte{1, 2, 3}).PubKey().SerializeUncompressed())
	require.NoError(t, err)
	return key
}

func FuzzParse(f *testing.F) {
	f.Add(make([]byte, attestation.Size))
	f.Add(make([]byte, attestation.Size-1))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		a, err := attestation.Parse(in)
		if err != nil {
			return
		}
		out := a.Bytes()
		require.Equal(t, in, out[:], "what Parse accepts is canonical")
	})
}

func FuzzParseSignature(f *testing.F) {
	f.Add(make([]byte, 65))
	f.Add(append(make([]byte, 64), 28))
	f.Add(append(make([]byte, 64), 5))
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := attestation.ParseSignature(in)
		if err != nil {
			require.False(t, len(in) == 65 && in[64] < 2)
			return
		}
		require.Equal(t, in[:32], s.R[:])
		require.Equal(t, in[32:64], s.S[:])
		require.LessOrEqual(t, s.V, uint32(1))
		require.Equal(t, s.Normalize(), s.Normalize().Normalize())
	})
}

func FuzzParsePublicKey(f *testing.F) {
	f.Add(secp256k1.PrivKeyFromBytes([]byte{1}).PubKey().SerializeCompressed())
	f.Add(secp256k1.PrivKeyFromBytes([]byte{1}).PubKey().SerializeUncompressed())
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, in []byte) {
		key, err := attestation.ParsePublicKey(in)
		if len(in) == 64 {
			in = append([]byte{4}, in...)
		}
		want, wantErr := secp256k1.ParsePubKey(in)
		if len(in) == 65 && in[0]&6 == 6 {
			wantErr = err // decred reads the hybrid forms 06 and 07, we do not
			require.Error(t, err)
		}
		require.Equal(t, wantErr == nil, err == nil)
		if err == nil {
			x, y := want.X(), want.Y()
			require.Equal(t, x.FillBytes(make([]byte, 32)), key.X[:])
			require.Equal(t, y.FillBytes(make([]byte, 32)), key.Y[:])
		}
	})
}

// FuzzRecover compares with decred's recovery where both must agree: r and s
// in range, V 0 or 1, a result that is not infinity.
func FuzzRecover(f *testing.F) {
	sig := ecdsa.SignCompact(secp256k1.PrivKeyFromBytes([]byte{1, 2, 3}), make([]byte, 32), false)
	f.Add(make([]byte, 32), sig[1:33], sig[33:], uint32(sig[0]-27))
	f.Add(make([]byte, 32), sig[1:33], sig[33:], uint32(28))
	f.Add(make([]byte, 32), make([]byte, 32), make([]byte, 32), uint32(0))
	f.Fuzz(func(t *testing.T, z, r, s []byte, v uint32) {
		if len(z) != 32 || len(r) != 32 || len(s) != 32 {
			return
		}
		in := attestation.Signature{R: attestation.Word(r), S: attestation.Word(s), V: v}
		low, lowErr := attestation.Recover(attestation.RulesLowS, attestation.Digest(z), in)
		legacy, legacyErr := attestation.Recover(attestation.RulesLegacy, attestation.Digest(z), in)
		if lowErr == nil {
			require.NoError(t, legacyErr, "strict rules accept a subset")
			require.Equal(t, legacy, low)
		}
		var rs, ss secp256k1.ModNScalar
		if rs.SetByteSlice(r) || ss.SetByteSlice(s) || rs.IsZero() || ss.IsZero() {
			require.Error(t, lowErr)
			return
		}
		require.Equal(t, !ss.IsOverHalfOrder() && legacyErr == nil, lowErr == nil)
		code := byte(27)
		if v == 1 {
			code++
		}
		want, _, err := ecdsa.RecoverCompact(append(append([]byte{code}, r...), s...), z)
		if err != nil {
			// decred refuses infinity too, which Cairo returns as (0, 0).
			require.True(t, legacyErr != nil || legacy == attestation.PublicKey{})
			return
		}
		require.NoError(t, legacyErr)
		require.Equal(t, want.X().FillBytes(make([]byte, 32)), legacy.X[:])
		require.Equal(t, want.Y().FillBytes(make([]byte, 32)), legacy.Y[:])
	})
}

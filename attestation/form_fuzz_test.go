package attestation_test

import (
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"math/big"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
)

func FuzzParseCompact(f *testing.F) {
	f.Add(make([]byte, 64))
	f.Add(append(make([]byte, 32), append([]byte{0x80}, make([]byte, 31)...)...))
	f.Add(make([]byte, 65))
	f.Fuzz(func(t *testing.T, in []byte) {
		sig, err := attestation.ParseCompact(in)
		if err != nil {
			require.ErrorIs(t, err, attestation.ErrMalformed)
			require.NotEqual(t, 64, len(in))
			return
		}
		out, err := sig.Compact()
		require.NoError(t, err)
		require.Equal(t, in, out[:])
		long, err := sig.Bytes()
		require.NoError(t, err)
		back, err := attestation.ParseSignature(long[:])
		require.NoError(t, err)
		require.Equal(t, sig, back)
	})
}

// FuzzParseSignatureBy compares with encoding/asn1 and decred what has a form,
// and with decred's recovery what was found.
func FuzzParseSignatureBy(f *testing.F) {
	key, d, sig := madeBySomebodyElse(f)
	raw, err := sig.Bytes()
	require.NoError(f, err)
	f.Add(raw[:])
	f.Add(raw[:64])
	f.Add(der(f, sig.R.Big(), sig.S.Big()))
	f.Add(der(f, sig.R.Big(), new(big.Int).Sub(secp256k1.S256().N, sig.S.Big())))
	f.Add(der(f, big.NewInt(0), big.NewInt(-1)))
	f.Add(der(f, new(big.Int).Lsh(big.NewInt(1), 28*8), new(big.Int).Lsh(big.NewInt(3), 28*8)))
	f.Add([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 2, 1, 1})
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := attestation.ParseSignatureBy(in, d, key)
		if len(in) != 64 && len(in) != 65 {
			var rs struct{ R, S *big.Int }
			rest, asn1Err := asn1.Unmarshal(in, &rs)
			isDER := asn1Err == nil && len(rest) == 0 && rs.R.Sign() >= 0 && rs.S.Sign() >= 0 &&
				rs.R.BitLen() <= 256 && rs.S.BitLen() <= 256 &&
				string(der(t, rs.R, rs.S)) == string(in) // it ignores what is after the two numbers
			malformed := errors.Is(err, attestation.ErrMalformed)
			require.Equal(t, isDER, !malformed, "%v", err)
			if _, decredErr := ecdsa.ParseDERSignature(in); decredErr == nil {
				require.False(t, malformed, "decred reads it")
			}
		}
		if err != nil {
			return
		}
		require.LessOrEqual(t, got.V, uint32(1))
		require.Equal(t, got, got.Normalize())
		compact := append(append([]byte{27 + byte(got.V)}, got.R[:]...), got.S[:]...)
		pub, _, err := ecdsa.RecoverCompact(compact, d[:])
		require.NoError(t, err)
		c := key.Compressed()
		require.Equal(t, c[:], pub.SerializeCompressed())
	})
}

func FuzzParseLit(f *testing.F) {
	key, d, sig := madeBySomebodyElse(f)
	r, s := hex.EncodeToString(sig.R[:]), hex.EncodeToString(sig.S[:])
	f.Add([]byte(`{"r":"03` + r + `","s":"` + s + `","v":1}`))
	f.Add([]byte(`{"r":"0x` + r + `","s":"0x` + s + `","v":27}`))
	f.Add([]byte(`{"r":"0x","s":null}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := attestation.ParseLit(in, d, key)
		if err != nil {
			require.Less(t, len(err.Error()), 1000)
			return
		}
		recovered, err := attestation.Recover(attestation.RulesLowS, d, got)
		require.NoError(t, err)
		require.Equal(t, key, recovered)
	})
}

package attestation_test

import (
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// TestKeyFormsAgreeWithGoEthereum does so for keys with an even and an odd Y.
func TestKeyFormsAgreeWithGoEthereum(t *testing.T) {
	odd := 0
	for i := range 32 {
		secret, err := crypto.ToECDSA(append(make([]byte, 31), byte(i+1)))
		require.NoError(t, err)
		key, err := attestation.ParsePublicKey(crypto.FromECDSAPub(&secret.PublicKey))
		require.NoError(t, err)
		require.Equal(t, attestation.EthereumAddress(crypto.PubkeyToAddress(secret.PublicKey)), key.EthereumAddress())
		require.Equal(t, crypto.PubkeyToAddress(secret.PublicKey).Hex(), key.EthereumAddress().String())
		compressed := key.Compressed()
		require.Equal(t, crypto.CompressPubkey(&secret.PublicKey), compressed[:])
		back, err := attestation.ParsePublicKey(compressed[:])
		require.NoError(t, err)
		require.Equal(t, key, back)
		odd += int(compressed[0] & 1)
	}
	require.NotZero(t, odd)
	require.Less(t, odd, 32)
}

// TestKeyFormsOffTheCurve: the escrow allows such keys, so nothing fails, and
// no form pretends that they are points.
func TestKeyFormsOffTheCurve(t *testing.T) {
	var zero attestation.PublicKey
	compressed := zero.Compressed()
	require.Equal(t, [33]byte{2}, compressed)
	_, err := attestation.ParsePublicKey(compressed[:])
	require.ErrorIs(t, err, attestation.ErrMalformed)
	require.Equal(t, crypto.Keccak256(make([]byte, 64))[12:], func() []byte { a := zero.EthereumAddress(); return a[:] }())

	key := testKey(t)
	off := attestation.PublicKey{X: key.X, Y: key.X}
	compressed = off.Compressed()
	back, err := attestation.ParsePublicKey(compressed[:])
	require.NoError(t, err)
	require.NotEqual(t, off, back)
}

func TestPublicKeyJSON(t *testing.T) {
	key := testKey(t)
	var back attestation.PublicKey
	require.NoError(t, json.Unmarshal(mustJSON(t, key), &back))
	require.Equal(t, key, back)
	require.NoError(t, json.Unmarshal([]byte(`{"x":"0","y":"0x0","curve":"secp256k1"}`), &back))
	require.Zero(t, back, "(0, 0) is a key to the escrow")
	require.NoError(t, json.Unmarshal([]byte(`null`), &back))
	for name, in := range map[string]string{
		"no y":            `{"x":"0x1"}`,
		"no x":            `{"y":"0x1"}`,
		"x is null":       `{"x":null,"y":"0x1"}`,
		"x a number":      `{"x":1,"y":"0x1"}`,
		"x of 257 bits":   `{"x":"0x1` + hexOf(make([]byte, 32)) + `","y":"0x1"}`,
		"the text form":   `"` + key.String() + `"`,
		"not JSON at all": `x`,
	} {
		require.Error(t, json.Unmarshal([]byte(in), &back), name)
		require.ErrorIs(t, back.UnmarshalJSON([]byte(in)), attestation.ErrMalformed, name)
		require.Zero(t, back, name)
	}
}

func FuzzPublicKeyJSON(f *testing.F) {
	f.Add([]byte(`{"x":"0x1","y":"2"}`))
	f.Add([]byte(`{"x":"0x1"}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		var k attestation.PublicKey
		if json.Unmarshal(in, &k) != nil {
			require.Zero(t, k)
			return
		}
		var back attestation.PublicKey
		require.NoError(t, json.Unmarshal(mustJSON(t, k), &back))
		require.Equal(t, k, back)
	})
}

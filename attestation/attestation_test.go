package attestation_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
)

func TestParseRefuses(t *testing.T) {
	var chunk, timestamp [attestation.Size]byte
	chunk[32+23] = 1
	timestamp[128] = 1
	for name, in := range map[string][]byte{
		"nothing":                  nil,
		"one byte short":           make([]byte, attestation.Size-1),
		"one byte long":            make([]byte, attestation.Size+1),
		"chunk index of 2^64":      chunk[:],
		"timestamp beyond 64 bits": timestamp[:],
	} {
		_, err := attestation.Parse(in)
		require.ErrorIs(t, err, attestation.ErrMalformed, name)
	}
}

func TestParseWord(t *testing.T) {
	most := "115792089237316195423570985008687907853269984665640564039457584007913129639935"
	for in, want := range map[string]string{
		"0":                            "0",
		"0x0":                          "0",
		"0X2a":                         "42",
		"0xFF":                         "255",
		"0012":                         "12",
		most:                           most,
		"0x" + strings.Repeat("f", 64): most,
	} {
		w, err := attestation.ParseWord(in)
		require.NoError(t, err, in)
		require.Equal(t, want, w.Big().String(), in)
		back, err := attestation.ParseWord(w.String())
		require.NoError(t, err)
		require.Equal(t, w, back)
	}
	for _, in := range []string{"", "0x", "-1", "+1", " 1", "1 ", "1_0", "0x-1", "0xg", "1e3", "١",
		"0x1" + strings.Repeat("0", 64),
		"115792089237316195423570985008687907853269984665640564039457584007913129639936",
		strings.Repeat("9", 1<<20)} {
		_, err := attestation.ParseWord(in)
		require.ErrorIs(t, err, attestation.ErrMalformed, "%.90q", in)
		require.Less(t, len(err.Error()), 300, "an error text stays short")
	}
}

func TestWordFromBig(t *testing.T) {
	for name, v := range map[string]*big.Int{"nil": nil, "negative": big.NewInt(-1), "2^256": new(big.Int).Lsh(big.NewInt(1), 256)} {
		_, err := attestation.WordFromBig(v)
		require.ErrorIs(t, err, attestation.ErrMalformed, name)
	}
	w, err := attestation.WordFromBig(big.NewInt(258))
	require.NoError(t, err)
	require.Equal(t, attestation.WordFromUint64(258), w)
	require.Equal(t, -1, attestation.Word{}.Cmp(w))
	_, ok := attestation.Word{1}.Uint64()
	require.False(t, ok)
}

func TestParseSignature(t *testing.T) {
	raw := make([]byte, 65)
	raw[0], raw[32] = 7, 8
	for in, want := range map[byte]uint32{0: 0, 1: 1, 27: 0, 28: 1} {
		raw[64] = in
		s, err := attestation.ParseSignature(raw)
		require.NoError(t, err)
		require.Equal(t, attestation.Signature{R: attestation.Word{7}, S: attestation.Word{8}, V: want}, s)
	}
	for _, v := range []byte{2, 3, 26, 29, 255} {
		raw[64] = v
		_, err := attestation.ParseSignature(raw)
		require.ErrorContains(t, err, "want 0, 1, 27 or 28")
	}
	for _, n := range []int{0, 64, 66} {
		_, err := attestation.ParseSignature(make([]byte, n))
		require.Error(t, err)
	}
}

func TestNormalizeKeepsTheKey(t *testing.T) {
	d := attestation.Digest{1}
	low := attestation.Signature{R: attestation.WordFromUint64(1), S: attestation.WordFromUint64(5), V: 28}
	want, err := attestation.Recover(attestation.RulesLegacy, d, low)
	require.NoError(t, err)
	n, _ := new(big.Int).SetString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
	s, err := attestation.WordFromBig(n.Sub(n, big.NewInt(5)))
	require.NoError(t, err)
	high := attestation.Signature{R: low.R, S: s, V: 1}
	got, err := attestation.Recover(attestation.RulesLegacy, d, high)
	require.NoError(t, err)
	require.Equal(t, want, got, "s and n − s with the other parity recover the same key")

	require.Equal(t, attestation.Signature{R: low.R, S: low.S, V: 0}, low.Normalize(), "28 is even to the contract")
	require.Equal(t, low.Normalize(), high.Normalize())
	require.Equal(t, attestation.Signature{}, attestation.Signature{V: 2}.Normalize())
}

func TestParsePublicKey(t *testing.T) {
	key := testKey(t)
	prefix := byte(2 + key.Y[31]&1)
	for name, in := range map[string][]byte{
		"compressed":   append([]byte{prefix}, key.X[:]...),
		"bare":         append(key.X[:], key.Y[:]...),
		"uncompressed": append(append([]byte{4}, key.X[:]...), key.Y[:]...),
	} {
		got, err := attestation.ParsePublicKey(in)
		require.NoError(t, err, name)
		require.Equal(t, key, got, name)
	}
	off := append(key.X[:], key.Y[:]...)
	off[63] ^= 1
	p := unhex(t, "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f")
	for name, in := range map[string][]byte{
		"nothing":              nil,
		"off the curve":        off,
		"infinity":             make([]byte, 64),
		"x = p":                append(append([]byte{2}, p...), nil...),
		"x without a point":    append([]byte{2}, attestation.WordFromUint64(5).Big().FillBytes(make([]byte, 32))...),
		"hybrid form":          append(append([]byte{6}, key.X[:]...), key.Y[:]...),
		"compressed, prefix 4": append([]byte{4}, key.X[:]...),
		"unreduced y":          append(key.X[:], p...),
		"66 bytes":             make([]byte, 66),
	} {
		_, err := attestation.ParsePublicKey(in)
		require.ErrorIs(t, err, attestation.ErrMalformed, name)
	}
}

func TestEthereumAddress(t *testing.T) {
	for _, s := range []string{"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xBADd0B92C1c71d02E7d520f64c0876538fa2557F"} {
		a, err := attestation.ParseEthereumAddress(s)
		require.NoError(t, err)
		require.Equal(t, s, a.String())
		lower, err := attestation.ParseEthereumAddress(strings.ToLower(s))
		require.NoError(t, err)
		require.Equal(t, a, lower)
	}
	for _, s := range []string{"", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe", "0xzzAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"} {
		_, err := attestation.ParseEthereumAddress(s)
		require.ErrorIs(t, err, attestation.ErrMalformed, s)
	}
}

func TestJSONForms(t *testing.T) {
	signed := attestation.Signed{
		Attestation: attestation.Attestation{DealID: attestation.WordFromUint64(1), ChunkIndex: 2, Timestamp: 1<<64 - 1},
		Signature:   attestation.Signature{V: 1},
	}
	raw, err := json.Marshal(signed)
	require.NoError(t, err)
	zero := `"0x` + strings.Repeat("0", 64) + `"`
	one := `"0x` + strings.Repeat("0", 63) + `1"`
	require.JSONEq(t, `{"attestation":{"dealId":`+one+`,"chunkIndex":2,"proofSetId":`+zero+`,"rootCid":`+zero+`,"timestamp":18446744073709551615},"signature":{"r":`+zero+`,"s":`+zero+`,"v":1}}`, string(raw))
	var back attestation.Signed
	require.NoError(t, json.Unmarshal(raw, &back))
	require.Equal(t, signed, back)
}

func TestBatch(t *testing.T) {
	b := attestation.Batch{Domain: attestation.Domain{ChainID: attestation.WordFromUint64(1), Escrow: attestation.WordFromUint64(2)}}
	require.Len(t, b.Bytes(), 4*32)
	b.Items = make([]attestation.Attestation, 3)
	enc := b.Bytes()
	require.Len(t, enc, 4*32+3*attestation.Size)
	require.Equal(t, byte(1), enc[63])
	require.Equal(t, byte(2), enc[95])
	require.Equal(t, byte(3), enc[127])
	other := b
	other.Domain.Escrow = attestation.WordFromUint64(3)
	require.NotEqual(t, b.Digest(), other.Digest(), "a batch is bound to its escrow")
}

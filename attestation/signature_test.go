package attestation_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
)

func TestSignatureBytes(t *testing.T) {
	key, d, sig := madeBySomebodyElse(t)
	for v, last := range map[uint32]byte{0: 27, 1: 28} {
		sig.V = v
		b, err := sig.Bytes()
		require.NoError(t, err)
		require.Equal(t, last, b[64])
		back, err := attestation.ParseSignature(b[:])
		require.NoError(t, err)
		require.Equal(t, sig, back)
	}
	for _, v := range []uint32{2, 27, 28, 1 << 8, math.MaxUint32} {
		sig.V = v
		_, err := sig.Bytes()
		require.ErrorIs(t, err, attestation.ErrMalformed)
		_, err = sig.Compact()
		require.ErrorIs(t, err, attestation.ErrMalformed)
	}

	sig.V = 28 // even to the escrow
	b, err := sig.Normalize().Bytes()
	require.NoError(t, err)
	b[64] -= 27
	pub, err := crypto.SigToPub(d[:], b[:])
	require.NoError(t, err)
	require.Equal(t, key.String(), "0x"+hexOf(crypto.FromECDSAPub(pub)))
}

func TestCompactNeedsAFreeBit(t *testing.T) {
	s := attestation.Signature{V: 1}
	s.S[0] = 0x7f
	b, err := s.Compact()
	require.NoError(t, err)
	require.Equal(t, byte(0xff), b[32])
	s.S[0] = 0x80
	_, err = s.Compact()
	require.ErrorIs(t, err, attestation.ErrMalformed)
	_, err = s.Normalize().Compact()
	require.NoError(t, err, "n − s is below 2^255")
	for _, n := range []int{0, 63, 65} {
		_, err := attestation.ParseCompact(make([]byte, n))
		require.ErrorIs(t, err, attestation.ErrMalformed)
	}
}

// TestEIP2098 has the two signatures of the EIP's section "Test Cases".
func TestEIP2098(t *testing.T) {
	for compact, want := range map[string]string{
		"68a020a209d3d56c46f38cc50a33f704f4a9a10a59377f8dd762ac66910e9b907e865ad05c4035ab5792787d4a0297a43617ae897930a6fe4d822b8faea52064": "68a020a209d3d56c46f38cc50a33f704f4a9a10a59377f8dd762ac66910e9b907e865ad05c4035ab5792787d4a0297a43617ae897930a6fe4d822b8faea520641b",
		"9328da16089fcba9bececa81663203989f2df5fe1faa6291a45381c81bd17f76939c6d6b623b42da56557e5e734a43dc83345ddfadec52cbe24d0cc64f550793": "9328da16089fcba9bececa81663203989f2df5fe1faa6291a45381c81bd17f76139c6d6b623b42da56557e5e734a43dc83345ddfadec52cbe24d0cc64f5507931c",
	} {
		sig, err := attestation.ParseCompact(unhex(t, compact))
		require.NoError(t, err)
		b, err := sig.Bytes()
		require.NoError(t, err)
		require.Equal(t, want, hexOf(b[:]))
	}
}

// TestJSONIsStable holds the JSON forms to the byte: stored journals and other
// programs read them.
func TestJSONIsStable(t *testing.T) {
	_, _, sig := madeBySomebodyElse(t)
	fixed := fixedSigned(t)
	word := func(n uint64) string { return `"` + attestation.WordFromUint64(n).String() + `"` }
	for _, tt := range []struct {
		value any
		want  string
	}{
		{attestation.WordFromUint64(255), word(255)},
		{attestation.Digest{31: 1}, word(1)},
		{attestation.EthereumAddress(unhex(t, "f39fd6e51aad88f6f4ce6ab8827279cfffb92266")), `"0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"`},
		{attestation.PublicKey{X: attestation.WordFromUint64(1), Y: attestation.WordFromUint64(2)}, `{"x":` + word(1) + `,"y":` + word(2) + `}`},
		{attestation.Signature{R: attestation.WordFromUint64(1), S: attestation.WordFromUint64(2), V: math.MaxUint32}, `{"r":` + word(1) + `,"s":` + word(2) + `,"v":4294967295}`},
		{fixed, `{"attestation":{"dealId":` + word(1) + `,"chunkIndex":0,"proofSetId":` + word(42) +
			`,"rootCid":"0xdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef","timestamp":1234},` +
			`"signature":{"r":"0x31338a93ce893a3d1340fac987cfec9fe918d47e466dd9971970198ac963fcd7",` +
			`"s":"0x29e57b749106ebc173391753a1c15b2db8dfac683e26dd6d460a0cd9ba5d73c5","v":0}}`},
	} {
		require.Equal(t, tt.want, string(mustJSON(t, tt.value)))
	}

	var back attestation.Signed
	require.NoError(t, json.Unmarshal(mustJSON(t, fixed), &back))
	require.Equal(t, fixed, back)
	sig.V = 28
	var s attestation.Signature
	require.NoError(t, json.Unmarshal(mustJSON(t, sig), &s))
	require.Equal(t, sig, s, "v is kept as it is")
}

func TestSignatureJSON(t *testing.T) {
	for name, in := range map[string]string{
		"viem's object, which has no v":       `{"r":"0x1","s":"0x2","yParity":1}`,
		"no r":                                `{"s":"0x2","v":1}`,
		"v is null":                           `{"r":"0x1","s":"0x2","v":null}`,
		"v of 33 bits":                        `{"r":"0x1","s":"0x2","v":4294967296}`,
		"negative v":                          `{"r":"0x1","s":"0x2","v":-1}`,
		"v as text":                           `{"r":"0x1","s":"0x2","v":"1"}`,
		"r a number, which JavaScript rounds": `{"r":1,"s":"0x2","v":1}`,
		"r of 33 bytes":                       `{"r":"0x02` + strings.Repeat("1", 64) + `","s":"0x2","v":1}`,
		"65 bytes of hexadecimal":             `"0x` + strings.Repeat("0", 130) + `"`,
	} {
		s := attestation.Signature{V: 7}
		require.ErrorIs(t, json.Unmarshal([]byte(in), &s), attestation.ErrMalformed, name)
		require.Equal(t, attestation.Signature{V: 7}, s, name)
	}
	s := attestation.Signature{V: 7}
	require.NoError(t, json.Unmarshal([]byte(`null`), &s))
	require.Equal(t, attestation.Signature{V: 7}, s)
	require.NoError(t, json.Unmarshal([]byte(`{"r":"1","s":"0x2","v":28,"networkV":null}`), &s))
	require.Equal(t, attestation.Signature{R: attestation.WordFromUint64(1), S: attestation.WordFromUint64(2), V: 28}, s)
}

func FuzzSignatureJSON(f *testing.F) {
	f.Add([]byte(`{"r":"0x1","s":"2","v":28}`))
	f.Add([]byte(`{"r":"0x1","s":"2"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, in []byte) {
		var s attestation.Signature
		if json.Unmarshal(in, &s) != nil {
			require.Zero(t, s)
			return
		}
		var back attestation.Signature
		require.NoError(t, json.Unmarshal(mustJSON(t, s), &back))
		require.Equal(t, s, back)
	})
}

// fixedSigned is the first row of ethers5.json, the attestation of
// docs/attestation.md.
func fixedSigned(t testing.TB) attestation.Signed {
	t.Helper()
	word := func(s string) attestation.Word {
		w, err := attestation.ParseWord(s)
		require.NoError(t, err)
		return w
	}
	return attestation.Signed{
		Attestation: attestation.Attestation{
			DealID:     word("1"),
			ProofSetID: word("42"),
			RootCID:    word("0xdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef"),
			Timestamp:  1234,
		},
		Signature: attestation.Signature{
			R: word("0x31338a93ce893a3d1340fac987cfec9fe918d47e466dd9971970198ac963fcd7"),
			S: word("0x29e57b749106ebc173391753a1c15b2db8dfac683e26dd6d460a0cd9ba5d73c5"),
		},
	}
}

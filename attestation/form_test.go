package attestation_test

import (
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
)

// TestFormsOfOthers reads and writes what ethers 6.17.0 (serialized, compact,
// compressed, address) and @noble/curves 1.2.0 (der) made of the signatures in
// ethers5.json; viem 2.57.20 printed the same serialized and compact forms.
func TestFormsOfOthers(t *testing.T) {
	rows := readVectors[struct {
		Digest     attestation.Digest          `json:"digest"`
		Serialized string                      `json:"serialized"`
		Compact    string                      `json:"compact"`
		DER        string                      `json:"der"`
		DERHigh    string                      `json:"derHigh"`
		Compressed string                      `json:"compressed"`
		Address    attestation.EthereumAddress `json:"address"`
	}](t, "forms.json")
	require.Len(t, rows, 40)
	odd := 0
	for _, row := range rows {
		key, err := attestation.ParsePublicKey(unhex(t, row.Compressed))
		require.NoError(t, err)
		compressed := key.Compressed()
		require.Equal(t, unhex(t, row.Compressed), compressed[:])
		require.Equal(t, row.Address, key.EthereumAddress())

		want, err := attestation.ParseSignature(unhex(t, row.Serialized))
		require.NoError(t, err)
		got, err := attestation.Recover(attestation.RulesLowS, row.Digest, want)
		require.NoError(t, err)
		require.Equal(t, key, got)
		odd += int(want.V)

		serialized, err := want.Bytes()
		require.NoError(t, err)
		require.Equal(t, unhex(t, row.Serialized), serialized[:])
		compact, err := want.Compact()
		require.NoError(t, err)
		require.Equal(t, unhex(t, row.Compact), compact[:])
		got2, err := attestation.ParseCompact(compact[:])
		require.NoError(t, err)
		require.Equal(t, want, got2)

		for name, form := range map[string][]byte{
			"DER":              unhex(t, row.DER),
			"DER, high s":      unhex(t, row.DERHigh),
			"P1363":            serialized[:64],
			"r, s, v":          serialized[:],
			"r, s and EIP-155": append(serialized[:64:64], 37),
		} {
			got, err := attestation.ParseSignatureBy(form, row.Digest, key)
			require.NoError(t, err, name)
			require.Equal(t, want, got, name)
		}
	}
	require.NotZero(t, odd)
	require.Less(t, odd, len(rows))
}

// TestParseSignatureByRefuses: what has no form is malformed, what has one and
// is another's signature is refused as the escrow would.
func TestParseSignatureByRefuses(t *testing.T) {
	key, d, sig := madeBySomebodyElse(t)
	r, s := sig.R.Big(), sig.S.Big()
	n := secp256k1.S256().N
	order, err := attestation.WordFromBig(n)
	require.NoError(t, err)
	good := der(t, r, s)
	_, err = attestation.ParseSignatureBy(good, d, key)
	require.NoError(t, err)

	long := new(big.Int).Lsh(big.NewInt(1), 256)
	for name, in := range map[string][]byte{
		"nothing":                    nil,
		"66 bytes":                   make([]byte, 66),
		"a byte after the DER":       append(der(t, r, s), 0),
		"DER without its last byte":  good[:len(good)-1],
		"three integers":             der(t, r, s, s),
		"one integer":                der(t, r),
		"negative r":                 der(t, new(big.Int).Neg(r), s),
		"s of 257 bits":              der(t, r, long),
		"an integer padded with 0":   {0x30, 7, 2, 2, 0, 1, 2, 1, 1},
		"an integer without bytes":   {0x30, 5, 2, 0, 2, 1, 1},
		"a length in the long form":  {0x30, 0x81, 6, 2, 1, 1, 2, 1, 1},
		"an indefinite length":       {0x30, 0x80, 2, 1, 1, 2, 1, 1, 0, 0},
		"a length beyond the end":    {0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 2, 1, 1},
		"a set instead of sequence":  {0x31, 6, 2, 1, 1, 2, 1, 1},
		"hexadecimal instead of raw": []byte(hex.EncodeToString(good)),
	} {
		_, err := attestation.ParseSignatureBy(in, d, key)
		require.ErrorIs(t, err, attestation.ErrMalformed, name)
		require.Less(t, len(err.Error()), 200, name)
	}

	mismatch := &attestation.VerifyError{Reason: "PKP key X mismatch"}
	failed := &attestation.VerifyError{Reason: "Signature recovery failed"}
	raw, err := sig.Bytes()
	require.NoError(t, err)
	odd := sig
	odd.V = 1
	compact, err := odd.Compact()
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		in   []byte
		d    attestation.Digest
		key  attestation.PublicKey
		want error
	}{
		"another digest":                     {good, attestation.Digest{9}, key, mismatch},
		"another key":                        {good, d, testKey(t), mismatch},
		"the key's negative":                 {good, d, negative(t, key), nil},
		"a key off the curve":                {good, d, attestation.PublicKey{X: key.X, Y: key.X}, nil},
		"EIP-2098 with an odd R":             {compact[:], d, key, mismatch},
		"v in front":                         {append([]byte{27}, raw[:64]...), d, key, nil},
		"r of 0":                             {der(t, new(big.Int), s), d, key, failed},
		"s of n":                             {der(t, r, n), d, key, failed},
		"r + n, which Ethereum's v = 2 says": {append(order[:], sig.S[:]...), d, key, failed},
		"zeroes":                             {make([]byte, 64), d, key, failed},
	} {
		_, err := attestation.ParseSignatureBy(tt.in, tt.d, tt.key)
		require.ErrorAs(t, err, new(*attestation.VerifyError), name)
		require.NotErrorIs(t, err, attestation.ErrMalformed, name)
		if tt.want != nil {
			require.ErrorIs(t, err, tt.want, name)
		}
	}
}

// TestParseSignatureByWhenBothFit: 64 bytes that are DER of two small numbers
// and r‖s of a signature by a key made to fit.
func TestParseSignatureByWhenBothFit(t *testing.T) {
	d := attestation.Digest{1}
	in := der(t, new(big.Int).Lsh(big.NewInt(1), 28*8), new(big.Int).Lsh(big.NewInt(3), 28*8))
	require.Len(t, in, 64)
	var read int
	for bump := range 100 {
		in[10] = byte(bump)
		bare := attestation.Signature{R: attestation.Word(in[:32]), S: attestation.Word(in[32:])}
		asDER := attestation.Signature{R: shifted(in[4:33]), S: shifted(in[35:64])}
		for _, want := range []attestation.Signature{bare, asDER} {
			key, err := attestation.Recover(attestation.RulesLowS, d, want)
			if err != nil {
				continue // no point with that x
			}
			got, err := attestation.ParseSignatureBy(in, d, key)
			require.NoError(t, err)
			require.Equal(t, want, got)
			read++
		}
	}
	require.Greater(t, read, 20)
}

func shifted(b []byte) (w attestation.Word) {
	copy(w[32-len(b):], b)
	return w
}

// TestParseLit reads what the four forms of r, s and v of a Lit action hold.
func TestParseLit(t *testing.T) {
	key, d, want := madeBySomebodyElse(t)
	r, s := hex.EncodeToString(want.R[:]), hex.EncodeToString(want.S[:])
	high, err := attestation.WordFromBig(new(big.Int).Sub(secp256k1.S256().N, want.S.Big()))
	require.NoError(t, err)
	for name, in := range map[string]string{
		"Naga":                                  `{"r":"` + r + `","s":"` + s + `","v":0}`,
		"Datil, R even":                         `{"r":"02` + r + `","s":"` + s + `","v":0}`,
		"Datil, R odd before s was lowered":     `{"r":"03` + r + `","s":"` + s + `","v":0}`,
		"Datil, 0x in front":                    `{"r":"0x03` + r + `","s":"0x` + s + `","v":0}`,
		"ethers 5":                              `{"r":"0x` + r + `","s":"0x` + s + `","_vs":"0x00","recoveryParam":0,"v":27}`,
		"the combiner calls v recid":            `{"r":"02` + r + `","s":"` + s + `","recid":0}`,
		"a wrong v":                             `{"r":"` + r + `","s":"` + s + `","v":1}`,
		"v as text":                             `{"r":"` + r + `","s":"` + s + `","v":"0x1b"}`,
		"high s":                                `{"r":"` + r + `","s":"` + high.String() + `"}`,
		"upper case":                            `{"r":"` + strings.ToUpper(r) + `","s":"` + strings.ToUpper(s) + `"}`,
		"inside the answer of a whole action":   `{"ok":true,"r":"` + r + `","s":"` + s + `","publicKey":"0x04"}`,
		"the JSON form of this package itself":  string(mustJSON(t, want)),
		"a space before and a newline after it": ` {"r":"` + r + `","s":"` + s + `"}` + "\n",
	} {
		got, err := attestation.ParseLit([]byte(in), d, key)
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
	for name, in := range map[string]string{
		"nothing":              ``,
		"null":                 `null`,
		"an array":             `["` + r + `","` + s + `"]`,
		"a string of JSON":     `"{}"`,
		"no s":                 `{"r":"` + r + `"}`,
		"no r":                 `{"s":"` + s + `"}`,
		"a number":             `{"r":1,"s":"` + s + `"}`,
		"an uncompressed R":    `{"r":"04` + r + `","s":"` + s + `"}`,
		"r of 65 digits":       `{"r":"2` + r + `","s":"` + s + `"}`,
		"s compressed":         `{"r":"` + r + `","s":"02` + s + `"}`,
		"r empty":              `{"r":"","s":"` + s + `"}`,
		"no digits":            `{"r":"0x","s":"` + s + `"}`,
		"not hexadecimal":      `{"r":"-1","s":"` + s + `"}`,
		"two objects":          `{"r":"` + r + `","s":"` + s + `"}{}`,
		"an error of the node": strings.Repeat("x", 1<<20),
	} {
		_, err := attestation.ParseLit([]byte(in), d, key)
		require.ErrorIs(t, err, attestation.ErrMalformed, name)
		require.Less(t, len(err.Error()), 400, name)
	}
	_, err = attestation.ParseLit([]byte(`{"r":"`+r+`","s":"`+s+`"}`), attestation.Digest{1}, key)
	require.ErrorAs(t, err, new(*attestation.VerifyError))
}

// TestParseLitOfLit is the case that LIT-Protocol/lit-ecdsa-wasm-combine
// (af92bb52, src/tests.rs, cait_sith_test_k256) combines: s is the sum of its
// three shares.
func TestParseLitOfLit(t *testing.T) {
	key, err := attestation.ParsePublicKey(unhex(t, "03d589e6b6ff8b611d073f6161e8a8d9a9a737c6b102d284984ace0f0326073402"))
	require.NoError(t, err)
	got, err := attestation.ParseLit([]byte(`{
		"r": "0203899ad2b6b56d65130ddae01a099d867fdc5df9219cd1b31a48b03fa0af05ea",
		"s": "55ec4af9f1883b19ff84825cbebdfd127bc8fbff48df6cf705cadc85accb3056",
		"recid": 0}`), attestation.Digest(unhex(t, "a591a6d40bf420404a011733cfb7b190d62c65bf0bcda32b57b277d9ad9f146e")), key)
	require.NoError(t, err)
	require.Zero(t, got.V)
}

// TestDatilPrefixIsNotTheParity shows why: sign with a nonce of which R is
// known, lower s as Datil does, and see both prefixes with both parities.
func TestDatilPrefixIsNotTheParity(t *testing.T) {
	secret := secp256k1.PrivKeyFromBytes([]byte{1, 2, 3})
	key, d := testKey(t), attestation.Digest{5}
	seen := map[[2]uint32]bool{}
	for i := range 64 {
		k := secp256k1.PrivKeyFromBytes([]byte{byte(i + 1)})
		big := k.PubKey().SerializeCompressed() // R = k·G
		var r, z, s secp256k1.ModNScalar
		r.SetByteSlice(big[1:])
		z.SetByteSlice(d[:])
		s.Mul2(&r, &secret.Key).Add(&z).Mul(new(secp256k1.ModNScalar).InverseValNonConst(&k.Key))
		if s.IsOverHalfOrder() {
			s.Negate()
		}
		got, err := attestation.ParseLit([]byte(`{"r":"`+hex.EncodeToString(big)+`","s":"`+s.String()+`"}`), d, key)
		require.NoError(t, err)
		seen[[2]uint32{uint32(big[0] - 2), got.V}] = true
	}
	require.Len(t, seen, 4)
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

// der encodes numbers with encoding/asn1.
func der(t testing.TB, numbers ...*big.Int) []byte {
	t.Helper()
	b, err := asn1.Marshal(numbers)
	require.NoError(t, err)
	return b
}

// madeBySomebodyElse is a signature that go-ethereum made, with an even R.
func madeBySomebodyElse(t testing.TB) (attestation.PublicKey, attestation.Digest, attestation.Signature) {
	t.Helper()
	secret, err := crypto.HexToECDSA(strings.Repeat("07", 32))
	require.NoError(t, err)
	key, err := attestation.ParsePublicKey(crypto.FromECDSAPub(&secret.PublicKey))
	require.NoError(t, err)
	for i := range 100 {
		d := attestation.Digest{byte(i), 1}
		b, err := crypto.Sign(d[:], secret)
		require.NoError(t, err)
		if b[64] == 0 {
			return key, d, attestation.Signature{R: attestation.Word(b[:32]), S: attestation.Word(b[32:64])}
		}
	}
	t.Fatal("a hundred odd ones")
	return attestation.PublicKey{}, attestation.Digest{}, attestation.Signature{}
}

func negative(t testing.TB, key attestation.PublicKey) attestation.PublicKey {
	t.Helper()
	b := key.Compressed()
	b[0] ^= 1
	k, err := attestation.ParsePublicKey(b[:])
	require.NoError(t, err)
	return k
}

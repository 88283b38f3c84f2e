package slastream_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

const maxAddress = "0x07ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" // 2^251 − 1

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]string{
		"0x0":       "0x" + strings.Repeat("0", 64),
		"0x1":       "0x" + strings.Repeat("0", 63) + "1",
		"0X1a":      "0x" + strings.Repeat("0", 62) + "1a",
		"0x00AbC":   "0x" + strings.Repeat("0", 61) + "abc",
		maxAddress:  maxAddress,
		"0x4718f5a": "0x" + strings.Repeat("0", 57) + "4718f5a",
	} {
		a, err := slastream.ParseAddress(in)
		require.NoError(t, err, in)
		require.Equal(t, want, a.String(), in)
		require.Equal(t, strings.Trim(want[2:], "0") == "", a.IsZero(), in)
		back, err := slastream.AddressFromWord(a.Word())
		require.NoError(t, err, in)
		require.Equal(t, a, back, in)
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"empty":              "",
		"prefix alone":       "0x",
		"decimal":            "123",
		"no prefix":          "abc",
		"sign":               "-0x1",
		"sign after prefix":  "0x-1",
		"space":              "0x1 ",
		"not a digit":        "0xg",
		"underscore":         "0x1_0",
		"2^251":              "0x0800000000000000000000000000000000000000000000000000000000000000",
		"the field's prime":  "0x800000000000011000000000000000000000000000000000000000000000001",
		"65 digits":          "0x0" + strings.Repeat("0", 64),
		"a million digits":   "0x" + strings.Repeat("1", 1_000_000),
		"an Ethereum prefix": "eth:0x1",
	} {
		t.Run(name, func(t *testing.T) {
			a, err := slastream.ParseAddress(in)
			require.ErrorContains(t, err, "slastream: address")
			require.Less(t, len(err.Error()), 300, "the quoted input is bounded")
			require.Zero(t, a)
		})
	}
}

func TestAddressFromWord(t *testing.T) {
	top, err := attestation.ParseWord(maxAddress)
	require.NoError(t, err)
	_, err = slastream.AddressFromWord(top)
	require.NoError(t, err)
	top[0] = 0x08
	_, err = slastream.AddressFromWord(top)
	require.Error(t, err)
	top[0] = 0xff
	_, err = slastream.AddressFromWord(top)
	require.Error(t, err)
}

func TestAddressJSON(t *testing.T) {
	type account struct{ Address slastream.Address }
	a, err := slastream.ParseAddress(maxAddress)
	require.NoError(t, err)
	b, err := json.Marshal(account{a})
	require.NoError(t, err)
	require.Equal(t, `{"Address":"`+maxAddress+`"}`, string(b))
	var back account
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, a, back.Address)
	require.Error(t, json.Unmarshal([]byte(`{"Address":"12"}`), &back))
	require.Equal(t, a, back.Address, "left as it was")

	// As the key of a JSON object, too.
	byAccount := map[slastream.Address]int{a: 1}
	b, err = json.Marshal(byAccount)
	require.NoError(t, err)
	var read map[slastream.Address]int
	require.NoError(t, json.Unmarshal(b, &read))
	require.Equal(t, byAccount, read)
}

// FuzzParseAddress: never a panic; what it accepts is below 2^251, and String
// is read back to the same address.
func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"", "0x", "0x0", maxAddress, "0x0800", "0x8" + strings.Repeat("0", 62), "12", "0xzz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := slastream.ParseAddress(s)
		if err != nil {
			require.Zero(t, a)
			return
		}
		require.Less(t, a.Word().Big().BitLen(), 252)
		back, err := slastream.ParseAddress(a.String())
		require.NoError(t, err)
		require.Equal(t, a, back)
		digits := strings.ToLower(strings.TrimLeft(s[2:], "0"))
		require.Equal(t, digits, strings.TrimLeft(a.String()[2:], "0"))
	})
}

package slastream_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

const maxDecimal = "115792089237316195423570985008687907853269984665640564039457584007913129639935" // 2^256 − 1

func maxAmount(t testing.TB) slastream.Amount { return parse(t, maxDecimal, 0) }

func parse(t testing.TB, s string, decimals uint8) slastream.Amount {
	t.Helper()
	a, err := slastream.ParseAmount(s, decimals)
	require.NoError(t, err)
	return a
}

func TestParseAmount(t *testing.T) {
	for _, row := range []struct {
		in       string
		decimals uint8
		units    string // String of the result
		format   string // Format with the same decimals
	}{
		{"0", 0, "0", "0"},
		{"0", 18, "0", "0"},
		{"1", 18, "1000000000000000000", "1"},
		{"1.5", 18, "1500000000000000000", "1.5"},
		{"0.000000000000000001", 18, "1", "0.000000000000000001"},
		{"1.50", 2, "150", "1.5"},
		{"00012.30", 2, "1230", "12.3"},
		{"007", 0, "7", "7"},
		{"0.0", 18, "0", "0"},
		{maxDecimal, 0, maxDecimal, maxDecimal},
		{strings.Repeat("0", 500) + "1", 0, "1", "1"},
		{"0." + strings.Repeat("0", 254) + "1", 255, "1", "0." + strings.Repeat("0", 254) + "1"},
		{maxDecimal[:60] + "." + maxDecimal[60:], 18, maxDecimal, maxDecimal[:60] + "." + maxDecimal[60:]},
	} {
		a, err := slastream.ParseAmount(row.in, row.decimals)
		require.NoError(t, err, row.in)
		require.Equal(t, row.units, a.String(), row.in)
		require.Equal(t, row.format, a.Format(row.decimals), row.in)
	}
}

func TestParseAmountRefuses(t *testing.T) {
	for name, row := range map[string]struct {
		in       string
		decimals uint8
		overflow bool
	}{
		"empty":                      {in: ""},
		"sign":                       {in: "-1"},
		"plus":                       {in: "+1"},
		"space":                      {in: " 1"},
		"newline":                    {in: "1\n"},
		"hexadecimal":                {in: "0x10"},
		"exponent":                   {in: "1e18", decimals: 18},
		"underscore":                 {in: "1_000"},
		"comma":                      {in: "1,5", decimals: 18},
		"no whole part":              {in: ".5", decimals: 18},
		"no fraction":                {in: "1.", decimals: 18},
		"only a point":               {in: ".", decimals: 18},
		"two points":                 {in: "1.2.3", decimals: 18},
		"point without decimals":     {in: "1.0"},
		"one digit too many":         {in: "0.0000000000000000001", decimals: 18},
		"a trailing zero too many":   {in: "1.0000000000000000000", decimals: 18},
		"other digits":               {in: "١"},
		"2^256":                      {in: maxDecimal[:77] + "6", overflow: true},
		"2^256 after scaling":        {in: maxDecimal, decimals: 1, overflow: true},
		"79 digits":                  {in: "1" + strings.Repeat("0", 78), overflow: true},
		"a million digits":           {in: strings.Repeat("9", 1_000_000), overflow: true},
		"overflow by decimals alone": {in: "1", decimals: 78, overflow: true},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := slastream.ParseAmount(row.in, row.decimals)
			require.Error(t, err)
			require.Zero(t, a)
			require.Contains(t, err.Error(), "slastream: amount")
			require.Less(t, len(err.Error()), 300, "the quoted input is bounded")
			if row.overflow {
				require.ErrorIs(t, err, slastream.ErrAmountRange)
			} else {
				require.NotErrorIs(t, err, slastream.ErrAmountRange)
			}
		})
	}
}

func TestAmountArithmetic(t *testing.T) {
	one, top := slastream.AmountFromUint64(1), maxAmount(t)
	for _, row := range []struct {
		name string
		got  func() (slastream.Amount, error)
		want string // "" for ErrAmountRange
	}{
		{"add", func() (slastream.Amount, error) { return one.Add(one) }, "2"},
		{"add to the top", func() (slastream.Amount, error) { return top.Add(slastream.Amount{}) }, maxDecimal},
		{"add over the top", func() (slastream.Amount, error) { return top.Add(one) }, ""},
		{"sub to 0", func() (slastream.Amount, error) { return top.Sub(top) }, "0"},
		{"sub below 0", func() (slastream.Amount, error) { return slastream.Amount{}.Sub(one) }, ""},
		{"mul by 0", func() (slastream.Amount, error) { return top.Mul(0) }, "0"},
		{"mul by 1", func() (slastream.Amount, error) { return top.Mul(1) }, maxDecimal},
		{"mul over the top", func() (slastream.Amount, error) { return top.Mul(2) }, ""},
		{"mul of 64 bits", func() (slastream.Amount, error) {
			return slastream.AmountFromUint64(math.MaxUint64).Mul(math.MaxUint64)
		}, "340282366920938463426481119284349108225"},
	} {
		got, err := row.got()
		if row.want == "" {
			require.ErrorIs(t, err, slastream.ErrAmountRange, row.name)
			require.Zero(t, got, row.name)
			continue
		}
		require.NoError(t, err, row.name)
		require.Equal(t, row.want, got.String(), row.name)
	}
	require.Equal(t, -1, one.Cmp(top))
	require.Equal(t, 0, top.Cmp(top))
	require.Equal(t, 1, top.Cmp(one))
	require.True(t, slastream.Amount{}.IsZero())
	require.False(t, top.IsZero())
}

func TestAmountIsComparableAndAWord(t *testing.T) {
	a, b := parse(t, "1.0", 1), slastream.AmountFromUint64(10)
	require.True(t, a == b, "equal amounts are ==, however they came about")
	w := attestation.WordFromUint64(10)
	require.Equal(t, w, a.Word())
	require.Equal(t, a, slastream.AmountFromWord(w))
	top := maxAmount(t)
	require.Equal(t, top, slastream.AmountFromWord(top.Word()))
}

func TestAmountJSON(t *testing.T) {
	type wallet struct{ Funds slastream.Amount }
	b, err := json.Marshal(wallet{maxAmount(t)})
	require.NoError(t, err)
	require.Equal(t, `{"Funds":"`+maxDecimal+`"}`, string(b), "a string: a JSON number would lose digits")
	var w wallet
	require.NoError(t, json.Unmarshal(b, &w))
	require.Equal(t, maxAmount(t), w.Funds)
	for _, bad := range []string{`{"Funds":"1.5"}`, `{"Funds":"0x1"}`, `{"Funds":""}`, `{"Funds":"-1"}`, `{"Funds":1}`} {
		w = wallet{slastream.AmountFromUint64(3)}
		require.Error(t, json.Unmarshal([]byte(bad), &w), bad)
		require.Equal(t, slastream.AmountFromUint64(3), w.Funds, "%s: left as it was", bad)
	}
}

// FuzzParseAmount: never a panic; what it reads equals the exact rational
// value of the text; Format and String are read back to the same amount.
func FuzzParseAmount(f *testing.F) {
	for _, s := range []string{"0", "1.5", "0.000000000000000001", maxDecimal, "1.", ".1", "-1", "1e3", "00.10", "1..2", ""} {
		f.Add(s, uint8(18))
		f.Add(s, uint8(0))
		f.Add(s, uint8(255))
	}
	f.Fuzz(func(t *testing.T, s string, decimals uint8) {
		a, err := slastream.ParseAmount(s, decimals)
		if err != nil {
			require.Zero(t, a)
			return
		}
		exact, ok := new(big.Rat).SetString(s)
		require.True(t, ok)
		scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil)
		exact.Mul(exact, new(big.Rat).SetInt(scale))
		require.True(t, exact.IsInt())
		require.Equal(t, exact.Num().String(), a.String())

		for text, d := range map[string]uint8{a.Format(decimals): decimals, a.String(): 0} {
			back, err := slastream.ParseAmount(text, d)
			require.NoError(t, err, text)
			require.Equal(t, a, back, text)
		}
	})
}

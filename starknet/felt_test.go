package starknet_test

import (
	"strings"
	"testing"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

const prime = "0x800000000000011000000000000000000000000000000000000000000000001"

func TestParseFelt(t *testing.T) {
	for in, want := range map[string]string{
		"0x0": "0x0", "0x00": "0x0", "0xAb": "0xab", "0X1": "0x1",
		"0x" + strings.Repeat("0", 63) + "7":                                "0x7",
		"0x800000000000011000000000000000000000000000000000000000000000000": "0x800000000000011000000000000000000000000000000000000000000000000",
	} {
		f, err := starknet.ParseFelt(in)
		require.NoError(t, err, in)
		require.Equal(t, want, f.String())
	}
	// Most of these are felts to juno.
	for _, in := range []string{"", "0x", "-1", "0x-1", "12", "0012", "ab", "0b1", "0x1_0", " 0x1", "0x1 ", "0xg", prime, "0x" + strings.Repeat("f", 64), "0x" + strings.Repeat("0", 65)} {
		f, err := starknet.ParseFelt(in)
		require.Error(t, err, in)
		require.Nil(t, f)
		require.Less(t, len(err.Error()), 200)
	}
	var out *starknet.RangeError
	_, err := starknet.ParseFelt(prime)
	require.ErrorAs(t, err, &out)
	require.Equal(t, starknet.RangeError{Type: "felt", Value: wordOf(t, prime)}, *out)
}

func TestWordsAndFelts(t *testing.T) {
	_, err := starknet.FeltFromWord(attestation.Word{0xff})
	require.ErrorContains(t, err, "out of range for felt")
	w := wordOf(t, "0x800000000000011000000000000000000000000000000000000000000000000")
	f, err := starknet.FeltFromWord(w)
	require.NoError(t, err)
	require.Equal(t, w, starknet.WordFromFelt(f))

	_, err = starknet.AddressFromFelt(feltOf(t, "0x800000000000000000000000000000000000000000000000000000000000000"))
	var out *starknet.RangeError
	require.ErrorAs(t, err, &out)
	require.Equal(t, "address", out.Type)
	most := feltOf(t, "0x7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")
	a, err := starknet.AddressFromFelt(most)
	require.NoError(t, err)
	require.Equal(t, most.String(), "0x"+strings.TrimLeft(a.String()[2:], "0"))
}

func TestU256(t *testing.T) {
	w := wordOf(t, "0xff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")
	low, high := starknet.SplitU256(w)
	require.Equal(t, "0x112233445566778899aabbccddeeff", low.String())
	require.Equal(t, "0xff112233445566778899aabbccddeeff", high.String())
	back, err := starknet.JoinU256(low, high)
	require.NoError(t, err)
	require.Equal(t, w, back)
	big := feltOf(t, "0x100000000000000000000000000000000")
	var out *starknet.RangeError
	_, err = starknet.JoinU256(big, high)
	require.ErrorAs(t, err, &out)
	_, err = starknet.JoinU256(low, big)
	require.ErrorAs(t, err, &out)
	require.Equal(t, "u128", out.Type)
}

func TestShortString(t *testing.T) {
	f, err := starknet.ShortString("Chunk already released")
	require.NoError(t, err)
	require.Equal(t, "0x4368756e6b20616c72656164792072656c6561736564", f.String())
	text, ok := starknet.ShortStringText(f)
	require.True(t, ok)
	require.Equal(t, "Chunk already released", text)
	for _, bad := range []string{strings.Repeat("a", 32), "é", "a\x00b", "\x00"} {
		_, err := starknet.ShortString(bad)
		require.Error(t, err, bad)
	}
	for _, bad := range []string{"0x0a", "0x610062", "0xff", "0x7f", "0x0161616161616161616161616161616161616161616161616161616161616161"} {
		_, ok := starknet.ShortStringText(feltOf(t, bad))
		require.False(t, ok, bad)
	}
	require.Equal(t, "0x"+strings.Repeat("0", 44)+"534e5f5345504f4c4941", starknet.Sepolia.String())
	require.Equal(t, "0x"+strings.Repeat("0", 50)+"534e5f4d41494e", starknet.Mainnet.String())
}

// A provider that is no address must not become somebody else's.
func TestNoAddressIsReduced(t *testing.T) {
	for _, bad := range []slastream.Address{{0x08}, slastream.Address(wordOf(t, prime)), {0xff, 31: 5}} {
		calldata := starknet.EncodeCreateDeal(slastream.Terms{Provider: bad, Chunks: 1})
		_, err := starknet.DecodeCreateDeal(calldata)
		require.ErrorIs(t, err, &slastream.RevertError{Reason: "Failed to deserialize param #1"})
		_, err = starknet.NewEscrow(newScript(t).client(), slastream.Address{}, starknet.WithAccount(newAccount(t, newScript(t)))).CreateDeal(t.Context(), slastream.Terms{Provider: bad})
		require.ErrorContains(t, err, "out of range for address")
	}
}

func TestNilFelts(t *testing.T) {
	deal := starknet.EncodeDeal(slastream.Deal{Chunks: 1})
	deal[3] = nil
	_, err := starknet.DecodeDeal(attestation.Word{}, deal)
	require.ErrorIs(t, err, starknet.ErrMalformed)
	_, err = starknet.DecodeReleaseChunk(make([]*felt.Felt, 13))
	require.Error(t, err)
	_, err = starknet.ParseEvent([]*felt.Felt{nil}, nil)
	require.ErrorIs(t, err, starknet.ErrUnknownEvent)
	_, err = starknet.ParseTokenEvent([]*felt.Felt{nil}, nil)
	require.ErrorIs(t, err, starknet.ErrUnknownEvent)
	_, err = starknet.ParseEvent([]*felt.Felt{starknet.Selector("Paused")}, []*felt.Felt{nil})
	require.ErrorIs(t, err, starknet.ErrMalformed)
}

func TestDecodeDealRefuses(t *testing.T) {
	good := starknet.EncodeDeal(slastream.Deal{Client: slastream.Address{31: 1}, Chunks: 5, Active: true})
	one := feltOf(t, "0x1")
	for name, bad := range map[string][]*felt.Felt{
		"empty":                nil,
		"a felt too few":       good[:12],
		"a felt too many":      append(good[:13:13], one),
		"active is 2":          replaced(good, 11, feltOf(t, "0x2")),
		"chunks beyond u64":    replaced(good, 6, feltOf(t, "0x10000000000000000")),
		"limb beyond u128":     replaced(good, 9, feltOf(t, "0x100000000000000000000000000000000")),
		"client is no address": replaced(good, 0, feltOf(t, "0x800000000000000000000000000000000000000000000000000000000000000")),
	} {
		d, err := starknet.DecodeDeal(attestation.WordFromUint64(1), bad)
		require.ErrorIs(t, err, starknet.ErrMalformed, name)
		require.Zero(t, d)
	}
}

func replaced(list []*felt.Felt, i int, f *felt.Felt) []*felt.Felt {
	out := append([]*felt.Felt{}, list...)
	out[i] = f
	return out
}

func TestTokenEventLayouts(t *testing.T) {
	sel, from, to, low, high := starknet.Selector("Transfer"), feltOf(t, "0x1"), feltOf(t, "0x2"), feltOf(t, "0x3"), feltOf(t, "0x4")
	want := starknet.Transfer{From: slastream.Address{31: 1}, To: slastream.Address{31: 2}, Amount: amountOf(t, "0x400000000000000000000000000000003")}
	for _, layout := range [][2][]*felt.Felt{
		{{sel}, {from, to, low, high}},
		{{sel, from, to}, {low, high}},
	} {
		got, err := starknet.ParseTokenEvent(layout[0], layout[1])
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	approval, err := starknet.ParseTokenEvent([]*felt.Felt{starknet.Selector("Approval"), from, to}, []*felt.Felt{low, high})
	require.NoError(t, err)
	require.Equal(t, starknet.Approval{Owner: want.From, Spender: want.To, Amount: want.Amount}, approval)
	for _, bad := range [][2][]*felt.Felt{
		{{sel, from}, {to, low, high}},
		{{sel, from, to, low}, {high}},
		{{sel}, {from, to, low}},
		{{sel}, {from, to, low, high, high}},
	} {
		_, err := starknet.ParseTokenEvent(bad[0], bad[1])
		require.ErrorIs(t, err, starknet.ErrMalformed)
	}
}

package starknet_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// answers is a token whose every view answers that.
func answers(t testing.TB, list ...string) *starknet.ERC20 {
	node := newScript(t)
	if list == nil {
		list = []string{}
	}
	node.answer("starknet_call", list)
	return starknet.NewERC20(node.client(), tokenAddress)
}

func TestTokenText(t *testing.T) {
	for name, test := range map[string]struct {
		answer []string
		want   string
		bad    bool
	}{
		"short string":               {[]string{"0x5354524b"}, "STRK", false},
		"empty short string":         {[]string{"0x0"}, "", false},
		"short string of bytes":      {[]string{"0xff00"}, "", true},
		"ByteArray, no full word":    {[]string{"0x0", "0x5354524b", "0x4"}, "STRK", false},
		"empty ByteArray":            {[]string{"0x0", "0x0", "0x0"}, "", false},
		"ByteArray, one full word":   {[]string{"0x1", "0x4142434445464748494a4b4c4d4e4f505152535455565758595a3031323334", "0x35", "0x1"}, "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", false},
		"ByteArray in UTF-8":         {[]string{"0x0", "0xe282ac", "0x3"}, "€", false},
		"ByteArray, not UTF-8":       {[]string{"0x0", "0xff", "0x1"}, "", true},
		"last word longer than said": {[]string{"0x0", "0x414243", "0x2"}, "", true},
		"last word of 31":            {[]string{"0x0", "0x41", "0x1f"}, "", true},
		"full word of 32 bytes":      {[]string{"0x1", "0x100000000000000000000000000000000000000000000000000000000000000", "0x0", "0x0"}, "", true},
		"more words than felts":      {[]string{"0xffffffff", "0x41", "0x1"}, "", true},
		"word count of 2^32":         {[]string{"0x100000000", "0x41", "0x1"}, "", true},
		"a felt too many":            {[]string{"0x0", "0x41", "0x1", "0x0"}, "", true},
		"two felts":                  {[]string{"0x0", "0x41"}, "", true},
		"nothing":                    {nil, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, view := range []func(*starknet.ERC20, ctx) (string, error){(*starknet.ERC20).Name, (*starknet.ERC20).Symbol} {
				got, err := view(answers(t, test.answer...), t.Context())
				if test.bad {
					require.ErrorIs(t, err, starknet.ErrMalformed)
				} else {
					require.NoError(t, err)
				}
				require.Equal(t, test.want, got)
			}
		})
	}
}

func TestTokenNumbers(t *testing.T) {
	d, err := answers(t, "0x12").Decimals(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint8(18), d)
	_, err = answers(t, "0x100").Decimals(t.Context())
	var out *starknet.RangeError
	require.ErrorAs(t, err, &out)
	require.Equal(t, "u8", out.Type)

	supply, err := answers(t, "0x5", "0x1").TotalSupply(t.Context())
	require.NoError(t, err)
	require.Equal(t, amountOf(t, "0x100000000000000000000000000000005"), supply)
	for _, bad := range [][]string{{"0x5"}, {"0x5", "0x1", "0x0"}, {"0x100000000000000000000000000000000", "0x0"}} {
		_, err := answers(t, bad...).Allowance(t.Context(), tokenAddress, escrowAddress)
		require.ErrorIs(t, err, starknet.ErrMalformed)
	}
}

// TestTokenCalls: what a call is made of, alone and in one multicall with a
// deal.
func TestTokenCalls(t *testing.T) {
	token, amount := starknet.NewERC20(newScript(t).client(), tokenAddress), slastream.AmountFromUint64(5)
	a, b := slastream.Address{31: 1}, slastream.Address{31: 2}
	for name, test := range map[string]struct {
		call starknet.Call
		want []string
	}{
		"approve":       {token.ApproveCall(a, amount), []string{"0x1", "0x5", "0x0"}},
		"transfer":      {token.TransferCall(a, amount), []string{"0x1", "0x5", "0x0"}},
		"transfer_from": {token.TransferFromCall(a, b, amount), []string{"0x1", "0x2", "0x5", "0x0"}},
	} {
		require.Equal(t, tokenAddress, test.call.To)
		require.Equal(t, starknet.Selector(name), test.call.Selector)
		require.Equal(t, test.want, hexes(test.call.Calldata), name)
	}

	node, escrow := writable(t)
	terms := slastream.Terms{Provider: b, Chunks: 1, ChunkAmount: amount, Duration: 60}
	_, err := newAccount(t, node).Execute(t.Context(), token.ApproveCall(escrowAddress, amount), escrow.CreateDealCall(terms), escrow.SlashCall([32]byte{31: 9}))
	require.NoError(t, err)
	require.Equal(t, []string{
		"0x3",
		"0x70", starknet.Selector("approve").String(), "0x3", "0xee", "0x5", "0x0",
		"0xee", starknet.Selector("create_deal").String(), "0x7", "0x2", "0x1", "0x5", "0x0", "0x0", "0x0", "0x3c",
		"0xee", starknet.Selector("slash").String(), "0x2", "0x9", "0x0",
	}, sent(t, node))
}

// TestAddressesOutOfRange: 2^251 and more is no address, and found before
// anything is asked or sent.
func TestAddressesOutOfRange(t *testing.T) {
	node, escrow := writable(t)
	high, low := slastream.Address{0: 8}, slastream.Address{31: 1}
	token := starknet.NewERC20(node.client(), tokenAddress, starknet.WithAccount(newAccount(t, node)))
	for name, err := range map[string]error{
		"balance":            second(token.BalanceOf(t.Context(), high)),
		"allowance, owner":   second(token.Allowance(t.Context(), high, low)),
		"allowance, spender": second(token.Allowance(t.Context(), low, high)),
		"approve":            token.Approve(t.Context(), high, slastream.Amount{}),
		"transfer":           token.Transfer(t.Context(), high, slastream.Amount{}),
		"transfer from":      token.TransferFrom(t.Context(), high, low, slastream.Amount{}),
		"transfer from, to":  token.TransferFrom(t.Context(), low, high, slastream.Amount{}),
		"ownership":          escrow.TransferOwnership(t.Context(), high),
		"provider":           second(escrow.CreateDeal(t.Context(), slastream.Terms{Provider: high, Chunks: 1})),
	} {
		var out *starknet.RangeError
		require.ErrorAs(t, err, &out, name)
		require.Equal(t, "address", out.Type)
	}
	require.Empty(t, node.asked)
	require.Equal(t, "0x800000000000011000000000000000000000000000000000000000000000000", token.TransferCall(high, slastream.Amount{}).Calldata[0].String(), "P − 1, which every contract refuses")
}

// FuzzTokenText: whatever a token answers, its name is text or an error.
func FuzzTokenText(f *testing.F) {
	f.Add([]byte{0})
	f.Add(make([]byte, 96))
	f.Fuzz(func(t *testing.T, b []byte) {
		var list []string
		for _, v := range fuzzFelts(b) {
			if v != nil {
				list = append(list, v.String())
			}
		}
		name, err := answers(t, list...).Name(t.Context())
		if err != nil {
			require.ErrorIs(t, err, starknet.ErrMalformed)
			require.Empty(t, name)
			return
		}
		require.LessOrEqual(t, len(name), 31*max(1, len(list)))
		text, err := json.Marshal(name)
		require.NoError(t, err)
		require.NotContains(t, string(text), `�`)
	})
}

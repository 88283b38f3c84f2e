package slastream_test

import (
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

var (
	mainnet = shortString("SN_MAIN")
	sepolia = shortString("SN_SEPOLIA")
)

// shortString does it the long way: as a number.
func shortString(s string) attestation.Word {
	w, err := attestation.WordFromBig(new(big.Int).SetBytes([]byte(s)))
	if err != nil {
		panic(err)
	}
	return w
}

// recorded are the addresses as other lists have them, in the forms they use
// there: checksummed, without the leading zero.
var recorded = []struct {
	chain    attestation.Word
	symbol   string
	decimals uint8
	address  string
}{
	// starknet-addresses, bridged_tokens/mainnet.json and sepolia.json
	{mainnet, "STRK", 18, "0x04718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d"},
	{mainnet, "ETH", 18, "0x049d36570d4e46f48e99674bd3fcc84644ddd6b96f7c741b1562b82f9e004dc7"},
	{mainnet, "USDC.e", 6, "0x053c91253bc9682c04929ca02ed00b3e423f6710d2ee7e0d5ebb06f3ecf368a8"},
	{sepolia, "STRK", 18, "0x04718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d"},
	{sepolia, "ETH", 18, "0x049d36570d4e46f48e99674bd3fcc84644ddd6b96f7c741b1562b82f9e004dc7"},
	// starknet-devnet's predeployed fee tokens, as the wallets of the field write them
	{mainnet, "STRK", 18, "0x4718F5A0FC34CC1AF16A1CDEE98FFB20C31F5CD61D6AB07201858F4287C938D"},
	{mainnet, "ETH", 18, "0x49D36570D4E46F48E99674BD3FCC84644DDD6B96F7C741B1562B82F9E004DC7"},
	// the x402 scheme for Starknet, after Circle's list
	{mainnet, "USDC", 6, "0x033068f6539f8e6e6b131e6b2b814e6c34a5224bc66947c47dab9dfee93b35fb"},
	{sepolia, "USDC", 6, "0x0512feac6339ff7889822cb5aa2a86c848e9d392bb0e3e237c008674feed8343"},
}

func TestTokensAreThoseOfPublicLists(t *testing.T) {
	named := map[string]bool{}
	for _, r := range recorded {
		token, err := slastream.TokenNamed(r.chain, r.symbol)
		require.NoError(t, err)
		address, err := slastream.ParseAddress(r.address)
		require.NoError(t, err)
		require.Equal(t, slastream.Token{ChainID: r.chain, Symbol: r.symbol, Decimals: r.decimals, Address: address}, token)
		named[r.chain.String()+r.symbol] = true
	}
	for _, chain := range []attestation.Word{mainnet, sepolia} {
		for token := range slastream.Tokens(chain) {
			require.True(t, named[chain.String()+token.Symbol], "%s of %v is not recorded here", token.Symbol, chain)
		}
	}
}

func TestTokensAreDistinctAndKeepTheLeadingZero(t *testing.T) {
	for _, chain := range []attestation.Word{mainnet, sepolia} {
		symbols, addresses := map[string]bool{}, map[slastream.Address]bool{}
		for token := range slastream.Tokens(chain) {
			require.False(t, symbols[token.Symbol])
			require.False(t, addresses[token.Address])
			symbols[token.Symbol], addresses[token.Address] = true, true

			// All of them begin with a zero digit: a list that drops it and a list
			// that keeps it name the same contract.
			text := token.Address.String()
			require.Len(t, text, 66)
			require.True(t, strings.HasPrefix(text, "0x0"))
			short, err := slastream.ParseAddress("0x" + strings.TrimLeft(text[2:], "0"))
			require.NoError(t, err)
			found, ok := slastream.TokenAt(chain, short)
			require.True(t, ok)
			require.Equal(t, token, found)
		}
	}
	require.Empty(t, slices.Collect(slastream.Tokens(shortString("SN_GOERLI"))))
}

func TestTokenThatIsNotKnown(t *testing.T) {
	_, err := slastream.TokenNamed(mainnet, "usdc")
	require.ErrorContains(t, err, `no token "usdc" is known on chain`)
	require.ErrorContains(t, err, "only STRK, ETH, USDC, USDC.e")
	_, err = slastream.TokenNamed(sepolia, "USDC.e")
	require.ErrorContains(t, err, "only STRK, ETH, USDC")
	_, err = slastream.TokenNamed(attestation.Word{}, "STRK")
	require.ErrorContains(t, err, "no token is known on chain")
	usdc, err := slastream.TokenNamed(sepolia, "USDC")
	require.NoError(t, err)
	_, ok := slastream.TokenAt(mainnet, usdc.Address)
	require.False(t, ok, "Sepolia's USDC on Mainnet")
}

func TestTokenFormatAndParse(t *testing.T) {
	strk := slastream.Token{Symbol: "STRK", Decimals: 18}
	for _, text := range []string{"0 STRK", "1.5 STRK", "0.000000000000000001 STRK", "115792089237316195423570985008687907853269984665640564039457.584007913129639935 STRK"} {
		a, err := strk.Parse(text)
		require.NoError(t, err)
		require.Equal(t, text, strk.Format(a))
		again, err := strk.Parse(strings.TrimSuffix(text, " STRK"))
		require.NoError(t, err)
		require.Equal(t, a, again)
	}
	for text, want := range map[string]string{
		"5 USDC":                     "want STRK",
		"5 strk":                     "want STRK",
		"5 ":                         "want STRK",
		"5  STRK":                    "want STRK",
		" STRK":                      "want decimal digits",
		"1,5 STRK":                   "want decimal digits",
		"-1 STRK":                    "want decimal digits",
		"1e18 STRK":                  "want decimal digits",
		"0.0000000000000000001 STRK": "more than 18 fractional digits",
	} {
		_, err := strk.Parse(text)
		require.ErrorContains(t, err, want, text)
	}
	nameless := slastream.Token{Decimals: 6}
	require.Equal(t, "1.5", nameless.Format(slastream.AmountFromUint64(1_500_000)))
	_, err := nameless.Parse("1 ")
	require.Error(t, err)
}

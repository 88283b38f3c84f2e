package slastream

import (
	"fmt"
	"iter"
	"strings"

	"github.com/slastream/slastream-go/attestation"
)

// The chains of the address book, as starknet.Mainnet and starknet.Sepolia.
var (
	mainnet = shortString("SN_MAIN")
	sepolia = shortString("SN_SEPOLIA")
)

// shortString returns up to 31 ASCII letters as a felt: a Cairo short string.
func shortString(s string) (w attestation.Word) {
	copy(w[len(w)-len(s):], s)
	return w
}

// A Token is an ERC-20 on one Starknet chain.
type Token struct {
	ChainID  attestation.Word `json:"chainId"` // felt that starknet_chainId answers, such as that of SN_MAIN
	Symbol   string           `json:"symbol"`
	Decimals uint8            `json:"decimals"` // of a whole token: 18 for STRK and ETH, 6 for USDC
	Address  Address          `json:"address"`
}

// Format returns an amount in whole tokens with the symbol, exact and without
// trailing zeros: "1.5 STRK".
func (t Token) Format(a Amount) string {
	if t.Symbol == "" {
		return a.Format(t.Decimals)
	}
	return a.Format(t.Decimals) + " " + t.Symbol
}

// Parse reads what [Token.Format] writes, and the number alone. Another symbol
// is an error: 5 USDC are not 5 STRK. Nothing is rounded; errors are those of
// [ParseAmount].
func (t Token) Parse(s string) (Amount, error) {
	number, symbol, named := strings.Cut(s, " ")
	if named && (symbol != t.Symbol || symbol == "") {
		return Amount{}, fmt.Errorf("slastream: amount %q: want %s", excerpt(s), t.Symbol)
	}
	return ParseAmount(number, t.Decimals)
}

// Tokens yields the tokens of a chain that the SDK knows: STRK, ETH, USDC, and
// on Mainnet USDC.e. USDC is issued by Circle; USDC.e is USDC that StarkGate
// bridged from Ethereum, another contract that older lists call USDC too. Of
// Sepolia's bridged test USDC there is no publication by either, so it is not
// here. A chain that is not known has no tokens.
//
// Sources: STRK, ETH and USDC.e: starknet-io/starknet-addresses,
// bridged_tokens/mainnet.json and sepolia.json. USDC: developers.circle.com,
// "USDC Contract Addresses" and the Starknet quickstart. USDC and USDC.e beside
// each other: circle.com/blog/starknet-migration-guide.
func Tokens(chain attestation.Word) iter.Seq[Token] {
	return func(yield func(Token) bool) {
		for _, t := range tokens() {
			if t.ChainID == chain && !yield(t) {
				return
			}
		}
	}
}

// TokenNamed returns the token of that symbol on a chain. Symbols are exact:
// "USDC" is never USDC.e.
func TokenNamed(chain attestation.Word, symbol string) (Token, error) {
	var known []string
	for t := range Tokens(chain) {
		if t.Symbol == symbol {
			return t, nil
		}
		known = append(known, t.Symbol)
	}
	if known == nil {
		return Token{}, fmt.Errorf("slastream: no token is known on chain %v", chain)
	}
	return Token{}, fmt.Errorf("slastream: no token %q is known on chain %v, only %s", excerpt(symbol), chain, strings.Join(known, ", "))
}

// TokenAt returns what is known of a token address on a chain.
func TokenAt(chain attestation.Word, address Address) (t Token, ok bool) {
	for t := range Tokens(chain) {
		if t.Address == address {
			return t, true
		}
	}
	return Token{}, false
}

// tokens is the book, with addresses as published.
func tokens() []Token {
	const (
		strk = "0x04718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d"
		eth  = "0x049d36570d4e46f48e99674bd3fcc84644ddd6b96f7c741b1562b82f9e004dc7"
	)
	return []Token{
		{mainnet, "STRK", 18, mustAddress(strk)},
		{mainnet, "ETH", 18, mustAddress(eth)},
		{mainnet, "USDC", 6, mustAddress("0x033068F6539f8e6e6b131e6B2B814e6c34A5224bC66947c47DaB9dFeE93b35fb")},
		{mainnet, "USDC.e", 6, mustAddress("0x053c91253bc9682c04929ca02ed00b3e423f6710d2ee7e0d5ebb06f3ecf368a8")},
		{sepolia, "STRK", 18, mustAddress(strk)},
		{sepolia, "ETH", 18, mustAddress(eth)},
		{sepolia, "USDC", 6, mustAddress("0x0512feAc6339Ff7889822cb5aA2a86C848e9D392bB0E3E237C008674feeD8343")},
	}
}

// mustAddress is for the constants above, all of which the test parses.
func mustAddress(s string) Address {
	a, err := ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

package slastream_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// What thirty days of storage cost, and when they are paid.
func ExampleTerms_Quote() {
	created := uint64(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Unix())
	strk := slastream.Token{Symbol: "STRK", Decimals: 18}
	price, err := strk.Parse("0.25 STRK")
	if err != nil {
		fmt.Println(err)
		return
	}
	terms := slastream.Terms{Provider: slastream.Address{31: 1}, Chunks: 30, ChunkAmount: price, Duration: 30 * 24 * 3600}

	// A proving period of Mainnet is a day; this one begins at midnight. A proof is
	// paid four hours after its period has ended at the latest.
	midnight := uint64(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC).Unix())
	daily := slastream.Cadence{Start: midnight, Period: 2880 * slastream.EpochSeconds, Delay: 4 * 3600}
	_, err = terms.Quote(slastream.ClassCompatible, daily, created)
	refused, ok := errors.AsType[*slastream.CadenceError](err)
	fmt.Println("refused:", ok, "at most", refused.Fits, "chunks, or", time.Duration(refused.Needs)*time.Second)

	terms.Duration = refused.Needs + 24*3600 // a day to spare
	quote, err := terms.Quote(slastream.ClassCompatible, daily, created)
	if err != nil {
		fmt.Println(err)
		return
	}
	date := func(at uint64) string { return time.Unix(int64(at), 0).UTC().Format("2 Jan 15:04") }
	fmt.Println("approve", strk.Format(quote.Locked))
	fmt.Println("first chunk by", date(quote.First))
	fmt.Println("last chunk by", date(quote.Last))
	fmt.Println("deadline", date(quote.Deadline))
	// Output:
	// refused: true at most 29 chunks, or 736h0m0s
	// approve 7.5 STRK
	// first chunk by 3 Mar 04:00
	// last chunk by 1 Apr 04:00
	// deadline 2 Apr 04:00
}

// Terms for a budget; what cannot be divided among the chunks is said.
func ExampleCadence_Plan() {
	usdc := slastream.Token{Symbol: "USDC", Decimals: 6}
	budget, err := usdc.Parse("100 USDC")
	if err != nil {
		fmt.Println(err)
		return
	}
	daily := slastream.Cadence{Start: 1_772_366_400, Period: 2880 * slastream.EpochSeconds}
	terms, rest, err := daily.Plan(budget, 30*24*3600, daily.Start)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(terms.Chunks, "chunks of", usdc.Format(terms.ChunkAmount)+",", usdc.Format(rest), "left over")
	// Output: 30 chunks of 3.333333 USDC, 0.00001 USDC left over
}

// Where a deal stands, from what the escrow stores alone.
func ExampleDeal_Forecast() {
	created := uint64(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC).Unix())
	daily := slastream.Cadence{Start: created, Period: 2880 * slastream.EpochSeconds}
	deal := slastream.Deal{
		Chunks: 30, ChunkAmount: slastream.AmountFromUint64(250), Active: true,
		Deadline: created + 32*daily.Period,
	}
	now := created + 10*daily.Period + 3600 // ten periods are over
	for _, released := range []uint64{10, 9, 7} {
		deal.Released = released
		f, err := deal.Forecast(daily, slastream.Progress{}, now)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(f)
	}
	// Output:
	// on schedule: 10 of 30 chunks paid, next by 2026-03-13T00:00:00Z, the last by 2026-04-01T00:00:00Z, 48h0m0s before the deadline
	// late: 9 of 30 chunks paid, 10 expected for 1h0m0s, the last by 2026-04-02T00:00:00Z, 24h0m0s before the deadline
	// cannot complete: 7 of 30 chunks paid, 23 left, room for 22 until the deadline at 2026-04-03T00:00:00Z
}

// A client refuses for free what the escrow would refuse for a fee. Here the
// escrow is the model in memory; a starknet.Escrow is used in the same way.
func ExampleClient() {
	ctx, now := context.Background(), uint64(1_772_366_400)
	clock := func() uint64 { return now }
	owner, client := slastream.Address{31: 1}, slastream.Address{31: 2}
	m := escrow.NewMemory(escrow.Params{Owner: owner, Key: attestation.PublicKey{X: attestation.Word{31: 1}}, Address: slastream.Address{31: 9}}, clock)
	if err := m.Mint(client, slastream.AmountFromUint64(1000)); err != nil {
		fmt.Println(err)
		return
	}

	account := m.As(client)
	c, err := slastream.NewClient(slastream.Config{Escrow: account, State: account, Funds: account, Account: client, Clock: clock})
	if err != nil {
		fmt.Println(err)
		return
	}
	terms := slastream.Terms{Provider: slastream.Address{31: 3}, Chunks: 30, ChunkAmount: slastream.AmountFromUint64(50), Duration: 3600}
	_, err = c.CreateDeal(ctx, terms)
	if short, ok := errors.AsType[*slastream.FundsError](err); ok {
		fmt.Println("holds", short.Have, "of", short.Need)
	}
	terms.Chunks = 10
	id, err := c.CreateDeal(ctx, terms)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Slash(ctx, id))
	now += 3600
	fmt.Println(c.Slash(ctx, id))
	for deal, err := range c.Deals(ctx, slastream.DealFilter{Client: client}) {
		fmt.Println("slashed:", deal.Slashed, err)
	}
	// Output:
	// holds 1000 of 1500
	// slastream: reverted: "SLA deadline not reached"
	// <nil>
	// slashed: true <nil>
}

// Amounts with their token: 5 USDC are not 5 STRK.
func ExampleToken() {
	chain, err := attestation.ParseWord("0x534e5f4d41494e") // SN_MAIN; starknet.Mainnet
	if err != nil {
		fmt.Println(err)
		return
	}
	strk, err := slastream.TokenNamed(chain, "STRK")
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := strk.Parse("1.50 STRK")
	fmt.Println(strk.Format(a), err)
	_, err = strk.Parse("1.5 USDC")
	fmt.Println(err)
	for token := range slastream.Tokens(chain) {
		fmt.Println(token.Symbol, token.Decimals)
	}
	// Output:
	// 1.5 STRK <nil>
	// slastream: amount "1.5 USDC": want STRK
	// STRK 18
	// ETH 18
	// USDC 6
	// USDC.e 6
}

// A misspelt member is no default.
func ExampleParseRegistry() {
	_, err := slastream.ParseRegistry([]byte(`[{"chainID": "0x534e5f4d41494e"}]`))
	fmt.Println(err)
	// Output: slastream: registry: deployment 0: unknown member "chainID"; the nearest is "chainId"
}

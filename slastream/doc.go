// Package slastream is the domain of SLAStream: deals, terms, amounts, events
// and reverts of the escrow that pays storage providers as they prove.
//
// A client locks tokens in an escrow on Starknet ([Terms], [Deal]). Each
// proving period that the provider proves on Filecoin ([Proof]) becomes a
// signed attestation (package attestation) that releases one chunk. When the
// deadline passes without enough proofs, anyone may slash and the client is
// refunded.
//
// [Client] is for those who open, watch and end deals on any [Escrow]: it says
// what the escrow would refuse before anything is sent. What a deal costs and
// when it pays is worked out without a chain:
//
//	strk, err := slastream.TokenNamed(starknet.Sepolia, "STRK")
//	daily := slastream.Cadence{Start: windowStart, Period: 2880 * slastream.EpochSeconds, Delay: 4 * 3600}
//	quote, err := client.Quote(terms, daily)         // amounts, calendar, margin; refused if it cannot fit
//	fmt.Println("locks", strk.Format(quote.Locked))  // locks 17.5 STRK
//	id, err := client.CreateDeal(ctx, terms)         // approve and create_deal in one multicall
//	outlook, err := client.Forecast(ctx, id, quote.Cadence, slastream.Progress{})
//	fmt.Println(outlook)                             // late: 9 of 30 chunks paid, …
//
// [Token] is the address book of tokens, [Registry] a list of escrows that its
// user trusts.
//
// The package has no I/O and depends on neither chain. Package
// slastream/escrow holds the reference model of the contract, slastream/relay
// the engine that turns proofs into releases; package starknet talks to a real
// escrow. The model and the chain return the same *[RevertError] values.
//
// Amounts are base units and checked: arithmetic fails instead of wrapping.
// Times are Unix seconds, durations seconds, as in the contract.
package slastream

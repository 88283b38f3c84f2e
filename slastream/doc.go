// Package slastream is the domain of SLAStream: deals, terms, amounts, events
// and reverts of the escrow that pays storage providers as they prove.
//
// A client locks tokens in an escrow on Starknet ([Terms], [Deal]). Each
// proving period that the provider proves on Filecoin ([Proof]) becomes a
// signed attestation (package attestation) that releases one chunk. When the
// deadline passes without enough proofs, anyone may slash and the client is
// refunded.
//
// The package has no I/O and depends on neither chain. Package
// slastream/escrow holds the reference model of the contract, slastream/relay
// the engine that turns proofs into releases; package starknet talks to a real
// escrow. The model and the chain return the same *[RevertError] values.
//
// Amounts are base units and checked: arithmetic fails instead of wrapping.
// Times are Unix seconds, durations seconds, as in the contract.
package slastream

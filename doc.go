// Package sdk is the map of the SLAStream SDK for Go. It exports nothing:
// import the packages below, each alone.
//
// Storage providers on Filecoin prove possession of data (PDP, on FEVM).
// SLAStream pays them chunk by chunk on Starknet: a client locks tokens in an
// escrow; each proved period becomes an attestation signed over secp256k1; the
// escrow recovers the key and releases one chunk; when the deadline passes
// without enough proofs, anyone may slash and the client is refunded.
//
// # Packages
//
//	attestation         the signed statement: encoding, digest, and the escrow's verdict on a signature
//	signer              from a payable proof to a signed attestation: keys, and a guard against signing twice
//	slastream           deals, terms, amounts, events, reverts; the roles of an escrow
//	slastream/escrow    reference model of the contract: no clock, no I/O
//	slastream/relay     engine: proofs in, released chunks out
//	fevm                PDP events, piece CIDs, proofs: decoding and checking, no I/O
//	fevm/chain          reading a Filecoin node over its Ethereum JSON-RPC
//	fevm/policy         which proofs are payable, and what for
//	fevm/simulated      a Filecoin FEVM node in process, with verifier and provider
//	starknet            the escrow on Starknet: codecs, bindings, account
//	starknet/simulated  a Starknet node in process, with escrow, token and accounts
//
// Where to start: to check signatures, attestation; to open and watch deals,
// starknet; to run a relay, slastream/relay with fevm/policy, signer and
// starknet; to test any of it without a network, the simulated packages.
//
// # Trust
//
// The escrow trusts one secp256k1 key and nothing else: it cannot see Filecoin.
// Whoever holds the key decides what is paid. The policy is a pure function of
// the chain, so that anybody can repeat the decision, and the signer receives
// the evidence with the statement, so that it can refuse. RPC nodes are
// believed for the content of their answers, but not for their form; nothing
// that a node says makes the SDK sign for another chain. SECURITY.md says what
// the contract cannot defend against.
//
// # Units
//
// Amounts are base units of the token, times Unix seconds, Filecoin epochs 30
// seconds; integers in bytes are big-endian.
//
// # Stability
//
// The module is below v1: names can change between minor versions, and
// CHANGELOG.md says which. Bytes cannot: the encoding of an attestation, its
// digest and the calldata are those of the deployed contract.
package sdk

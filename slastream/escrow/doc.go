// Package escrow is the reference model of the escrow contract: what
// SLAEscrow (sla_escrow.cairo) does with every call, in plain Go.
//
// Use it to know what the chain will say before asking it, to test programs
// that talk to an escrow, and as the state machine of a simulated node. Use
// package starknet for a deployed escrow and starknet/simulated for a node
// that speaks JSON-RPC.
//
// A [Contract] has no clock, no I/O and no goroutine: each [Call] brings its
// caller and its block timestamp, and a [Host] stands for the chain around the
// contract, the token above all. [Ledger] is such a token. [Memory] joins the
// two to an slastream.Escrow:
//
//	m := escrow.NewMemory(escrow.Params{Owner: owner, Key: key, Address: address}, clock)
//	err := m.Mint(client, funds)
//	id, err := m.As(client).CreateDeal(ctx, terms)
//	err = m.As(relay).Release(ctx, signed)
//	err = m.As(anyone).Slash(ctx, id) // from deal.Deadline on
//
// The model is exact: the order of checks, panic texts, the order of events,
// the rules of the two corelibs ([attestation.Rules]) and the quirks, such as
// chunks that stay releasable after the deadline. A refused call is a
// *slastream.RevertError with the felt that the contract panics with, and it
// changes nothing, tokens included. What the ABI alone decides, such as a u256
// limb out of range, never reaches the model: package starknet decodes.
//
// Amounts are base units; times are Unix seconds, durations seconds.
//
// Contract and Ledger record every write. Snapshot names a state, Revert goes
// back to it, At visits it and returns, and Forget drops history that is no
// longer needed; until then history grows with every write.
package escrow

// Package relay turns payable proofs on Filecoin into released chunks on
// Starknet. It knows neither chain: a [ProofSource] yields proofs, a signer
// attests, an [Escrow] is asked and told, a [Store] remembers.
//
// A [Binding] ties one deal to one data set from a start epoch on. The n-th
// payable proving period since then earns chunk n, so the attestation is a pure
// function of the two chains: relays that share nothing compute the same one,
// and a lost store is rebuilt to the same map. Each period pays one chunk.
//
//	r, err := relay.New(relay.Config{Proofs: source, Signer: s, Escrow: e, Domain: d,
//		Store: store, Bindings: []relay.Binding{{Deal: id, Set: set, StartEpoch: from}}})
//	err = r.Run(ctx)
//
// [Relay.Step] is one turn, for cron, tests and emulation; [Relay.Run] repeats
// it.
//
// # States
//
// Effects are written before they happen. A chunk goes through [State]:
//
//	observed  a final proof earned it; stored together with the cursor
//	final     the source showed the proof again, and the escrow wants the chunk
//	attested  the signature is stored, and was checked against the escrow's key
//	stored    nonce and signed transaction are stored, nothing is sent
//	sent      the node has the transaction
//	accepted  paid in a block accepted on L2, by this relay or anybody else
//	settled   that block is proven on L1; of a payment by others, it has stood
//	refused   the deal is over, and the period is free for another
//
// After a crash anywhere the stored transaction is sent again byte for byte, and
// after an ambiguous answer looked up by its hash. What is accepted is looked at
// until it settles: a reorganization of Starknet that takes it back sends the
// same transaction again. The escrow's own flag is the last word on paying once;
// the proving periods in the store are a second lock.
//
// # Trouble
//
// One chunk's trouble does not stop another's. Each failure has a [Class] and a
// pause that grows, both stored; an error of the store ends the turn, and
// nothing is signed before the store works again. One answer of a node ends
// nothing for good. A deal whose final proof disappeared, or whose period was
// paid for another deal, is halted until [Relay.Resume]. A signature that the
// escrow would not take ends all signing until the program is started again
// ([Health].Stopped). [Limits] hold what would pass them.
//
// # Many chunks, many processes, many operators
//
// With Config.Batch, chunks share one signature and one transaction of the
// escrow's release_batch; with Config.Multicall, one transaction holds many calls
// of release_chunk. What is refused as a whole is split until the chunk at fault
// is alone.
//
// Processes that share a store (pgstore) each take turns; the one with the
// [Lease] of the account sends, and its fencing token is checked in the
// transaction that stores a nonce. Operators that share nothing set Config.Peers:
// each chunk has an order of its own among them, and who is not first waits and
// asks the escrow again.
//
// # Parts to replace
//
// Every field of [Config] that is an interface has another implementation
// somewhere: storetest.Run checks a store, relaytest runs a relay of yours through
// thousands of crashes, signertest a signer. docs/relay.md of the repository goes
// through all of it.
//
// Amounts are base units of the deal's token; epochs are those of Filecoin; times
// are Unix milliseconds where a field is a number and does not say otherwise.
package relay

// Package relay turns payable proofs on Filecoin into released chunks on
// Starknet. It knows neither chain: a [ProofSource] yields proofs, a signer
// attests, an [Escrow] is asked and told.
//
// A [Binding] ties one deal to one data set from a start epoch on. The n-th
// payable proving period since then earns chunk n, so the attestation is a pure
// function of the two chains: relays that share nothing compute the same one,
// and a lost store is rebuilt to the same map. Each period pays one chunk.
//
// Effects are written before they happen. A chunk goes through [State]:
// observed (stored together with the cursor), attested, stored (nonce and
// signed transaction are in the store, nothing is sent), sent, released. After
// a crash anywhere, the stored transaction is sent again byte for byte, and
// after an ambiguous answer looked up by its hash; the escrow's own flag is the
// last word on paying once.
//
//	r, err := relay.New(relay.Config{Proofs: source, Signer: s, Escrow: e, Domain: d,
//		Store: relay.NewMemoryStore(), Bindings: []relay.Binding{{Deal: id, Set: set, StartEpoch: from}}})
//	err = r.Run(ctx)
//
// With Config.Batch, chunks that are observed together go from there to stored
// together: one signature, one transaction of the escrow's release_batch.
//
// [Relay.Step] is one turn, for cron, tests and emulation; [Relay.Run] repeats
// it. What the contract refuses for good ends a chunk with its reason and does
// not disturb the others; transport errors leave it where it is for the next
// turn. Released is not looked at again: a reorganisation of Starknet below the
// accepted block is not followed yet. The only store so far is in memory; a
// relay that starts without one reads everything again and finds the same map.
package relay

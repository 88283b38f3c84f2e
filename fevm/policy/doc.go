// Package policy decides which possession proofs are payable, and what a payable
// proof is worth: one chunk, for one proving period of one data set.
//
// The verifier's PossessionProven event is not enough to pay for: a provider can
// send the same proof again and again, each time with an event, and may choose to
// answer a single challenge. So the unit of payment is (chain, verifier, data
// set, proving period), a period being named by its challenge epoch, and the first
// PossessionProven of a period decides. The verdict is a pure function of the
// chain: relays that do not know each other come to the same proofs, in the same order.
//
//	source, err := policy.NewSource(client, policy.Config{ // client: fevm/chain
//		ChainID:   314,
//		Verifier:  verifier,
//		FromBlock: 5_000_000, // at or before the first event of the data sets
//	})
//	head, err := source.Head(ctx)
//	for proof, err := range source.Proofs(ctx, set, 0, head) {
//		// proof.Evidence, proof.RootCID, proof.Timestamp
//	}
//
// A [Source] reads logs itself and is what slastream/relay takes as its proof
// source; [Source.Verdicts] also says why the other proofs were refused. A
// [Tracker] is the state machine alone, for logs that come from elsewhere.
//
// Not checked here: that the verifier is the contract one thinks (ask an address
// book), who the provider is, and the listener that adds its own rules. The Merkle
// proofs were checked by the contract; to check them again see
// fevm.ProvePossession. A node that hides logs makes proofs disappear, or moves a
// period's first proof: whoever does not trust one node asks several.
//
// Epochs are block numbers of FEVM, 30 seconds each. Timestamps are Unix seconds: genesis +
// 30·epoch. Errors: [ErrNotFinal], [ErrOrder], those of the reader, and
// fevm.ErrMalformed; a *[Refusal] in a [Verdict] is a result, not a failure.
package policy

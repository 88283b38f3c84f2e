// Package policy decides which possession proofs are payable, and what a payable
// proof is worth: one chunk, for one proving period of one data set.
//
// The verifier's PossessionProven event is not enough to pay for: a provider can
// send the same proof again and again, each time with an event, may choose to
// answer a single challenge, of a set of a single leaf, and may open a period every
// 75 minutes. So the unit of payment is (chain, verifier, data set, proving period),
// a period being named by its challenge epoch, and the first proof of a period
// decides: it pays if it satisfies the [Rules]. The verdict is a pure function
// of the chain: relays that do not know each other come to the same proofs, in
// the same order.
//
//	source, err := policy.NewSource(nodes, policy.Config{ // nodes: fevm/chain
//		ChainID:   314,
//		Verifier:  verifier,
//		FromBlock: 5_000_000, // at or before the first event of the data sets
//		Rules: policy.Rules{
//			Listeners:  []attestation.EthereumAddress{warmStorage},
//			MinSpacing: 2860, // epochs: maxProvingPeriod − challengeWindow
//		},
//		Overlap: 120,   // epochs, for nodes that leave logs out at first
//		State:   nodes, // for the listener, and to notice proofs that no log shows
//	})
//	head, err := source.Head(ctx)
//	for proof, err := range source.Proofs(ctx, set, 0, head) {
//		// proof.Evidence, proof.RootCID, proof.Timestamp
//	}
//
// A [Source] reads logs itself and is what slastream/relay takes as its proof
// source; [Source.Verdicts] also says why the other proofs were refused. For
// relays of many deals [Source.All] yields the new proofs of all data sets at once,
// and [Source.Forget] bounds the memory. [Source.CheckSet] looks a data set over
// before a deal is bound to it, and [Source.Confirm] looks at a proof once more
// before it is signed for. A [Tracker] is the state machine alone, for logs that come from elsewhere. As JSON
// both are checkpoints, so that a restart does not read the history again.
//
// # Which proof of a period pays
//
// The first, if it satisfies the rules; else the period earns nothing. The first
// proof is what the verifier's own record shows (getDataSetLastProvenEpoch), so a
// signer that reads state instead of logs, such as the Lit action, comes to the same
// verdict. A provider who sends too few challenges by accident loses the period.
//
// # What each rule is against
//
//	duplicates                     always refused: one payment a period
//	one challenge                  MinChallenges
//	periods that follow too fast   MinSpacing, or a strict listener
//	a listener of the provider's   Listeners
//	a tiny set, for which an old
//	proof verifies again           MinLeaves
//	other data, or the data beside
//	a large piece of zeros         Pieces, Roots
//	another provider's set         Providers
//	late proofs                    Window
//	CIDs that are not canonical    always refused: releases before 3.5.0 accept
//	                               them, and what is proven of them is nothing
//	a verifier that is not the
//	contract one thinks            Verify, and fevm.DeploymentAt
//
// Rules.Verify repeats the contract's checks from the calldata, the beacon's
// randomness and the pieces that the logs show. A provider who calls through
// another contract cannot be checked like that; the rule says whether that is
// refused.
//
// # When a proof is due
//
// A [Schedule] is the clock of the service level agreement: which epochs a period
// is, when its window opens and closes, which are proven, open or faulted, and what
// Filecoin's own settlement would pay.
//
//	s := policy.Schedule{Activation: activation, MaxPeriod: 2880, Window: 20, GenesisTime: 1598306400}
//	if left, due := s.Due(now, 60, slices.Values(proofs)); due {
//		// half an hour at most is left: left epochs
//	}
//
// # What is trusted
//
// The reader. A node that hides logs makes proofs disappear, or moves a period's
// payable proof to a later one: whoever does not trust one node takes
// chain.Nodes. Config.Overlap is for logs that come late. With Config.State a
// [Source] also compares with the verifier's record of the last proof, and fails
// with *[HiddenProofError] instead of concluding that there was none; a hidden
// proof that a visible one follows is beyond that. The verifier is 2.0.0 or newer
// then: before, the views had other names.
//
// Epochs are block numbers of FEVM, 30 seconds each. Timestamps are Unix seconds: genesis +
// 30·epoch. Errors: [ErrNotFinal], [ErrForgotten], [ErrOrphaned], [ErrOrder],
// [ErrCheckpoint], *[HiddenProofError], *[SetError], those of the readers, and
// fevm.ErrMalformed; a *[Refusal] in a [Verdict] is a result, not a failure.
package policy

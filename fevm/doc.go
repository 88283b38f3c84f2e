// Package fevm reads what a PDPVerifier on Filecoin's EVM (FEVM) says: its
// events in every release since v1.0.0, piece CIDs, and the calldata that
// proves possession. It is pure: no I/O, no clock, no goroutines, no state.
//
// A storage provider keeps pieces in a data set. NextProvingPeriod opens a
// proving period by its challenge epoch; when that epoch is reached, the chain's
// beacon picks leaves of the pieces, and provePossession shows a Merkle path for
// each. The contract checks them and emits PossessionProven:
//
//	for l, err := range client.Logs(ctx, verifier, from, to) { // package fevm/chain
//		event, err := fevm.ParseLog(&l)
//		if errors.Is(err, fevm.ErrUnknownEvent) {
//			continue // another event of the same contract
//		}
//		switch e := event.(type) {
//		case fevm.PiecesAdded: // e.PieceCIDs[0].Parse()
//		case fevm.NextProvingPeriod: // e.ChallengeEpoch
//		case fevm.PossessionProven: // e.Challenges
//		}
//	}
//
// PossessionProven alone earns nothing: a provider can have it emitted again and
// again for one proof. Package fevm/policy says which proofs are payable.
//
// Whoever does not want to trust an event reads the transaction instead:
// [ParseProvePossession] decodes its input and [ProvePossession.Verify] repeats the
// contract's checks. [MerkleTree], [PieceLeaves] and [DataSet.Challenges] are the
// provider's side: they make what Verify accepts.
//
// Units: epochs are 30 seconds and number the tipsets; offsets and leaf counts
// are in 32-byte leaves; integers are big-endian words as in the ABI; roots and
// leaves are bytes in the order the contract holds them.
//
// Errors: [ErrUnknownEvent], [ErrMalformed], *[PieceCIDError], *[ProofError]. Input
// is hostile: nothing panics, and nothing is allocated for a length before the
// bytes are seen to be there.
//
// The facts come from FilOzone/pdp: src/PDPVerifier.sol, src/Cids.sol and
// src/Proofs.sol at release 3.5.0 (cc3f5ea), and its tags back to v1.0.0.
package fevm

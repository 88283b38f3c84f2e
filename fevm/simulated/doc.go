// Package simulated is a Filecoin FEVM node in this process: a chain of
// tipsets, the Ethereum JSON-RPC of Lotus, a PDPVerifier that checks Merkle
// proofs, and a storage provider that has the data. Use it to test watchers,
// relays and dashboards against bytes, not against interfaces; for facts about
// events see package fevm, for reading a real chain fevm/chain.
//
//	node := simulated.New()                                  // no I/O
//	client, err := rpc.DialOptions(ctx, "http://fevm", rpc.WithHTTPClient(node.Client()))
//	server := httptest.NewServer(node)                       // or over a socket
//
//	sp := node.Provider(node.Accounts()[1])
//	set, err := sp.CreateDataSet(ctx, common.Address{})
//	cids, err := sp.AddPieces(ctx, set, data)
//	_, err = sp.NextProvingPeriod(ctx, set, node.Head()+20)
//	node.Mine(20)
//	receipt, err := sp.Prove(ctx, set)                       // emits PossessionProven
//
// [Node.Prove] does all of that in one call.
//
// # Chain
//
// The node plays Calibration: chain id 314159, an epoch of 30 seconds from
// [Genesis], block number = epoch, and block hashes that are not hashes of
// headers. Everything follows from the options and the calls: there is no clock
// and no randomness. A transaction is mined at once in an epoch of its own, or
// with [WithManualMining] when [Node.Mine] says so. Epochs can be null rounds
// ([Node.NullRound]; JSON-RPC error 12), tipsets can be replaced ([Node.Reorg]), and
// [Node.Snapshot] and [Node.Revert] go back. All tipsets with their states are
// kept, so calls at every epoch since the first are answered; a chain has at
// most 2^25 epochs. Time moves with epochs only.
//
// Differences from Lotus: receipts and logs are there as soon as the transaction
// is mined, not one epoch later; gas is nominal; there are no filters and
// subscriptions; contracts are Go, so nothing can be deployed. The same controls
// are JSON-RPC methods: evm_mine [n], evm_increaseTime [seconds], evm_snapshot,
// evm_revert [id], sim_prove [set], sim_nullRound, sim_reorg [depth]. Numbers
// are JSON numbers or 0x-quantities; answers are quantities.
//
// # Verifier
//
// The model is PDPVerifier 3.5.0 without upgrades and without sets from before
// it: same checks in the same order, same revert data, same events. The beacon
// of an epoch is keccak256(uint256 epoch). Challenge finality is 10 epochs. As
// on chain, a proof may be sent again in its period and is an event again. An
// event above 8 KiB reverts, as the FVM has it. A data set holds less than 2^64
// leaves. Calldata of provePossession that is cut off reverts before, not
// after, the check of the sender.
//
// # Errors
//
// What a contract refused is a *[RevertError]. Errors of the transport and of
// the node's own limits are others.
package simulated

// Package simulated is a Filecoin FEVM node in this process: a chain of
// tipsets, the Ethereum JSON-RPC of Lotus or Forest, a PDPVerifier that checks
// Merkle proofs, a service that judges when they come, and a storage provider
// that has the data, or pretends. Use it to test watchers, relays and dashboards
// against bytes, not against interfaces; for facts about events see package
// fevm, for reading a real chain fevm/chain.
//
//	node := simulated.New()                                  // no I/O
//	client, err := rpc.DialOptions(ctx, "http://fevm", rpc.WithHTTPClient(node.Client()))
//	server := httptest.NewServer(node)                       // or over a socket, also WebSocket
//
//	sp := node.Provider(node.Accounts()[1])
//	set, err := sp.CreateDataSet(ctx, node.Service())        // or common.Address{}: no listener
//	cids, err := sp.AddPieces(ctx, set, data)
//	period, err := node.Play(ctx, sp, set, simulated.Behaviour{})
//	period.Proofs[0].Logs                                    // end with PossessionProven
//
// [Node.Prove] does all of that in one call, without a listener.
//
// # Chain
//
// The node plays Calibration: chain id 314159, an epoch of 30 seconds from
// [Genesis], block number = epoch, and block hashes that are not hashes of
// headers. Everything follows from the options and the calls: there is no clock
// (but [WithClock]) and no randomness. A transaction is mined at once in an epoch of its own, or
// with [WithManualMining] when [Node.Mine] says so. Epochs can be null rounds
// ([Node.NullRound]; JSON-RPC error 12), tipsets can be replaced ([Node.Reorg]), and
// [Node.Snapshot] and [Node.Revert] go back. All tipsets with their states are
// kept, so calls at every epoch since the first are answered; a chain has at
// most 2^25 epochs. Time moves with epochs only, unless [WithClock] sets one.
//
// # What a real node does to its clients
//
//   - [WithSoftware]: eth_getLogs of [Lotus] or of [Forest].
//   - [WithOldErrors]: the errors of Lotus before v1.31.0.
//   - [WithLookback]: the gateway of public endpoints.
//   - [WithDeferredExecution]: "latest" is the parent of the head.
//   - [WithMaxResults]: the limit of logs in one answer.
//   - [Node.Faulty]: one more endpoint of the chain that is slow, behind, fails,
//     forgets logs, says nothing or lies, by [Faults] that a test changes as it
//     goes. A node has any number of them, honest ones included.
//
// eth_newFilter and its kin work, 100 at most; one that nobody polls is gone
// after 120 epochs, and of more changes than WithMaxResults the oldest are lost.
// Over WebSocket eth_subscribe tells newHeads, logs and newPendingTransactions.
// As in Lotus a head is told when it is executed (it is then "latest"), logs
// that are gone come again with removed true, each log of a subscription has
// logIndex 0, those of a filter count only what matches, and who lets 20,000
// messages wait is cut off. Sockets need [Node.Close].
//
// The controls are JSON-RPC methods too: evm_mine [n], evm_increaseTime
// [seconds], evm_snapshot, evm_revert [id], sim_prove [set], sim_nullRound,
// sim_reorg [depth]. Numbers are JSON numbers or 0x-quantities; answers are
// quantities.
//
// # Differences from Lotus and Forest
//
// Without WithDeferredExecution receipts and logs are there as soon as the
// transaction is mined. "finalized" and "safe" are fixed distances
// ([WithFinality]), not those of F3. Gas is nominal. Contracts are Go, so nothing
// can be deployed and eth_getCode answers a name; eth_getStorageAt knows no slots
// of the verifier. Only logs of the last 1,000 replaced tipsets with transactions
// are answered by hash, and replaced tipsets without are unknown. A filter's id
// is as long as a hash in both. A parameter that cannot be read is -32602.
//
// # Verifier
//
// The model is PDPVerifier [Release350], [Release340] or [Release221]
// ([WithRelease]): the same checks in the same order, the same revert data, the
// same events. [Node.Upgrade] upgrades it in place; data sets from before keep
// their pieces and stay provable, with CIDs that 3.5.0 would not take. Two of
// the releases are compared with recorded runs of the contract, 2.2.1 with its
// source only; releases before it have other calls and are not modelled. The
// beacon of an epoch is keccak256(uint256 epoch). Challenge finality is 10
// epochs. As on chain, a proof may be sent again in its period and is an event
// again. An event above 8 KiB reverts, as the FVM has it. A data set holds less
// than 2^64 leaves. Calldata of provePossession that is cut off reverts before,
// not after, the check of the sender.
//
// # Listeners and providers
//
// A data set without a listener, or with one that its provider wrote
// ([Node.PermissiveListener]), can be "proven" as often as the provider likes.
// [Node.Service] is strict, as FilecoinWarmStorageService is, with its periods,
// windows, custom errors and views, and without payments and signatures.
// [Behaviour] says what a provider does in a period: prove once, sleep, send
// duplicates, replay, cheat. A period takes less than a millisecond or so, so
// that a test can have thousands.
//
// # Errors
//
// What a contract refused is a *[RevertError]. Errors of the transport and of
// the node's own limits are others.
package simulated

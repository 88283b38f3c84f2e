// Package simulated is a Starknet node in process: it speaks the JSON-RPC of a
// real node over HTTP and begins with one escrow, its token and some accounts.
//
// Use it to test programs that talk to the escrow with their real clients,
// package starknet, starknet.go or starknet.js, and to try them out by hand.
// Use package slastream/escrow, the model that runs inside, for tests that
// need no chain, and a real node (starknet-devnet) for contracts of your own:
// no Cairo runs here.
//
//	node := simulated.New(simulated.Options{Key: attestationKey})
//	caller, err := rpc.DialOptions(ctx, "http://in.process/rpc", rpc.WithHTTPClient(node.Client())) // go-ethereum's; or starknet.go's
//	escrow := starknet.NewEscrow(caller, node.Escrow(), starknet.WithAccount(account))
//	…
//	node.SetTime(deal.Deadline) // and now anybody may slash
//
// A [Node] is an http.Handler, so http.Serve puts it on a port.
//
// # What is real
//
// Transactions of version 3 (INVOKE, DECLARE, DEPLOY_ACCOUNT) are hashed and
// their Stark signatures checked; nonces, resource bounds and balances are
// enforced with the codes and texts of a real node; a multicall happens as a
// whole or reverts and then leaves nonce and fee. The escrow, the token and the
// texts of reverts are those of the reference contract, STRK and OpenZeppelin's
// account on starknet-devnet 0.6.1, whose recorded answers the tests compare
// with. State at old blocks, state diffs and traces with inner calls are exact;
// looking at an old one costs as much as there are changes after it.
//
// All methods of RPC 0.9.0 and 0.10.2 are there, parameters by name or by
// position, and all subscriptions on WebSockets. RPC 0.9.0 is at /rpc/v0_9 and
// /ws/v0_9, RPC 0.10.2 at /rpc/v0_10 and /ws/v0_10.
//
// # Contracts
//
// More escrows, tokens and accounts are deployed as on a real node: declare a
// class, then call one of the two universal deployers that starknet-devnet has,
// or let an account deploy itself. The cairo package next to this one does the
// first two, cairo.Deploy. Its classes are served whole, with their ABI; of the
// others there is the head of the program, which tells the compiler.
//
// A class that the node cannot run is refused when it is declared, with code 63.
// RPC 0.9.0 speaks for Starknet 0.14.0 and wants the Poseidon hash of the
// compiled class, RPC 0.10.2 for a later one and wants that of Blake2s; the
// other is refused with code 60. Accounts keep their keys: set_public_key never
// finds its signature good. The extended escrow that [Options] ask for is there
// from the first block, so its constructor emitted nothing.
//
// # What is not
//
// Gas is a table of what starknet-devnet charged for the same calls; the inner
// calls of a trace have none. Block hashes and the commitments in headers are
// SHA-256, not Poseidon. There are no state roots: they are 0, and
// starknet_getStorageProof answers code 42. There are no messages from or to
// L1, and no programs of classes: starknet_getCompiledCasm answers code 100.
// Only the classes of package starknet/cairo, the reference escrow and
// OpenZeppelin's account can be declared. The flags INCLUDE_LAST_UPDATE_BLOCK
// and RETURN_INITIAL_READS are refused.
//
// Where starknet-devnet is laxer than public nodes, this node is not: felts
// must be below the prime, a page of events is at most 1,024 long and may be
// empty and still have a continuation token, a filter has at most 1,024 keys.
// Blocks accepted on L1 cannot be aborted. A subscription with PRE_CONFIRMED
// hears of a transaction again when it is accepted on L2.
//
// # Finality
//
// A transaction is PRE_CONFIRMED in the open block, ACCEPTED_ON_L2 in a sealed
// one and ACCEPTED_ON_L1 when [Node.AcceptOnL1] says so. [Node.Abort] is a
// reorganization. [Node.Snapshot] and [Node.Restore] go back to a moment, for
// tests that branch; there is nothing to dump or load, as a node starts in
// milliseconds.
//
// # Faults
//
// [Node.Faulty] is the node as a bad network and a bad provider show it, by
// probabilities and a seed: [Faults].
//
// # Time
//
// A contract sees the timestamp of the block that holds the call. Each
// transaction makes a block of its own, unless Options.Manual is set: then
// transactions wait in the pre_confirmed block, executed, until [Node.Mine].
// Time is Unix seconds, amounts are FRI.
//
// # Controls
//
// Besides Go methods there are starknet-devnet's own devnet_setTime,
// devnet_increaseTime, devnet_createBlock, devnet_mint, devnet_abortBlocks,
// devnet_acceptOnL1 and devnet_getPredeployedAccounts.
package simulated

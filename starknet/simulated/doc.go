// Package simulated is a Starknet node in process: it speaks the JSON-RPC of a
// real node over HTTP and has one escrow, its token and some accounts on it.
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
// Transactions (INVOKE version 3) are hashed and their Stark signatures
// checked; nonces, resource bounds and balances are enforced with the codes
// and texts of a real node; a multicall happens as a whole or reverts and then
// leaves nonce and fee. The escrow, the token and the texts of reverts are
// those of the reference contract, STRK and OpenZeppelin's account on
// starknet-devnet 0.6.1, whose recorded answers the tests compare with. State
// at old blocks is exact; looking at one costs as much as there are changes
// after it.
//
// # What is not
//
// Gas is a table of what starknet-devnet charged for the same calls. Block
// hashes and the commitments in headers are SHA-256, not Poseidon; there is no
// state root, no state diff and no trace of inner calls. DECLARE and
// DEPLOY_ACCOUNT are refused with code 63, methods that are not there with
// −32601; of the subscriptions there are new heads and events of sealed blocks. Nothing is ever accepted on L1. Classes have
// their real hashes and compiler versions, but no program and no ABI.
//
// Where starknet-devnet is laxer than public nodes, this node is not: felts
// must be below the prime, a page of events is at most 1,024 long and may be
// empty and still have a continuation token, a filter has at most 1,024 keys.
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
// devnet_increaseTime, devnet_createBlock, devnet_mint, devnet_abortBlocks and
// devnet_getPredeployedAccounts.
package simulated

// Package cairo is SLAStream's own escrow contract on Starknet: the compiled
// classes, embedded, and what declares and deploys them.
//
// There are two escrow classes and a token for tests:
//
//   - [Compatible] behaves like the escrow of the reference implementation in
//     every way that a caller can see, and adds views.
//   - [Extended] checks its arguments, the signature's range and what the token
//     answers, has an owner who is named and can be changed, and release_batch:
//     one signature for up to 480 chunks of any deals.
//   - [MockERC20] is a token that anyone can mint and that misbehaves when told
//     to.
//
// A deployment is one call:
//
//	sender := cairo.Sender{Caller: rpc, ChainID: starknet.Sepolia, Address: account, Key: key}
//	escrow, err := cairo.Deploy(ctx, sender, cairo.Params{Class: cairo.Extended, Key: pub, Token: strk, Owner: me})
//
// # Trust
//
// The hash of a class is known without a node, so what is deployed can be
// compared with what is in this package, and what is in this package with its
// source: go generate recompiles it. README.md in this directory says what the
// contracts promise, to whom, and what they cannot defend against.
//
// # Errors
//
// A constructor that refuses its arguments is a *slastream.RevertError with the
// contract's felt, such as "PKP key not on curve". A class that is declared and
// a contract that is deployed already are successes. [ErrMismatch] says that
// what is deployed is not what was asked for.
package cairo

//go:generate go run ./internal/build

// Package starknet talks to the escrow contract on Starknet: calldata, events,
// storage and reverts of the contract, an account that signs transactions, and
// typed bindings over any JSON-RPC client.
//
// Use it to open deals, pay chunks and watch an escrow from a program. Use
// package slastream/escrow where no chain is needed, package starknet/simulated
// for a node to test against, and package slastream/relay to turn proofs into
// payments: [Escrow] is what it sends with.
//
// # Reading and writing
//
//	rpc := … // a Caller, such as *rpc.Client of go-ethereum
//	escrow := starknet.NewEscrow(rpc, address)
//	deal, err := escrow.Deal(ctx, id)
//
//	key, err := starknet.NewLocalKey(secret)
//	account := starknet.NewAccount(rpc, starknet.Sepolia, accountAddress, key)
//	escrow = starknet.NewEscrow(rpc, address, starknet.WithAccount(account))
//	id, err := escrow.CreateDeal(ctx, terms) // approve and create_deal in one transaction
//
// A [Node] around the caller makes sure once that the node speaks RPC 0.9 or
// 0.10; bindings make one themselves unless they are given one. [Escrow.At] and
// [ERC20.At] read at a block of your choice.
//
// Methods whose name ends in Call make no transaction. What they return goes
// into one, with calls of other contracts, and happens as a whole or not at all:
//
//	_, err = account.Execute(ctx, token.ApproveCall(address, amount), escrow.CreateDealCall(terms))
//
// Many chunks at once are [Escrow.ReleaseAll], or [Escrow.ReleaseBatch] where the
// class has it. [CheckEscrow] looks an escrow over before somebody trusts it, and
// [DetectRules] says which signatures it takes. [UDC] deploys contracts.
//
// The functions with Encode, Decode and Parse in their name make no request;
// they serve programs that have a Starknet client of their own. Felts are those
// of juno, as starknet.go has them; a u256 is two felts, the low 128 bits
// first. Juno's own conversions reduce silently what is too large and read
// signs away, so use the functions here.
//
// # Units
//
// Amounts are base units of the token, fees FRI (10^-18 STRK), times Unix
// seconds.
//
// # Sending
//
// [Account.Execute] makes one transaction after the other. A [Sender] has many on
// the way at once and loses none: it numbers them, shows each to a store before
// it is sent, and replaces what does not get in.
//
//	sender := starknet.NewSender(account, starknet.SenderOptions{OnSigned: store})
//	escrow = starknet.NewEscrow(rpc, address, starknet.WithSender(sender))
//
// [Fees] cap what a transaction and a day may cost. Where the key is elsewhere,
// [Account.Build] makes a transaction that waits for its signature.
//
// # Following
//
// [Escrow.Follow] delivers events and, after a reorganization, retracts them. It
// goes on from a stored [Cursor].
//
// # Errors
//
// What a contract refuses is a *slastream.RevertError, from a call, an estimate,
// a simulation or a receipt, with the same reason that the model in
// slastream/escrow gives. A failure of the transport or the node never is one.
// [Classify] says of any error whether to try again. After an *[UnsettledError]
// it is open whether a transaction will be executed: find out before you sign
// another. Others to act on: [ErrNonce], [ErrValidation], *[FeeError],
// *[SizeError], [ErrChain], *[VersionError], [ErrReorgTooDeep], [ErrBadAnswer], [ErrRules],
// [ErrNoDeployer], [ErrNoAccount], [ErrNoKey], [ErrMalformed],
// [ErrUnknownEvent] and *[RangeError]. The error that the [Caller] returned
// stays in the chain of causes, so its code can be asked for.
//
// # What is trusted
//
// The node is: it can lie about deals and estimates. It cannot make this
// package pay somebody else or sign for another chain, and its answers are
// checked for form. A lie about prices costs at most what [Fees] allow; without
// a cap, that is the account's balance.
//
// The page docs/starknet.md of the repository goes through all of this in the
// order of an integrator's work.
package starknet

package starknet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// ErrChain says that the node is on another chain than the account was made
// for.
var ErrChain = errors.New("starknet: node is on another chain")

// An Account signs and sends transactions of a Cairo 1 account contract that
// checks one Stark signature (OpenZeppelin's and those that work like it).
// Transactions are INVOKE version 3, fees are paid in STRK.
//
// An Account is safe for concurrent use. [Account.Execute] runs one transaction
// after the other. Who wants several on the way at once uses a [Sender], which
// numbers them, or numbers them himself with [Account.Sign] and [Account.Send].
type Account struct {
	caller  Caller
	chainID attestation.Word
	address slastream.Address
	key     Key
	poll    time.Duration
	fees    Fees
	budget  budget

	verifier     func() *verifier // of the key
	keyChecked   atomic.Bool      // a signature was right once
	chainChecked atomic.Bool
	executing    chan struct{} // holds one token while Execute runs
}

// An AccountOption changes what [NewAccount] makes.
type AccountOption func(*Account)

// WithPoll sets the time between two questions while waiting for a transaction.
// Default: one second.
func WithPoll(d time.Duration) AccountOption { return func(a *Account) { a.poll = d } }

// NewAccount returns the account contract at address, whose transactions key
// signs, on the chain with that id ([Mainnet], [Sepolia]). It makes no request:
// the chain id of the node is checked before the first signature, since a
// signature for another chain than the one in mind may move real tokens. With
// key nil the account can only build transactions: see [Account.Build].
func NewAccount(caller Caller, chainID attestation.Word, address slastream.Address, key Key, options ...AccountOption) *Account {
	a := &Account{caller: NewNode(caller), chainID: chainID, address: address, key: key, poll: time.Second, executing: make(chan struct{}, 1)}
	a.verifier = sync.OnceValue(func() *verifier { return newVerifier(key.PublicKey()) })
	for _, o := range options {
		o(a)
	}
	return a
}

// Address returns the address of the account contract.
func (a *Account) Address() slastream.Address { return a.address }

// Nonce returns the number of the next transaction, counting those that are
// executed in the block under construction: it asks at the tag pre_confirmed,
// where a number at latest would be used already.
func (a *Account) Nonce(ctx context.Context) (uint64, error) {
	var f wireFelt
	if err := call(ctx, a.caller, &f, "starknet_getNonce", tagPreConfirmed, wire(addressFelt(a.address))); err != nil {
		return 0, err
	}
	n, ok := WordFromFelt(f.felt()).Uint64()
	if !ok {
		return 0, fmt.Errorf("%w: nonce %v", ErrBadAnswer, f.felt())
	}
	return n, nil
}

// Sign makes a transaction of calls, which happen together or not at all, and
// signs it with that nonce. It does not send it. It is [Account.Build] and
// [Account.SignUnsigned]: the hash depends on the calls, the nonce and the fee
// that the node estimates, not on the signature.
//
// The bounds on gas and gas prices are the estimate and the margins of [Fees],
// half as much again unless they say otherwise; a transaction pays for what it
// uses at the price of its block. L2 gas is bounded by 1e9, the network's own
// limit, unless the estimate itself is higher. A nonce ahead of the chain's is
// fine: the estimate then is for the chain's.
//
// Errors: *slastream.RevertError if the estimate says that a contract would
// refuse; [ErrNonce] if the nonce is used already; *[FeeError];
// [ErrValidation]; [ErrChain]; [ErrNoKey].
func (a *Account) Sign(ctx context.Context, calls []Call, nonce uint64) (slastream.SignedTx, error) {
	u, err := a.Build(ctx, calls, nonce)
	if err != nil {
		return slastream.SignedTx{}, err
	}
	return a.sign(ctx, u)
}

// checkChain asks for the chain id until it has been right once.
func (a *Account) checkChain(ctx context.Context) error {
	if a.chainChecked.Load() {
		return nil
	}
	var id wireFelt
	if err := call(ctx, a.caller, &id, "starknet_chainId"); err != nil {
		return err
	}
	if got := WordFromFelt(id.felt()); got != a.chainID {
		return fmt.Errorf("%w: %s, want %s", ErrChain, chainName(got), chainName(a.chainID))
	}
	a.chainChecked.Store(true)
	return nil
}

func chainName(id attestation.Word) string {
	if f, err := FeltFromWord(id); err == nil {
		return fmt.Sprintf("%q", feltText(f))
	}
	return id.String()
}

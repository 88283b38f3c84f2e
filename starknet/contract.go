package starknet

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/slastream"
)

// Block tags. State is read at the newest accepted block: what a caller acts on
// must not be dropped with the block under construction. Nonces and estimates
// are for the next transaction, so they count that block in.
const (
	tagLatest       = "latest"
	tagPreConfirmed = "pre_confirmed"
)

// ErrNoAccount says that a binding was made without [WithAccount] and so can
// only read.
var ErrNoAccount = errors.New("starknet: no account to send transactions with")

// An Option changes what [NewEscrow] and [NewERC20] make.
type Option func(*contract)

// WithAccount makes account the caller of what changes the contract.
func WithAccount(account *Account) Option { return func(c *contract) { c.account = account } }

// A contract is what both bindings are made of.
type contract struct {
	caller  Caller
	address slastream.Address
	account *Account

	storageFlags atomic.Bool // starknet_getStorageAt wants its fourth parameter
}

func (c *contract) init(caller Caller, address slastream.Address, options []Option) {
	c.caller, c.address = caller, address
	for _, o := range options {
		o(c)
	}
}

// view calls a view and returns a reader of its answer.
func (c *contract) view(ctx context.Context, entryPoint string, calldata ...*felt.Felt) (*reader, error) {
	type functionCall struct {
		Contract wireFelt   `json:"contract_address"`
		Selector wireFelt   `json:"entry_point_selector"`
		Calldata []wireFelt `json:"calldata"`
	}
	request := functionCall{wire(addressFelt(c.address)), wire(Selector(entryPoint)), wires(calldata)}
	var answer []wireFelt
	if err := call(ctx, c.caller, &answer, "starknet_call", request, tagLatest); err != nil {
		return nil, err
	}
	return &reader{in: felts(answer)}, nil
}

// storage returns the felt at a raw key.
//
// RPC 0.10.1 added a fourth parameter, response_flags. It is optional, yet
// starknet-devnet 0.10.1 refuses three and older nodes refuse four; so the
// second form is tried where the first is refused, and kept if it is right.
func (c *contract) storage(ctx context.Context, key *felt.Felt) (*felt.Felt, error) {
	var f wireFelt
	params := []any{wire(addressFelt(c.address)), wire(key), tagLatest, []string{}}
	if !c.storageFlags.Load() {
		err := call(ctx, c.caller, &f, "starknet_getStorageAt", params[:3]...)
		if n, _ := code(err); n != codeInvalidParams {
			return f.felt(), err
		}
	}
	if err := call(ctx, c.caller, &f, "starknet_getStorageAt", params...); err != nil {
		return nil, err
	}
	c.storageFlags.Store(true)
	return f.felt(), nil
}

func (c *contract) execute(ctx context.Context, calls ...Call) (*Receipt, error) {
	if c.account == nil {
		return nil, ErrNoAccount
	}
	return c.account.Execute(ctx, calls...)
}

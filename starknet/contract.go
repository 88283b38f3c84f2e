package starknet

import (
	"context"
	"errors"
	"fmt"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
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

// An Option changes what [NewEscrow], [NewERC20] and [NewUDC] make.
type Option func(*contract)

// WithAccount makes account the caller of what changes the contract.
func WithAccount(account *Account) Option { return func(c *contract) { c.account = account } }

// WithSender makes the account of a [Sender] the caller of what changes the
// contract, and the Sender the way to the chain: many methods can be called at
// once, and failures of the transport are waited out.
func WithSender(sender *Sender) Option {
	return func(c *contract) { c.account, c.sender = sender.account, sender }
}

// A contract is what all bindings are made of.
type contract struct {
	caller  *Node
	address slastream.Address
	block   Block // that is read
	account *Account
	sender  *Sender
}

func (c *contract) init(caller Caller, address slastream.Address, options []Option) {
	c.caller, c.address = NewNode(caller), address
	for _, o := range options {
		o(c)
	}
}

// view calls a view and returns a reader of its answer.
func (c *contract) view(ctx context.Context, entryPoint string, calldata ...*felt.Felt) (*reader, error) {
	list, err := c.ask(ctx, NewCall(c.address, entryPoint, calldata...))
	if err != nil {
		return nil, err
	}
	return &reader{in: list}, nil
}

// ask is starknet_call: the caller is the zero address, and nothing is changed.
func (c *contract) ask(ctx context.Context, question Call) ([]*felt.Felt, error) {
	type functionCall struct {
		Contract wireFelt   `json:"contract_address"`
		Selector wireFelt   `json:"entry_point_selector"`
		Calldata []wireFelt `json:"calldata"`
	}
	request := functionCall{wire(addressFelt(question.To)), wire(question.Selector), wires(question.Calldata)}
	var answer []wireFelt
	if err := call(ctx, c.caller, &answer, "starknet_call", request, c.block); err != nil {
		return nil, err
	}
	return felts(answer), nil
}

// ClassHash returns the hash of the contract's class, 0 if there is no
// contract.
func (c *contract) ClassHash(ctx context.Context) (attestation.Word, error) {
	return c.caller.classHashAt(ctx, c.address, c.block)
}

// storage returns the felt at a raw key.
func (c *contract) storage(ctx context.Context, key *felt.Felt) (*felt.Felt, error) {
	return c.caller.storageAt(ctx, c.address, key, c.block)
}

func (c *contract) execute(ctx context.Context, calls ...Call) (*Receipt, error) {
	switch {
	case c.sender != nil:
		return c.sender.Execute(ctx, calls...)
	case c.account != nil:
		return c.account.Execute(ctx, calls...)
	}
	return nil, ErrNoAccount
}

// checkAddresses refuses addresses that no felt or no contract can have, so
// that they are found before a transaction is made. What is not checked here is
// encoded as P − 1, which every contract refuses.
func checkAddresses(what string, list ...slastream.Address) error {
	for _, a := range list {
		if _, err := slastream.AddressFromWord(a.Word()); err != nil {
			return fmt.Errorf("starknet: %s: %w", what, &RangeError{"address", a.Word()})
		}
	}
	return nil
}

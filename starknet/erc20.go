package starknet

import (
	"context"
	"fmt"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/slastream"
)

// An ERC20 is a token contract. It is safe for concurrent use. Reads are
// answered at the newest accepted block, or at that of [ERC20.At]. Methods that
// change it return when the change is accepted on L2; those whose name ends in
// Call make no transaction but what one is made of. An address of 2^251 or more
// is a *[RangeError].
type ERC20 struct {
	contract
}

// NewERC20 returns the token at address. It makes no request.
func NewERC20(caller Caller, address slastream.Address, options ...Option) *ERC20 {
	t := new(ERC20)
	t.init(caller, address, options)
	return t
}

// Address returns the address of the contract.
func (t *ERC20) Address() slastream.Address { return t.address }

// At returns the same token, read at the end of a block, as [Escrow.At].
func (t *ERC20) At(block Block) *ERC20 {
	at := &ERC20{t.contract}
	at.block = block
	return at
}

// BalanceOf returns how much an account holds.
//
//	fn balance_of(self, account: ContractAddress) -> u256
func (t *ERC20) BalanceOf(ctx context.Context, account slastream.Address) (slastream.Amount, error) {
	return t.amount(ctx, "balance_of", account)
}

// Allowance returns how much spender may still take from owner.
//
//	fn allowance(self, owner: ContractAddress, spender: ContractAddress) -> u256
func (t *ERC20) Allowance(ctx context.Context, owner, spender slastream.Address) (slastream.Amount, error) {
	return t.amount(ctx, "allowance", owner, spender)
}

// TotalSupply returns how much there is of the token.
//
//	fn total_supply(self) -> u256
func (t *ERC20) TotalSupply(ctx context.Context) (slastream.Amount, error) {
	return t.amount(ctx, "total_supply")
}

func (t *ERC20) amount(ctx context.Context, view string, of ...slastream.Address) (slastream.Amount, error) {
	if err := checkAddresses(view, of...); err != nil {
		return slastream.Amount{}, err
	}
	var w writer
	for _, a := range of {
		w.address(a)
	}
	r, err := t.view(ctx, view, w.out...)
	if err != nil {
		return slastream.Amount{}, err
	}
	v := r.amount()
	return v, r.end("answer of " + view)
}

// Name returns the name of the token, such as "Starknet Token". The contract
// chooses it freely; two tokens can have one name.
//
//	fn name(self) -> felt252 or ByteArray
func (t *ERC20) Name(ctx context.Context) (string, error) { return t.text(ctx, "name") }

// Symbol returns the symbol of the token, such as "STRK". Like the name it
// proves nothing.
//
//	fn symbol(self) -> felt252 or ByteArray
func (t *ERC20) Symbol(ctx context.Context) (string, error) { return t.text(ctx, "symbol") }

// text reads a view that answers a short string, as tokens of Cairo 0 and early
// ones of Cairo 1 do, or a ByteArray.
func (t *ERC20) text(ctx context.Context, view string) (string, error) {
	r, err := t.view(ctx, view)
	if err != nil {
		return "", err
	}
	var v string
	if len(r.in) == 1 {
		v = r.shortString()
	} else {
		v = r.byteArray()
	}
	if err := r.end("answer of " + view); err != nil {
		return "", err
	}
	return v, nil
}

// Decimals returns how many decimals a whole token has: 18 for STRK.
//
//	fn decimals(self) -> u8
func (t *ERC20) Decimals(ctx context.Context) (uint8, error) {
	r, err := t.view(ctx, "decimals")
	if err != nil {
		return 0, err
	}
	v := r.uint(1)
	return uint8(v), r.end("answer of decimals")
}

// Approve lets spender take up to amount from the caller. It replaces what was
// allowed before.
//
//	fn approve(ref self, spender: ContractAddress, amount: u256) -> bool
func (t *ERC20) Approve(ctx context.Context, spender slastream.Address, amount slastream.Amount) error {
	return t.change(ctx, t.ApproveCall(spender, amount), "approve", spender)
}

// Transfer sends amount to somebody.
//
//	fn transfer(ref self, recipient: ContractAddress, amount: u256) -> bool
func (t *ERC20) Transfer(ctx context.Context, to slastream.Address, amount slastream.Amount) error {
	return t.change(ctx, t.TransferCall(to, amount), "transfer", to)
}

// TransferFrom sends amount of from, who has approved it, to somebody.
//
//	fn transfer_from(ref self, sender: ContractAddress, recipient: ContractAddress, amount: u256) -> bool
func (t *ERC20) TransferFrom(ctx context.Context, from, to slastream.Address, amount slastream.Amount) error {
	return t.change(ctx, t.TransferFromCall(from, to, amount), "transfer from", from, to)
}

func (t *ERC20) change(ctx context.Context, c Call, what string, addresses ...slastream.Address) error {
	if err := checkAddresses(what, addresses...); err != nil {
		return err
	}
	_, err := t.execute(ctx, c)
	return err
}

// ApproveCall returns the call that lets spender take up to amount from the
// account.
//
//	fn approve(ref self, spender: ContractAddress, amount: u256) -> bool
func (t *ERC20) ApproveCall(spender slastream.Address, amount slastream.Amount) Call {
	return approveCall(t.address, spender, amount)
}

// TransferCall returns the call that sends amount to somebody.
//
//	fn transfer(ref self, recipient: ContractAddress, amount: u256) -> bool
func (t *ERC20) TransferCall(to slastream.Address, amount slastream.Amount) Call {
	return NewCall(t.address, "transfer", encodeAmount(amount, to)...)
}

// TransferFromCall returns the call that sends amount of from to somebody.
//
//	fn transfer_from(ref self, sender: ContractAddress, recipient: ContractAddress, amount: u256) -> bool
func (t *ERC20) TransferFromCall(from, to slastream.Address, amount slastream.Amount) Call {
	return NewCall(t.address, "transfer_from", encodeAmount(amount, from, to)...)
}

func approveCall(token, spender slastream.Address, amount slastream.Amount) Call {
	return NewCall(token, "approve", encodeAmount(amount, spender)...)
}

// encodeAmount returns the calldata of addresses and then an amount.
func encodeAmount(v slastream.Amount, of ...slastream.Address) []*felt.Felt {
	var w writer
	for _, a := range of {
		w.address(a)
	}
	w.amount(v)
	return w.out
}

// A TokenEvent is [Transfer] or [Approval]. The set is closed.
type TokenEvent interface{ isTokenEvent() }

// Transfer says that tokens moved. From is zero for new tokens, To for burnt
// ones.
type Transfer struct {
	From, To slastream.Address
	Amount   slastream.Amount
}

// Approval says what spender may take from owner.
type Approval struct {
	Owner, Spender slastream.Address
	Amount         slastream.Amount
}

func (Transfer) isTokenEvent() {}
func (Approval) isTokenEvent() {}

var (
	selTransfer = *Selector("Transfer")
	selApproval = *Selector("Approval")
)

// ParseTokenEvent reads an event of an ERC-20. There are two layouts: the two
// addresses are keys after the selector (OpenZeppelin for Cairo 1), or the first
// two felts of the data (STRK). Errors are those of [ParseEvent]. The fee of a
// transaction is a Transfer of STRK, too, the last one of the receipt.
func ParseTokenEvent(keys, data []*felt.Felt) (TokenEvent, error) {
	if len(keys) == 0 || keys[0] == nil {
		return nil, fmt.Errorf("%w: no selector", ErrUnknownEvent)
	}
	if *keys[0] != selTransfer && *keys[0] != selApproval {
		return nil, fmt.Errorf("%w: selector %v", ErrUnknownEvent, keys[0])
	}
	if len(keys) != 1 && len(keys) != 3 {
		return nil, fmt.Errorf("%w: token event: %d keys, want 1 or 3", ErrMalformed, len(keys))
	}
	r := reader{in: append(keys[1:len(keys):len(keys)], data...)}
	first, second, amount := r.address(), r.address(), r.amount()
	if err := r.end("token event"); err != nil {
		return nil, err
	}
	if *keys[0] == selTransfer {
		return Transfer{first, second, amount}, nil
	}
	return Approval{first, second, amount}, nil
}

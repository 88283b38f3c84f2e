package starknet

import (
	"context"
	"fmt"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/slastream"
)

// An ERC20 is a token contract. It is safe for concurrent use. Methods that
// change it return when the change is accepted on L2.
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

// BalanceOf returns how much an account holds, at the newest accepted block.
//
//	fn balance_of(self, account: ContractAddress) -> u256
func (t *ERC20) BalanceOf(ctx context.Context, account slastream.Address) (slastream.Amount, error) {
	r, err := t.view(ctx, "balance_of", addressFelt(account))
	if err != nil {
		return slastream.Amount{}, err
	}
	v := r.amount()
	return v, r.end("answer of balance_of")
}

// Approve lets spender take up to amount from the caller. It replaces what was
// allowed before.
//
//	fn approve(ref self, spender: ContractAddress, amount: u256) -> bool
func (t *ERC20) Approve(ctx context.Context, spender slastream.Address, amount slastream.Amount) error {
	_, err := t.execute(ctx, approveCall(t.address, spender, amount))
	return err
}

// Transfer sends amount to somebody.
//
//	fn transfer(ref self, recipient: ContractAddress, amount: u256) -> bool
func (t *ERC20) Transfer(ctx context.Context, to slastream.Address, amount slastream.Amount) error {
	_, err := t.execute(ctx, transferCall(t.address, to, amount))
	return err
}

func approveCall(token, spender slastream.Address, amount slastream.Amount) Call {
	return NewCall(token, "approve", encodeAddressAmount(spender, amount)...)
}

func transferCall(token, to slastream.Address, amount slastream.Amount) Call {
	return NewCall(token, "transfer", encodeAddressAmount(to, amount)...)
}

func encodeAddressAmount(a slastream.Address, v slastream.Amount) []*felt.Felt {
	var w writer
	w.address(a)
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

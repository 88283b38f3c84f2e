package escrow

import (
	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// What STRK says besides the corelib's overflow texts.
var (
	errApproveFromZero  error = &slastream.RevertError{Reason: "ERC20: approve from 0"}
	errApproveToZero    error = &slastream.RevertError{Reason: "ERC20: approve to 0"}
	errTransferFromZero error = &slastream.RevertError{Reason: "ERC20: transfer from 0"}
	errTransferToZero   error = &slastream.RevertError{Reason: "ERC20: transfer to 0"}
	errMintToZero       error = &slastream.RevertError{Reason: "ERC20: mint to 0"}
)

// A TokenEvent is an event of an ERC-20: [Transfer] or [Approval]. The set is
// closed.
type TokenEvent interface{ isTokenEvent() }

// Transfer says that tokens moved. From is the zero address for a mint.
type Transfer struct {
	From, To slastream.Address
	Amount   slastream.Amount
}

// Approval says what a spender may now take from an owner.
type Approval struct {
	Owner, Spender slastream.Address
	Amount         slastream.Amount
}

func (Transfer) isTokenEvent() {}
func (Approval) isTokenEvent() {}

// A Ledger is an ERC-20 with the behaviour of STRK: what [Host] calls. A
// refused call is a *slastream.RevertError, changes nothing and emits nothing.
// An allowance of 2^256-1 is unlimited.
//
// Texts and order of checks are those of the class that starknet-devnet 0.6.1
// deploys as STRK: a missing allowance or balance is slastream.ErrSubOverflow.
// That of starknet-devnet 0.10.1 says 'ERC20: insufficient allowance' and
// 'ERC20: insufficient balance' instead; all else is the same.
//
// It is not safe for concurrent use; make one with [NewLedger].
type Ledger struct {
	emit       func(TokenEvent)
	journal    journal
	balances   table[slastream.Address, slastream.Amount]
	allowances table[allowance, slastream.Amount]
	supply     table[struct{}, slastream.Amount]
}

type allowance struct{ owner, spender slastream.Address }

// unlimited is the allowance that spending does not reduce.
var unlimited = func() slastream.Amount {
	var w attestation.Word
	for i := range w {
		w[i] = 0xff
	}
	return slastream.AmountFromWord(w)
}()

// NewLedger returns a token without supply. emit receives the token's events
// as they happen; nil discards them. Revert does not take events back: that is
// for who collects them.
func NewLedger(emit func(TokenEvent)) *Ledger {
	if emit == nil {
		emit = func(TokenEvent) {}
	}
	l := &Ledger{emit: emit}
	l.balances = newTable[slastream.Address, slastream.Amount](&l.journal)
	l.allowances = newTable[allowance, slastream.Amount](&l.journal)
	l.supply = newTable[struct{}, slastream.Amount](&l.journal)
	return l
}

// Mint makes new tokens: the only way the supply changes.
func (l *Ledger) Mint(to slastream.Address, amount slastream.Amount) error {
	if to.IsZero() {
		return errMintToZero
	}
	supply, err := l.Supply().Add(amount)
	if err != nil {
		return slastream.ErrAddOverflow
	}
	balance, _ := l.Balance(to).Add(amount) // at most supply
	l.supply.set(struct{}{}, supply)
	l.balances.set(to, balance)
	l.emit(Transfer{To: to, Amount: amount})
	return nil
}

// Approve is approve(spender, amount), called by owner: spender may take
// amount, instead of what it might take before.
func (l *Ledger) Approve(owner, spender slastream.Address, amount slastream.Amount) error {
	if err := checkApproval(owner, spender); err != nil {
		return err
	}
	l.allowances.set(allowance{owner, spender}, amount)
	l.emit(Approval{Owner: owner, Spender: spender, Amount: amount})
	return nil
}

func checkApproval(owner, spender slastream.Address) error {
	switch {
	case owner.IsZero():
		return errApproveFromZero
	case spender.IsZero():
		return errApproveToZero
	}
	return nil
}

// Transfer is transfer(to, amount), called by from.
func (l *Ledger) Transfer(from, to slastream.Address, amount slastream.Amount) error {
	if err := l.checkTransfer(from, to, amount); err != nil {
		return err
	}
	l.move(from, to, amount)
	return nil
}

// TransferFrom is transfer_from(from, to, amount), called by caller. STRK
// emits the reduced allowance as an Approval before the Transfer.
func (l *Ledger) TransferFrom(caller, from, to slastream.Address, amount slastream.Amount) error {
	key := allowance{from, caller}
	allowed := l.allowances.get(key)
	limited := allowed != unlimited
	if limited {
		left, err := allowed.Sub(amount)
		if err != nil {
			return slastream.ErrSubOverflow
		}
		if err := checkApproval(from, caller); err != nil {
			return err
		}
		allowed = left
	}
	if err := l.checkTransfer(from, to, amount); err != nil {
		return err
	}
	if limited {
		l.allowances.set(key, allowed)
		l.emit(Approval{Owner: from, Spender: caller, Amount: allowed})
	}
	l.move(from, to, amount)
	return nil
}

func (l *Ledger) checkTransfer(from, to slastream.Address, amount slastream.Amount) error {
	switch {
	case from.IsZero():
		return errTransferFromZero
	case to.IsZero():
		return errTransferToZero
	case l.Balance(from).Cmp(amount) < 0:
		return slastream.ErrSubOverflow
	}
	return nil
}

// move does what checkTransfer allowed. Neither sum can fail: the balance
// covers amount, and all balances together are the supply.
func (l *Ledger) move(from, to slastream.Address, amount slastream.Amount) {
	less, _ := l.Balance(from).Sub(amount)
	l.balances.set(from, less)
	more, _ := l.Balance(to).Add(amount)
	l.balances.set(to, more)
	l.emit(Transfer{From: from, To: to, Amount: amount})
}

// Balance is balance_of.
func (l *Ledger) Balance(a slastream.Address) slastream.Amount { return l.balances.get(a) }

// Allowance is allowance: what spender may still take from owner.
func (l *Ledger) Allowance(owner, spender slastream.Address) slastream.Amount {
	return l.allowances.get(allowance{owner, spender})
}

// Supply is total_supply: the sum of all balances.
func (l *Ledger) Supply() slastream.Amount { return l.supply.get(struct{}{}) }

// Snapshot names the present state, as [Contract.Snapshot] does.
func (l *Ledger) Snapshot() int { return l.journal.mark() }

// Revert goes back to a state, as [Contract.Revert] does. Events stay emitted.
func (l *Ledger) Revert(id int) bool { return l.journal.revert(id) }

// At visits a state, as [Contract.At] does. Events of f are emitted.
func (l *Ledger) At(id int, f func()) bool { return l.journal.at(id, f) }

// Forget drops history, as [Contract.Forget] does.
func (l *Ledger) Forget(id int) bool { return l.journal.forget(id) }

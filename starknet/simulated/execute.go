package simulated

import (
	"fmt"

	"github.com/slastream/slastream-go/slastream"
)

// A receipt is what a transaction did.
type receipt struct {
	fee      slastream.Amount
	gas      gas
	reverted string // revert_reason; empty if it succeeded
	events   []event
}

// decodeCalls reads the calldata of OpenZeppelin's Cairo 1 account: n, then n
// times (to, selector, length, data…). reason is the account's panic, empty if
// the calldata is fine.
func decodeCalls(account slastream.Address, calldata []hexFelt, at uint64) (calls []call, reason string) {
	const cannotRead = "Failed to deserialize param #1"
	r := &reader{in: calldata, param: 1}
	n := r.uint(4)
	if r.err != nil {
		return nil, cannotRead
	}
	for range n {
		c := call{caller: account, to: r.address(), selector: r.felt(), at: at}
		size := r.uint(4)
		switch {
		case r.err != nil:
			return nil, cannotRead
		case size > uint64(len(r.in)):
			return nil, "Index out of bounds"
		}
		c.calldata, r.in = r.in[:size], r.in[size:]
		calls = append(calls, c)
	}
	if len(r.in) > 0 {
		return nil, "Input too long for arguments"
	}
	return calls, ""
}

// An execution is the __execute__ of one transaction.
type execution struct {
	calls    []call
	returned [][]hexFelt
	ends     []int // for each call, the number of events after it
	meter    meter
	fault    *fault
	failed   *entry // entry point that faulted, nil if there was none
}

// execute makes the calls, all or none.
func (s *state) execute(calls []call) *execution {
	x := &execution{calls: calls}
	m, events := s.mark(), len(s.events)
	for i := range calls {
		e, out, fault := s.run(&calls[i])
		if fault != nil {
			s.undo(m)
			s.events = s.events[:events]
			x.fault, x.failed = fault, e
			return x
		}
		x.meter.add(e)
		x.returned = append(x.returned, out)
		x.ends = append(x.ends, len(s.events))
	}
	return x
}

// gas is what the execution used.
func (x *execution) gas() gas {
	if x.fault != nil {
		return x.meter.reverted(x.failed)
	}
	return x.meter.used()
}

// apply runs an admitted transaction: nonce, calls, fee. Nonce and fee stay
// when the calls revert.
func (s *state) apply(t *transaction, calls []call) *receipt {
	s.events = nil
	s.count(t.sender)
	before := s.mark()
	x := s.execute(calls)
	r := &receipt{gas: x.gas()}
	tip := slastream.AmountFromWord(t.Tip.bytes())
	if x.fault != nil {
		r.reverted = x.fault.revertReason(s.account(t, selExecute))
	}
	charged := r.gas
	if reason, most := r.gas.exceeded(t.Bounds); reason != "" {
		r.reverted, charged = reason, most
	}
	r.fee = charged.fee(tip)
	if balance := s.ledger.Balance(t.sender); balance.Cmp(r.fee) < 0 {
		low, high := split(balance.Word())
		r.reverted = fmt.Sprintf("Insufficient fee token balance. Fee: %v, balance: low/high %v/%v.", r.fee, low, high)
	}
	if r.reverted != "" && x.fault == nil {
		s.undo(before)
		s.events = nil
		r.gas = x.meter.reverted(nil)
	}
	// Admission saw that the balance covers every bound.
	_ = s.ledger.Transfer(t.sender, sequencer, r.fee)
	r.events, s.events = s.events, nil
	return r
}

func (s *state) account(t *transaction, sel hexFelt) frame { return *s.frame(t.sender, sel) }

// refused is what a node says when the account does not agree to the
// transaction, empty if it does. reason is the panic of reading the calldata.
func (s *state) refused(t *transaction, reason string, checkSignature bool) string {
	account := s.account(t, selValidate)
	switch {
	case s.world.classes[t.sender] == nil:
		return fmt.Sprintf("Transaction validation has failed:\n0: Error in the called contract %v:\n%s", account, notDeployed(account))
	case s.world.byAddress[t.sender] == nil:
		reason = "ENTRYPOINT_NOT_FOUND"
	case reason == "" && checkSignature && !t.signed:
		reason = "Account: invalid signature"
	}
	if reason == "" {
		return ""
	}
	return fmt.Sprintf("The `validate` entry point panicked with:\nError in contract %v:\n%s", account, panicText(reason))
}

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
	made     []*made     // calls of the account; none if reverted
	deployed []*contract // none if reverted
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

// An execution is what one transaction did before its fee: the __execute__ of
// an INVOKE, the class of a DECLARE or the constructor of a DEPLOY_ACCOUNT.
type execution struct {
	calls    []call
	returned [][]hexFelt
	ends     []int // for each call, the number of events after it
	meter    meter
	fault    *fault
	failed   *entry // entry point that faulted, nil if there was none
	fixed    *gas   // of a transaction without calls
	start    mark   // state before it
}

// execute makes the calls, all or none.
func (s *state) execute(calls []call) *execution {
	x := &execution{calls: calls}
	m, events, deployed, made := s.mark(), len(s.events), len(s.deployed), len(s.made)
	for i := range calls {
		c := &calls[i]
		e, out, fault := s.run(c)
		if c.self != nil {
			e = c.self.class.priced(s, c, e)
		}
		if fault != nil {
			s.undo(m)
			s.events, s.deployed, s.made = s.events[:events], s.deployed[:deployed], s.made[:made]
			fault.index = i
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
	switch {
	case x.fixed != nil:
		return *x.fixed
	case x.fault != nil:
		return x.meter.reverted(x.failed)
	}
	return x.meter.used()
}

// estimated is what an estimate of the execution says.
func (x *execution) estimated() gas {
	if x.fixed != nil {
		return *x.fixed
	}
	return x.gas().estimated(len(x.calls))
}

// A refusal is why a transaction is not taken. One of its parts is set.
type refusal struct {
	validation string // what the account said
	reason     string // that it panicked with; empty if there is no account
	declared   bool   // the class is declared already
	fault      *fault // of the constructor
}

// perform counts and executes a transaction of an account that agrees to it.
// Of one that is refused, nothing stays.
func (s *state) perform(t *transaction, at uint64, validate bool) (*execution, *refusal) {
	s.reset()
	s.tx = t
	defer func() { s.tx = nil }()
	m := s.mark()
	x, refused := s.attempt(t, at, validate)
	if refused != nil {
		s.undo(m)
		s.reset()
		return nil, refused
	}
	x.start = m
	return x, nil
}

func (s *state) attempt(t *transaction, at uint64, validate bool) (*execution, *refusal) {
	x := new(execution)
	var calls []call
	var reason string
	switch t.kind {
	case typeInvoke:
		calls, reason = decodeCalls(t.sender, t.Calldata, at)
	case typeDeployAccount:
		// The constructor comes before the validation: it says who signs.
		if fault := s.deploy(*t.Class, t.sender, slastream.Address{}, t.Constructor, at); fault != nil {
			return nil, &refusal{fault: fault}
		}
		x.fixed = &gas{875_840, 352}
	}
	if refused, reason := s.refused(t, reason, validate); refused != "" {
		return nil, &refusal{validation: refused, reason: reason}
	}
	s.count(t.sender)
	switch t.kind {
	case typeInvoke:
		x = s.execute(calls)
	case typeDeclare:
		if s.declared.get(*t.Class) != nil {
			return nil, &refusal{declared: true}
		}
		s.declared.set(*t.Class, t.class)
		x.fixed = &gas{t.class.declaring, 192}
	}
	return x, nil
}

// apply runs an admitted transaction: nonce, calls, fee. Nonce and fee stay
// when the calls revert.
func (s *state) apply(t *transaction, at uint64) (*receipt, *refusal) {
	start := s.mark()
	x, refused := s.perform(t, at, true)
	if refused != nil {
		return nil, refused
	}
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
		s.undo(start)
		s.reset()
		if t.kind == typeInvoke {
			s.count(t.sender)
			r.gas = x.meter.reverted(nil)
		}
	}
	r.made, r.deployed = s.made, s.deployed
	// Admission saw that the balance covers every bound.
	s.journal.write(s.ledger, func() { _ = s.ledger.Transfer(t.sender, sequencer, r.fee) })
	r.events = s.events
	s.reset()
	return r, nil
}

func (s *state) account(t *transaction, sel hexFelt) frame { return s.frame(t.sender, sel) }

// validator is the entry point of the account that checks the transaction.
func (t *transaction) validator() hexFelt {
	switch t.kind {
	case typeDeclare:
		return selValidateDeclare
	case typeDeployAccount:
		return selValidateDeploy
	}
	return selValidate
}

// refused is what a node says when the account does not agree to the
// transaction, empty if it does, and the panic that it was. reason is the panic
// of reading the calldata.
func (s *state) refused(t *transaction, reason string, checkSignature bool) (said, panicked string) {
	account := s.account(t, t.validator())
	c := s.contract(t.sender)
	switch {
	case c == nil:
		return fmt.Sprintf("Transaction validation has failed:\n0: Error in the called contract %v:\n%s", account, notDeployed(t.sender)), ""
	case c.key == nil:
		reason = "ENTRYPOINT_NOT_FOUND"
	case reason == "" && checkSignature && !t.check(c):
		reason = "Account: invalid signature"
	}
	if reason == "" {
		return "", ""
	}
	return fmt.Sprintf("The `validate` entry point panicked with:\nError in contract %v:\n%s", account, panicText(reason)), reason
}

// check reports whether the signature is c's. It looks once for each account
// that ever stood at the address.
func (t *transaction) check(c *contract) bool {
	if t.checked != c {
		t.checked, t.signed = c, c.signed(t.hash, t.Signature)
	}
	return t.signed
}

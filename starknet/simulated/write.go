package simulated

import (
	"encoding/json"
	"fmt"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
)

func (n *Node) addInvokeTransaction(v version, a args) (any, error) {
	t, err := n.read(a[0], typeInvoke)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.addOnce(v, t); err != nil {
		return nil, err
	}
	return struct {
		Hash hexFelt `json:"transaction_hash"`
	}{t.hash}, nil
}

// addOnce is add for a transaction from outside. One that is there already has
// a code of its own since RPC 0.10; before, its nonce is too low.
func (n *Node) addOnce(v version, t *transaction) error {
	if v >= v010 && n.txs[t.hash] != nil {
		return errDuplicate
	}
	return n.add(t)
}

// read parses a transaction that is going to be sent and checks its signature:
// the dear part, for which the node need not be locked.
func (n *Node) read(raw json.RawMessage, kind string) (*transaction, error) {
	t, err := n.hasher.parse(raw)
	if err != nil {
		return nil, err
	}
	if t.kind != kind {
		return nil, invalid("unknown variant `%s`, expected `%s`", excerpt(t.kind), kind)
	}
	n.mu.Lock()
	sender := n.state.contract(t.sender)
	n.mu.Unlock()
	if sender != nil && sender.key != nil {
		t.check(sender)
	}
	return t, nil
}

// add admits a transaction, with the refusals of the gateway in its order, and
// executes it in the open block.
func (n *Node) add(t *transaction) error {
	s := n.state
	tip := slastream.AmountFromWord(t.Tip.bytes())
	switch {
	case t.Bounds.zero():
		return errBounds
	case t.query:
		return errQuery
	case t.kind == typeDeployAccount && s.declared.get(*t.Class) == nil:
		return errClass
	case t.nonce != s.nonce(t.sender):
		return withData(errNonce, fmt.Sprintf("Invalid transaction nonce of contract at address %s. Account nonce: %d; got: %d.",
			word(t.sender).padded(), s.nonce(t.sender), t.nonce))
	case !t.Bounds.covers():
		return errBounds
	case s.ledger.Balance(t.sender).Cmp(t.Bounds.most(tip)) < 0:
		return errBalance
	}
	if t.kind == typeDeclare && t.Bounds.L2Gas.amount() < t.class.declaring {
		return errBounds
	}
	b := n.pre()
	r, refused := s.apply(t, b.timestamp)
	switch {
	case refused == nil:
	case refused.declared:
		return errDeclared
	case refused.fault != nil:
		return &jsonrpc.Error{Code: -1, Message: refused.fault.debug()}
	default:
		return withData(errValidation, refused.validation)
	}
	n.include(b, t, r)
	if !n.manual {
		n.seal()
	}
	return nil
}

// An estimate is FEE_ESTIMATE.
type estimate struct {
	L1Gas        hexFelt `json:"l1_gas_consumed"`
	DataGas      hexFelt `json:"l1_data_gas_consumed"`
	L1GasPrice   hexFelt `json:"l1_gas_price"`
	DataGasPrice hexFelt `json:"l1_data_gas_price"`
	L2Gas        hexFelt `json:"l2_gas_consumed"`
	L2GasPrice   hexFelt `json:"l2_gas_price"`
	Fee          hexFelt `json:"overall_fee"`
	Unit         string  `json:"unit"`
}

func newEstimate(g gas, tip slastream.Amount) estimate {
	p := number(gasPrice)
	return estimate{
		DataGas: number(g.data), L2Gas: number(g.l2),
		L1GasPrice: p, DataGasPrice: p, L2GasPrice: p,
		Fee:  word(g.fee(tip).Word()),
		Unit: "FRI",
	}
}

func (n *Node) estimateFee(v version, a args) (any, error) {
	list := []estimate{}
	err := n.simulate(v, a, 0, 1, 2, trial{validate: true}, func(s *state, i int, t *transaction, x *execution, _ trial) error {
		if x.fault != nil {
			return x.fault.estimateError(i, s.account(t, selExecute))
		}
		list = append(list, x.estimate(t))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (x *execution) estimate(t *transaction) estimate {
	return newEstimate(x.estimated(), slastream.AmountFromWord(t.Tip.bytes()))
}

// A trial is how transactions are tried.
type trial struct {
	validate bool // the account must agree
	charge   bool // there is a fee, and the bounds count: simulate, not estimate
}

// simulate executes transactions one after the other in the state of a block
// and shows each to seen; all are undone.
func (n *Node) simulate(v version, a args, txs, flags, block int, how trial, seen func(*state, int, *transaction, *execution, trial) error) error {
	raw, err := arg[[]json.RawMessage](a, txs)
	if err != nil {
		return err
	}
	names, err := arg[[]string](a, flags)
	if err != nil {
		return err
	}
	estimating := !how.charge
	for _, name := range names {
		switch name {
		case "SKIP_VALIDATE":
			how.validate = false
		case "SKIP_FEE_CHARGE":
			how.charge = false
		default:
			return invalid("unknown simulation flag %q", excerpt(name))
		}
	}
	list := make([]*transaction, len(raw))
	for i := range raw {
		if list[i], err = n.hasher.parse(raw[i]); err != nil {
			return err
		}
		if list[i].kind == typeDeclare && list[i].class == nil {
			return list[i].runnable(v)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	at, err := n.viewArg(a, block)
	if err != nil {
		return err
	}
	n.in(at, func(s *state) {
		for i, t := range list {
			var x *execution
			if x, err = s.simulate(v, i, t, at.timestamp, how, estimating); err != nil {
				return
			}
			if err = seen(s, i, t, x, how); err != nil {
				return
			}
		}
	})
	return err
}

// simulate is one transaction of a simulation.
func (s *state) simulate(v version, index int, t *transaction, at uint64, how trial, estimating bool) (*execution, error) {
	switch nonce := s.nonce(t.sender); {
	case t.nonce == nonce:
	case estimating:
		return nil, executionError(index, "Account transaction nonce is invalid.")
	default:
		return nil, executionError(index, fmt.Sprintf("Invalid transaction nonce of contract at address %s. Account nonce: %s; got: %s.",
			word(t.sender).padded(), number(nonce).padded(), t.Nonce.padded()))
	}
	if how.charge && !t.Bounds.covers() {
		return nil, executionError(index, errBounds.Message+".")
	}
	if t.kind == typeDeclare && v >= v010 {
		// Older nodes do not look at the compiled hash here.
		if want, ok := t.class.compiledHash(v); ok && want != *t.Compiled {
			return nil, executionError(index, fmt.Sprintf("Mismatch compiled class hash for class with hash %v. Actual: %v, Expected: %v", t.Class, t.Compiled, want))
		}
	}
	x, refused := s.perform(t, at, how.validate)
	switch {
	case refused == nil:
		return x, nil
	case refused.declared:
		return nil, executionError(index, alreadyDeclared(*t.Class))
	case refused.fault != nil:
		return nil, executionError(index, refused.fault.object(constructorFailed, refused.fault.frames, refused.fault.torn))
	}
	if account := s.account(t, t.validator()); !estimating && refused.reason != "" {
		return nil, executionError(index, nest([]frame{account}, fmt.Sprintf("%s [\"%v\"]", refused.validation, text(refused.reason))))
	}
	return nil, executionError(index, "Account validation failed: "+refused.validation)
}

package simulated

import (
	"encoding/json"
	"fmt"

	"github.com/slastream/slastream-go/slastream"
)

func refuse(name string) func(*Node, version, args) (any, error) {
	return func(n *Node, _ version, a args) (any, error) {
		var t struct {
			Type *string `json:"type"`
		}
		if err := json.Unmarshal(a[0], &t); err != nil {
			return nil, invalid("%v", err)
		}
		if t.Type == nil {
			return nil, invalid("missing field `type`")
		}
		return nil, unsupported("%s: every contract of this node is there from the first block", name)
	}
}

func (n *Node) addInvokeTransaction(_ version, a args) (any, error) {
	t, err := n.read(a[0])
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.add(t); err != nil {
		return nil, err
	}
	return struct {
		Hash hexFelt `json:"transaction_hash"`
	}{t.hash}, nil
}

// read parses a transaction and checks its signature: the dear part, for which
// the node need not be locked.
func (n *Node) read(raw json.RawMessage) (*transaction, error) {
	t, err := n.hasher.parse(raw)
	if err != nil {
		return nil, err
	}
	if a := n.world.byAddress[t.sender]; a != nil {
		t.signed = a.valid(t.hash, t.Signature)
	}
	return t, nil
}

// add admits a transaction, with the refusals of the gateway in its order, and
// executes it in the open block.
func (n *Node) add(t *transaction) error {
	s := n.state
	tip := slastream.AmountFromWord(t.Tip.bytes())
	switch {
	case t.query:
		return errQuery
	case t.nonce != s.nonces[t.sender]:
		return withData(errNonce, fmt.Sprintf("Invalid transaction nonce of contract at address %s. Account nonce: %d; got: %d.",
			t.Sender.padded(), s.nonces[t.sender], t.nonce))
	case !t.Bounds.covers():
		return errBounds
	case s.ledger.Balance(t.sender).Cmp(t.Bounds.most(tip)) < 0:
		return errBalance
	}
	b := n.pre()
	calls, reason := decodeCalls(t.sender, t.Calldata, b.timestamp)
	if refused := s.refused(t, reason, true); refused != "" {
		return withData(errValidation, refused)
	}
	n.include(b, t, s.apply(t, calls))
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

func (n *Node) estimateFee(_ version, a args) (any, error) {
	list := []estimate{}
	err := n.simulate(a, 0, 1, 2, func(_ *state, i int, t *transaction, x *execution) error {
		if x.fault != nil {
			return x.fault.estimateError(i, n.state.account(t, selExecute))
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
	return newEstimate(x.gas().estimated(len(x.calls)), slastream.AmountFromWord(t.Tip.bytes()))
}

// simulate executes transactions one after the other in the state of a block
// and shows each to seen; all are undone. No fee is charged, and the bounds
// do not count.
func (n *Node) simulate(a args, txs, flags, block int, seen func(*state, int, *transaction, *execution) error) error {
	raw, err := arg[[]json.RawMessage](a, txs)
	if err != nil {
		return err
	}
	names, err := arg[[]string](a, flags)
	if err != nil {
		return err
	}
	validate := true
	for _, name := range names {
		switch name {
		case "SKIP_VALIDATE":
			validate = false
		case "SKIP_FEE_CHARGE":
		default:
			return invalid("unknown simulation flag %q", excerpt(name))
		}
	}
	list := make([]*transaction, len(raw))
	for i := range raw {
		if list[i], err = n.read(raw[i]); err != nil {
			return err
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
			if t.nonce != s.nonces[t.sender] {
				err = executionError(i, "Account transaction nonce is invalid.")
				return
			}
			calls, reason := decodeCalls(t.sender, t.Calldata, at.timestamp)
			if refused := s.refused(t, reason, validate); refused != "" {
				err = executionError(i, "Account validation failed: "+refused)
				return
			}
			s.count(t.sender)
			s.events = nil
			if err = seen(s, i, t, s.execute(calls)); err != nil {
				return
			}
		}
	})
	return err
}

package simulated

import (
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
)

var errTrace = &jsonrpc.Error{Code: 10, Message: "No trace available for transaction"}

// An invocation is FUNCTION_INVOCATION: one call and what it made. Its gas is
// known of whole transactions only, and 0 in inner calls.
type invocation struct {
	To        hexFelt        `json:"contract_address"`
	Selector  hexFelt        `json:"entry_point_selector"`
	Calldata  []hexFelt      `json:"calldata"`
	Caller    hexFelt        `json:"caller_address"`
	Class     hexFelt        `json:"class_hash"`
	Type      string         `json:"entry_point_type"`
	CallType  string         `json:"call_type"`
	Result    []hexFelt      `json:"result"`
	Calls     []invocation   `json:"calls"`
	Events    []orderedEvent `json:"events"`
	Messages  []int          `json:"messages"`
	Resources innerResources `json:"execution_resources"`
	Reverted  bool           `json:"is_reverted"`
}

type orderedEvent struct {
	Keys  []hexFelt `json:"keys"`
	Data  []hexFelt `json:"data"`
	Order int       `json:"order"`
}

type innerResources struct {
	L1Gas uint64 `json:"l1_gas"`
	L2Gas uint64 `json:"l2_gas"`
}

// A trace is TRANSACTION_TRACE of any type: each leaves out what it has not.
type trace struct {
	Type        string      `json:"type"`
	Validate    *invocation `json:"validate_invocation,omitempty"`
	Constructor *invocation `json:"constructor_invocation,omitempty"` // DEPLOY_ACCOUNT
	Execute     any         `json:"execute_invocation,omitempty"`     // INVOKE: invocation, or why it reverted
	FeeTransfer *invocation `json:"fee_transfer_invocation,omitempty"`
	Diff        stateDiff   `json:"state_diff"`
	Resources   resources   `json:"execution_resources"`
}

// A simulation is SIMULATED_TRANSACTION.
type simulation struct {
	Trace      trace    `json:"transaction_trace"`
	Estimation estimate `json:"fee_estimation"`
}

func (n *Node) simulateTransactions(v version, a args) (any, error) {
	list := []simulation{}
	err := n.simulate(v, a, 1, 2, 0, trial{validate: true, charge: true}, func(s *state, _ int, t *transaction, x *execution, how trial) error {
		n.catchUp()
		r := &receipt{gas: x.gas(), made: s.made, deployed: s.deployed}
		if x.fault != nil {
			r.reverted = x.fault.revertReason(s.account(t, selExecute))
		}
		out := s.trace(t, r)
		if !how.validate {
			out.Validate = nil
		}
		if how.charge {
			r.fee = r.gas.fee(slastream.AmountFromWord(t.Tip.bytes()))
			events := len(s.events)
			// Who cannot pay is let off: only the sequencer would refuse.
			s.journal.write(s.ledger, func() { _ = s.ledger.Transfer(t.sender, sequencer, r.fee) })
			if len(s.events) > events {
				out.FeeTransfer = s.feeTransfer(t, r.fee, s.events[events])
			}
		}
		r.events = s.events
		c := newChanges()
		c.did(t, r.events, r.deployed, r.made)
		out.Diff = n.diff(c, func(f func(*state)) { s.at(x.start, func() { f(s) }) }, func(f func(*state)) { f(s) })
		list = append(list, simulation{out, x.estimate(t)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (n *Node) traceTransaction(_ version, a args) (any, error) {
	hash, err := arg[hexFelt](a, 0)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	t := n.txs[hash]
	switch {
	case t != nil:
		return n.trace(t), nil
	case n.isWaiting(hash):
		return nil, withData(errTrace, struct {
			Status string `json:"status"`
		}{statusReceived})
	}
	return nil, errHash
}

func (n *Node) traceBlock(v version, a args) (any, error) {
	set, err := flags(v, a, 1, "trace_flags", "RETURN_INITIAL_READS")
	switch {
	case err != nil:
		return nil, err
	case len(set) > 0:
		return nil, unsupported("RETURN_INITIAL_READS: reads are not recorded")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	at, err := n.viewArg(a, 0)
	if err != nil {
		return nil, err
	}
	type item struct {
		Hash  hexFelt `json:"transaction_hash"`
		Trace trace   `json:"trace_root"`
	}
	list := []item{}
	for _, t := range at.txs {
		list = append(list, item{t.hash, n.trace(t)})
	}
	return list, nil
}

// trace is the trace of an executed transaction.
func (n *Node) trace(t *transaction) trace {
	n.catchUp()
	out := n.state.trace(t, t.receipt)
	out.FeeTransfer = n.state.feeTransfer(t, t.receipt.fee, t.receipt.events[len(t.receipt.events)-1])

	start := n.blocks[t.block.number-1].end
	if t.index > 0 {
		start = t.block.ends[t.index-1]
	}
	c := newChanges()
	c.did(t, t.receipt.events, t.receipt.deployed, t.receipt.made)
	out.Diff = n.diff(c, n.visit(start), n.visit(t.block.ends[t.index]))
	return out
}

// feeTransfer is the call of the token that pays the fee.
func (s *state) feeTransfer(t *transaction, fee slastream.Amount, e event) *invocation {
	out := s.invocation(t.sender, strk, selTransferCall, append([]hexFelt{word(sequencer)}, amount(fee)...), flag(true))
	out.Events = append(out.Events, orderedEvent{e.Keys, e.Data, 0})
	return &out
}

// trace is all but the fee and the difference.
func (s *state) trace(t *transaction, r *receipt) trace {
	out := trace{Type: t.kind, Resources: resources{L1DataGas: r.gas.data, L2Gas: r.gas.l2}}
	var calldata []hexFelt
	switch t.kind {
	case typeInvoke:
		calldata = t.Calldata
		out.Execute = s.executed(t, r)
	case typeDeclare:
		calldata = []hexFelt{*t.Class}
	case typeDeployAccount:
		calldata = append([]hexFelt{*t.Class, *t.Salt}, t.Constructor...)
		if len(r.made) > 0 {
			made := r.made[0].invocation()
			out.Constructor = &made
		}
	}
	validate := s.invocation(slastream.Address{}, t.sender, t.validator(), calldata, text("VALID"))
	out.Validate = &validate
	return out
}

// executed is __execute__, or why it reverted.
func (s *state) executed(t *transaction, r *receipt) any {
	if r.reverted != "" {
		return struct {
			Reason string `json:"revert_reason"`
		}{r.reverted}
	}
	result := []hexFelt{number(uint64(len(r.made)))}
	for _, m := range r.made {
		result = append(append(result, number(uint64(len(m.result)))), m.result...)
	}
	out := s.invocation(slastream.Address{}, t.sender, selExecute, t.Calldata, result...)
	for _, m := range r.made {
		out.Calls = append(out.Calls, m.invocation())
	}
	out.Resources.L2Gas = r.gas.l2
	return out
}

func (m *made) invocation() invocation {
	out := newInvocation(m.caller, m.to, m.class, m.selector, m.calldata, m.result)
	out.Type = m.kind
	for _, inner := range m.calls {
		out.Calls = append(out.Calls, inner.invocation())
	}
	for _, e := range m.events {
		out.Events = append(out.Events, orderedEvent{e.Keys, e.Data, e.order})
	}
	return out
}

func (s *state) invocation(caller, to slastream.Address, sel hexFelt, calldata []hexFelt, result ...hexFelt) invocation {
	return newInvocation(caller, to, s.classHash(to), sel, calldata, result)
}

func newInvocation(caller, to slastream.Address, class, sel hexFelt, calldata, result []hexFelt) invocation {
	return invocation{
		To: word(to), Selector: sel, Caller: word(caller), Class: class,
		Calldata: append([]hexFelt{}, calldata...), Result: append([]hexFelt{}, result...),
		Type: "EXTERNAL", CallType: "CALL",
		Calls: []invocation{}, Events: []orderedEvent{}, Messages: []int{},
	}
}

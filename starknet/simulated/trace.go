package simulated

import "github.com/slastream/slastream-go/slastream"

// An invocation is FUNCTION_INVOCATION: one call and what it made.
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

// A simulation is SIMULATED_TRANSACTION. The trace has the calls of the account
// but not the calls those make: the events of the token stand with the call
// that caused them. It has no state diff and no fee transfer.
type simulation struct {
	Trace      trace    `json:"transaction_trace"`
	Estimation estimate `json:"fee_estimation"`
}

type trace struct {
	Type      string     `json:"type"`
	Validate  invocation `json:"validate_invocation"`
	Execute   any        `json:"execute_invocation"` // invocation, or why it reverted
	Resources resources  `json:"execution_resources"`
}

func (n *Node) simulateTransactions(_ version, a args) (any, error) {
	list := []simulation{}
	err := n.simulate(a, 1, 2, 0, func(s *state, _ int, t *transaction, x *execution) error {
		list = append(list, simulation{s.trace(t, x), x.estimate(t)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (s *state) trace(t *transaction, x *execution) trace {
	g := x.gas()
	out := trace{
		Type:      "INVOKE",
		Validate:  s.invocation(slastream.Address{}, t.sender, selValidate, t.Calldata, []hexFelt{text("VALID")}),
		Resources: resources{L1DataGas: g.data, L2Gas: g.l2},
	}
	if x.fault != nil {
		out.Execute = struct {
			Reason string `json:"revert_reason"`
		}{x.fault.revertReason(s.account(t, selExecute))}
		return out
	}
	result := []hexFelt{number(uint64(len(x.calls)))}
	var calls []invocation
	from := 0
	for i, c := range x.calls {
		result = append(append(result, number(uint64(len(x.returned[i])))), x.returned[i]...)
		inner := s.invocation(c.caller, c.to, c.selector, c.calldata, x.returned[i])
		for order, e := range s.events[from:x.ends[i]] {
			inner.Events = append(inner.Events, orderedEvent{e.Keys, e.Data, order})
		}
		from = x.ends[i]
		calls = append(calls, inner)
	}
	execute := s.invocation(slastream.Address{}, t.sender, selExecute, t.Calldata, result)
	execute.Calls = append(execute.Calls, calls...)
	execute.Resources.L2Gas = g.l2
	out.Execute = execute
	return out
}

func (s *state) invocation(caller, to slastream.Address, sel hexFelt, calldata, result []hexFelt) invocation {
	return invocation{
		To: word(to), Selector: sel, Caller: word(caller), Class: s.world.classHash(to),
		Calldata: append([]hexFelt{}, calldata...), Result: append([]hexFelt{}, result...),
		Type: "EXTERNAL", CallType: "CALL",
		Calls: []invocation{}, Events: []orderedEvent{}, Messages: []int{},
	}
}

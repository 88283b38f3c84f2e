package simulated

import "github.com/slastream/slastream-go/slastream"

// call is starknet_call: the caller is the zero address, and nothing stays.
func (n *Node) call(_ version, a args) (result any, err error) {
	request, err := arg[struct {
		To       *hexFelt  `json:"contract_address"`
		Selector *hexFelt  `json:"entry_point_selector"`
		Calldata []hexFelt `json:"calldata"`
	}](a, 0)
	switch {
	case err != nil:
		return nil, err
	case request.To == nil:
		return nil, invalid("missing field `contract_address`")
	case request.Selector == nil:
		return nil, invalid("missing field `entry_point_selector`")
	case request.Calldata == nil:
		return nil, invalid("missing field `calldata`")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	at, err := n.viewArg(a, 1)
	if err != nil {
		return nil, err
	}
	n.in(at, func(s *state) {
		c := &call{to: slastream.Address(request.To.bytes()), selector: *request.Selector, calldata: request.Calldata, at: at.timestamp}
		_, out, fault := s.run(c)
		if fault != nil {
			// A typed nil must not become a non-nil error.
			err = fault.callError()
			return
		}
		if out == nil {
			out = []hexFelt{}
		}
		result = out
	})
	return result, err
}

package simulated

import (
	"fmt"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
)

// What a node without L1, tries and programs has to say.

var (
	errProof   = &jsonrpc.Error{Code: 42, Message: "the node doesn't support storage proofs for blocks that are too far in the past"}
	errCompile = &jsonrpc.Error{Code: 100, Message: "Failed to compile the contract"}
)

// getMessagesStatus knows no L1 transaction: no message ever comes from there.
func (n *Node) getMessagesStatus(_ version, a args) (any, error) {
	if _, err := arg[quantity](a, 0); err != nil {
		return nil, err
	}
	return nil, errHash
}

// estimateMessageFee fails as on a real node: no contract here has an
// l1_handler.
func (n *Node) estimateMessageFee(_ version, a args) (any, error) {
	message, err := arg[struct {
		From     *quantity `json:"from_address"` // of L1
		To       *hexFelt  `json:"to_address"`
		Selector *hexFelt  `json:"entry_point_selector"`
		Payload  []hexFelt `json:"payload"`
	}](a, 0)
	if err != nil {
		return nil, err
	}
	for _, p := range []part{
		{message.From == nil, "from_address"},
		{message.To == nil, "to_address"},
		{message.Selector == nil, "entry_point_selector"},
		{message.Payload == nil, "payload"},
	} {
		if p.missing {
			return nil, invalid("missing field `%s`", p.name)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	at, err := n.viewArg(a, 1)
	if err != nil {
		return nil, err
	}
	n.in(at, func(s *state) {
		to := slastream.Address(message.To.bytes())
		if s.contract(to) == nil {
			err = errContract
			return
		}
		frame := s.frame(to, *message.Selector)
		fault := softFault(frame, entryMissing, "ENTRYPOINT_NOT_FOUND")
		err = withData(errCall, struct {
			Error any `json:"revert_error"`
		}{fault.object(executionFailed, fault.frames, 0)})
	})
	return nil, err
}

// getStorageProof proves nothing: there is no state tree.
func (n *Node) getStorageProof(_ version, a args) (any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, err := n.viewArg(a, 0)
	switch {
	case err != nil:
		return nil, err
	case at.open:
		return nil, invalid("block_id pre_confirmed: there are no proofs of an open block")
	}
	return nil, errProof
}

// getCompiledCasm knows the classes, but not their programs.
func (n *Node) getCompiledCasm(_ version, a args) (any, error) {
	hash, err := arg[hexFelt](a, 0)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state.declared.get(hash) == nil {
		return nil, errClass
	}
	return nil, withData(errCompile, struct {
		Error string `json:"compilation_error"`
	}{fmt.Sprintf("the simulated node has no program of class %v", hash)})
}

package simulated

import (
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// Finality statuses of transactions and blocks.
const (
	statusReceived     = "RECEIVED"
	statusCandidate    = "CANDIDATE"
	statusPreConfirmed = "PRE_CONFIRMED"
	statusL2           = "ACCEPTED_ON_L2"
	statusL1           = "ACCEPTED_ON_L1"
)

// AcceptOnL1 makes the blocks up to number ACCEPTED_ON_L1, the last finality
// there is: they cannot be aborted anymore. It returns the hashes of those
// that were not accepted before, newest first, and fails for a block that is
// not sealed.
func (n *Node) AcceptOnL1(number uint64) ([]attestation.Word, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if number >= uint64(len(n.blocks)) {
		return nil, fmt.Errorf("simulated: accept block %d on L1: the last sealed block is %d", number, n.head().number)
	}
	return hashes(n.acceptOnL1(number)), nil
}

// acceptOnL1 returns the newly accepted blocks, newest first.
func (n *Node) acceptOnL1(number uint64) []*block {
	var accepted []*block
	for i := number; i+1 > n.l1; i-- {
		accepted = append(accepted, n.blocks[i])
		if i == 0 {
			break
		}
	}
	n.l1 = max(n.l1, number+1)
	for i := len(accepted) - 1; i >= 0; i-- {
		for _, sub := range n.subscriptions {
			sub.proven(n, accepted[i])
		}
	}
	return accepted
}

// finality is the status of a block and of the transactions in it.
func (n *Node) finality(b *block) string {
	switch {
	case b.number < n.l1:
		return statusL1
	case b.number < uint64(len(n.blocks)):
		return statusL2
	}
	return statusPreConfirmed
}

func hashes(blocks []*block) []attestation.Word {
	out := make([]attestation.Word, len(blocks))
	for i, b := range blocks {
		out[i] = b.hash.bytes()
	}
	return out
}

func (n *Node) devnetAcceptOnL1(_ version, a args) (any, error) {
	id, err := arg[blockID](a, 0)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	upTo, err := n.view(id)
	switch {
	case err != nil:
		return nil, &jsonrpc.Error{Code: -1, Message: "No block found"}
	case upTo.open:
		return nil, &jsonrpc.Error{Code: -1, Message: "Pre-confirmed block cannot be accepted on L1"}
	case upTo.number < n.l1:
		return nil, &jsonrpc.Error{Code: -1, Message: "Block already accepted on L1"}
	}
	answer := struct {
		Accepted []hexFelt `json:"accepted"`
	}{}
	for _, b := range n.acceptOnL1(upTo.number) {
		answer.Accepted = append(answer.Accepted, b.hash)
	}
	return answer, nil
}

package simulated

import (
	"slices"

	"github.com/slastream/slastream-go/slastream"
)

// A mempool holds transactions that were acknowledged and wait to be executed.
// Only Faults.Reorder puts some there.
type mempool struct {
	waiting []*transaction
	dry     bool // transactions are only tried: they get into no block
}

// try admits a transaction and executes it as if for real, and leaves nothing
// of it: what a gateway knows before a block is made.
func (n *Node) try(t *transaction) error {
	m := n.state.mark()
	n.mempool.dry = true
	defer func() {
		n.mempool.dry = false
		n.state.undo(m)
		t.block, t.receipt = nil, nil
	}()
	return n.add(t)
}

// hold lets a transaction that was admitted wait.
func (n *Node) hold(t *transaction) {
	n.mempool.waiting = append(n.mempool.waiting, t)
	for _, status := range []string{statusReceived, statusCandidate} {
		for _, sub := range n.subscriptions {
			sub.transaction(n, t, status)
		}
	}
}

// intercept does to a transaction what the fault says instead of executing it.
// done is false if nothing was done.
func (n *Node) intercept(t *transaction, fault string) (done bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.isWaiting(t.hash) {
		return true, errDuplicate
	}
	// What waits of the same sender has a lower nonce.
	n.release(func(w *transaction) bool { return w.sender == t.sender })
	if fault == faultNone {
		return false, nil
	}
	if err := n.try(t); err != nil {
		return true, err
	}
	if fault == faultReorder {
		n.hold(t)
	}
	return true, nil
}

// isWaiting finds a transaction that waits.
func (n *Node) isWaiting(hash hexFelt) bool {
	return slices.ContainsFunc(n.mempool.waiting, func(t *transaction) bool { return t.hash == hash })
}

// release executes the transactions that wait, newest sender first and those
// of one sender in order: the reverse of how they came as far as nonces allow.
// What is refused by then is forgotten.
func (n *Node) release(wanted func(*transaction) bool) {
	var senders []slastream.Address
	bySender := make(map[slastream.Address][]*transaction)
	var rest []*transaction
	for _, t := range n.mempool.waiting {
		if !wanted(t) {
			rest = append(rest, t)
			continue
		}
		if bySender[t.sender] == nil {
			senders = append(senders, t.sender)
		}
		bySender[t.sender] = append(bySender[t.sender], t)
	}
	n.mempool.waiting = rest
	for _, sender := range slices.Backward(senders) {
		for _, t := range bySender[sender] {
			_ = n.add(t) // its sender has been told that it was received
		}
	}
}

func everything(*transaction) bool { return true }

package simulated

import (
	"errors"
	"slices"
)

// A Snapshot is a moment of a [Node]: blocks, the open block, state, finality
// and time. It is small, because the node remembers every change anyway, and
// stays good until the chain is taken back to before it.
type Snapshot struct {
	node  *Node
	head  *block
	open  int          // transactions in the open block
	last  *transaction // of them
	state mark

	l1     uint64
	offset uint64
	exact  *uint64
}

// Snapshot returns the present moment, for [Node.Restore].
func (n *Node) Snapshot() Snapshot {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := Snapshot{node: n, head: n.head(), state: n.state.mark(), l1: n.l1, offset: n.offset, exact: n.exact}
	if n.pending != nil {
		s.open = len(n.pending.txs)
		s.last = n.pending.txs[s.open-1]
	}
	return s
}

// ErrSnapshot marks a snapshot that [Node.Restore] cannot go back to: of
// another node, or from a part of the chain that Abort or Restore dropped.
var ErrSnapshot = errors.New("simulated: the chain of this snapshot is gone")

// Restore goes back to a snapshot, any number of times: what came after it is
// dropped as by [Node.Abort], finality included, and the clock has the offset
// it had. Subscribers see a reorganization. It fails with [ErrSnapshot].
func (n *Node) Restore(s Snapshot) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s.node != n || s.head.number >= uint64(len(n.blocks)) || n.blocks[s.head.number] != s.head {
		return ErrSnapshot
	}
	var open *block
	next := s.head.number + 1
	if s.open > 0 {
		// The node has each transaction once: where the last one stands, the
		// others stand before it.
		b := n.blockAt(next)
		if b == nil || len(b.txs) < s.open || b.txs[s.open-1] != s.last {
			return ErrSnapshot
		}
		open = &block{number: b.number, timestamp: b.timestamp, parent: b.parent, txs: slices.Clone(b.txs[:s.open]), ends: slices.Clone(b.ends[:s.open])}
	}
	n.l1 = min(s.l1, next)
	n.rewind(next, s.state)
	n.offset, n.exact = s.offset, s.exact
	if open == nil {
		return nil
	}
	n.pending = open
	for _, t := range open.txs {
		t.block = open
		open.events += len(t.receipt.events)
		n.txs[t.hash] = t
		n.index.add(t)
	}
	return nil
}

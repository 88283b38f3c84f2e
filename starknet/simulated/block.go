package simulated

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// A block is a sealed or the open block.
type block struct {
	number    uint64
	timestamp uint64 // Unix seconds
	hash      hexFelt
	parent    hexFelt
	txs       []*transaction
	ends      []mark // state after each transaction
	events    int
	changed   int  // values changed and 1; 0 if nobody has counted
	end       mark // state after the block
}

// digest is a stand-in for the Poseidon hashes of a block, which would cost
// more than the transactions in it: SHA-256 cut to 250 bits.
func (b *block) digest(label string) hexFelt {
	h := sha256.New()
	h.Write([]byte(label))
	var nums [16]byte
	binary.BigEndian.PutUint64(nums[:8], b.number)
	binary.BigEndian.PutUint64(nums[8:], b.timestamp)
	h.Write(nums[:])
	parent := b.parent.bytes()
	h.Write(parent[:])
	for _, t := range b.txs {
		hash := t.hash.bytes()
		h.Write(hash[:])
	}
	out := [32]byte(h.Sum(nil))
	out[0] &= 0x03
	return word(out)
}

// now is the node's clock, Unix seconds.
func (n *Node) now() uint64 { return n.clock() + n.offset }

// nextTimestamp is the time of the block after the head. Time does not go
// back unless SetTime says so.
func (n *Node) nextTimestamp() uint64 {
	if n.exact != nil {
		return *n.exact
	}
	return max(n.now(), n.head().timestamp)
}

func (n *Node) head() *block { return n.blocks[len(n.blocks)-1] }

// pre is the open block as the next transaction would find it.
func (n *Node) pre() *block {
	if n.pending != nil {
		return n.pending
	}
	return &block{number: uint64(len(n.blocks)), timestamp: n.nextTimestamp(), parent: n.head().hash}
}

// seal closes the open block, empty or not.
func (n *Node) seal() *block {
	if n.mempool.dry {
		return n.head()
	}
	if n.manual {
		n.release(everything)
	}
	b := n.pre()
	b.end = n.state.mark()
	b.hash = b.digest("block")
	n.blocks = append(n.blocks, b)
	n.byHash[b.hash] = b
	n.pending, n.exact = nil, nil
	for _, sub := range n.subscriptions {
		sub.sealed(n, b)
	}
	if !n.manual {
		n.release(everything)
	}
	return b
}

// include puts a transaction, applied at the block's time, into the open block.
func (n *Node) include(b *block, t *transaction, r *receipt) {
	if n.mempool.dry {
		return
	}
	n.pending = b
	t.block, t.index, t.receipt = b, len(b.txs), r
	b.txs = append(b.txs, t)
	b.ends = append(b.ends, n.state.mark())
	b.events += len(r.events)
	n.txs[t.hash] = t
	n.index.add(t)
	if n.manual {
		for _, sub := range n.subscriptions {
			sub.open(n, t)
		}
	}
}

// abort drops the blocks from number on, the open one too: state, nonces,
// transactions and events go back to the block before.
func (n *Node) abort(number uint64) []*block { return n.rewind(number, n.blocks[number-1].end) }

// rewind drops the blocks from number on and the open one, and makes m the
// state: a mark between the block before and what is dropped.
func (n *Node) rewind(number uint64, m mark) []*block {
	dropped := slices.Clone(n.blocks[number:])
	n.blocks = slices.Clip(n.blocks[:number])
	for _, b := range dropped {
		delete(n.byHash, b.hash)
		n.forget(b)
	}
	if n.pending != nil {
		n.forget(n.pending)
		n.pending = nil
	}
	n.state.undo(m)
	n.index.cut(number)
	n.slots.read = min(n.slots.read, len(n.index.all))
	if len(dropped) > 0 {
		for _, sub := range n.subscriptions {
			sub.reorg(dropped[0], dropped[len(dropped)-1])
		}
	}
	slices.Reverse(dropped)
	return dropped
}

func (n *Node) forget(b *block) {
	for _, t := range b.txs {
		delete(n.txs, t.hash)
	}
}

// A view is a block as a place to look at the state from.
type view struct {
	*block
	open  bool // pre_confirmed
	l1    bool // accepted on L1
	state mark
}

// in runs f in the state at the end of the block; what f changes is undone.
func (n *Node) in(v view, f func(*state)) {
	s := n.state
	m := s.mark()
	if v.state != m {
		s.at(v.state, func() { f(s) })
		return
	}
	s.reset()
	f(s)
	s.undo(m)
	s.reset()
}

package simulated

import (
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// tellPending tells the observers of a transaction that was taken. It needs the
// lock.
func (n *Node) tellPending(hash common.Hash) {
	for _, o := range n.observers {
		if o.kind == observePending {
			o.give(hash, maxFilterHashes)
		}
	}
}

// tell tells the observers how the chain has changed since before: the logs of
// tipsets that are gone again, as removed, then what is new. A head is told when
// it is executed, so it is the parent of what Lotus calls its head. It needs the
// lock.
func (n *Node) tell(before *chain) {
	if len(n.observers) == 0 {
		return
	}
	old, now := n.visible(*before, 0), n.visible(n.chain, 0)
	same := fork(&old, &now)
	for _, b := range slices.Backward(old.bodies[old.bodiesTo(same):]) {
		n.tellLogs(&old, b, true)
	}
	for number := same + 1; number <= now.head; number++ {
		if now.forks[number-now.start] == nullRound {
			continue
		}
		n.tellHead(&now, number)
		if b := now.bodies[now.bodiesTo(number)-1]; b.number == number {
			n.tellLogs(&now, b, false)
		}
	}
}

// fork returns the newest epoch up to which two chains are the same.
func fork(a, b *chain) uint64 {
	at := min(a.next(), b.next()) - 1
	for at > a.start {
		if x, y := a.forks[at-a.start], b.forks[at-a.start]; x == y && (x == nullRound || a.hash(at) == b.hash(at)) {
			// What is before a tipset of one fork can still be of another
			// chain only after a null round.
			if x != nullRound {
				return at
			}
		}
		at--
	}
	return at
}

func (n *Node) tellHead(c *chain, number uint64) {
	var head *block
	for _, o := range n.observers {
		if o.kind != observeHeads {
			continue
		}
		if o.socket == nil {
			o.give(c.hash(number), maxFilterHashes)
			continue
		}
		if head == nil {
			head, _ = c.block(number, false) // it is not a null round
		}
		o.give(head, 0)
	}
}

// tellLogs tells the logs of a tipset. As in Lotus their logIndex counts only
// those that match a filter, and is always 0 in a subscription.
func (n *Node) tellLogs(c *chain, b *body, removed bool) {
	for _, o := range n.observers {
		if o.kind != observeLogs || b.number < o.from || b.number > o.to {
			continue
		}
		for i, l := range o.filter.collect(nil, c, b) {
			l.Removed, l.LogIndex = removed, hexutil.Uint64(i)
			if o.socket != nil {
				l.LogIndex = 0
			}
			o.give(l, n.maxResults)
		}
	}
}

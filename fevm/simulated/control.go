package simulated

import (
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"
)

// Head returns the newest epoch that has a tipset.
func (n *Node) Head() uint64 {
	c := n.view()
	return c.head
}

// Mine mines tipsets and returns the new head. The first holds the pending
// transactions, the others are empty. It fails, without mining, when the chain
// gets longer than 2^25 epochs.
func (n *Node) Mine(tipsets uint64) (head uint64, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if tipsets > maxEpochs-uint64(len(n.chain.forks)) {
		return n.chain.head, errFull
	}
	before := n.chain
	defer n.tell(&before)
	if tipsets > 0 && len(n.pool) > 0 {
		if err := n.seal(n.pool); err != nil {
			return n.chain.head, err
		}
		n.pool = nil
		tipsets--
	}
	err = n.chain.extend(tipsets, n.fork)
	return n.chain.head, err
}

// IncreaseTime moves the clock by seconds, rounded up to whole epochs: on
// Filecoin time is the epoch, so it mines that many tipsets. It returns the
// seconds that it moved.
func (n *Node) IncreaseTime(seconds uint64) (moved uint64, err error) {
	epochs := seconds / EpochSeconds
	if seconds%EpochSeconds > 0 {
		epochs++
	}
	if _, err := n.Mine(epochs); err != nil {
		return 0, err
	}
	return epochs * EpochSeconds, nil
}

// NullRound makes the next epoch one without a tipset, and returns it. The head
// does not move: the next tipset does.
func (n *Node) NullRound() (epoch uint64, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	epoch = n.chain.next()
	return epoch, n.chain.extend(1, nullRound)
}

// Snapshot remembers the chain and the pending transactions, and returns the id
// for [Node.Revert]. It costs next to nothing. At most 10,000 are kept, the
// oldest going first.
func (n *Node) Snapshot() (id uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.snapshots = append(n.snapshots, snapshot{n.chain, slices.Clone(n.pool)})
	if len(n.snapshots) > maxSnapshots {
		n.snapshots = slices.Delete(n.snapshots, 0, 1)
		n.snapID++
	}
	return n.snapID + uint64(len(n.snapshots)) - 1
}

// Revert goes back to a snapshot and reports whether there is one of that id. It
// and those made after it are gone then.
func (n *Node) Revert(id uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if id < n.snapID || id-n.snapID >= uint64(len(n.snapshots)) {
		return false
	}
	at := id - n.snapID
	s := n.snapshots[at]
	clear(n.snapshots[at:])
	n.snapshots = n.snapshots[:at]
	before := n.chain
	defer n.tell(&before)
	n.chain, n.pool = s.chain, s.pool
	n.chain.forks, n.chain.bodies = slices.Clip(n.chain.forks), slices.Clip(n.chain.bodies)
	n.fork++
	return true
}

// A Reorg is what [Node.Reorg] did.
type Reorg struct {
	Head    uint64        // newest epoch, the same as before
	Hash    common.Hash   // of its new tipset
	Dropped []common.Hash // transactions that are gone, oldest first
}

// Reorg replaces the last depth tipsets by empty ones with other hashes. Null
// rounds stay null. The transactions of the old tipsets are dropped and the
// nonces are back where they were: the same raw transactions are accepted again.
// Any depth goes that leaves the first tipset, also one beyond "finalized". It
// fails otherwise and for depth 0. Pending transactions are dropped too.
func (n *Node) Reorg(depth uint64) (Reorg, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if depth == 0 {
		return Reorg{}, fmt.Errorf("simulated: reorganisation of 0 tipsets: want 1 or more")
	}
	c, dropped, err := n.chain.reorg(depth, n.fork+1)
	if err != nil {
		return Reorg{}, err
	}
	before := n.chain
	n.bury(&before, &c)
	defer n.tell(&before)
	n.chain, n.pool = c, nil
	n.fork++
	return Reorg{c.head, c.hash(c.head), dropped}, nil
}

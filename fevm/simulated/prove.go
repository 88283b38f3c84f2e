package simulated

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
)

const (
	// maxNewSets bounds the data sets that one Prove creates.
	maxNewSets = 1000
	// provedPieceSize is the size of the piece that it puts into each, in bytes.
	provedPieceSize = 1000
	// periodSlack is how many epochs more than needed it asks for a challenge
	// epoch, for transactions of others that come between.
	periodSlack = 2
)

// Prove lets a storage provider of the node itself prove possession once: it
// creates data set `set`, with a piece of data derived from the id, if there is
// none (and those before it, for ids have no gaps), opens the next proving
// period, mines up to its challenge epoch and proves. It mines what it sends also
// when mining is manual. It fails for a data set of another provider.
func (n *Node) Prove(ctx context.Context, set uint64) (Receipt, error) {
	n.proving.Lock()
	defer n.proving.Unlock()
	if n.prover == nil {
		n.prover = n.Provider(n.sp)
		n.prover.minesItself(n)
	}
	if err := n.ensureSet(ctx, set); err != nil {
		return Receipt{}, err
	}
	epoch, err := n.openPeriod(ctx, n.prover, set)
	if err != nil {
		return Receipt{}, err
	}
	if head := n.Head(); head < epoch {
		if _, err := n.Mine(epoch - head); err != nil {
			return Receipt{}, err
		}
	}
	if n.deferred { // so that the state of the epoch is there to read
		if _, err := n.Mine(1); err != nil {
			return Receipt{}, err
		}
	}
	return n.prover.Prove(ctx, set)
}

// ensureSet makes the set exist with a piece.
func (n *Node) ensureSet(ctx context.Context, set uint64) error {
	next, err := n.prover.read(ctx, "latest", "getNextDataSetId")
	if err != nil {
		return err
	}
	first := next[0].(uint64)
	if set == 0 || set >= first+maxNewSets {
		return fmt.Errorf("simulated: data set %d: want 1 to %d", set, first+maxNewSets-1)
	}
	for id := first; id <= set; id++ {
		got, err := n.prover.CreateDataSet(ctx, common.Address{})
		if err != nil {
			return err
		}
		if got > set {
			break // others create sets too
		}
	}
	owners, err := n.prover.read(ctx, "latest", "getDataSetStorageProvider", number(set))
	if err != nil {
		return err
	}
	if owner := owners[0].(common.Address); owner != n.prover.Address() {
		return fmt.Errorf("simulated: data set %d is of provider %v, whose data this node does not hold", set, owner)
	}
	leaves, err := n.prover.readNumber(ctx, "latest", "getDataSetLeafCount", number(set))
	if err != nil {
		return err
	}
	if leaves.Sign() == 0 {
		_, err = n.prover.AddPieces(ctx, set, provedPiece(set))
		return err
	}
	_, err = n.prover.hold(provedPiece(set))
	return err
}

// provedPiece is the data of the piece of a set.
func provedPiece(set uint64) []byte {
	var data []byte
	for i := uint64(0); len(data) < provedPieceSize; i++ {
		h := keccak([]byte("slastream piece"), binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, set), i))
		data = append(data, h[:]...)
	}
	return data[:provedPieceSize]
}

// openPeriod opens the next proving period and returns its challenge epoch.
func (n *Node) openPeriod(ctx context.Context, p *Provider, set uint64) (uint64, error) {
	slack := uint64(periodSlack)
	for {
		epoch := n.nextEpoch() + challengeFinality + slack
		_, err := p.NextProvingPeriod(ctx, set, epoch)
		late, _ := errors.AsType[*RevertError](err)
		if late == nil || !isLate(late) || slack > maxFinality/2 {
			return epoch, err
		}
		slack *= 4 // the chain moved faster
	}
}

// isLate reports whether a challenge epoch was refused because the chain moved
// on meanwhile: it is too near, or past, and then the contract's difference
// wraps and is excessive.
func isLate(e *RevertError) bool {
	for _, name := range []string{"InsufficientChallengeDelay", "ExcessiveChallengeDelay"} {
		if id := verifierABI().Errors[name].ID; len(e.Data) >= 4 && string(e.Data[:4]) == string(id[:4]) {
			return true
		}
	}
	return false
}

// nextEpoch is the epoch that the next tipset gets.
func (n *Node) nextEpoch() uint64 {
	c := n.view()
	return c.next()
}

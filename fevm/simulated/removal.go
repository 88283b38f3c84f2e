package simulated

import (
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/common"
)

func (v verifier) schedulePieceDeletions(f *frame, setID *big.Int, pieceIDs []*big.Int, extra []byte) error {
	id, s := f.set(setID)
	switch {
	case !s.live():
		return revertCustom("DataSetNotLive")
	case s.provider != f.caller:
		return revertText("Only the storage provider can schedule removal of pieces")
	case len(pieceIDs) == 0:
		return revertCustom("EmptyRemovalBatch")
	case len(pieceIDs)+len(s.removals) > maxEnqueuedRemovals:
		return revertText("Too many removals wait for next proving period to schedule")
	}
	queue := slices.Clone(s.removals)
	for _, n := range pieceIDs {
		if !n.IsUint64() || n.Uint64() >= s.nextPiece {
			return revertText("Can only schedule removal of existing pieces")
		}
		p, _ := s.pieces.get(n.Uint64())
		if p.leaves == 0 {
			return revertText("Can only schedule removal of live pieces")
		}
		if p.removal {
			return revertText("Piece ID already scheduled for removal")
		}
		p.removal = true
		s.pieces = s.pieces.with(n.Uint64(), p)
		queue = append(queue, n.Uint64())
	}
	s.removals = queue
	f.putSet(id, s)
	if err := f.notify(s.listener, "piecesScheduledRemove", setID, pieceIDs, extra); err != nil {
		return err
	}
	return f.batches("PiecesScheduledForRemoval", id, pieceIDs)
}

func (v verifier) processPieceDeletions(f *frame, setID, count *big.Int) error {
	id, s := f.set(setID)
	switch {
	case !s.live():
		return revertCustom("DataSetNotLive")
	case s.provider != f.caller:
		return revertCustom("OnlyStorageProvider")
	case count.Sign() == 0:
		return revertCustom("EmptyRemovalBatch")
	case count.Cmp(big.NewInt(int64(len(s.removals)))) > 0:
		return revertCustom("InvalidPieceDeletionBatch")
	}
	keep := len(s.removals) - int(count.Int64())
	removed := make([]*big.Int, 0, count.Int64())
	for _, pieceID := range s.removals[keep:] {
		p, _ := s.pieces.get(pieceID)
		s.leafCount -= p.leaves
		s.pieces = s.pieces.with(pieceID, piece{})
		removed = append(removed, number(pieceID))
	}
	s.removals = s.removals[:keep]
	s.challengeEpoch = 0
	f.putSet(id, s)
	return f.batches("PiecesRemoved", id, removed)
}

// batches emits an event of piece ids, one for each hundred.
func (f *frame) batches(event string, id uint64, pieceIDs []*big.Int) error {
	for batch := range slices.Chunk(pieceIDs, eventBatch) {
		if err := f.event(event, []common.Hash{topic(id)}, batch); err != nil {
			return err
		}
	}
	return nil
}

func (v verifier) propose(f *frame, setID *big.Int, to common.Address) error {
	id, s := f.set(setID)
	if !s.live() {
		return revertCustom("DataSetNotLive")
	}
	if s.provider != f.caller {
		return revertText("Only the current storage provider can propose a new storage provider")
	}
	if to == s.provider {
		to = common.Address{}
	}
	s.proposed = to
	f.putSet(id, s)
	return nil
}

func (v verifier) claim(f *frame, setID *big.Int, extra []byte) error {
	id, s := f.set(setID)
	if !s.live() {
		return revertCustom("DataSetNotLive")
	}
	if s.proposed != f.caller {
		return revertText("Only the proposed storage provider can claim storage provider role")
	}
	old := s.provider
	s.provider, s.proposed = f.caller, common.Address{}
	f.putSet(id, s)
	if err := f.event("StorageProviderChanged", []common.Hash{topic(id), addressTopic(old), addressTopic(f.caller)}); err != nil {
		return err
	}
	return f.notify(s.listener, "storageProviderChanged", setID, old, f.caller, extra)
}

// abandoned reports whether nobody has proven for so long that anyone may tear
// the set down.
func (s *dataSet) abandoned(now uint64) bool { return now > s.lastProven+inactivityWindow }

func (v verifier) deleteDataSet(f *frame, setID *big.Int, extra []byte) error {
	id, s := f.set(setID)
	switch {
	case !s.exists():
		return revertCustom("DataSetNotLive")
	case !s.live():
		return revertCustom("DataSetAlreadyInCleanup")
	case !s.abandoned(f.number) && f.caller != s.provider:
		return revertCustom("OnlyStorageProvider")
	}
	deleted := s.leafCount
	s.leafCount = 0
	f.putSet(id, s)
	if err := f.notify(s.listener, "dataSetDeleted", setID, number(deleted), extra); err != nil {
		return err
	}
	if err := f.event("DataSetDeleted", []common.Hash{topic(id)}, number(deleted)); err != nil {
		return err
	}
	if s.nextPiece == 0 {
		v.finalizeCleanup(f, id, s)
		return nil
	}
	s.challengeEpoch = inCleanup
	f.putSet(id, s)
	return nil
}

func (v verifier) cleanupPieces(f *frame, setID, most *big.Int) (done bool, err error) {
	id, s := f.set(setID)
	switch {
	case most.Sign() == 0:
		return false, revertCustom("MaxPiecesMustBePositive")
	case s.challengeEpoch != inCleanup:
		return false, revertCustom("DataSetNotInCleanupMode")
	case !s.abandoned(f.number) && f.caller != s.provider:
		return false, revertCustom("OnlyStorageProvider")
	}
	if most.Cmp(number(s.nextPiece)) >= 0 {
		v.finalizeCleanup(f, id, s)
		return true, nil
	}
	for range most.Uint64() {
		s.nextPiece--
		s.pieces = s.pieces.with(s.nextPiece, piece{})
	}
	f.putSet(id, s)
	return false, nil
}

func (verifier) finalizeCleanup(f *frame, id uint64, s dataSet) {
	f.putSet(id, dataSet{})
	if s.deposit {
		f.pay(f.caller, cleanupDeposit) // the verifier holds the deposit of every set
	}
}

package simulated

import (
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/common"
)

func (v verifier) schedulePieceDeletions(f *frame, setID *big.Int, pieceIDs []*big.Int, extra []byte) error {
	id, s := f.set(setID)
	release := f.verifier.release
	if err := release.checkExtra(extra); err != nil {
		return err
	}
	switch {
	case !s.live():
		return release.notLive()
	case s.provider != f.caller:
		return revertText("Only the storage provider can schedule removal of pieces")
	case len(pieceIDs) == 0 && release == Release350:
		return revertCustom("EmptyRemovalBatch")
	case len(pieceIDs)+len(s.removals) > maxEnqueuedRemovals:
		return revertText("Too many removals wait for next proving period to schedule")
	}
	queue := slices.Clone(s.removals)
	for _, n := range pieceIDs {
		if !n.IsUint64() || n.Uint64() >= s.nextPiece {
			return revertText("Can only schedule removal of existing pieces")
		}
		if release == Release221 { // that is all it asks
			queue = append(queue, n.Uint64())
			continue
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
	if release != Release350 {
		return nil
	}
	return f.batches("PiecesScheduledForRemoval", id, pieceIDs)
}

// removeQueued removes the scheduled pieces when a period opens, as releases
// before 3.5.0 do: 2.2.1 from the end of the queue.
func (r Release) removeQueued(f *frame, id uint64, s *dataSet) error {
	queue := slices.Clone(s.removals)
	if r == Release221 {
		slices.Reverse(queue)
	}
	removed := make([]*big.Int, len(queue))
	for i, pieceID := range queue {
		p, _ := s.pieces.get(pieceID)
		s.leafCount -= p.leaves
		s.pieces = s.pieces.with(pieceID, piece{})
		removed[i] = number(pieceID)
	}
	s.removals = nil
	return f.event("PiecesRemoved", []common.Hash{topic(id)}, removed)
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
		return f.verifier.release.notLive()
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
		return f.verifier.release.notLive()
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
func (s *dataSet) abandoned(v *verifierState, now uint64) bool {
	last := s.lastProven
	if last == 0 {
		last = v.upgraded // a set of release 2.2.1
	}
	return now > last+inactivityWindow
}

func (v verifier) deleteDataSet(f *frame, setID *big.Int, extra []byte) error {
	id, s := f.set(setID)
	release := f.verifier.release
	if release == Release221 {
		return v.deleteDataSet2(f, setID, extra)
	}
	switch {
	case !s.exists():
		return revertCustom("DataSetNotLive")
	case !s.live():
		return revertCustom("DataSetAlreadyInCleanup")
	case !s.abandoned(&f.verifier, f.number) && f.caller != s.provider:
		if release == Release340 {
			return revertCustom("OnlyStorageProviderCanDelete")
		}
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
	s.challengeEpoch, s.cleanupFrom = inCleanup, f.number
	f.putSet(id, s)
	return nil
}

// deleteDataSet2 is deleteDataSet of release 2.2.1: the provider's, and at once.
// The pieces stay, for cleanupPieces of a later release.
func (v verifier) deleteDataSet2(f *frame, setID *big.Int, extra []byte) error {
	id, s := f.set(setID)
	if err := f.verifier.release.checkExtra(extra); err != nil {
		return err
	}
	if setID.Cmp(number(f.verifier.nextSet)) >= 0 {
		return revertText("data set id out of bounds")
	}
	if s.provider != f.caller {
		return revertText("Only the storage provider can delete data sets")
	}
	deleted, listener := s.leafCount, s.listener
	s.leafCount, s.challengeEpoch, s.lastProven, s.provider = 0, 0, 0, common.Address{}
	f.putSet(id, s)
	if err := f.notify(listener, "dataSetDeleted", setID, number(deleted), extra); err != nil {
		return err
	}
	return f.event("DataSetDeleted", []common.Hash{topic(id)}, number(deleted))
}

func (v verifier) cleanupPieces(f *frame, setID, most *big.Int) (done bool, err error) {
	id, s := f.set(setID)
	switch {
	case most.Sign() == 0:
		return false, revertCustom("MaxPiecesMustBePositive")
	case s.challengeEpoch != inCleanup && (s.exists() || s.nextPiece == 0):
		return false, revertCustom("DataSetNotInCleanupMode")
	case !s.exists(): // deleted by release 2.2.1: anyone may
	case f.caller == s.provider:
	case f.verifier.release == Release340 && f.number <= s.cleanupFrom+inactivityWindow:
		return false, revertCustom("OnlyStorageProviderCanCleanupPieces")
	case f.verifier.release == Release350 && !s.abandoned(&f.verifier, f.number):
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

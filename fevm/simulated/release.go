package simulated

import (
	"context"
	"fmt"
	"math/big"
	"math/bits"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"github.com/slastream/slastream-go/fevm"
)

// A Release is a version of PDPVerifier. The zero value is the one that both
// public networks run.
type Release uint8

// The releases that are modelled (tags of FilOzone/pdp). 2.2.1 is the last of
// 2.x: revert texts instead of custom errors, a fee instead of a deposit, pieces
// removed when the next period opens. 3.4.0 has custom errors and the cleanup
// deposit, emits PiecesAdded with the CIDs, and takes piece CIDs that are not
// canonical. 3.5.0 emits PiecesAddedV2, removes pieces in processPieceDeletions
// and takes canonical CIDs only, but proves sets from before as they are.
const (
	Release350 Release = iota
	Release340
	Release221
)

var releaseNames = [...]string{Release350: "3.5.0", Release340: "3.4.0", Release221: "2.2.1"}

// String returns the version as the contract's VERSION has it.
func (r Release) String() string {
	if int(r) < len(releaseNames) {
		return releaseNames[r]
	}
	return fmt.Sprintf("Release(%d)", uint8(r))
}

// has reports whether the release has a method of the ABI.
func (r Release) has(method string) bool {
	switch method {
	case "processPieceDeletions":
		return r == Release350
	case "cleanupPieces", "getActivePiecesByCursor", "findPieceIdsByCid", "INACTIVITY_WINDOW", "FIL_CLEANUP_DEPOSIT", "announcePlannedUpgrade":
		return r != Release221
	}
	return true
}

// notLive is how the release refuses a data set that is not live.
func (r Release) notLive() error {
	if r == Release221 {
		return revertText("Data set not live")
	}
	return revertCustom("DataSetNotLive")
}

// maxExtraData is EXTRA_DATA_MAX_SIZE of release 2.2.1, in bytes.
const maxExtraData = 2048

func (r Release) checkExtra(extra []byte) error {
	if r == Release221 && len(extra) > maxExtraData {
		return revertText("Extra data too large")
	}
	return nil
}

// legacy reports whether the pieces of a set are in the storage of releases
// before 3.5.0.
func (v *verifierState) legacy(id uint64) bool { return v.release != Release350 || id < v.legacySets }

// An upgrade is PDPVerifier.PlannedUpgrade.
type upgrade struct {
	NextImplementation common.Address
	AfterEpoch         *big.Int
}

// announceUpgrade is announcePlannedUpgrade.
func (v verifier) announceUpgrade(f *frame, plan upgrade) error {
	late := number(f.number + 1)
	if f.verifier.release == Release350 && plan.AfterEpoch.Cmp(late) < 0 {
		plan.AfterEpoch = late
	}
	if err := f.onlyOwner(); err != nil {
		return err
	}
	if _, known := v.releases[plan.NextImplementation]; !known { // the contract wants code there
		if f.verifier.release == Release350 {
			return revertCustom("InvalidImplementation", plan.NextImplementation)
		}
		return &revert{}
	}
	if plan.AfterEpoch.Cmp(number(f.number)) <= 0 {
		return &revert{}
	}
	f.verifier.next, f.verifier.nextAfter = plan.NextImplementation, plan.AfterEpoch.Uint64()
	if !plan.AfterEpoch.IsUint64() {
		f.verifier.nextAfter = inCleanup // never
	}
	return f.event("UpgradeAnnounced", nil, plan)
}

// upgrade is UUPSUpgradeable.upgradeToAndCall, with the call of migrate or none.
func (v verifier) upgrade(f *frame, to common.Address, data []byte) error {
	if err := f.onlyOwner(); err != nil {
		return err
	}
	if f.verifier.release != Release221 {
		if to != f.verifier.next || f.number < f.verifier.nextAfter {
			return &revert{}
		}
		f.verifier.next, f.verifier.nextAfter = common.Address{}, 0
	}
	release, known := v.releases[to]
	if !known {
		return &revert{}
	}
	f.verifier.release, f.verifier.implementation, f.verifier.upgraded = release, to, f.number
	if err := f.event("Upgraded", []common.Hash{addressTopic(to)}); err != nil {
		return err
	}
	if len(data) == 0 {
		return nil
	}
	if string(data) != string(verifierABI().Methods["migrate"].ID) {
		return &revert{}
	}
	return v.migrate(f)
}

// migrate ends an upgrade: data sets up to now keep the storage that they have.
func (v verifier) migrate(f *frame) error {
	if err := f.onlyOwner(); err != nil {
		return err
	}
	if f.verifier.migrated == f.verifier.implementation {
		return revertCustom("InvalidInitialization")
	}
	f.verifier.migrated = f.verifier.implementation
	f.verifier.initialized++
	if f.verifier.release == Release350 && f.verifier.legacySets == 0 {
		f.verifier.legacySets = f.verifier.nextSet
	}
	if err := f.event("ContractUpgraded", nil, f.verifier.release.String(), f.verifier.implementation); err != nil {
		return err
	}
	return f.event("Initialized", nil, f.verifier.initialized)
}

// panicBounds is Solidity's Panic for an index out of bounds.
const panicBounds = 0x32

// newPiece reads a piece CID as the release reads it for addPieces.
func (r Release) newPiece(index int, cid []byte) (piece, error) {
	if r != Release350 {
		return lenientPiece(index, cid)
	}
	parsed, err := fevm.ParsePieceCID(cid)
	if err != nil {
		return piece{}, cidRevert(index, err)
	}
	return piece{cid: slices.Clone(cid), leaves: parsed.LeafCount()}, nil
}

// lenientPiece is Cids.validateCommPv2 and addOnePiece before release 3.5.0: the
// length of the digest is not checked, nor that numbers are minimal.
func lenientPiece(index int, cid []byte) (piece, error) {
	for i, want := range []byte{0x01, 0x55, 0x91, 0x20} {
		if i >= len(cid) {
			return piece{}, revertPanic(panicBounds)
		}
		if cid[i] != want {
			return piece{}, revertText("Cid must be CommPv2")
		}
	}
	length, at, err := lenientUvarint(cid, 4)
	if err != nil {
		return piece{}, err
	}
	if length.Lt(uint256.NewInt(34)) {
		return piece{}, revertText("CommPv2 multihash length must be at least 34")
	}
	end, over := new(uint256.Int).AddOverflow(length, uint256.NewInt(uint64(at)))
	if over {
		return piece{}, revertPanic(panicArithmetic)
	}
	if !end.IsUint64() || end.Uint64() != uint64(len(cid)) {
		return piece{}, revertText("CommPv2 multihash length does not match data length")
	}
	padding, at, err := lenientUvarint(cid, at)
	if err != nil {
		return piece{}, err
	}
	if at >= len(cid) {
		return piece{}, revertPanic(panicBounds)
	}
	height := cid[at]
	expanded, over := new(uint256.Int).MulOverflow(padding, uint256.NewInt(128))
	if over || height > 250 { // uint8 height + 5
		return piece{}, revertPanic(panicArithmetic)
	}
	expanded.Div(expanded, uint256.NewInt(127))
	if !expanded.Lt(new(uint256.Int).Lsh(uint256.NewInt(1), uint(height)+5)) {
		return piece{}, revertCustom("IndexedError", big.NewInt(int64(index)), "Padding is too large")
	}
	if height > fevm.MaxPieceHeight {
		return piece{}, revertCustom("IndexedError", big.NewInt(int64(index)), "Piece size must be less than 2^50")
	}
	return piece{cid: slices.Clone(cid), leaves: 1<<height - expanded.Uint64()>>5}, nil
}

// lenientUvarint is Cids._readUvarint: bits above 2^256 fall off.
func lenientUvarint(b []byte, at int) (*uint256.Int, int, error) {
	v := new(uint256.Int)
	for shift := uint(0); ; shift += 7 {
		if at >= len(b) {
			return nil, 0, revertPanic(panicBounds)
		}
		digit := uint256.NewInt(uint64(b[at] & 0x7f))
		v.Or(v, digit.Lsh(digit, min(shift, 256)))
		if at++; b[at-1] < 0x80 {
			return v, at, nil
		}
	}
}

// root is what proofs of the piece lead to, and height the length of their
// paths: the last 32 bytes of the CID and the one before, whatever is in front.
func (p *piece) root() [32]byte { return [32]byte(p.cid[len(p.cid)-32:]) }
func (p *piece) height() uint8  { return p.cid[len(p.cid)-33] }

// addLeaves adds to the leaf count of a set.
func (s *dataSet) addLeaves(n uint64) error {
	sum, carry := bits.Add64(s.leafCount, n, 0)
	if carry != 0 {
		return revertText("simulated: data set of more than 2^64 leaves")
	}
	s.leafCount = sum
	return nil
}

// deploy is the state after the proxy's initialize and migrate.
func (v *verifierState) deploy(r Release, implementation common.Address) {
	v.release, v.implementation, v.migrated, v.initialized = r, implementation, implementation, 2
	if r == Release350 {
		v.legacySets = 1
	}
}

// Upgrade upgrades the verifier in place, as its owner, the first account, does
// it: announced where the running release wants that, with upgradeToAndCall and
// migrate, which emit Upgraded and ContractUpgraded. Data sets stay as they are.
// Each step is mined at once, also when mining is manual.
func (n *Node) Upgrade(ctx context.Context, to Release) (Receipt, error) {
	var implementation common.Address
	for address, r := range n.implementations {
		if r == to {
			implementation = address
		}
	}
	if (implementation == common.Address{}) {
		return Receipt{}, fmt.Errorf("simulated: upgrade to %v: no such release", to)
	}
	owner := n.Provider(n.accounts[0])
	owner.minesItself(n)
	c := n.view()
	if c.state().verifier.release != Release221 {
		if _, err := owner.call(ctx, nil, "announcePlannedUpgrade", upgrade{implementation, number(c.next() + 1)}); err != nil {
			return Receipt{}, err
		}
	}
	return owner.call(ctx, nil, "upgradeToAndCall", implementation, verifierABI().Methods["migrate"].ID)
}

package simulated

import (
	"math"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

// A world is all state of the chain after a block. It is a value: a copy is a
// snapshot.
type world struct {
	accounts table[string, account]          // by the 20 bytes of the address
	storage  table[string, attestation.Word] // by address and slot, for contracts without state of their own
	verifier verifierState
	mockNext uint64
}

type account struct {
	nonce   uint64
	balance uint256.Int
}

func (w *world) account(a common.Address) account {
	acc, _ := w.accounts.get(string(a[:]))
	return acc
}

func (w *world) setAccount(a common.Address, acc account) {
	w.accounts = w.accounts.with(string(a[:]), acc)
}

// move transfers amount and reports whether from had it.
func (w *world) move(from, to common.Address, amount *uint256.Int) bool {
	if amount.IsZero() {
		return true
	}
	src := w.account(from)
	if _, short := src.balance.SubOverflow(&src.balance, amount); short {
		return false
	}
	w.setAccount(from, src)
	dst := w.account(to)
	dst.balance.Add(&dst.balance, amount) // the total supply is far below 2^256
	w.setAccount(to, dst)
	return true
}

// inCleanup is the challenge epoch of a deleted set whose pieces are not torn
// down yet. The contract has 2^256-1.
const inCleanup = math.MaxUint64

type verifierState struct {
	owner   common.Address
	nextSet uint64
	sets    table[uint64, dataSet]
	fee     feeStatus

	release        Release
	implementation common.Address
	migrated       common.Address // implementation whose migrate has run
	initialized    uint64         // version of Initializable
	upgraded       uint64         // epoch from which the implementation is there
	legacySets     uint64         // legacyPieceStorageIdLimit; 0 is unset
	next           common.Address // announced implementation
	nextAfter      uint64         // epoch
}

// A dataSet is a data set of the verifier. The zero value is one that does not
// exist.
type dataSet struct {
	provider, proposed, listener common.Address

	pieces         table[uint64, piece] // by piece id; removed ones have no leaves
	nextPiece      uint64
	leafCount      uint64 // of live pieces
	challengeRange uint64
	challengeEpoch uint64 // 0: none scheduled
	lastProven     uint64
	deposit        bool
	removals       []uint64 // queue; never changed in place
	cleanupFrom    uint64   // epoch of deleteDataSet, in release 3.4.0
}

func (s *dataSet) exists() bool { return s.provider != common.Address{} }
func (s *dataSet) live() bool   { return s.exists() && s.challengeEpoch != inCleanup }

type piece struct {
	cid     fevm.RawCID
	leaves  uint64
	removal bool // queued
}

type feeStatus struct {
	current, next uint256.Int // attoFIL per TiB
	transition    uint64      // Unix seconds
}

func (f *feeStatus) at(time uint64) *uint256.Int {
	if time >= f.transition {
		return &f.next
	}
	return &f.current
}

package simulated

import (
	"bytes"
	"errors"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

// Constants of PDPVerifier as deployed on Calibration, and of PDPFees.
const (
	challengeFinality   = 10 // of the deployment on Calibration
	inactivityWindow    = 86400
	maxFinality         = inactivityWindow / 2
	maxEnqueuedRemovals = 2000
	eventBatch          = 100
	feeDelay            = 7 * 24 * 3600 // seconds
)

var (
	cleanupDeposit = uint256.NewInt(1e17)         // attoFIL
	defaultFee     = uint256.NewInt(230000 * 1e9) // attoFIL per TiB
)

// A verifier is the model of PDPVerifier behind its proxy. Its state, the
// release included, is in the world; finality is CHALLENGE_FINALITY, in epochs.
type verifier struct {
	finality uint64
	releases map[common.Address]Release // implementations
}

// call decodes the calldata and runs the method, the order of checks being the
// contract's.
func (v verifier) call(f *frame, input []byte) ([]byte, error) {
	if len(input) < 4 {
		return nil, &revert{}
	}
	method, err := verifierABI().MethodById(input)
	if err != nil || !f.verifier.release.has(method.Name) {
		return nil, &revert{}
	}
	if !method.IsPayable() && !f.value.IsZero() {
		return nil, &revert{}
	}
	if method.Name == "provePossession" {
		// Not through abi: the contract's decoder accepts more.
		return nil, v.provePossession(f, input)
	}
	args, err := method.Inputs.Unpack(input[4:])
	if err != nil {
		return nil, &revert{}
	}
	if method.IsConstant() {
		out, err := v.view(f, method.Name, args)
		if err != nil {
			return nil, err
		}
		if method.Name == "getActivePieces" && f.verifier.release == Release221 {
			return mustPack(activePieces2, out...), nil
		}
		return mustPack(method.Outputs, out...), nil
	}
	switch method.Name {
	case "createDataSet":
		id, err := v.createPaid(f, args[0].(common.Address), args[1].([]byte))
		return returns(method, err, number(id))
	case "addPieces":
		id, err := v.addPieces(f, args[0].(*big.Int), args[1].(common.Address), cids(args[2]), args[3].([]byte))
		return returns(method, err, number(id))
	case "nextProvingPeriod":
		return nil, v.nextProvingPeriod(f, args[0].(*big.Int), args[1].(*big.Int), args[2].([]byte))
	case "schedulePieceDeletions":
		return nil, v.schedulePieceDeletions(f, args[0].(*big.Int), args[1].([]*big.Int), args[2].([]byte))
	case "processPieceDeletions":
		return nil, v.processPieceDeletions(f, args[0].(*big.Int), args[1].(*big.Int))
	case "proposeDataSetStorageProvider":
		return nil, v.propose(f, args[0].(*big.Int), args[1].(common.Address))
	case "claimDataSetStorageProvider":
		return nil, v.claim(f, args[0].(*big.Int), args[1].([]byte))
	case "deleteDataSet":
		return nil, v.deleteDataSet(f, args[0].(*big.Int), args[1].([]byte))
	case "cleanupPieces":
		done, err := v.cleanupPieces(f, args[0].(*big.Int), args[1].(*big.Int))
		return returns(method, err, done)
	case "updateProofFee":
		return nil, v.updateProofFee(f, args[0].(*big.Int))
	case "transferOwnership":
		return nil, v.transferOwnership(f, args[0].(common.Address))
	case "announcePlannedUpgrade":
		return nil, v.announceUpgrade(f, *abi.ConvertType(args[0], new(upgrade)).(*upgrade))
	case "upgradeToAndCall":
		return nil, v.upgrade(f, args[0].(common.Address), args[1].([]byte))
	case "migrate":
		return nil, v.migrate(f)
	}
	return nil, revertText("simulated: " + method.Name + " is not modelled")
}

// returns packs what a method returns unless it failed.
func returns(m *abi.Method, err error, values ...any) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return mustPack(m.Outputs, values...), nil
}

func number(v uint64) *big.Int { return new(big.Int).SetUint64(v) }

// set reads a data set; one that does not exist is the zero value. Ids above
// 2^64 do not exist.
func (f *frame) set(id *big.Int) (uint64, dataSet) {
	if !id.IsUint64() {
		return 0, dataSet{}
	}
	s, _ := f.verifier.sets.get(id.Uint64())
	return id.Uint64(), s
}

func (f *frame) putSet(id uint64, s dataSet) {
	f.verifier.sets = f.verifier.sets.with(id, s)
}

// event emits an event of the verifier; indexed are the topics after the first.
func (f *frame) event(name string, indexed []common.Hash, values ...any) error {
	e := verifierABI().Events[name]
	return f.emit(append([]common.Hash{e.ID}, indexed...), mustPack(e.Inputs.NonIndexed(), values...))
}

func topic(id uint64) common.Hash               { return common.Hash(attestation.WordFromUint64(id)) }
func addressTopic(a common.Address) common.Hash { return common.BytesToHash(a[:]) }

// notify calls the listener of a data set. Solidity reverts without data if
// there is no contract.
func (f *frame) notify(listener common.Address, method string, args ...any) error {
	if (listener == common.Address{}) {
		return nil
	}
	if f.contracts[listener] == nil {
		return &revert{}
	}
	m := listenerABI().Methods[method]
	_, err := f.message(f.self, listener, new(uint256.Int), append(bytes.Clone(m.ID), mustPack(m.Inputs, args...)...))
	return err
}

func (v verifier) createDataSet(f *frame, listener common.Address, extra []byte) (uint64, error) {
	id := f.verifier.nextSet
	f.verifier.nextSet++
	s := dataSet{provider: f.caller, listener: listener, lastProven: f.number}
	if f.verifier.release == Release221 {
		s.lastProven = 0 // NO_PROVEN_EPOCH
	}
	f.putSet(id, s)
	if err := f.notify(listener, "dataSetCreated", number(id), f.caller, extra); err != nil {
		return 0, err
	}
	return id, f.event("DataSetCreated", []common.Hash{topic(id), addressTopic(f.caller)})
}

// createPaid is the public createDataSet.
func (v verifier) createPaid(f *frame, listener common.Address, extra []byte) (uint64, error) {
	if f.verifier.release == Release221 {
		if err := f.verifier.release.checkExtra(extra); err != nil {
			return 0, err
		}
		if err := v.burnSybilFee(f); err != nil {
			return 0, err
		}
	}
	id, err := v.createDataSet(f, listener, extra)
	if err != nil || f.verifier.release == Release221 {
		return id, err
	}
	return id, v.takeDeposit(f, id)
}

// burnSybilFee burns what release 2.2.1 takes for a data set, and gives back
// the rest.
func (verifier) burnSybilFee(f *frame) error {
	if f.value.Lt(cleanupDeposit) {
		return revertText("sybil fee not met")
	}
	f.pay(burnAddress, cleanupDeposit) // the same amount, and it has just been received
	f.pay(f.caller, new(uint256.Int).Sub(&f.value, cleanupDeposit))
	return nil
}

func (verifier) takeDeposit(f *frame, id uint64) error {
	if f.value.Lt(cleanupDeposit) {
		return revertCustom("CleanupDepositRequired")
	}
	_, s := f.set(number(id))
	s.deposit = true
	f.putSet(id, s)
	f.pay(f.caller, new(uint256.Int).Sub(&f.value, cleanupDeposit)) // it has just been received
	return nil
}

func (v verifier) addPieces(f *frame, setID *big.Int, listener common.Address, added []cidTuple, extra []byte) (uint64, error) {
	if setID.Sign() == 0 {
		return v.createWithPieces(f, listener, added, extra)
	}
	id, s := f.set(setID)
	switch {
	case listener != common.Address{}:
		return 0, revertText("listener must be zero for existing dataset")
	case !f.value.IsZero():
		return 0, revertText("no fee on add to existing dataset")
	case !s.live():
		return 0, f.verifier.release.notLive()
	case s.provider != f.caller:
		return 0, revertText("Only the storage provider can add pieces")
	}
	return s.nextPiece, v.appendPieces(f, id, added, extra)
}

var payloadPair = func() abi.Arguments {
	t, _ := abi.NewType("bytes", "", nil)
	return abi.Arguments{{Type: t}, {Type: t}}
}()

func (v verifier) createWithPieces(f *frame, listener common.Address, added []cidTuple, extra []byte) (uint64, error) {
	payloads, err := payloadPair.Unpack(extra)
	if err != nil {
		return 0, &revert{}
	}
	old := f.verifier.release == Release221
	if old {
		if err := f.verifier.release.checkExtra(payloads[0].([]byte)); err != nil {
			return 0, err
		}
		if err := v.burnSybilFee(f); err != nil {
			return 0, err
		}
	}
	if (listener == common.Address{}) {
		return 0, revertText("listener required for new dataset")
	}
	id, err := v.createDataSet(f, listener, payloads[0].([]byte))
	if err != nil {
		return 0, err
	}
	if len(added) > 0 {
		if err := v.appendPieces(f, id, added, payloads[1].([]byte)); err != nil {
			return 0, err
		}
	}
	if old {
		return id, nil
	}
	return id, v.takeDeposit(f, id)
}

// cidTuple is Cids.Cid and packedCID Cids.PackedCid for package abi, which goes
// by field names.
type cidTuple struct{ Data []byte }

type packedCID struct{ Header, Root [32]byte }

// cids copies the anonymous structs that package abi unpacks Cids.Cid[] into.
func cids(v any) []cidTuple { return *abi.ConvertType(v, new([]cidTuple)).(*[]cidTuple) }

func (v verifier) appendPieces(f *frame, id uint64, added []cidTuple, extra []byte) error {
	release := f.verifier.release
	if err := release.checkExtra(extra); err != nil {
		return err
	}
	if len(added) == 0 {
		return revertText("Must add at least one piece")
	}
	_, s := f.set(number(id))
	first := s.nextPiece
	for i, c := range added {
		p, err := release.newPiece(i, c.Data)
		if err != nil {
			return err
		}
		if err := s.addLeaves(p.leaves); err != nil {
			return err
		}
		s.pieces = s.pieces.with(s.nextPiece, p)
		s.nextPiece++
	}
	f.putSet(id, s)
	if err := release.emitAdded(f, id, first, added); err != nil {
		return err
	}
	return f.notify(s.listener, "piecesAdded", number(id), number(first), added, extra)
}

// emitAdded emits PiecesAdded of releases before 3.5.0, or PiecesAddedV2 for
// each hundred pieces.
func (r Release) emitAdded(f *frame, id, first uint64, added []cidTuple) error {
	if r != Release350 {
		ids := make([]*big.Int, len(added))
		for i := range ids {
			ids[i] = number(first + uint64(i))
		}
		return f.event("PiecesAdded", []common.Hash{topic(id)}, ids, added)
	}
	packed := make([]packedCID, len(added))
	for i, c := range added {
		header := c.Data[:len(c.Data)-32]
		copy(packed[i].Header[32-len(header):], header)
		packed[i].Root = [32]byte(c.Data[len(header):])
	}
	for batch := range slices.Chunk(packed, eventBatch) {
		if err := f.event("PiecesAddedV2", []common.Hash{topic(id)}, number(first), batch); err != nil {
			return err
		}
		first += uint64(len(batch))
	}
	return nil
}

// cidRevert is the revert for an error of fevm.ParsePieceCID: the name of a
// custom error, or a text that addPieces wraps with the index of the piece.
func cidRevert(index int, err error) error {
	bad, ok := errors.AsType[*fevm.PieceCIDError](err)
	if !ok {
		return &revert{} // unreachable: it has no other errors
	}
	if _, ok := verifierABI().Errors[bad.Reason]; ok {
		return revertCustom(bad.Reason)
	}
	return revertCustom("IndexedError", big.NewInt(int64(index)), bad.Reason)
}

package simulated

import (
	"bytes"
	"errors"
	"math/big"
	"math/bits"
	"slices"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

// Constants of PDPVerifier 3.5.0 as deployed on Calibration, and of PDPFees.
const (
	verifierVersion     = "3.5.0"
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

// A verifier is the model of PDPVerifier 3.5.0. Its state is in the
// world; finality is CHALLENGE_FINALITY, in epochs.
type verifier struct{ finality uint64 }

// call decodes the calldata and runs the method, the order of checks being the
// contract's.
func (v verifier) call(f *frame, input []byte) ([]byte, error) {
	if len(input) < 4 {
		return nil, &revert{}
	}
	method, err := verifierABI().MethodById(input)
	if err != nil {
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
		return mustPack(method.Outputs, out...), nil
	}
	switch method.Name {
	case "createDataSet":
		id, err := v.createDataSet(f, args[0].(common.Address), args[1].([]byte))
		if err == nil {
			err = v.takeDeposit(f, id)
		}
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
	f.putSet(id, dataSet{provider: f.caller, listener: listener, lastProven: f.number})
	if err := f.notify(listener, "dataSetCreated", number(id), f.caller, extra); err != nil {
		return 0, err
	}
	return id, f.event("DataSetCreated", []common.Hash{topic(id), addressTopic(f.caller)})
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
		return 0, revertCustom("DataSetNotLive")
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
	return id, v.takeDeposit(f, id)
}

// cidTuple is Cids.Cid and packedCID Cids.PackedCid for package abi, which goes
// by field names.
type cidTuple struct{ Data []byte }

type packedCID struct{ Header, Root [32]byte }

// cids copies the anonymous structs that package abi unpacks Cids.Cid[] into.
func cids(v any) []cidTuple { return *abi.ConvertType(v, new([]cidTuple)).(*[]cidTuple) }

func (v verifier) appendPieces(f *frame, id uint64, added []cidTuple, extra []byte) error {
	if len(added) == 0 {
		return revertText("Must add at least one piece")
	}
	_, s := f.set(number(id))
	first := s.nextPiece
	packed := make([]packedCID, len(added))
	for i, c := range added {
		cid, err := fevm.ParsePieceCID(c.Data)
		if bad, ok := errors.AsType[*fevm.PieceCIDError](err); ok {
			return cidRevert(i, bad.Reason)
		}
		leaves := cid.LeafCount()
		sum, carry := bits.Add64(s.leafCount, leaves, 0)
		if carry != 0 {
			return revertText("simulated: data set of more than 2^64 leaves")
		}
		s.leafCount = sum
		s.pieces = s.pieces.with(s.nextPiece, piece{cid: bytes.Clone(c.Data), leaves: leaves})
		s.nextPiece++
		header := c.Data[:len(c.Data)-32]
		copy(packed[i].Header[32-len(header):], header)
		packed[i].Root = cid.Root()
	}
	f.putSet(id, s)
	at := first
	for batch := range slices.Chunk(packed, eventBatch) {
		if err := f.event("PiecesAddedV2", []common.Hash{topic(id)}, number(at), batch); err != nil {
			return err
		}
		at += uint64(len(batch))
	}
	return f.notify(s.listener, "piecesAdded", number(id), number(first), added, extra)
}

// cidRevert is the revert for a reason of fevm.PieceCIDError: the name of a
// custom error, or a text that addPieces wraps with the index of the piece.
func cidRevert(index int, reason string) error {
	if _, ok := verifierABI().Errors[reason]; ok {
		return revertCustom(reason)
	}
	return revertCustom("IndexedError", big.NewInt(int64(index)), reason)
}

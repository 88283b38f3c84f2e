package simulated

import (
	"bytes"
	"errors"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/holiman/uint256"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

// view answers a read of the verifier.
func (v verifier) view(f *frame, name string, args []any) ([]any, error) {
	if out := v.constant(f, name); out != nil {
		return []any{out}, nil
	}
	release := f.verifier.release
	first := args[0].(*big.Int)
	switch name {
	case "getRandomness":
		epoch, _ := attestation.WordFromBig(first)
		return []any{beacon(epoch, f.number).Big()}, nil
	case "calculateProofFeeForSize":
		size, _ := uint256.FromBig(first)
		fee, err := f.feeForSize(size)
		if err != nil {
			return nil, err
		}
		return []any{fee.ToBig()}, nil
	}
	id, s := f.set(first)
	switch name {
	case "dataSetLive":
		return []any{s.live()}, nil
	case "pieceLive":
		return []any{s.live() && s.piece(args[1].(*big.Int)).leaves > 0}, nil
	case "pieceChallengable":
		return s.challengeable(args[1].(*big.Int))
	case "findPieceIds":
		return s.findPieces(args[1].([]*big.Int))
	case "calculateProofFee":
		fee, err := f.proofFee(s.challengeRange)
		if err != nil {
			return nil, err
		}
		return []any{fee.ToBig()}, nil
	case "getNextPieceId", "getNextChallengeEpoch":
		if !s.exists() && release == Release221 {
			return nil, release.notLive()
		}
		if !s.exists() {
			return nil, revertCustom("DataSetNotFound")
		}
		if name == "getNextPieceId" {
			return []any{number(s.nextPiece)}, nil
		}
		if !s.live() {
			return []any{new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))}, nil
		}
		return []any{number(s.challengeEpoch)}, nil
	}
	if !s.live() {
		return nil, release.notLive()
	}
	if name == "getActivePieces" && release == Release221 {
		return s.activePieces2(args[1].(*big.Int), args[2].(*big.Int))
	}
	if name == "findPieceIdsByCid" {
		cid := abi.ConvertType(args[1], new(cidTuple)).(*cidTuple)
		return s.findCID(cid.Data, args[2].(*big.Int), args[3].(*big.Int), f.verifier.legacy(id))
	}
	return s.view(name, args)
}

// constant answers the views without arguments.
func (v verifier) constant(f *frame, name string) any {
	switch name {
	case "VERSION":
		return f.verifier.release.String()
	case "owner":
		return f.verifier.owner
	case "MAX_PIECE_SIZE_LOG2":
		return big.NewInt(fevm.MaxPieceHeight)
	case "MAX_ENQUEUED_REMOVALS":
		return big.NewInt(maxEnqueuedRemovals)
	case "INACTIVITY_WINDOW":
		return big.NewInt(inactivityWindow)
	case "FIL_CLEANUP_DEPOSIT":
		return cleanupDeposit.ToBig()
	case "getChallengeFinality":
		return number(v.finality)
	case "getNextDataSetId":
		return f.verifier.nextSet
	case "feePerTiB":
		return f.verifier.fee.at(f.time).ToBig()
	case "proposedFeePerTiB":
		return f.verifier.fee.next.ToBig()
	case "feeEffectiveTime":
		return f.verifier.fee.transition
	}
	return nil
}

// view answers the views of a live set.
func (s *dataSet) view(name string, args []any) ([]any, error) {
	switch name {
	case "getDataSetLeafCount":
		return []any{number(s.leafCount)}, nil
	case "getDataSetListener":
		return []any{s.listener}, nil
	case "getDataSetStorageProvider":
		return []any{s.provider, s.proposed}, nil
	case "getDataSetLastProvenEpoch":
		return []any{number(s.lastProven)}, nil
	case "getChallengeRange":
		return []any{number(s.challengeRange)}, nil
	case "getPieceCid":
		return []any{cidTuple{s.piece(args[1].(*big.Int)).cid}}, nil
	case "getPieceLeafCount":
		return []any{number(s.piece(args[1].(*big.Int)).leaves)}, nil
	case "getScheduledRemovals":
		out := make([]*big.Int, len(s.removals))
		for i, id := range s.removals {
			out[i] = number(id)
		}
		return []any{out}, nil
	case "getActivePieceCount":
		n := uint64(0)
		for range s.livePieces(0) {
			n++
		}
		return []any{number(n)}, nil
	case "getActivePieces":
		return s.page(0, args[1].(*big.Int), args[2].(*big.Int))
	case "getActivePiecesByCursor":
		from := args[1].(*big.Int)
		if !from.IsUint64() {
			from = number(s.nextPiece)
		}
		return s.page(from.Uint64(), new(big.Int), args[2].(*big.Int))
	}
	return nil, revertText("simulated: " + name + " is not modelled")
}

func (s *dataSet) piece(id *big.Int) piece {
	if !id.IsUint64() {
		return piece{}
	}
	p, _ := s.pieces.get(id.Uint64())
	return p
}

// checkLimit refuses what the contract refuses, or would run out of memory for.
func checkLimit(limit *big.Int) error {
	if limit.Sign() == 0 {
		return revertText("Limit must be greater than 0")
	}
	if limit.BitLen() > 32 {
		return revertPanic(panicMemory)
	}
	return nil
}

// page lists live pieces from an id on, after skipping some.
func (s *dataSet) page(from uint64, skip, limit *big.Int) ([]any, error) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	data, ids, more := []cidTuple{}, []*big.Int{}, false
	left := new(big.Int).Set(skip)
	for id, p := range s.livePieces(from) {
		if left.Sign() > 0 {
			left.Sub(left, big.NewInt(1))
			continue
		}
		if uint64(len(ids)) == limit.Uint64() {
			more = true
			break
		}
		data, ids = append(data, cidTuple{p.cid}), append(ids, number(id))
	}
	return []any{data, ids, more}, nil
}

var activePieces2 = func() abi.Arguments {
	out := slices.Clone(verifierABI().Methods["getActivePieces"].Outputs)
	return slices.Insert(out, 2, out[1]) // uint256[] rawSizes
}()

// activePieces2 is getActivePieces of release 2.2.1, with the bytes of the
// pieces' leaves.
func (s *dataSet) activePieces2(skip, limit *big.Int) ([]any, error) {
	out, err := s.page(0, skip, limit)
	if err != nil {
		return nil, err
	}
	sizes := []*big.Int{}
	for _, id := range out[1].([]*big.Int) {
		size := number(s.piece(id).leaves)
		sizes = append(sizes, size.Lsh(size, 5))
	}
	return slices.Insert(out, 2, any(sizes)), nil
}

func (s *dataSet) findCID(data []byte, from, limit *big.Int, legacy bool) ([]any, error) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	// Padding and height are not checked here, only the encoding, and that not
	// in sets from before release 3.5.0.
	if _, err := fevm.ParsePieceCID(data); err != nil && !legacy {
		if bad, ok := errors.AsType[*fevm.PieceCIDError](err); ok {
			if _, custom := verifierABI().Errors[bad.Reason]; custom {
				return nil, revertCustom(bad.Reason)
			}
		}
		return []any{[]*big.Int{}}, nil
	}
	ids := []*big.Int{}
	if !from.IsUint64() {
		return []any{ids}, nil
	}
	for id, p := range s.livePieces(from.Uint64()) {
		if bytes.Equal(p.cid, data) && uint64(len(ids)) < limit.Uint64() {
			ids = append(ids, number(id))
		}
	}
	return []any{ids}, nil
}

// find returns the piece and the offset of a leaf of the set.
func (s *dataSet) find(leaf *big.Int) (challenge, error) {
	if !leaf.IsUint64() {
		return challenge{}, revertText("Leaf index out of bounds")
	}
	id, offset, err := s.findLeaf(leaf.Uint64())
	return challenge{number(id), number(offset)}, err
}

func (s *dataSet) findLeaf(leaf uint64) (id, offset uint64, err error) {
	if leaf >= s.leafCount {
		return 0, 0, revertText("Leaf index out of bounds")
	}
	for id, p := range s.livePieces(0) {
		if leaf < p.leaves {
			return id, leaf, nil
		}
		leaf -= p.leaves
	}
	return 0, 0, revertText("Leaf index out of bounds") // unreachable: leafCount is their sum
}

func (s *dataSet) findPieces(leaves []*big.Int) ([]any, error) {
	out := make([]challenge, len(leaves))
	for i, leaf := range leaves {
		c, err := s.find(leaf)
		if err != nil {
			return nil, err
		}
		out[i] = c
	}
	return []any{out}, nil
}

func (s *dataSet) challengeable(id *big.Int) ([]any, error) {
	if s.challengeRange == 0 {
		return nil, revertPanic(panicArithmetic)
	}
	last, err := s.find(number(s.challengeRange - 1))
	if err != nil {
		return nil, err
	}
	if s.piece(last.PieceId).leaves-1 != last.Offset.Uint64() {
		return nil, revertText("challengeRange -1 should align with the very last leaf of a piece")
	}
	return []any{s.live() && s.piece(id).leaves > 0 && id.Cmp(last.PieceId) <= 0}, nil
}

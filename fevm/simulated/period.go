package simulated

import (
	"encoding/binary"
	"math"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

func (v verifier) nextProvingPeriod(f *frame, setID, challengeEpoch *big.Int, extra []byte) error {
	id, s := f.set(setID)
	release := f.verifier.release
	if err := release.checkExtra(extra); err != nil {
		return err
	}
	switch {
	case f.caller != s.provider:
		return revertText("only the storage provider can move to next proving period")
	case release != Release350 && s.leafCount == 0:
		return revertText("can only start proving once leaves are added")
	case release == Release350 && len(s.removals) > 0:
		return revertCustom("PendingPieceDeletions", big.NewInt(int64(len(s.removals))))
	case s.leafCount == 0 && !(s.live() && s.challengeRange > 0):
		return revertCustom("NoPiecesToProve")
	}
	if s.lastProven == 0 {
		s.lastProven = f.number
	}
	if len(s.removals) > 0 {
		if err := release.removeQueued(f, id, &s); err != nil {
			return err
		}
	}
	if err := v.checkDelay(f, challengeEpoch); err != nil {
		return err
	}
	s.challengeRange = s.leafCount
	s.challengeEpoch = challengeEpoch.Uint64()
	if s.leafCount == 0 {
		if err := f.event("DataSetEmpty", []common.Hash{topic(id)}); err != nil {
			return err
		}
		s.lastProven = f.number
		if release == Release221 {
			s.lastProven = 0
		}
		s.challengeEpoch = 0
	}
	f.putSet(id, s)
	if err := f.notify(s.listener, "nextProvingPeriod", setID, number(s.challengeEpoch), number(s.leafCount), extra); err != nil {
		return err
	}
	return f.event("NextProvingPeriod", []common.Hash{topic(id)}, challengeEpoch, number(s.leafCount))
}

// checkDelay refuses a challenge epoch that is too near or too far.
func (v verifier) checkDelay(f *frame, challengeEpoch *big.Int) error {
	if f.verifier.release == Release221 {
		if challengeEpoch.Cmp(number(f.number+v.finality)) < 0 {
			return revertText("challenge epoch must be at least challengeFinality epochs in the future")
		}
		if challengeEpoch.Cmp(number(inCleanup)) >= 0 {
			return revertText("simulated: challenge epoch above 2^64")
		}
		return nil
	}
	// The contract subtracts unchecked, modulo 2^256.
	delay := new(big.Int).Sub(challengeEpoch, number(f.number))
	if delay.Sign() < 0 {
		delay.Add(delay, new(big.Int).Lsh(big.NewInt(1), 256))
	}
	if delay.Cmp(number(v.finality)) < 0 {
		return revertCustom("InsufficientChallengeDelay", delay, number(v.finality))
	}
	if delay.Cmp(big.NewInt(maxFinality)) > 0 {
		return revertCustom("ExcessiveChallengeDelay", delay, big.NewInt(maxFinality))
	}
	return nil
}

// challenge is IPDPTypes.PieceIdAndOffset for package abi.
type challenge struct{ PieceId, Offset *big.Int }

func (v verifier) provePossession(f *frame, input []byte) error {
	p, err := fevm.ParseProvePossession(input)
	if err != nil {
		return &revert{}
	}
	id, s := f.set(p.SetID.Big())
	switch {
	case f.caller != s.provider:
		return revertText("Only the storage provider can prove possession")
	case len(p.Proofs) == 0:
		return revertText("empty proof")
	case f.number < s.challengeEpoch:
		return revertText("premature proof")
	case s.challengeEpoch == 0:
		return revertText("no challenge scheduled")
	}
	seed := beacon(attestation.WordFromUint64(s.challengeEpoch), f.number)
	challenges, err := s.verify(p, seed)
	if err != nil {
		return err
	}
	fee, err := f.proofFee(s.challengeRange)
	if err != nil {
		return err
	}
	if f.value.Lt(fee) {
		return revertText("Incorrect fee amount")
	}
	f.pay(burnAddress, fee) // it is part of what has just been received
	if err := f.event("ProofFeePaid", []common.Hash{topic(id)}, fee.ToBig()); err != nil {
		return err
	}
	s.lastProven = f.number
	f.putSet(id, s)
	if err := f.notify(s.listener, "possessionProven", number(id), number(s.leafCount), seed.Big(), number(uint64(len(challenges)))); err != nil {
		return err
	}
	if err := f.event("PossessionProven", []common.Hash{topic(id)}, challenges); err != nil {
		return err
	}
	f.pay(f.caller, new(uint256.Int).Sub(&f.value, fee))
	return nil
}

// verify checks proofs as the contract does, against the last 33 bytes of the
// pieces' CIDs: sets from before release 3.5.0 hold CIDs that are not canonical.
// So it is no caller of [fevm.ProvePossession.Verify], and a check of it.
func (s *dataSet) verify(p fevm.ProvePossession, seed attestation.Word) ([]challenge, error) {
	if s.challengeRange == 0 {
		return nil, revertPanic(panicDivision) // unreachable: then nothing is scheduled
	}
	leaves := new(uint256.Int).SetUint64(s.challengeRange)
	challenges := make([]challenge, len(p.Proofs))
	var payload [72]byte
	copy(payload[:], seed[:])
	copy(payload[32:], p.SetID[:])
	for i, proof := range p.Proofs {
		binary.BigEndian.PutUint64(payload[64:], uint64(i))
		drawn := keccak(payload[:])
		leaf := new(uint256.Int).SetBytes32(drawn[:])
		id, offset, err := s.findLeaf(leaf.Mod(leaf, leaves).Uint64())
		if err != nil {
			return nil, err
		}
		at, _ := s.pieces.get(id)
		switch height := at.height(); {
		case height == math.MaxUint8:
			return nil, revertPanic(panicArithmetic)
		case len(proof.Path) != int(height):
			return nil, revertText("proof length does not match tree height")
		case proof.Root(offset) != at.root():
			return nil, revertText("proof did not verify")
		}
		challenges[i] = challenge{number(id), number(offset)}
	}
	return challenges, nil
}

// livePieces yields the pieces that have leaves, in id order.
func (s *dataSet) livePieces(from uint64) func(func(uint64, piece) bool) {
	return func(yield func(uint64, piece) bool) {
		for id, p := range s.pieces.all(from) {
			if p.leaves > 0 && !yield(id, p) {
				return
			}
		}
	}
}

// proofFee is PDPVerifier.calculateProofFeeForSize for a number of leaves.
func (f *frame) proofFee(leaves uint64) (*uint256.Int, error) {
	size := new(uint256.Int).Lsh(uint256.NewInt(leaves), 5)
	return f.feeForSize(size)
}

func (f *frame) feeForSize(size *uint256.Int) (*uint256.Int, error) {
	if size.IsZero() {
		if f.verifier.release == Release221 {
			return nil, revertText("failed to validate: raw size must be greater than 0")
		}
		return nil, revertText("failed to validate: proof size must be greater than 0")
	}
	fee, over := new(uint256.Int).MulOverflow(f.verifier.fee.at(f.time), size)
	if over {
		return nil, revertPanic(panicArithmetic)
	}
	return fee.Rsh(fee, 40), nil
}

func (v verifier) updateProofFee(f *frame, fee *big.Int) error {
	if err := f.onlyOwner(); err != nil {
		return err
	}
	status := &f.verifier.fee
	if f.time >= status.transition {
		status.current = status.next
	}
	status.next.SetFromBig(new(big.Int).And(fee, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 96), big.NewInt(1))))
	status.transition = f.time + feeDelay
	return f.event("FeeUpdateProposed", nil, status.current.ToBig(), fee, number(status.transition))
}

func (v verifier) transferOwnership(f *frame, to common.Address) error {
	if err := f.onlyOwner(); err != nil {
		return err
	}
	if (to == common.Address{}) {
		return revertCustom("OwnableInvalidOwner", to)
	}
	old := f.verifier.owner
	f.verifier.owner = to
	return f.event("OwnershipTransferred", []common.Hash{addressTopic(old), addressTopic(to)})
}

func (f *frame) onlyOwner() error {
	if f.caller != f.verifier.owner {
		return revertCustom("OwnableUnauthorizedAccount", f.caller)
	}
	return nil
}

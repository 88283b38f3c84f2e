package simulated

import (
	"math"
	"math/big"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	"github.com/slastream/slastream-go/attestation"
)

// permissive is the listener that a storage provider writes for himself.
type permissive struct{}

func (permissive) call(*frame, []byte) ([]byte, error) { return nil, nil }

// A service is the proving part of FilecoinWarmStorageService (FilOzone/
// filecoin-services, possessionProven and nextProvingPeriod), with the same
// order of checks and custom errors. Its state is in storage slots.
type service struct {
	verifier       common.Address
	period, window uint64 // epochs
}

// Slots of a data set.
const (
	slotActivation = "activation" // epoch of the first nextProvingPeriod
	slotDeadline   = "deadline"   // last epoch of the period; 0: none
	slotProven     = "proven"     // whether this period is
	slotPeriod     = "period"     // whether period i is
)

func slotOf(name string, set attestation.Word, i uint64) attestation.Word {
	n := attestation.WordFromUint64(i)
	return keccak([]byte(name), set[:], n[:])
}

// epochs reads a slot that holds a number below 2^64.
func (f *frame) epochs(name string, set attestation.Word) uint64 {
	v, _ := f.load(slotOf(name, set, 0)).Uint64() // only such are stored
	return v
}

func (f *frame) putEpochs(name string, set attestation.Word, v uint64) {
	f.store(slotOf(name, set, 0), attestation.WordFromUint64(v))
}

func (s service) call(f *frame, input []byte) ([]byte, error) {
	if len(input) < 4 || !f.value.IsZero() {
		return nil, &revert{}
	}
	method, err := serviceABI().MethodById(input)
	if err != nil {
		return nil, &revert{}
	}
	args, err := method.Inputs.Unpack(input[4:])
	if err != nil {
		return nil, &revert{}
	}
	var set attestation.Word
	if len(args) > 0 {
		set, _ = attestation.WordFromBig(args[0].(*big.Int)) // the ABI bounds it
	}
	if method.IsConstant() {
		return s.view(f, method, set, args)
	}
	if f.caller != s.verifier {
		return nil, revertError(serviceABI(), "OnlyPDPVerifierAllowed", s.verifier, f.caller)
	}
	switch method.Name {
	case "possessionProven":
		return nil, s.proven(f, set, args[3].(*big.Int))
	case "nextProvingPeriod":
		return nil, s.next(f, set, args[1].(*big.Int).Uint64()) // the verifier bounds it
	case "storageProviderChanged":
		return nil, revertError(serviceABI(), "StorageProviderChangesNotSupported")
	}
	return nil, nil
}

func (s service) view(f *frame, method *abi.Method, set attestation.Word, args []any) ([]byte, error) {
	switch method.Name {
	case "getPDPConfig":
		return returns(method, nil, s.period, number(s.window), big.NewInt(challengesPerProof), number(f.number+s.period-s.window))
	case "provenPeriods":
		if id := args[1].(*big.Int); id.IsUint64() {
			return returns(method, nil, !f.load(slotOf(slotPeriod, set, id.Uint64())).IsZero())
		}
		return returns(method, nil, false)
	case "provenThisPeriod":
		return returns(method, nil, f.epochs(slotProven, set) != 0)
	case "provingDeadline":
		return returns(method, nil, number(f.epochs(slotDeadline, set)))
	case "provingActivationEpoch":
		return returns(method, nil, number(f.epochs(slotActivation, set)))
	}
	start, err := s.nextWindow(f, set)
	return returns(method, err, number(start))
}

// nextWindow is nextPDPChallengeWindowStart.
func (s service) nextWindow(f *frame, set attestation.Word) (uint64, error) {
	activation, deadline := f.epochs(slotActivation, set), f.epochs(slotDeadline, set)
	switch {
	case deadline == 0 && activation == 0:
		return 0, revertError(serviceABI(), "ProvingPeriodNotInitialized", set.Big())
	case deadline == 0:
		ahead := (f.number + s.period - activation + s.period - 1) / s.period
		return activation + ahead*s.period - s.window, nil
	case f.number <= deadline:
		return deadline - s.window + s.period, nil
	}
	skipped := 1 + (f.number-(deadline+1))/s.period
	return deadline + skipped*s.period - s.window, nil
}

// proven is possessionProven.
func (s service) proven(f *frame, set attestation.Word, challenges *big.Int) error {
	deadline := f.epochs(slotDeadline, set)
	refuse := func(name string, args ...any) error {
		return revertError(serviceABI(), name, append([]any{set.Big()}, args...)...)
	}
	switch {
	case f.epochs(slotProven, set) != 0:
		return refuse("ProofAlreadySubmitted")
	case challenges.Cmp(big.NewInt(challengesPerProof)) < 0:
		return refuse("InvalidChallengeCount", big.NewInt(challengesPerProof), challenges)
	case deadline == 0:
		return refuse("ProvingNotStarted")
	case deadline < f.number:
		return refuse("ProvingPeriodPassed", number(deadline), number(f.number))
	case deadline-s.window > f.number:
		return refuse("ChallengeWindowTooEarly", number(deadline-s.window), number(f.number))
	}
	f.putEpochs(slotProven, set, 1)
	f.store(slotOf(slotPeriod, set, s.periodAt(f.epochs(slotActivation, set), f.number)), attestation.WordFromUint64(1))
	return nil
}

// periodAt is the period of an epoch: period i is activation + (i·period,
// (i+1)·period], so activation itself is in none.
func (s service) periodAt(activation, epoch uint64) uint64 {
	if activation == 0 || epoch <= activation {
		return math.MaxUint64
	}
	return (epoch - activation - 1) / s.period
}

// next is nextProvingPeriod. A challenge epoch of 0 says that the set became
// empty.
func (s service) next(f *frame, set attestation.Word, challengeEpoch uint64) error {
	deadline := f.epochs(slotDeadline, set)
	if deadline == 0 {
		return s.start(f, set, challengeEpoch)
	}
	if before := deadline - s.period; f.number <= before {
		return revertError(serviceABI(), "NextProvingPeriodAlreadyCalled", set.Big(), number(before), number(f.number))
	}
	faults := uint64(0)
	if f.number > deadline {
		faults = (f.number - (deadline + 1)) / s.period
	}
	next := uint64(0)
	if challengeEpoch != 0 {
		next = deadline + s.period*(faults+1)
		if err := s.checkEpoch(set, next, challengeEpoch); err != nil {
			return err
		}
	}
	if f.epochs(slotProven, set) == 0 {
		faults++
	}
	f.putEpochs(slotDeadline, set, next)
	f.putEpochs(slotProven, set, 0)
	if faults == 0 {
		return nil
	}
	e := serviceABI().Events["FaultRecord"]
	return f.emit([]common.Hash{e.ID, common.Hash(set)}, mustPack(e.Inputs.NonIndexed(), number(faults), number(deadline)))
}

// start opens the first period, or the first after the set was empty.
func (s service) start(f *frame, set attestation.Word, challengeEpoch uint64) error {
	activation := f.epochs(slotActivation, set)
	first := f.number + s.period
	if activation == 0 {
		f.putEpochs(slotActivation, set, f.number)
	} else {
		if challengeEpoch <= activation {
			return revertError(serviceABI(), "InvalidChallengeEpoch", set.Big(), number(activation+1), number(activation+s.period), number(challengeEpoch))
		}
		first = activation + s.period*(1+s.periodAt(activation, first))
	}
	if err := s.checkEpoch(set, first, challengeEpoch); err != nil {
		return err
	}
	f.putEpochs(slotDeadline, set, first)
	return nil
}

// checkEpoch wants a challenge epoch in the window before a deadline.
func (s service) checkEpoch(set attestation.Word, deadline, challengeEpoch uint64) error {
	if challengeEpoch < deadline-s.window || challengeEpoch > deadline {
		return revertError(serviceABI(), "InvalidChallengeEpoch", set.Big(), number(deadline-s.window), number(deadline), number(challengeEpoch))
	}
	return nil
}

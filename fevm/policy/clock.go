package policy

import (
	"errors"
	"fmt"
	"iter"
	"math"
)

// A Schedule is the clock of a service level agreement as Filecoin's warm storage
// service keeps it: period p is the epochs after Activation + p·MaxPeriod, up to
// and with its deadline Activation + (p+1)·MaxPeriod, and is proven within the
// last Window epochs before the deadline, the deadline included. It is a value
// without a clock of its own; all methods are pure.
//
// MaxPeriod and Window come from getPDPConfig of the service, Activation from
// provingActivationEpoch of its state view. That is the epoch of the data set's
// first NextProvingPeriod, which [Source.Activation] finds in the logs: the same
// serves for a data set without a service. (filecoin-services SPEC.md,
// "Settlement Rules", and FilecoinWarmStorageService.sol at 1.3.1)
type Schedule struct {
	Activation  uint64 // epoch; belongs to no period
	MaxPeriod   uint64 // epochs: 2880 on Mainnet, 240 on Calibration
	Window      uint64 // epochs: 20
	GenesisTime uint64 // Unix seconds of epoch 0
}

// Validate reports what makes the schedule useless: a MaxPeriod of 0, or a
// Window that is 0 or not shorter.
func (s Schedule) Validate() error {
	if s.Window == 0 || s.Window >= s.MaxPeriod {
		return fmt.Errorf("policy: schedule: a window of %d epochs in a period of %d: want at least 1, and less than the period", s.Window, s.MaxPeriod)
	}
	return nil
}

// A PeriodState is what a period is worth.
type PeriodState uint8

const (
	// PeriodOpen may still be proven: its deadline is not over. It holds up what
	// comes after it.
	PeriodOpen PeriodState = iota
	// PeriodProven pays.
	PeriodProven
	// PeriodFaulted is over without a proof. It is passed over and pays nothing.
	PeriodFaulted
)

// String returns "open", "proven" or "faulted".
func (s PeriodState) String() string {
	switch s {
	case PeriodOpen:
		return "open"
	case PeriodProven:
		return "proven"
	case PeriodFaulted:
		return "faulted"
	}
	return fmt.Sprintf("PeriodState(%d)", uint8(s))
}

// A Period is one period of a [Schedule]. The bounds saturate at 2^64−1.
type Period struct {
	Index       uint64 // from 0
	After       uint64 // the epoch before its first
	WindowStart uint64 // first epoch in which a proof counts for the service
	Deadline    uint64 // last epoch, and last one in which a proof counts
	State       PeriodState
	Proven      uint64 // epoch of the first proof, if the state is PeriodProven
	Early       bool   // that proof came before WindowStart, where a strict listener refuses it
}

// Period returns the period that an epoch belongs to, without a state. ok is
// false up to the activation, and for a MaxPeriod of 0.
func (s Schedule) Period(epoch uint64) (p Period, ok bool) {
	if s.MaxPeriod == 0 || epoch <= s.Activation {
		return Period{}, false
	}
	return s.at((epoch - s.Activation - 1) / s.MaxPeriod), true
}

// at returns a period that begins before 2^64.
func (s Schedule) at(index uint64) Period {
	p := Period{Index: index, After: s.Activation + index*s.MaxPeriod}
	p.Deadline = p.After + min(s.MaxPeriod, math.MaxUint64-p.After)
	p.WindowStart = max(p.After+1, p.Deadline-min(p.Deadline, s.Window))
	return p
}

// Periods yields the periods up to the one of epoch now, with their states in it,
// for proofs in those epochs, which ascend. Proofs after now, and those that are
// out of order, do not count.
func (s Schedule) Periods(now uint64, proofs iter.Seq[uint64]) iter.Seq[Period] {
	return func(yield func(Period) bool) {
		last, ok := s.Period(now)
		if !ok {
			return
		}
		next, stop := iter.Pull(proofs)
		defer stop()
		proof, more := next()
		for i := range last.Index + 1 {
			p := s.at(i)
			for more && proof <= p.After {
				proof, more = next()
			}
			switch {
			case more && proof <= p.Deadline && proof <= now:
				p.State, p.Proven, p.Early = PeriodProven, proof, proof < p.WindowStart
			case p.Deadline < now:
				p.State = PeriodFaulted
			}
			if !yield(p) {
				return
			}
		}
	}
}

// Settle returns how many of the epochs after from, up to and with to, are paid,
// and up to which one is settled, in the state of epoch now, with Filecoin's
// rules: proven periods pay for each of their epochs, faulted ones for none, and
// an open one holds up the settlement where it begins. Epochs up to the activation are
// settled and not paid. It fails unless from < to ≤ now.
func (s Schedule) Settle(from, to, now uint64, proofs iter.Seq[uint64]) (paid, settled uint64, err error) {
	if from >= to || to > now {
		return 0, from, fmt.Errorf("policy: settle epochs %d to %d in epoch %d: want an ascending range that is over", from, to, now)
	}
	if s.MaxPeriod == 0 {
		return 0, from, errors.New("policy: settle: MaxPeriod is 0")
	}
	if to <= s.Activation {
		return 0, to, nil
	}
	from = max(from, s.Activation)
	settled = from
	for p := range s.Periods(now, proofs) {
		if p.Deadline <= from {
			continue
		}
		if p.After >= to || p.State == PeriodOpen {
			break
		}
		settled = min(to, p.Deadline)
		if p.State == PeriodProven {
			paid += settled - max(p.After, from)
		}
	}
	return paid, settled, nil
}

// Next returns the window that comes next in epoch now: of the current period, or
// of the one after it if the current one is proven. Before the activation that is
// the first. ok is false for a MaxPeriod of 0 and beyond the last epoch.
func (s Schedule) Next(now uint64, proofs iter.Seq[uint64]) (p Period, ok bool) {
	if s.MaxPeriod == 0 || s.Activation == math.MaxUint64 {
		return Period{}, false
	}
	if now <= s.Activation {
		return s.at(0), true
	}
	p, _ = s.Period(now)
	for proof := range proofs {
		if proof > p.After && proof <= now {
			if p.Deadline == math.MaxUint64 {
				return Period{}, false
			}
			return s.at(p.Index + 1), true
		}
	}
	return p, true
}

// Due reports whether a proof should be there by now: the current period is not
// proven and at most warn epochs are left until its deadline. left is how many
// there are.
func (s Schedule) Due(now, warn uint64, proofs iter.Seq[uint64]) (left uint64, due bool) {
	p, ok := s.Next(now, proofs)
	if !ok || now <= p.After {
		return 0, false
	}
	left = p.Deadline - now
	return left, left <= warn
}

// Time returns when an epoch begins, in Unix seconds, saturating at 2^64−1.
func (s Schedule) Time(epoch uint64) uint64 {
	if epoch > (math.MaxUint64-s.GenesisTime)/EpochSeconds {
		return math.MaxUint64
	}
	return s.GenesisTime + EpochSeconds*epoch
}

// Lateness returns how many epochs after the challenge epoch of its period a
// proof came. The warm storage service takes it within the window, and
// [Rules.Window] within so many. ok is false for a proof of no period.
func (v Verdict) Lateness() (epochs uint64, ok bool) {
	if v.Proof.Period == 0 || v.Proof.BlockNumber < v.Proof.Period {
		return 0, false
	}
	return v.Proof.BlockNumber - v.Proof.Period, true
}

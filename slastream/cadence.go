package slastream

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// EpochSeconds is how long a Filecoin epoch lasts.
const EpochSeconds = 30

// A Cadence is how often a data set is proved, and so how often a chunk can be
// paid: one for each proving period. All fields are seconds, Start since 1970.
//
// Period is the maxProvingPeriod of the set's listener times [EpochSeconds]:
// 2880 epochs, a day, for warm storage on Mainnet, 240, two hours, on Calibration.
// Period n, counted from 0, ends at Start + (n+1) × Period; its chunk is
// expected Delay later at the latest.
type Cadence struct {
	Start  uint64 `json:"start"`  // beginning of the first proving period that pays
	Period uint64 `json:"period"` // > 0
	Delay  uint64 `json:"delay"`  // from the end of a period to the release: finality of Filecoin, signing, Starknet; may be 0
}

// Expected returns when the chunk of period n is expected at the latest; ok is
// false after the year that a u64 of seconds can name.
func (c Cadence) Expected(n uint64) (at uint64, ok bool) {
	if n == math.MaxUint64 {
		return 0, false
	}
	high, length := bits.Mul64(n+1, c.Period)
	end, carry1 := bits.Add64(c.Start, length, 0)
	at, carry2 := bits.Add64(end, c.Delay, 0)
	return at, high+carry1+carry2 == 0
}

// by returns how many chunks are expected at or before a time.
func (c Cadence) by(at uint64) uint64 {
	rest, early := bits.Sub64(at, c.Start, 0)
	if early != 0 || rest < c.Delay || c.Period == 0 {
		return 0
	}
	return (rest - c.Delay) / c.Period
}

// errNoPeriod is for a cadence that was not filled in.
var errNoPeriod = errors.New("slastream: a cadence without a period")

// from returns the cadence with the first period that begins at or after a time.
func (c Cadence) from(at uint64) (_ Cadence, ok bool) {
	if c.Start >= at {
		return c, true
	}
	skipped := (at-c.Start-1)/c.Period + 1
	high, length := bits.Mul64(skipped, c.Period)
	start, carry := bits.Add64(c.Start, length, 0)
	c.Start = start
	return c, high+carry == 0
}

// A CadenceError says that a deal has more chunks than the cadence can earn
// before the deadline.
type CadenceError struct {
	Terms   Terms
	Cadence Cadence // Start is that of the first period that pays
	Fits    uint64  // most chunks whose release is expected by the deadline
	Needs   uint64  // shortest duration that all chunks fit in, seconds; 0 if no u64 is long enough
}

func (e *CadenceError) Error() string {
	advice := fmt.Sprintf("propose at most %d chunks", e.Fits)
	if e.Fits == 0 {
		advice = "no chunk fits"
	}
	if e.Needs != 0 {
		advice += fmt.Sprintf(", or a duration of at least %d s", e.Needs)
	}
	return fmt.Sprintf("slastream: %d chunks, one for each %d s from %d on, do not fit in a duration of %d s: %s",
		e.Terms.Chunks, e.Cadence.Period, e.Cadence.Start, e.Terms.Duration, advice)
}

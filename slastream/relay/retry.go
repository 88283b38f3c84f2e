package relay

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
)

// A Class says why a chunk waits.
type Class uint8

const (
	ClassNone      Class = iota // it does not
	ClassTurn                   // another relay goes first (Config.Peers)
	ClassHeld                   // the governor's limit is reached (Config.Limits)
	ClassTransient              // a node or the signer failed; the same may succeed later
	ClassReverted               // the escrow refuses the chunk for now, such as while it is paused
	ClassRefused                // the signer refuses to sign
	ClassOver                   // the deal is over; the chunk is refused when that is accepted on L1
)

// String returns the class in lower case.
func (c Class) String() string {
	names := [...]string{"", "turn", "held", "transient", "reverted", "refused", "over"}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("Class(%d)", uint8(c))
}

// MarshalText writes the class as String does.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// A Retry says when a chunk is tried again, and why it was not done the last
// time.
type Retry struct {
	Attempts uint32 // failures in a row
	At       uint64 // not before, Unix milliseconds
	Class    Class
	Reason   string // the last error, cut to 300 bytes; the revert for good in state Refused
}

// maxReason bounds the text of a Retry.
const maxReason = 300

// The pauses of each class: they double from the first to the second with each
// attempt, and each is a random part of that (full jitter).
const (
	transientMin, transientMax = 2 * time.Second, 5 * time.Minute
	revertedMin, revertedMax   = 15 * time.Second, 30 * time.Minute
	refusedMin, refusedMax     = time.Minute, 6 * time.Hour
)

// classify says what kind of failure an error of signing or sending is.
func classify(err error) Class {
	_, reverted := errors.AsType[*slastream.RevertError](err)
	_, equivocates := errors.AsType[*signer.EquivocationError](err)
	switch {
	case reverted:
		return ClassReverted
	case equivocates, errors.Is(err, signer.ErrEvidence), errors.Is(err, errRefusal):
		return ClassRefused
	}
	return ClassTransient
}

// errRefusal marks what no later try changes by itself.
var errRefusal = errors.New("refused")

// failed is the chunk after a failure: tried again after a pause that grows with
// the failures before.
func (r *Relay) failed(c Chunk, err error) Chunk {
	class := classify(err)
	low, high := transientMin, transientMax
	switch class {
	case ClassReverted:
		low, high = revertedMin, revertedMax
	case ClassRefused:
		low, high = refusedMin, refusedMax
	}
	pause := r.Jitter(min(high, low<<min(c.Retry.Attempts, 20)))
	c.Retry = Retry{Attempts: c.Retry.Attempts + 1, At: r.now() + millis(pause), Class: class, Reason: shorten(err.Error())}
	return c
}

// later is the chunk that waits for a reason that is no failure.
func later(c Chunk, at uint64, class Class, reason string) Chunk {
	c.Retry.At, c.Retry.Class, c.Retry.Reason = at, class, shorten(reason)
	return c
}

func shorten(s string) string {
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "") + "…"
	}
	return s
}

func millis(d time.Duration) uint64 { return uint64(max(d, 0) / time.Millisecond) }

// fullJitter is a random part of d.
func fullJitter(d time.Duration) time.Duration { return rand.N(d + 1) }

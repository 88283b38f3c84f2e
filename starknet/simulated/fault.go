package simulated

import (
	"math/rand/v2"
	"time"
)

// Faults say how a node misbehaves towards its clients, for tests of what they
// do then. Each number is a probability from 0 to 1; the zero value is no
// faults.
//
// A request has at most one of the first group, the earlier in the list the
// sooner when they sum up to more than 1, and a transaction one of the second
// as well. What happens to which request follows from Seed and from how many
// requests came before, not from what they ask.
type Faults struct {
	Seed    uint64
	Latency time.Duration // the most that an answer is held back; uniform from 0

	TooManyRequests float64 // HTTP 429 with Retry-After: 1; nothing was done
	ServerError     float64 // HTTP 500, 502, 503 or 504 with HTML; nothing was done
	Lost            float64 // HTTP 504 although everything was done
	Truncate        float64 // the body ends early; everything was done
	WrongID         float64 // another JSON-RPC id than asked
	Null            float64 // result null instead of the result
	OtherBlock      float64 // about a neighbour of the block, or another transaction, than asked
	OldHead         float64 // as of a node 1 to 3 blocks behind: tags, head and transactions

	Drop    float64 // an INVOKE is acknowledged and forgotten
	Reorder float64 // an INVOKE waits as RECEIVED, and others go first
}

// The names of faults, as FaultyNode.Happened counts them.
const (
	faultNone            = ""
	faultTooManyRequests = "TooManyRequests"
	faultServerError     = "ServerError"
	faultLost            = "Lost"
	faultTruncate        = "Truncate"
	faultWrongID         = "WrongID"
	faultNull            = "Null"
	faultOtherBlock      = "OtherBlock"
	faultOldHead         = "OldHead"
	faultDrop            = "Drop"
	faultReorder         = "Reorder"
	faultLatency         = "Latency"
)

// A fate is what happens to one request.
type fate struct {
	latency     time.Duration
	answer      string // fault of the first group
	transaction string // fault of the second group
	detail      uint64 // which one of several, where to cut
}

// draw takes the same number of random values for every request.
func (f *Faults) draw(r *rand.Rand) fate {
	out := fate{
		latency: time.Duration(r.Float64() * float64(f.Latency)),
		answer: pick(r.Float64(), []chance{
			{faultTooManyRequests, f.TooManyRequests},
			{faultServerError, f.ServerError},
			{faultLost, f.Lost},
			{faultTruncate, f.Truncate},
			{faultWrongID, f.WrongID},
			{faultNull, f.Null},
			{faultOtherBlock, f.OtherBlock},
			{faultOldHead, f.OldHead},
		}),
		transaction: pick(r.Float64(), []chance{{faultDrop, f.Drop}, {faultReorder, f.Reorder}}),
		detail:      r.Uint64(),
	}
	return out
}

type chance struct {
	name        string
	probability float64
}

// pick finds where u, from [0, 1), falls.
func pick(u float64, chances []chance) string {
	for _, c := range chances {
		if u < c.probability {
			return c.name
		}
		u -= c.probability
	}
	return faultNone
}

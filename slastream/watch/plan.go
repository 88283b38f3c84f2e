package watch

import (
	"bytes"
	"crypto/sha256"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// lastMoment returns the last moment at which the deal of a forecast can still
// complete by its deadline although nothing more was proved until then; ok is
// false if nothing more needs to be proved. If the outlook is OutlookShort the
// moment is before now.
//
// One period after the other goes by without a proof. The last that may is the
// one that leaves as many as there are chunks; its proof counts until the
// release is expected.
func lastMoment(f slastream.Forecast, c slastream.Cadence) (at uint64, ok bool) {
	unproved := f.Left - f.Pending
	if unproved == 0 {
		return 0, false
	}
	if f.Room < unproved {
		// Periods up to the deadline that had to be kept.
		rest := f.Deal.Deadline - min(f.Deal.Deadline, c.Start)
		periods := (rest - min(rest, c.Delay)) / c.Period
		at, ok := c.Expected(periods - min(periods, unproved))
		if !ok || periods < unproved {
			at = min(c.Start, f.Deal.Deadline) // it never fitted
		}
		return min(at, f.Now-min(f.Now, 1)), true
	}
	// Both products end before the deadline, so neither overflows.
	return f.Completion + (f.Room-unproved)*c.Period - (unproved-1)*c.Period, true
}

// turnOf returns the place of a tower among its peers for a deal, from 0: they
// stand in the order of SHA-256(name, deal), so that each is the
// first for its share of the deals and every tower knows all places.
func turnOf(name string, peers []string, deal attestation.Word) int {
	rank := func(name string) []byte {
		h := sha256.Sum256(append([]byte(name), deal[:]...))
		return h[:]
	}
	own := rank(name)
	n := 0
	for _, p := range peers {
		if p != name && bytes.Compare(rank(p), own) < 0 {
			n++
		}
	}
	return n
}

// slashAt returns when this tower slashes a deal.
func (t *Tower) slashAt(d slastream.Deal) uint64 {
	if len(t.config.Peers) < 2 {
		return d.Deadline
	}
	return later(d.Deadline, time.Duration(turnOf(t.config.Name, t.config.Peers, d.ID))*t.config.Stagger)
}

// again returns when to look again at a deal whose deadline has passed: after an
// eighth of the time that it is over, at the next block at the earliest and
// after an hour at the latest. So a deal that nobody can or may slash costs less
// and less.
func again(now, deadline uint64) uint64 {
	return now + min(max((now-min(now, deadline))/8, 1), 3600)
}

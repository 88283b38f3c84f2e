package slastream

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// ErrNoDeal says that the escrow knows no deal with the id that was asked for.
var ErrNoDeal = errors.New("slastream: no such deal")

// Progress is what is known of the proofs of a deal beyond what the escrow
// stores. The zero value is nothing: then each release stands for one proved
// period, and the period in progress counts as not yet proved.
type Progress struct {
	Proved uint64 // payable periods so far, paid or not
	Last   uint64 // Unix seconds of the newest payable proof, as it is attested; 0 if it is not known
}

// Outlook is what a [Forecast] comes to.
type Outlook uint8

// The outlooks of a deal. The zero value is none of them.
const (
	OutlookOnSchedule Outlook = iota + 1 // every chunk that was expected is paid
	OutlookLate                          // chunks are missing, and all of them can still be paid by the deadline
	OutlookShort                         // fewer periods are left until the deadline than chunks
	OutlookSlashable                     // the deadline has passed: anyone may slash, and releases are still paid until somebody does
	OutlookCompleted                     // every chunk is paid
	OutlookSlashed                       // the client was refunded
)

// String returns the outlook in words.
func (o Outlook) String() string {
	switch o {
	case OutlookOnSchedule:
		return "on schedule"
	case OutlookLate:
		return "late"
	case OutlookShort:
		return "cannot complete"
	case OutlookSlashable:
		return "slashable"
	case OutlookCompleted:
		return "completed"
	case OutlookSlashed:
		return "slashed"
	}
	return fmt.Sprintf("Outlook(%d)", uint8(o))
}

// A Forecast says how a deal goes on if every proving period from now on is
// proved and paid. Times are Unix seconds and 2^64-1 where a u64 cannot name
// them; durations are seconds. Of a deal that has ended only Outlook, Deal and
// Now are set.
type Forecast struct {
	Outlook Outlook
	Deal    Deal
	Now     uint64

	Expected   uint64 // chunks whose release was expected before now
	LateBy     uint64 // since when the oldest missing one of them was; 0 if none is missing
	Pending    uint64 // chunks that are proved and not paid: their release may come at any moment
	Left       uint64 // chunks not paid
	Room       uint64 // chunks that periods still to be proved can earn by the deadline
	Next       uint64 // when the next release is expected at the latest
	Completion uint64 // when the last is, be the deadline before or after
	Runway     uint64 // from now to Completion: how long the locked tokens last
	Margin     uint64 // from Completion to the deadline; 0 also if it comes too late
	Locked     Amount // what the escrow holds for the deal: what slash would pay the client as it stands
	Refund     Amount // what slash would pay the client at the deadline; 0 if the deal completes by then
}

// Forecast works out what becomes of a deal, now being a time in Unix seconds.
// The Start of the cadence decides which periods count: take that of
// [Quote.Cadence] or of the relay's binding.
//
// One period pays one chunk; a period that went by without a payable proof is
// lost, and with it the time. [OutlookShort] is certain as far as cadence and
// progress are right: the periods left are fewer than the chunks.
//
// It fails with [ErrNoDeal] for the zero deal, with what [Deal.Refund] says, and
// for a cadence without a period.
func (d Deal) Forecast(c Cadence, p Progress, now uint64) (Forecast, error) {
	f := Forecast{Deal: d, Now: now}
	switch {
	case !d.Exists():
		return Forecast{}, ErrNoDeal
	case c.Period == 0:
		return Forecast{}, errNoPeriod
	case d.Slashed:
		f.Outlook = OutlookSlashed
		return f, nil
	case !d.Active:
		f.Outlook = OutlookCompleted
		return f, nil
	}
	var err error
	if f.Locked, err = d.Refund(); err != nil {
		return Forecast{}, err
	}
	proved := min(max(p.Proved, d.Released), d.Chunks)
	next := c.next(p, proved, now) // period that earns the next chunk
	f.Left, f.Pending = d.Chunks-d.Released, proved-d.Released
	if periods := c.by(d.Deadline); periods > next {
		f.Room = periods - next
	}
	f.calendar(c, next)
	f.Outlook = f.outlook()

	if reached := f.Pending + min(f.Room, f.Left-f.Pending); reached < f.Left {
		if f.Refund, err = d.refund(d.Released + reached); err != nil {
			return Forecast{}, err
		}
	}
	return f, nil
}

// next returns the first period whose proof can still earn a chunk: its release
// is not overdue, it is not among those proved, and it comes after the newest.
func (c Cadence) next(p Progress, proved, now uint64) uint64 {
	n := max(c.before(now), proved)
	// A proof in the very second in which a period ends belongs to it.
	if p.Last > c.Start {
		n = max(n, (p.Last-c.Start-1)/c.Period+1)
	}
	return n
}

// before returns how many chunks are expected before a time.
func (c Cadence) before(at uint64) uint64 {
	if at == 0 {
		return 0
	}
	return c.by(at - 1)
}

// calendar sets the times of the forecast.
func (f *Forecast) calendar(c Cadence, next uint64) {
	f.Expected = min(c.before(f.Now), f.Deal.Chunks)
	if f.Expected > f.Deal.Released {
		f.LateBy = f.Now - c.expected(f.Deal.Released)
	}
	f.Next, f.Completion = f.Now, f.Now
	if f.Pending == 0 {
		f.Next = c.expected(next)
	}
	if unproved := f.Left - f.Pending; unproved > 0 {
		f.Completion = math.MaxUint64
		if last := next + unproved - 1; last >= next {
			f.Completion = c.expected(last)
		}
	}
	f.Runway = f.Completion - f.Now
	if f.Completion <= f.Deal.Deadline {
		f.Margin = f.Deal.Deadline - f.Completion
	}
}

// expected is Expected, or the end of time.
func (c Cadence) expected(n uint64) uint64 {
	if at, ok := c.Expected(n); ok {
		return at
	}
	return math.MaxUint64
}

func (f *Forecast) outlook() Outlook {
	switch {
	case f.Now >= f.Deal.Deadline:
		return OutlookSlashable
	case f.Room < f.Left-f.Pending:
		return OutlookShort
	case f.LateBy > 0:
		return OutlookLate
	}
	return OutlookOnSchedule
}

// String returns the forecast in one line.
func (f Forecast) String() string {
	d := f.Deal
	s := fmt.Sprintf("%v: %d of %d chunks paid", f.Outlook, d.Released, d.Chunks)
	if f.Pending > 0 {
		s += fmt.Sprintf(", %d more proved", f.Pending)
	}
	switch f.Outlook {
	case OutlookOnSchedule:
		return s + fmt.Sprintf(", next by %s, the last by %s, %s before the deadline", clock(f.Next), clock(f.Completion), span(f.Margin))
	case OutlookLate:
		return s + fmt.Sprintf(", %d expected for %s, the last by %s, %s before the deadline", f.Expected, span(f.LateBy), clock(f.Completion), span(f.Margin))
	case OutlookShort:
		return s + fmt.Sprintf(", %d left, room for %d until the deadline at %s", f.Left, f.Pending+f.Room, clock(d.Deadline))
	case OutlookSlashable:
		return s + fmt.Sprintf(", %d left, deadline passed %s ago", f.Left, span(f.Now-d.Deadline))
	}
	return s
}

// clock returns Unix seconds as a date, up to the year 9999.
func clock(at uint64) string {
	const last = 253402300799
	if at > last {
		return "the year 10000 or later"
	}
	return time.Unix(int64(at), 0).UTC().Format(time.RFC3339)
}

// span returns seconds as a duration.
func span(seconds uint64) string {
	const most = math.MaxInt64 / uint64(time.Second)
	if seconds > most {
		return fmt.Sprintf("%d s", seconds)
	}
	return (time.Duration(seconds) * time.Second).String()
}

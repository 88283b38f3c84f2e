package watch

import "github.com/slastream/slastream-go/slastream"

// LastMoment is lastMoment.
func LastMoment(f slastream.Forecast, c slastream.Cadence) (uint64, bool) { return lastMoment(f, c) }

// TurnOf is turnOf.
var TurnOf = turnOf

// DealSet is dealSet.
type DealSet = dealSet

// Has, Add, Remove, Len and Next are those of the set.
func (s dealSet) Has(id uint64) bool            { return s.has(id) }
func (s *dealSet) Add(id uint64)                { s.add(id) }
func (s dealSet) Remove(id uint64)              { s.remove(id) }
func (s dealSet) Len() int                      { return s.len() }
func (s dealSet) Next(id uint64) (uint64, bool) { return s.next(id) }

// Appointments is a schedule of times and deals.
type Appointments struct{ s schedule }

// Push adds an appointment.
func (a *Appointments) Push(at, deal uint64) { a.s.push(appointment{at, uint32(deal), 0}) }

// Pop takes the earliest that is not after now.
func (a *Appointments) Pop(now uint64) (at, deal uint64, ok bool) {
	p, ok := a.s.pop(now)
	return p.at, uint64(p.deal), ok
}

// LimitQueue sets how many alerts wait at most.
func (t *Tower) LimitQueue(n int) { t.room = n }

package watch

import (
	"cmp"
	"slices"
)

// An appointment is when to look at a deal again.
type appointment struct {
	at   uint64 // block time, Unix seconds
	deal uint32 // at most maxDeals
	wait uint32 // seconds from the block that it was made at, 0 if that did not matter
}

func (a appointment) before(b appointment) bool {
	return a.at < b.at || a.at == b.at && a.deal < b.deal
}

// A schedule is a heap of appointments, the earliest on top: 16 bytes for each
// deal. container/heap would allocate for each of them.
type schedule []appointment

func (s *schedule) push(a appointment) {
	h := append(*s, a)
	i := len(h) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !a.before(h[parent]) {
			break
		}
		h[i], i = h[parent], parent
	}
	h[i] = a
	*s = h
}

// pop takes the earliest appointment if it is not after a time.
func (s *schedule) pop(now uint64) (appointment, bool) {
	h := *s
	if len(h) == 0 || h[0].at > now {
		return appointment{}, false
	}
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].before(h[child]) {
			child++
		}
		if !h[child].before(last) {
			break
		}
		h[i], i = h[child], child
	}
	if len(h) > 0 {
		h[i] = last
	}
	if cap(h) > 1024 && len(h) < cap(h)/4 { // give back what many ended deals took
		h = slices.Clone(h)
	}
	*s = h
	return top, true
}

// rewind makes those appointments due that were made at a block whose time lies
// ahead: the clock was wrong then.
func (s *schedule) rewind(now uint64) {
	h, changed := *s, false
	for i, a := range h {
		if a.wait != 0 && a.at-min(a.at, uint64(a.wait)) > now {
			h[i].at, h[i].wait, changed = now, 0, true
		}
	}
	if changed { // what is sorted is a heap
		slices.SortFunc(h, func(a, b appointment) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.deal, b.deal)) })
	}
}

// mark takes the block time of a turn. If it went back, what was put off in terms
// of the time that was wrong is due now: a node whose clock is a year ahead for a
// moment must not stop the tower for a year.
func (t *Tower) mark(now uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now < t.newest {
		t.schedule.rewind(now)
	}
	t.newest = now
}

// meet makes an appointment at a time of the chain.
func (t *Tower) meet(at, id uint64) { t.schedule.push(appointment{at, uint32(id), 0}) }

// soon makes an appointment so many seconds after this block.
func (t *Tower) soon(now, wait, id uint64) {
	t.schedule.push(appointment{now + wait, uint32(id), uint32(wait)})
}

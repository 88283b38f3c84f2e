package watch

import "slices"

// An appointment is when to look at a deal again.
type appointment struct {
	at   uint64 // block time, Unix seconds
	deal uint64
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

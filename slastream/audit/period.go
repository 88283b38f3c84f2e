package audit

import (
	"fmt"
	"slices"
	"sort"

	"github.com/slastream/slastream-go/attestation"
)

// maxRuns bounds the runs of a deal. A log that needs more has more gaps than
// any relay leaves.
const maxRuns = 1 << 16

// A run is chunks without a gap, and the proving periods that earned the first
// and the last of them. Chunks and periods grow together: of a run no more has to
// be known to say where another chunk's period may lie.
type run struct {
	first, last uint64 // chunks
	from, to    uint64 // periods, challenge epochs
	line        uint64 // of the first chunk
}

// A history is which chunks of a deal were paid, and for which periods.
type history struct {
	set  attestation.PeriodKey // data set, without a period; of the first chunk
	line uint64                // where the data set was named
	runs []run                 // in order
	odd  map[uint64]bool       // paid chunks whose period does not fit
	top  uint64                // highest paid chunk and 1
	paid uint64                // how many chunks
}

// find returns the run that has the chunk, or where it would go.
func (h *history) find(chunk uint64) (i int, ok bool) {
	i = sort.Search(len(h.runs), func(i int) bool { return h.runs[i].last >= chunk })
	return i, i < len(h.runs) && h.runs[i].first <= chunk
}

func (h *history) has(chunk uint64) bool {
	_, ok := h.find(chunk)
	return ok || h.odd[chunk]
}

// bounds are the periods of the first and the last chunk.
func (h *history) bounds() (from, to uint64) { return h.runs[0].from, h.runs[len(h.runs)-1].to }

// fits says why a period cannot have earned an unpaid chunk.
func (h *history) fits(chunk, period uint64) *misfit {
	among := sort.Search(len(h.runs), func(i int) bool { return h.runs[i].to >= period })
	if among < len(h.runs) && h.runs[among].from <= period {
		r := h.runs[among]
		return &misfit{ReasonTwice, fmt.Sprintf("period %d earns chunk %d, and lies in those of chunks %d to %d, %d to %d", period, chunk, r.first, r.last, r.from, r.to)}
	}
	i, _ := h.find(chunk)
	if i > 0 {
		if r := h.runs[i-1]; period < r.to || period-r.to < chunk-r.last {
			return &misfit{ReasonOrder, fmt.Sprintf("period %d earns chunk %d, and period %d chunk %d before it", period, chunk, r.to, r.last)}
		}
	}
	if i < len(h.runs) {
		if r := h.runs[i]; period > r.from || r.from-period < r.first-chunk {
			return &misfit{ReasonOrder, fmt.Sprintf("period %d earns chunk %d, and period %d chunk %d after it", period, chunk, r.from, r.first)}
		}
	}
	if len(h.runs) == maxRuns {
		return &misfit{ReasonOrder, fmt.Sprintf("more than %d gaps between chunks", maxRuns)}
	}
	return nil
}

// add adds an unpaid chunk whose period fits.
func (h *history) add(chunk, period, line uint64) {
	h.count(chunk)
	i, _ := h.find(chunk)
	below := i > 0 && h.runs[i-1].last+1 == chunk
	above := i < len(h.runs) && h.runs[i].first == chunk+1
	switch {
	case below && above:
		h.runs[i-1].last, h.runs[i-1].to = h.runs[i].last, h.runs[i].to
		h.runs = slices.Delete(h.runs, i, i+1)
	case below:
		h.runs[i-1].last, h.runs[i-1].to = chunk, period
	case above:
		h.runs[i].first, h.runs[i].from, h.runs[i].line = chunk, period, line
	default:
		h.runs = slices.Insert(h.runs, i, run{chunk, chunk, period, period, line})
	}
}

// addOdd adds an unpaid chunk whose period does not fit.
func (h *history) addOdd(chunk uint64) {
	h.count(chunk)
	if h.odd == nil {
		h.odd = map[uint64]bool{}
	}
	h.odd[chunk] = true
}

func (h *history) count(chunk uint64) {
	h.paid++
	h.top = max(h.top, chunk+1)
}

// gap returns the first missing chunks before a run, and the line of the chunk
// after them.
func (h *history) gap() (first, last, line uint64, ok bool) {
	next := uint64(0)
	for _, r := range h.runs {
		for first = next; first < r.first && h.odd[first]; first++ {
		}
		if first < r.first {
			for last = r.first - 1; h.odd[last]; last-- {
			}
			return first, last, r.line, true
		}
		next = r.last + 1
	}
	return 0, 0, 0, false
}

// A misfit is why a period cannot have earned a chunk.
type misfit struct {
	reason Reason
	text   string
}

// backing is which deals a data set has backed, in order of their periods. It
// backs one at a time, so what they were paid for does not overlap.
type backing []*dealState

// overlap says which other deal has periods in the span that a deal would have
// with one more period.
func (b backing) overlap(d *dealState, period uint64) *misfit {
	from, to := period, period
	if len(d.runs) > 0 {
		first, last := d.bounds()
		from, to = min(from, first), max(to, last)
	}
	i := b.after(from)
	for _, other := range b[max(i-1, 0):min(i+2, len(b))] {
		if other == d {
			continue
		}
		first, last := other.bounds()
		if last < from || first > to {
			continue
		}
		reason := ReasonOrder
		if first <= period && period <= last {
			reason = ReasonTwice
		}
		return &misfit{reason, fmt.Sprintf("period %d of data set %s, which backs deal %s from period %d to %d", period, d.set.SetID.Big(), other.report.Deal.ID.Big(), first, last)}
	}
	return nil
}

// after returns the place of the first deal that begins after a period.
func (b backing) after(period uint64) int {
	return sort.Search(len(b), func(i int) bool {
		from, _ := b[i].bounds()
		return from > period
	})
}

// insert adds a deal that has its first period.
func (b *backing) insert(d *dealState) {
	from, _ := d.bounds()
	*b = slices.Insert(*b, b.after(from), d)
}

package watch

import (
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// maxDeals is the highest deal id that a tower watches: it bounds a dealSet to
// 32 MiB, whatever a node or a document claims.
const maxDeals = 1 << 28

// A dealSet is a set of deal ids, one bit for each up to the highest. As text it
// is a list of ranges, such as "1-5,7".
type dealSet []uint64

func (s dealSet) has(id uint64) bool {
	return id/64 < uint64(len(s)) && s[id/64]>>(id%64)&1 != 0
}

func (s *dealSet) add(id uint64) {
	for uint64(len(*s)) <= id/64 {
		*s = append(*s, 0)
	}
	(*s)[id/64] |= 1 << (id % 64)
}

// addRange adds all from first to last, a word at a time where it can.
func (s *dealSet) addRange(first, last uint64) {
	*s = slices.Grow(*s, max(int(last/64)+1-len(*s), 0))
	for id := first; id <= last; {
		if id%64 == 0 && last-id >= 63 {
			s.add(id)
			(*s)[id/64] = ^uint64(0)
			id += 64
			continue
		}
		s.add(id)
		id++
	}
}

func (s dealSet) remove(id uint64) {
	if s.has(id) {
		s[id/64] &^= 1 << (id % 64)
	}
}

func (s dealSet) len() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// next returns the lowest member that is at least id.
func (s dealSet) next(id uint64) (uint64, bool) {
	for i := id / 64; i < uint64(len(s)); i++ {
		w := s[i]
		if i == id/64 {
			w &= ^uint64(0) << (id % 64)
		}
		if w != 0 {
			return i*64 + uint64(bits.TrailingZeros64(w)), true
		}
	}
	return 0, false
}

// ranges yields the first and the last member of each run.
func (s dealSet) ranges() iter.Seq2[uint64, uint64] {
	return func(yield func(first, last uint64) bool) {
		for id := uint64(0); ; {
			first, ok := s.next(id)
			if !ok {
				return
			}
			last := first
			for s.has(last + 1) {
				if last%64 == 63 && s[last/64+1] == ^uint64(0) {
					last += 64
					continue
				}
				last++
			}
			if !yield(first, last) {
				return
			}
			id = last + 1
		}
	}
}

// MarshalText writes the ranges in order.
func (s dealSet) MarshalText() ([]byte, error) {
	var b []byte
	for first, last := range s.ranges() {
		if b != nil {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, first, 10)
		if last != first {
			b = append(b, '-')
			b = strconv.AppendUint(b, last, 10)
		}
	}
	return b, nil
}

// UnmarshalText reads what MarshalText writes, and nothing else.
func (s *dealSet) UnmarshalText(text []byte) error {
	var set dealSet
	least := uint64(1) // ids start at 1
	for part := range strings.SplitSeq(string(text), ",") {
		if len(text) == 0 {
			break
		}
		a, b, isRange := strings.Cut(part, "-")
		first, err := strconv.ParseUint(a, 10, 64)
		last := first
		if err == nil && isRange {
			last, err = strconv.ParseUint(b, 10, 64)
		}
		switch {
		case err != nil:
			return fmt.Errorf("deals %.40q: want a number or two with a dash", part)
		case first < least || last < first || isRange && last == first:
			return fmt.Errorf("deals %.40q: out of order", part)
		case last > maxDeals:
			return errors.New("more deals than a tower can watch")
		}
		set.addRange(first, last)
		least = last + 2
	}
	if again, _ := set.MarshalText(); string(again) != string(text) { // it cannot fail
		return fmt.Errorf("deals %.40q: a number has zeros or a sign before it", text)
	}
	*s = set
	return nil
}

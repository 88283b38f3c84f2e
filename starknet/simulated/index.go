package simulated

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slastream/slastream-go/slastream"
)

// A place is where an event stands: the order of getEvents.
type place struct {
	block     uint64
	tx, event int
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.block, q.block), cmp.Compare(p.tx, q.tx), cmp.Compare(p.event, q.event))
}

// String is p as a continuation token; parsePlace reads it back.
func (p place) String() string { return fmt.Sprintf("%d-%d-%d", p.block, p.tx, p.event) }

func parsePlace(s string) (place, bool) {
	var numbers [3]uint64
	parts := strings.SplitN(s, "-", 4)
	if len(parts) != len(numbers) {
		return place{}, false
	}
	for i, part := range parts {
		v, err := strconv.ParseUint(part, 10, 63)
		if err != nil {
			return place{}, false
		}
		numbers[i] = v
	}
	return place{numbers[0], int(numbers[1]), int(numbers[2])}, true
}

// An eventIndex lists the places of all events, and those of each contract.
type eventIndex struct {
	all     []place
	emitter map[slastream.Address][]place
}

func (x *eventIndex) add(t *transaction) {
	for i, e := range t.receipt.events {
		p := place{t.block.number, t.index, i}
		x.all = append(x.all, p)
		x.emitter[e.emitter] = append(x.emitter[e.emitter], p)
	}
}

// cut drops the events of blocks from number on.
func (x *eventIndex) cut(number uint64) {
	x.all = before(x.all, number)
	for a, list := range x.emitter {
		x.emitter[a] = before(list, number)
	}
}

func before(list []place, number uint64) []place {
	i, _ := slices.BinarySearchFunc(list, place{block: number}, place.compare)
	return list[:i]
}

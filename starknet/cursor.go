package starknet

import (
	"errors"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A Cursor says how far a consumer of [History.Follow] has come. Its hash is how
// a reorganization is noticed that happened while nobody followed.
type Cursor = slastream.Cursor

var errCursor = errors.New("starknet: cursor with an event and without a block hash")

func checkCursor(c Cursor) error {
	if c.Hash.IsZero() && c.Event != (EventID{}) {
		return errCursor
	}
	return nil
}

// ErrReorgTooDeep says that a reorganization reaches further back than what
// [History.Follow] knows, so that it cannot tell which events are gone. Nothing
// was retracted. Drop what came after a block that cannot change anymore (the
// last that is accepted on L1, or the deployment of the contract), and follow
// again from there; after a restart, following with more of what was seen is
// enough.
var ErrReorgTooDeep = errors.New("starknet: reorganization deeper than what is known")

// A held block is one whose events were delivered, or that ended a range
// without events.
type held[E any] struct {
	number uint64
	hash   attestation.Word // zero at the beginning: nothing was read
	whole  bool             // all its events were delivered
	last   EventID          // else: of these the last one
	events []HistoryEvent[E]
}

func (b *held[E]) cursor() Cursor {
	c := Cursor{Block: b.number, Hash: b.hash}
	if !b.whole {
		c.Event = b.last
	}
	return c
}

// next is the first block that has something to read.
func (b *held[E]) next() uint64 {
	if b.whole {
		return b.number + 1
	}
	return b.number
}

// window is how many blocks back a reorganization is resolved. Public nodes
// replay as many to a subscriber.
const window = 1024

// A trail is what was delivered lately: oldest block first, never empty. Blocks
// between two of it had no events when they were read. The first is the way
// out of a reorganization: what follows from it is known.
type trail[E any] []held[E]

// newTrail is where a consumer stands that has seen these events.
func newTrail[E any](c Cursor, seen []HistoryEvent[E]) (trail[E], error) {
	if err := checkCursor(c); err != nil {
		return nil, err
	}
	var t trail[E]
	for i, e := range seen {
		if i > 0 && seen[i-1].place().compare(e.place()) >= 0 {
			return nil, fmt.Errorf("starknet: events that were seen: %v after %v, want chain order", e.ID, seen[i-1].ID)
		}
		t.add(e, c.Block)
	}
	if len(t) == 0 {
		return trail[E]{{number: c.Block, hash: c.Hash, whole: c.Event == EventID{} && !c.Hash.IsZero(), last: c.Event}}, nil
	}
	last := t.tip()
	switch {
	case c.Event != EventID{} && last.cursor() == c:
	case c.Event == EventID{} && !c.Hash.IsZero() && last.number == c.Block && last.hash == c.Hash:
		last.whole = true
	case c.Event == EventID{} && !c.Hash.IsZero() && last.number < c.Block:
		t.whole(c.Block, c.Hash, c.Block)
	default:
		return nil, fmt.Errorf("starknet: events that were seen: the last is %v in block %d, and the cursor is elsewhere", last.last, last.number)
	}
	return t, nil
}

func (t trail[E]) tip() *held[E] { return &t[len(t)-1] }

// add notes a delivered event of a chain that ends at head.
func (t *trail[E]) add(e HistoryEvent[E], head uint64) {
	if len(*t) == 0 || t.tip().hash.IsZero() || t.tip().number != e.BlockNumber {
		t.finish()
		*t = append(*t, held[E]{number: e.BlockNumber, hash: e.BlockHash})
		t.trim(head)
	}
	b := t.tip()
	b.events = append(b.events, e)
	b.last = e.ID
}

// finish notes that the newest block has no more events.
func (t *trail[E]) finish() {
	if len(*t) > 0 && !t.tip().hash.IsZero() {
		t.tip().whole = true
	}
}

// whole notes that all events up to the end of a block were delivered.
func (t *trail[E]) whole(number uint64, hash attestation.Word, head uint64) {
	if b := t.tip(); b.number != number || b.hash.IsZero() {
		t.finish()
		*t = append(*t, held[E]{number: number, hash: hash})
		t.trim(head)
	}
	t.finish()
}

// trim forgets the blocks before the newest one that is older than the window
// below head.
func (t *trail[E]) trim(head uint64) {
	list := *t
	head = max(head, t.tip().number)
	i := 0
	for i+1 < len(list) && head-list[i+1].number > window {
		i++
	}
	if i == 0 {
		return
	}
	// Cut from the front: what is cut must not be kept alive.
	clear(list[:i])
	*t = list[i:]
}

// drop takes the newest event away, or the newest block if it has none, and
// returns where the consumer is then.
func (t *trail[E]) drop() (e HistoryEvent[E], ok bool, c Cursor) {
	b := t.tip()
	if n := len(b.events); n > 0 {
		e, ok = b.events[n-1], true
		b.events = b.events[:n-1]
		b.whole = false
		if n > 1 {
			b.last = b.events[n-2].ID
		}
	}
	if len(b.events) == 0 {
		*t = (*t)[:len(*t)-1]
	}
	return e, ok, t.tip().cursor()
}

package simulated

import "slices"

// A component is a part of the state with a journal of its own: an escrow or a
// ledger of package slastream/escrow.
type component interface {
	Snapshot() int
	Revert(id int) bool
	At(id int, f func()) bool
}

// A change is one write of the node's own that can be taken back. swap
// exchanges the stored value with the one the change holds, so the same method
// undoes and redoes.
type change interface{ swap() }

// A step is one entry of the journal: a change, or where a component stood
// before something that writes to it.
type step struct {
	change    change
	component component
	before    int // snapshot of component
}

// A journal lists what changed the state, in order.
type journal struct {
	base  int // steps that are not in the list: all before a state that is visited
	steps []step
}

// A mark names a state: the number of steps up to it.
type mark int

func (j *journal) mark() mark { return mark(j.base + len(j.steps)) }

// write runs f, which may write to the component.
func (j *journal) write(c component, f func()) {
	at, before := len(j.steps), c.Snapshot()
	j.steps = append(j.steps, step{component: c, before: before})
	f()
	if len(j.steps) == at+1 && c.Snapshot() == before {
		j.steps = j.steps[:at] // it only read
	}
}

// undo goes back to a mark.
func (j *journal) undo(m mark) {
	keep := int(m) - j.base
	for _, s := range slices.Backward(j.steps[keep:]) {
		if s.change != nil {
			s.change.swap()
		} else {
			s.component.Revert(s.before)
		}
	}
	clear(j.steps[keep:])
	j.steps = j.steps[:keep]
}

// at runs f in the state of a mark and comes back; what f changed is dropped.
// It costs as much as there are steps after the mark. Inside f, marks before m
// are not known.
func (j *journal) at(m mark, f func()) {
	present := *j
	later := present.steps[int(m)-present.base:]
	visit := func() {
		// The visit is over before the components come back to the present.
		defer j.undo(m)
		f()
	}
	seen := make(map[component]bool)
	for _, s := range later {
		if s.component != nil && !seen[s.component] {
			seen[s.component] = true
			inner := visit
			visit = func() { s.component.At(s.before, inner) }
		}
	}
	for _, s := range slices.Backward(later) {
		if s.change != nil {
			s.change.swap()
		}
	}
	// A list of its own for f: appending to the old one would either overwrite
	// the steps to redo or copy the whole history.
	*j = journal{base: int(m)}
	defer func() {
		for _, s := range later {
			if s.change != nil {
				s.change.swap()
			}
		}
		*j = present
	}()
	visit()
}

// A table is a map whose writes are journaled: an absent key reads as the zero
// value, and writing the zero value removes the key.
type table[K, V comparable] struct {
	values  map[K]V
	journal *journal
}

func newTable[K, V comparable](j *journal) *table[K, V] {
	return &table[K, V]{make(map[K]V), j}
}

func (t *table[K, V]) get(k K) V { return t.values[k] }

func (t *table[K, V]) set(k K, v V) {
	old := t.values[k]
	if old == v {
		return
	}
	t.put(k, v)
	t.journal.steps = append(t.journal.steps, step{change: &written[K, V]{t, k, old}})
}

func (t *table[K, V]) put(k K, v V) {
	var zero V
	if v == zero {
		delete(t.values, k)
		return
	}
	t.values[k] = v
}

// A written is the change of one key of a table.
type written[K, V comparable] struct {
	table *table[K, V]
	key   K
	other V // the value that is not in the table now
}

func (w *written[K, V]) swap() {
	now := w.table.get(w.key)
	w.table.put(w.key, w.other)
	w.other = now
}

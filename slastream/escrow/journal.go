package escrow

import "slices"

// A change is one write that can be taken back. swap exchanges the stored
// value with the one the change holds, so the same method undoes and redoes.
type change interface{ swap() }

// A journal is the list of changes since the oldest state that is still known.
// A mark names the state after that many changes in all.
type journal struct {
	changes   []change
	forgotten int // changes that were dropped: the oldest known mark
}

func (j *journal) mark() int { return j.forgotten + len(j.changes) }

func (j *journal) knows(mark int) bool { return j.forgotten <= mark && mark <= j.mark() }

// revert undoes what happened after mark.
func (j *journal) revert(mark int) bool {
	if !j.knows(mark) {
		return false
	}
	keep := mark - j.forgotten
	for _, c := range slices.Backward(j.changes[keep:]) {
		c.swap()
	}
	clear(j.changes[keep:])
	j.changes = j.changes[:keep]
	return true
}

// at undoes what happened after mark, runs f, drops what f changed and redoes
// the rest. It costs as much as there are changes after mark.
func (j *journal) at(mark int, f func()) bool {
	if !j.knows(mark) {
		return false
	}
	present := *j
	later := present.changes[mark-present.forgotten:]
	for _, c := range slices.Backward(later) {
		c.swap()
	}
	// A list of its own for f: appending to the old one would either overwrite
	// the changes to redo or copy the whole history.
	*j = journal{forgotten: mark}
	defer func() {
		for _, c := range slices.Backward(j.changes) {
			c.swap()
		}
		for _, c := range later {
			c.swap()
		}
		*j = present
	}()
	f()
	return true
}

// forget drops the changes before mark. The next time the list grows, only
// the rest is copied, so the memory comes back without work of its own.
func (j *journal) forget(mark int) bool {
	if !j.knows(mark) {
		return false
	}
	drop := mark - j.forgotten
	clear(j.changes[:drop])
	j.changes = j.changes[drop:]
	j.forgotten = mark
	return true
}

// A table is a contract's storage map: an absent key reads as the zero value,
// and writing the zero value removes the key.
type table[K, V comparable] struct {
	values  map[K]V
	journal *journal
}

func newTable[K, V comparable](j *journal) table[K, V] {
	return table[K, V]{values: make(map[K]V), journal: j}
}

func (t table[K, V]) get(k K) V { return t.values[k] }

func (t table[K, V]) set(k K, v V) {
	old := t.values[k]
	if old == v {
		return
	}
	t.put(k, v)
	t.journal.changes = append(t.journal.changes, &write[K, V]{table: t, key: k, other: old})
}

func (t table[K, V]) put(k K, v V) {
	var zero V
	if v == zero {
		delete(t.values, k)
		return
	}
	t.values[k] = v
}

// A write is the change of one key of a table.
type write[K, V comparable] struct {
	table table[K, V]
	key   K
	other V // the value that is not in the table now
}

func (w *write[K, V]) swap() {
	now := w.table.get(w.key)
	w.table.put(w.key, w.other)
	w.other = now
}

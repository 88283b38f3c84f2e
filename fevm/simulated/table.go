package simulated

import (
	"cmp"
	"iter"
)

// A table is an ordered map that does not change: with returns another one that
// shares almost all of it (a persistent AVL tree). So a state of the chain is
// kept by keeping a table, and going back to it costs nothing: that is what
// snapshots, reorganisations, reverts and calls at old epochs are made of. The
// zero value is empty.
type table[K cmp.Ordered, V any] struct{ root *node[K, V] }

type node[K cmp.Ordered, V any] struct {
	left, right *node[K, V]
	key         K
	value       V
	height      int8
}

func (t table[K, V]) get(key K) (v V, ok bool) {
	for n := t.root; n != nil; {
		switch cmp.Compare(key, n.key) {
		case -1:
			n = n.left
		case 1:
			n = n.right
		default:
			return n.value, true
		}
	}
	return v, false
}

func (t table[K, V]) with(key K, value V) table[K, V] {
	return table[K, V]{t.root.with(key, value)}
}

// all yields the entries in key order, from the first key that is not below
// from.
func (t table[K, V]) all(from K) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) { t.root.walk(from, yield) }
}

func (n *node[K, V]) walk(from K, yield func(K, V) bool) bool {
	if n == nil {
		return true
	}
	if cmp.Less(n.key, from) {
		return n.right.walk(from, yield)
	}
	return n.left.walk(from, yield) && yield(n.key, n.value) && n.right.walk(from, yield)
}

func (n *node[K, V]) with(key K, value V) *node[K, V] {
	if n == nil {
		return &node[K, V]{key: key, value: value, height: 1}
	}
	switch cmp.Compare(key, n.key) {
	case -1:
		return join(n.left.with(key, value), n, n.right)
	case 1:
		return join(n.left, n, n.right.with(key, value))
	}
	return &node[K, V]{n.left, n.right, key, value, n.height}
}

// join returns a balanced node with the entry of mid; left and right differ in
// height by two at most.
func join[K cmp.Ordered, V any](left, mid, right *node[K, V]) *node[K, V] {
	switch l, r := left.tall(), right.tall(); {
	case l > r+1:
		if left.left.tall() >= left.right.tall() {
			return fresh(left.left, left, fresh(left.right, mid, right))
		}
		pivot := left.right
		return fresh(fresh(left.left, left, pivot.left), pivot, fresh(pivot.right, mid, right))
	case r > l+1:
		if right.right.tall() >= right.left.tall() {
			return fresh(fresh(left, mid, right.left), right, right.right)
		}
		pivot := right.left
		return fresh(fresh(left, mid, pivot.left), pivot, fresh(pivot.right, right, right.right))
	}
	return fresh(left, mid, right)
}

func fresh[K cmp.Ordered, V any](left, mid, right *node[K, V]) *node[K, V] {
	return &node[K, V]{left, right, mid.key, mid.value, 1 + max(left.tall(), right.tall())}
}

func (n *node[K, V]) tall() int8 {
	if n == nil {
		return 0
	}
	return n.height
}

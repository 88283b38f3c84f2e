package simulated

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"
)

// Starknet's Poseidon: the Hades permutation of three felts with 8 full rounds
// around 83 partial ones. A node hashes every transaction, which is a third of
// its work; this is faster than juno's, which a test compares it with.
const (
	fullRounds    = 8
	partialRounds = 83
)

// A hadesKeys is the round keys. A partial round changes one felt before it
// mixes, so the keys of the other two can wait: mixed, they are part of the
// next round's, and in the end of those of the first full round after.
type hadesKeys struct {
	first, last [fullRounds / 2][3]fp.Element
	partial     [partialRounds]fp.Element
}

// keys are SHA-256 of "Hades0", "Hades1", … modulo the prime.
var keys = sync.OnceValue(func() *hadesKeys {
	k := new(hadesKeys)
	n := 0
	next := func() (key [3]fp.Element) {
		for i := range key {
			digest := sha256.Sum256(fmt.Appendf(nil, "Hades%d", n))
			key[i].SetBytes(digest[:])
			n++
		}
		return key
	}
	for i := range k.first {
		k.first[i] = next()
	}
	var waiting [3]fp.Element
	for i := range k.partial {
		key := next()
		add(&key, &waiting)
		k.partial[i] = key[2]
		waiting = [3]fp.Element{key[0], key[1]}
		mix(&waiting)
	}
	for i := range k.last {
		k.last[i] = next()
	}
	add(&k.last[0], &waiting)
	return k
})

func hades(s *[3]fp.Element) {
	k := keys()
	full := func(key *[3]fp.Element) {
		add(s, key)
		cube(&s[0])
		cube(&s[1])
		cube(&s[2])
		mix(s)
	}
	for i := range k.first {
		full(&k.first[i])
	}
	for i := range k.partial {
		s[2].Add(&s[2], &k.partial[i])
		cube(&s[2])
		mix(s)
	}
	for i := range k.last {
		full(&k.last[i])
	}
}

func add(s, key *[3]fp.Element) {
	for i := range s {
		s[i].Add(&s[i], &key[i])
	}
}

// mix is the matrix (3 1 1, 1 −1 1, 1 1 −2).
func mix(s *[3]fp.Element) {
	var sum fp.Element
	sum.Add(&s[0], &s[1])
	s[1].Sub(&s[0], &s[1])
	s[1].Add(&s[1], &s[2])
	s[2].Double(&s[2])
	s[2].Sub(&sum, &s[2])
	s[0].Double(&sum)
	s[0].Add(&s[0], &s[1])
}

func cube(x *fp.Element) {
	var square fp.Element
	square.Square(x)
	x.Mul(x, &square)
}

// emptyHash is the hash of no felts, of which a transaction has some.
var emptyHash = sync.OnceValue(func() hexFelt { return (*sponge)(nil).hash(nil) })

// poseidon is poseidon_hash_many.
func poseidon(list []hexFelt) hexFelt {
	if len(list) == 0 {
		return emptyHash()
	}
	return (*sponge)(nil).hash(list)
}

// A sponge hashes lists of felts and goes on from where the last one was the
// same: a sender's transactions begin alike, in fields and in calldata. It is
// safe for concurrent use.
type sponge struct{ last atomic.Pointer[absorbed] }

// An absorbed is a list with the states after each of its pairs.
type absorbed struct {
	list   []hexFelt
	states [][3]fp.Element
}

// hash is poseidon_hash_many. A nil sponge remembers nothing.
func (p *sponge) hash(list []hexFelt) hexFelt {
	var s [3]fp.Element
	keep := p != nil && len(list) <= maxRemembered
	now := &absorbed{list: list}
	if keep {
		now.states = p.resume(list)
		if n := len(now.states); n > 0 {
			s = now.states[n-1]
		}
	}
	for i := len(now.states); i < len(list)/2; i++ {
		s[0].Add(&s[0], (*fp.Element)(&list[2*i]))
		s[1].Add(&s[1], (*fp.Element)(&list[2*i+1]))
		hades(&s)
		if keep {
			now.states = append(now.states, s)
		}
	}
	if keep {
		p.last.Store(now)
	}
	odd := len(list) % 2
	if odd == 1 {
		s[0].Add(&s[0], (*fp.Element)(&list[len(list)-1]))
	}
	var one fp.Element
	one.SetOne()
	s[odd].Add(&s[odd], &one)
	hades(&s)
	return hexFelt(s[0])
}

// resume returns the states of the pairs that list and the last one begin
// with.
func (p *sponge) resume(list []hexFelt) [][3]fp.Element {
	states := make([][3]fp.Element, 0, len(list)/2)
	last := p.last.Load()
	if last == nil {
		return states
	}
	for i, s := range last.states {
		if 2*i+1 >= len(list) || last.list[2*i] != list[2*i] || last.list[2*i+1] != list[2*i+1] {
			break
		}
		states = append(states, s)
	}
	return states
}

// maxRemembered bounds the list that a sponge keeps.
const maxRemembered = 1024

package relaytest

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// errDead is what a call gets that is made after the kill, by a goroutine that
// has not noticed yet. It never reaches the relay.
var errDead = errors.New("relaytest: the process is dead")

// killed is the panic that ends a turn at a kill point.
type killed struct{ *process }

// A process is one life of the relay, from its start to its kill. It counts the
// calls that leave the relay: each is a kill point. It is safe for concurrent
// use.
type process struct {
	cancel context.CancelFunc // ends what waits inside a client

	mu     sync.Mutex
	calls  int
	writes int    // calls that change something
	killAt int    // the call, or the write, with this number is the last; 0: none
	write  bool   // killAt counts writes
	name   string // if it is set, killAt counts the calls with this name
	named  int
	after  bool   // it has its effect, and the answer is lost
	point  string // where it was killed
	dead   bool
}

// call makes a call that is a kill point.
func (p *process) call(name string, effect func() error) error {
	p.mu.Lock()
	if p.dead {
		p.mu.Unlock()
		return errDead
	}
	p.calls++
	if isWrite(name) {
		p.writes++
	}
	if name == p.name {
		p.named++
	}
	count := p.calls
	switch {
	case p.write:
		count = p.writes
	case p.name != "":
		count = p.named
	}
	last := count > 0 && count == p.killAt
	if last && !p.after {
		p.die("before", name, p.calls)
		p.mu.Unlock()
		return errDead
	}
	at := p.calls
	p.mu.Unlock()
	err := effect()
	if last {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.die("after", name, at)
		return errDead
	}
	return err
}

// isWrite reports whether a call changes a store, a journal or a chain.
func isWrite(name string) bool {
	switch name {
	case "Store.Bind", "Store.Observe", "Store.Commit", "Journal.Put", "starknet starknet_addInvokeTransaction":
		return true
	}
	return false
}

// die ends the process at a call. Those to other nodes that began since, beside
// it, do not count: how many they are is chance.
func (p *process) die(when, name string, call int) {
	p.dead, p.calls, p.point = true, call, fmt.Sprintf("%s %s (call %d)", when, name, call)
	p.cancel()
}

// live panics if the process is dead: nothing of the relay runs after that.
func (p *process) live() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		panic(killed{p})
	}
}

// do makes a call of the relay's own goroutine that is a kill point.
func (p *process) do(name string, effect func() error) error {
	p.live()
	err := p.call(name, effect)
	p.live()
	return err
}

// through makes a call of the relay's own goroutine that holds kill points.
func through[T any](p *process, f func() (T, error)) (T, error) {
	p.live()
	v, err := f()
	p.live()
	return v, err
}

// get makes a call that is a kill point and has an answer.
func get[T any](p *process, name string, f func() (T, error)) (v T, err error) {
	err = p.do(name, func() error { v, err = f(); return err })
	return v, err
}

// run runs f and reports whether the process was killed in it.
func (p *process) run(f func()) (dead bool) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case killed:
			dead = true
		default:
			panic(r)
		}
	}()
	f()
	p.live()
	return false
}

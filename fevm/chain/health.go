package chain

import (
	"errors"
	"sync"
	"time"
)

// Pauses of a node that failed: the first, doubled with each further failure in
// a row, up to the longest.
const (
	firstPause   = time.Second
	longestPause = time.Minute
)

// A Health is what [Nodes] thinks of one node.
type Health struct {
	Name     string
	Failures int       // in a row; 0 means that the last answer was good
	Until    time.Time // when a failing node is asked again
	Last     error     // the last failure; nil if there was none
	Banned   bool      // serves another chain: never asked again
}

// A member is a client with its record. It is safe for concurrent use.
type member struct {
	client *Client
	name   string

	mu     sync.Mutex
	health Health
}

func (m *member) status() Health {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.health
	h.Name = m.name
	return h
}

// note records the outcome of a question. What the node refused for a good
// reason is no failure of the node.
func (m *member) note(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil || settles(err) {
		m.health.Failures, m.health.Until = 0, time.Time{}
		return
	}
	m.health.Last = err
	if _, other := errors.AsType[*ChainIDError](err); other {
		m.health.Banned = true
		return
	}
	pause := firstPause << min(m.health.Failures, 6)
	m.health.Failures++
	m.health.Until = time.Now().Add(min(pause, longestPause))
}

// settles reports whether an error answers the question as any other node would.
func settles(err error) bool {
	_, reverted := errors.AsType[*RevertError](err)
	return reverted || errors.Is(err, ErrNullRound)
}

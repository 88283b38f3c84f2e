package simulated

import (
	"errors"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// A state is the mutable part of the chain: the contracts with what they store,
// the declared classes and the nonces. It remembers every change, so a mark can
// be gone back to or visited.
type state struct {
	world   *world
	journal journal

	contracts *table[slastream.Address, *contract]
	declared  *table[hexFelt, *class]
	nonces    *table[slastream.Address, uint64]
	ledger    *escrow.Ledger // of STRK, which fees are paid in

	events   []event      // since the last reset
	deployed []*contract  // since the last reset
	made     []*made      // outermost calls since the last reset
	inside   *made        // call that is being made, nil outside
	depth    int          // of calls that are being made
	clock    uint64       // block timestamp that they see, Unix seconds
	tx       *transaction // that makes the calls, nil if there is none
}

// A made is a call that was made, with all that it made itself.
type made struct {
	call
	class  hexFelt
	kind   string // EXTERNAL or CONSTRUCTOR
	result []hexFelt
	events []emitted // of this call alone
	calls  []*made
}

// An emitted is an event with its place among those of the transaction.
type emitted struct {
	event
	order int
}

// A contract is one deployed contract. What it stores is in the part that its
// class uses.
type contract struct {
	address slastream.Address
	class   *class

	escrow *escrow.Contract
	token  *token
	mock   *mock
	key    *starkKey // of an account
}

// component is the part with a journal of its own, nil if there is none.
func (c *contract) component() component {
	switch {
	case c.escrow != nil:
		return c.escrow
	case c.token != nil:
		return c.token.ledger
	}
	return nil
}

var initialBalance, _ = slastream.ParseAmount("1000000", 18)

// noState is before everything.
func noState() *state {
	s := new(state)
	s.contracts = newTable[slastream.Address, *contract](&s.journal)
	s.declared = newTable[hexFelt, *class](&s.journal)
	s.nonces = newTable[slastream.Address, uint64](&s.journal)
	return s
}

// newState deploys what a world is born with.
func newState(w *world) *state {
	s := noState()
	s.world = w
	w.genesis(s)
	s.reset()
	// Nothing goes back beyond the first block.
	s.journal = journal{}
	return s
}

func (s *state) mark() mark { return s.journal.mark() }

// undo goes back to a mark. It keeps s.events.
func (s *state) undo(m mark) { s.journal.undo(m) }

// at runs f in the state of a mark and comes back; what f changed is dropped.
func (s *state) at(m mark, f func()) { s.journal.at(m, f) }

// reset forgets what the last transaction did.
func (s *state) reset() { s.events, s.deployed, s.made = nil, nil, nil }

// nonce is the number of transactions that an account sent.
func (s *state) nonce(a slastream.Address) uint64 { return s.nonces.get(a) }

// count makes a's nonce one more.
func (s *state) count(a slastream.Address) { s.nonces.set(a, s.nonces.get(a)+1) }

// contract returns the contract at an address, nil if there is none.
func (s *state) contract(a slastream.Address) *contract { return s.contracts.get(a) }

// classHash is the class at an address, 0 if there is no contract.
func (s *state) classHash(at slastream.Address) hexFelt {
	if c := s.contract(at); c != nil {
		return c.class.hash
	}
	return hexFelt{}
}

func (s *state) emit(from slastream.Address, keys, data []hexFelt) {
	e := event{From: word(from), Keys: keys, Data: data, emitter: from}
	if s.inside != nil {
		s.inside.events = append(s.inside.events, emitted{e, len(s.events)})
	}
	s.events = append(s.events, e)
}

// A call is one call of a contract.
type call struct {
	caller, to slastream.Address
	selector   hexFelt
	calldata   []hexFelt
	at         uint64 // block timestamp, Unix seconds

	self *contract // at to; set by run
}

// maxDepth bounds the calls inside of calls: a token that calls back could go
// on for ever. A real node runs out of gas long before.
const maxDepth = 50

// run executes a call. It does not undo a failed one.
func (s *state) run(c *call) (*entry, []hexFelt, *fault) {
	if c.selector == selExecute && !c.caller.IsZero() {
		// Nobody but the sequencer executes a transaction: a system call refuses.
		return nil, nil, &fault{reason: "Invalid argument"}
	}
	c.self = s.contract(c.to)
	if c.self == nil {
		return nil, nil, hardFault(s.frame(c.to, c.selector), contractMissing, notDeployed(c.to))
	}
	e := c.self.class.entries[c.selector]
	if e == nil {
		return nil, nil, softFault(s.frame(c.to, c.selector), entryMissing, "ENTRYPOINT_NOT_FOUND")
	}
	if s.depth == maxDepth {
		return e, nil, softFault(s.frame(c.to, c.selector), nothingMissing, "Out of gas")
	}
	out, err := s.enter(c, "EXTERNAL", func(r *reader) ([]hexFelt, error) { return e.run(s, c, r) })
	if err != nil {
		return e, nil, s.fault(c, err)
	}
	return e, out, nil
}

// enter runs the code of the contract c.self.
func (s *state) enter(c *call, kind string, code func(*reader) ([]hexFelt, error)) (out []hexFelt, err error) {
	outside := s.inside
	m := &made{call: *c, class: c.self.class.hash, kind: kind}
	s.inside = m
	s.clock = c.at
	s.depth++
	run := func() { out, err = code(&reader{in: c.calldata}) }
	if part := c.self.component(); part != nil {
		inner := run
		run = func() { s.journal.write(part, inner) }
	}
	run()
	s.depth--
	s.inside = outside
	m.result = out
	if outside != nil {
		outside.calls = append(outside.calls, m)
	} else {
		s.made = append(s.made, m)
	}
	return out, err
}

// fault is what the error of a contract's code makes of the call.
func (s *state) fault(c *call, err error) *fault {
	f := s.frame(c.to, c.selector)
	if inner, ok := errors.AsType[*fault](err); ok {
		if inner.own {
			return inner
		}
		return inner.from(f)
	}
	if revert, ok := errors.AsType[*slastream.RevertError](err); ok {
		return softFault(f, nothingMissing, revert.Reason)
	}
	// The models return nothing else; a felt must come out all the same.
	return softFault(f, nothingMissing, "Internal error")
}

func (s *state) frame(to slastream.Address, sel hexFelt) frame {
	f := frame{Address: word(to), Selector: sel}
	if c := s.contract(to); c != nil {
		f.Class, f.class = c.class.hash, c.class
	}
	return f
}

package simulated

import (
	"errors"
	"slices"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/starknet"
)

// A state is the mutable part of the chain: the escrow, the token and the
// nonces. It remembers every change, so a mark can be gone back to or visited.
type state struct {
	world  *world
	escrow *escrow.Contract
	ledger *escrow.Ledger

	senders []slastream.Address // of every transaction, in order
	nonces  map[slastream.Address]uint64

	events []event // since the last reset
	inner  *frame  // token call that failed inside the escrow's
}

// A mark names a state.
type mark struct{ escrow, ledger, senders int }

var initialBalance, _ = slastream.ParseAmount("1000000", 18)

func newState(w *world) *state {
	s := &state{world: w, nonces: make(map[slastream.Address]uint64)}
	s.ledger = escrow.NewLedger(func(e escrow.TokenEvent) {
		keys, data := tokenEvent(e)
		s.emit(w.params.Token, keys, data)
	})
	s.escrow = escrow.New(w.params, tokenHost{s})
	for _, a := range append(slices.Clone(w.accounts), w.minter) {
		// Cannot fail: the addresses are not 0 and the sum is far below 2^256.
		_ = s.ledger.Mint(a.Address, initialBalance)
	}
	s.events = nil
	return s
}

func (s *state) mark() mark {
	return mark{s.escrow.Snapshot(), s.ledger.Snapshot(), len(s.senders)}
}

// undo goes back to a mark. It keeps s.events.
func (s *state) undo(m mark) {
	s.escrow.Revert(m.escrow)
	s.ledger.Revert(m.ledger)
	s.uncount(m.senders)
}

// at runs f in the state of a mark and comes back; what f changed is dropped,
// events too. It costs as much as there are changes after the mark.
func (s *state) at(m mark, f func()) {
	senders, events := s.senders, s.events
	s.uncount(m.senders)
	s.senders, s.events = slices.Clip(s.senders), nil
	defer func() {
		s.uncount(m.senders)
		for _, a := range senders[m.senders:] {
			s.nonces[a]++
		}
		s.senders, s.events = senders, events
	}()
	s.escrow.At(m.escrow, func() { s.ledger.At(m.ledger, f) })
}

// count makes a's nonce one more: the number of transactions that a sent.
func (s *state) count(a slastream.Address) {
	s.nonces[a]++
	s.senders = append(s.senders, a)
}

// uncount takes back all transactions but the first n.
func (s *state) uncount(n int) {
	for _, a := range s.senders[n:] {
		s.nonces[a]--
	}
	s.senders = s.senders[:n]
}

func (s *state) emit(from slastream.Address, keys, data []hexFelt) {
	s.events = append(s.events, event{From: word(from), Keys: keys, Data: data, emitter: from})
}

// tokenHost is the state as the escrow sees it. It is no escrow.Undoer: who
// runs a call undoes a failed one as a whole.
type tokenHost struct{ s *state }

var (
	selTransferCall     = selector("transfer")
	selTransferFromCall = selector("transfer_from")
)

func (h tokenHost) Transfer(from, to slastream.Address, amount slastream.Amount) error {
	return h.note(selTransferCall, h.s.ledger.Transfer(from, to, amount))
}

func (h tokenHost) TransferFrom(caller, from, to slastream.Address, amount slastream.Amount) error {
	return h.note(selTransferFromCall, h.s.ledger.TransferFrom(caller, from, to, amount))
}

// note remembers which call of the token failed, for the texts of the revert.
func (h tokenHost) note(sel hexFelt, err error) error {
	if err != nil {
		h.s.inner = h.s.frame(h.s.world.params.Token, sel)
	}
	return err
}

func (h tokenHost) Emit(e slastream.Event) {
	keys, data := starknet.EncodeEvent(e)
	h.s.emit(h.s.world.params.Address, values(keys), values(data))
}

// A call is one call of a contract.
type call struct {
	caller, to slastream.Address
	selector   hexFelt
	calldata   []hexFelt
	at         uint64 // block timestamp, Unix seconds
}

// run executes a call. It does not undo a failed one.
func (s *state) run(c *call) (*entry, []hexFelt, *fault) {
	class := s.world.classes[c.to]
	if class == nil {
		return nil, nil, &fault{frames: []frame{*s.frame(c.to, c.selector)}, missing: contractMissing}
	}
	e := class.entries[c.selector]
	if e == nil {
		return nil, nil, s.fault(c, entryMissing, "ENTRYPOINT_NOT_FOUND")
	}
	s.inner = nil
	out, err := e.run(s, c, &reader{in: c.calldata})
	if err != nil {
		if revert, ok := errors.AsType[*slastream.RevertError](err); ok {
			return e, nil, s.fault(c, nothingMissing, revert.Reason)
		}
		// The model returns nothing else; a felt must come out all the same.
		return e, nil, s.fault(c, nothingMissing, "Internal error")
	}
	return e, out, nil
}

func (s *state) fault(c *call, m missing, reason string) *fault {
	f := &fault{frames: []frame{*s.frame(c.to, c.selector)}, reason: reason, missing: m}
	if s.inner != nil {
		f.frames = append(f.frames, *s.inner)
		s.inner = nil
	}
	return f
}

func (s *state) frame(to slastream.Address, sel hexFelt) *frame {
	return &frame{Address: word(to), Class: s.world.classHash(to), Selector: sel}
}

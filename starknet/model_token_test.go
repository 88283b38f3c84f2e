package starknet_test

import (
	"maps"

	"github.com/NethermindEth/juno/core/felt"
	"pgregory.net/rapid"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// misbehave makes the token answer false or panic, if it does not already.
func (p *pair) misbehave(t *rapid.T) {
	mode := mockHonest
	if p.mock.mode == mockHonest || one(t, 2, "still") {
		mode = rapid.SampledFrom([]mockMode{mockFalse, mockPanic}).Draw(t, "mode")
	}
	p.by(t, p.setMode(mode))
}

func (p *pair) setMode(mode mockMode) operation {
	return operation{p.call("set_mode", felt.NewFromUint64[felt.Felt](uint64(mode))), func(escrow.Call) error {
		p.mock.mode = mode
		return nil
	}}
}

// callBack makes the token call something.
func (p *pair) callBack(t *rapid.T) {
	var o operation
	switch rapid.SampledFrom([]string{"approve", "create_deal", "release_chunk", "release_batch", "slash", "pause", "accept_ownership"}).Draw(t, "call") {
	case "approve":
		o = p.approval(t, attestation.Word{22: 1})
	case "create_deal":
		o = p.creation(t)
	case "release_chunk":
		o = p.release(t)
	case "release_batch":
		o = p.batch(t)
	case "slash":
		o = p.slashing(p.dealID(t))
	case "pause":
		o = p.plain("pause", p.model.Pause)
	case "accept_ownership":
		o = p.plain("accept_ownership", p.model.AcceptOwnership)
	}
	p.arm(t, o)
}

// arm makes the token make a call, once, before it next moves tokens.
func (p *pair) arm(t *rapid.T, o operation) {
	args := []*felt.Felt{felts(t, o.call.To.Word())[0], o.call.Selector, felt.NewFromUint64[felt.Felt](uint64(len(o.call.Calldata)))}
	p.by(t, operation{p.call("set_call", append(args, o.call.Calldata...)...), func(escrow.Call) error {
		p.mock.callback = o.model
		return nil
	}})
	p.by(t, p.setMode(mockReenter))
}

// mockMode is what transfer and transfer_from of the mock token do.
type mockMode uint8

// The modes of starknet/cairo/src/mock_erc20.cairo.
const (
	mockHonest mockMode = iota
	mockFalse
	mockPanic
	mockReenter
)

// A mockToken is starknet/cairo/src/mock_erc20.cairo in Go, and the event log
// of the escrow.
type mockToken struct {
	address    slastream.Address
	balances   map[slastream.Address]slastream.Amount
	allowances map[[2]slastream.Address]slastream.Amount
	mode       mockMode
	callback   func(escrow.Call) error

	at         uint64 // time of the transaction
	log        []slastream.Event
	calledBack bool
}

var _ escrow.Host = (*mockToken)(nil)

func (m *mockToken) clone() *mockToken {
	c := *m
	c.balances, c.allowances = maps.Clone(m.balances), maps.Clone(m.allowances)
	return &c
}

func (m *mockToken) become(old *mockToken) { *m = *old }

func (m *mockToken) Emit(e slastream.Event) { m.log = append(m.log, e) }

func (m *mockToken) behave() error {
	switch m.mode {
	case mockFalse:
		return escrow.ErrFalse
	case mockPanic:
		return &slastream.RevertError{Reason: "mock failure"}
	case mockReenter:
		m.mode, m.calledBack = mockHonest, true
		return m.callback(escrow.Call{From: m.address, At: m.at})
	}
	return nil
}

func (m *mockToken) Transfer(from, to slastream.Address, amount slastream.Amount) error {
	if err := m.behave(); err != nil {
		return err
	}
	return m.move(from, to, amount)
}

func (m *mockToken) TransferFrom(caller, from, to slastream.Address, amount slastream.Amount) error {
	if err := m.behave(); err != nil {
		return err
	}
	key := [2]slastream.Address{from, caller}
	left, err := m.allowances[key].Sub(amount)
	if err != nil {
		return &slastream.RevertError{Reason: "insufficient allowance"}
	}
	m.allowances[key] = left
	return m.move(from, to, amount)
}

func (m *mockToken) move(from, to slastream.Address, amount slastream.Amount) error {
	left, err := m.balances[from].Sub(amount)
	if err != nil {
		return &slastream.RevertError{Reason: "insufficient balance"}
	}
	m.balances[from] = left
	sum, err := m.balances[to].Add(amount)
	if err != nil {
		return slastream.ErrAddOverflow
	}
	m.balances[to] = sum
	return nil
}

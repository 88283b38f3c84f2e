package simulated

import (
	"github.com/slastream/slastream-go/slastream"
)

// What a mock token does when it should pay: mode of
// starknet/cairo/src/mock_erc20.cairo.
const (
	modeHonest  = 0
	modeFalse   = 1 // answers false and moves nothing
	modePanic   = 2
	modeReenter = 3 // makes the stored call, once, then behaves
)

// A mock is MockERC20 of starknet/cairo: anyone mints, it has no events, and it
// misbehaves when told to.
type mock struct {
	balances   *table[slastream.Address, slastream.Amount]
	allowances *table[allowance, slastream.Amount]
	numbers    *table[mockNumber, hexFelt]
}

type allowance struct{ owner, spender slastream.Address }

// A mockNumber is a variable of one felt: mode, the stored call's target,
// selector and length, and the felts of its calldata.
type mockNumber struct {
	variable uint8
	index    uint64 // of calldata
}

const (
	mockMode uint8 = iota
	mockTo
	mockSelector
	mockLength
	mockData
)

func newMock(s *state) *mock {
	return &mock{
		balances:   newTable[slastream.Address, slastream.Amount](&s.journal),
		allowances: newTable[allowance, slastream.Amount](&s.journal),
		numbers:    newTable[mockNumber, hexFelt](&s.journal),
	}
}

func (m *mock) number(variable uint8) hexFelt { return m.numbers.get(mockNumber{variable: variable}) }

func (m *mock) uint(variable uint8) uint64 {
	b := m.number(variable).bytes()
	return uint64(b[28])<<24 | uint64(b[29])<<16 | uint64(b[30])<<8 | uint64(b[31])
}

func (m *mock) set(variable uint8, v hexFelt) { m.numbers.set(mockNumber{variable: variable}, v) }

var mockEntries = []entry{
	{"mint", costTransfer, func(_ *state, c *call, r *reader) ([]hexFelt, error) {
		to, value := r.address(), r.amount()
		if err := r.end(); err != nil {
			return nil, err
		}
		return nil, c.self.mock.give(to, value)
	}},
	{"approve", costApprove, func(_ *state, c *call, r *reader) ([]hexFelt, error) {
		spender, value := r.address(), r.amount()
		if err := r.end(); err != nil {
			return nil, err
		}
		c.self.mock.allowances.set(allowance{c.caller, spender}, value)
		return []hexFelt{flag(true)}, nil
	}},
	{"transfer", costTransfer, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		to, value := r.address(), r.amount()
		if err := r.end(); err != nil {
			return nil, err
		}
		if ok, err := c.self.mock.behave(s, c); !ok || err != nil {
			return []hexFelt{flag(false)}, err
		}
		return yes(c.self.mock.move(c.caller, to, value))
	}},
	{"transfer_from", costTransfer, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		from, to, value := r.address(), r.address(), r.amount()
		if err := r.end(); err != nil {
			return nil, err
		}
		m := c.self.mock
		if ok, err := m.behave(s, c); !ok || err != nil {
			return []hexFelt{flag(false)}, err
		}
		left, err := m.allowances.get(allowance{from, c.caller}).Sub(value)
		if err != nil {
			return nil, &slastream.RevertError{Reason: "insufficient allowance"}
		}
		m.allowances.set(allowance{from, c.caller}, left)
		return yes(m.move(from, to, value))
	}},
	{"balance_of", costView, func(_ *state, c *call, r *reader) ([]hexFelt, error) {
		a := r.address()
		if err := r.end(); err != nil {
			return nil, err
		}
		return amount(c.self.mock.balances.get(a)), nil
	}},
	{"allowance", costView, func(_ *state, c *call, r *reader) ([]hexFelt, error) {
		owner, spender := r.address(), r.address()
		if err := r.end(); err != nil {
			return nil, err
		}
		return amount(c.self.mock.allowances.get(allowance{owner, spender})), nil
	}},
	{"set_mode", costView, func(_ *state, c *call, r *reader) ([]hexFelt, error) {
		mode := r.uint(1)
		if err := r.end(); err != nil {
			return nil, err
		}
		c.self.mock.set(mockMode, number(mode))
		return nil, nil
	}},
	{"set_call", costView, func(_ *state, c *call, r *reader) ([]hexFelt, error) {
		to, sel, data := r.address(), r.felt(), r.felts()
		if err := r.end(); err != nil {
			return nil, err
		}
		m := c.self.mock
		m.set(mockTo, word(to))
		m.set(mockSelector, sel)
		m.set(mockLength, number(uint64(len(data))))
		for i, f := range data {
			m.numbers.set(mockNumber{mockData, uint64(i)}, f)
		}
		return nil, nil
	}},
}

// behave does what the mode says and reports whether to go on.
func (m *mock) behave(s *state, c *call) (bool, error) {
	switch m.uint(mockMode) {
	case modePanic:
		return false, &slastream.RevertError{Reason: "mock failure"}
	case modeFalse:
		return false, nil
	case modeReenter:
		m.set(mockMode, number(modeHonest))
		back := &call{caller: c.to, to: slastream.Address(m.number(mockTo).bytes()), selector: m.number(mockSelector), at: c.at, calldata: []hexFelt{}}
		for i := range m.uint(mockLength) {
			back.calldata = append(back.calldata, m.numbers.get(mockNumber{mockData, i}))
		}
		if _, _, fault := s.run(back); fault != nil {
			return false, fault
		}
	}
	return true, nil
}

func (m *mock) move(from, to slastream.Address, value slastream.Amount) error {
	left, err := m.balances.get(from).Sub(value)
	if err != nil {
		return &slastream.RevertError{Reason: "insufficient balance"}
	}
	m.balances.set(from, left)
	return m.give(to, value)
}

func (m *mock) give(to slastream.Address, value slastream.Amount) error {
	sum, err := m.balances.get(to).Add(value)
	if err != nil {
		return slastream.ErrAddOverflow
	}
	m.balances.set(to, sum)
	return nil
}

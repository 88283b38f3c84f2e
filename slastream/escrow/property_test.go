package escrow_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// machine drives the model and the naive one with the same random calls.
type machine struct {
	t        testing.TB
	model    *chain
	naive    *naive
	accounts []slastream.Address
	marks    []machineMark
	signed   signatures
	supply   slastream.Amount
}

type machineMark struct {
	contract, ledger, log int
	naive                 *naive
	state                 state
}

func newMachine(t testing.TB, rules attestation.Rules, signed signatures) *machine {
	p := testParams
	p.Rules = rules
	h, ledger := newHost()
	m := &machine{
		t: t, model: newChain(p, h), naive: newNaive(p.Address, owner), signed: signed,
		accounts: []slastream.Address{{}, client, provider, stranger, owner, escrowAddr},
	}
	for _, a := range []slastream.Address{client, provider, stranger, owner} {
		require.NoError(t, ledger.Mint(a, amount(3000)))
		m.naive.rich[a] = big.NewInt(3000)
	}
	m.supply, h.log = ledger.Supply(), nil
	return m
}

func (m *machine) state() state { return m.model.state(m.accounts) }

// both makes one call on both models and compares the outcomes; if it fails,
// nothing may have changed.
func (m *machine) both(t *rapid.T, real func() error, plain func()) {
	refuseAt := rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "token refuses move")
	moves := 0
	m.model.host.before = func(_, _ slastream.Address, _ slastream.Amount) error {
		if moves++; moves == refuseAt {
			return &slastream.RevertError{Reason: "token refuses"}
		}
		return nil
	}
	before := m.state()
	err := real()
	m.model.host.before = nil
	reason := m.naive.run(refuseAt, plain)
	if reason == "" {
		require.NoError(t, err)
		return
	}
	requireReason(t, reason, err)
	require.Equal(t, before, m.state(), "a failed call changed something")
}

var (
	times   = rapid.SampledFrom([]uint64{0, 1, 10, 19, 20, 21, 30, 39, 40, 41, math.MaxUint64 - 20, math.MaxUint64})
	amounts = rapid.SampledFrom([]slastream.Amount{
		{}, amount(1), amount(7), amount(50), amount(100), amount(299), amount(2000), amount(math.MaxUint64), maxAmount,
	})
	terms = rapid.SampledFrom([]slastream.Terms{
		{Chunks: 1, ChunkAmount: amount(10), Duration: 20},
		{Chunks: 2, ChunkAmount: amount(100), Collateral: amount(50), Duration: 20},
		{Chunks: 3, ChunkAmount: amount(7), Collateral: amount(1), Duration: 40},
		{Chunks: chunkLimit, ChunkAmount: amount(20), Collateral: amount(100), Duration: 30},
	})
	chunks = rapid.SampledFrom([]uint64{0, 1, 2, 3, chunkLimit})
)

// often is true three times out of four.
func often(t *rapid.T, what string) bool {
	return rapid.SampledFrom([]bool{true, true, true, false}).Draw(t, what)
}

func (m *machine) account(t *rapid.T) slastream.Address {
	return rapid.SampledFrom(m.accounts).Draw(t, "account")
}

// caller is any account but the escrow, which never calls itself nor approves
// anything: as its own client it would pay deals out of those of others.
func (m *machine) caller(t *rapid.T) slastream.Address {
	return rapid.SampledFrom(m.accounts[:5]).Draw(t, "caller")
}

func (m *machine) call(t *rapid.T) escrow.Call {
	return escrow.Call{From: m.caller(t), At: times.Draw(t, "at")}
}

// dealID is an active deal most of the time.
func (m *machine) dealID(t *rapid.T) uint64 {
	ids := []uint64{0, uint64(len(m.naive.deals)) + 1}
	if often(t, "existing") {
		var active []uint64
		for id := range uint64(len(m.naive.deals)) {
			if ids = append(ids, id+1); m.naive.deals[int64(id+1)].state == "active" {
				active = append(active, id+1)
			}
		}
		if len(active) > 0 {
			ids = active
		}
	}
	return rapid.SampledFrom(ids).Draw(t, "deal")
}

func (m *machine) approve(t *rapid.T) {
	who, much := m.caller(t), amounts.Draw(t, "allowance")
	m.both(t,
		func() error { return m.model.ledger.Approve(who, escrowAddr, much) },
		func() { m.naive.approve(who, escrowAddr, much.Word().Big()) })
}

func (m *machine) create(t *rapid.T) {
	call, terms := m.call(t), terms.Draw(t, "terms")
	terms.Provider = m.account(t)
	switch rapid.IntRange(0, 9).Draw(t, "spoil") {
	case 5:
		terms.Chunks = chunks.Draw(t, "chunks")
	case 6:
		terms.ChunkAmount = amounts.Draw(t, "chunk amount")
	case 7:
		terms.Collateral = amounts.Draw(t, "collateral")
	case 8:
		terms.Duration = times.Draw(t, "duration")
	}
	m.both(t,
		func() error { _, err := m.model.CreateDeal(call, terms); return err },
		func() { m.naive.create(call, terms) })
}

func (m *machine) release(t *rapid.T) {
	key := signatureKey{m.dealID(t), chunks.Draw(t, "chunk"), rapid.SampledFrom([]string{
		"valid", "valid", "valid", "high s", "other parity", "other key", "empty",
	}).Draw(t, "signature")}
	call, signed := m.call(t), m.sign(key)
	verdict := ""
	switch key.kind {
	case "high s":
		if m.model.Params().Rules == attestation.RulesLowS {
			verdict = "Signature recovery failed"
		}
	case "other parity", "other key":
		verdict = "PKP key X mismatch"
	case "empty":
		verdict = "Signature recovery failed"
	}
	m.both(t,
		func() error { return m.model.ReleaseChunk(call, signed) },
		func() { m.naive.release(key.deal, key.index, verdict) })
}

func (m *machine) sign(key signatureKey) attestation.Signed {
	if s, ok := m.signed[key]; ok {
		return s
	}
	s := sign(m.t, testSecret, chunkOf(key.deal, key.index))
	switch key.kind {
	case "high s":
		s = highS(s)
	case "other parity":
		s = flipV(s)
	case "other key":
		s = sign(m.t, big.NewInt(5), s.Attestation)
	case "empty":
		s.Signature = attestation.Signature{}
	}
	m.signed[key] = s
	return s
}

func (m *machine) slash(t *rapid.T) {
	call, id := m.call(t), m.dealID(t)
	m.both(t,
		func() error { return m.model.Slash(call, word(id)) },
		func() { m.naive.slash(call, id) })
}

func (m *machine) pause(t *rapid.T) {
	call, on := m.call(t), !often(t, "off")
	if often(t, "by the owner") {
		call.From = owner
	}
	set := m.model.Unpause
	if on {
		set = m.model.Pause
	}
	m.both(t, func() error { return set(call) }, func() { m.naive.setPaused(call, on) })
}

func (m *machine) mark(*rapid.T) {
	m.marks = append(m.marks, machineMark{
		m.model.Snapshot(), m.model.ledger.Snapshot(), len(m.model.host.log), m.naive.copy(), m.state(),
	})
}

// drawMark picks one of the remembered states.
func (m *machine) drawMark(t *rapid.T) (int, machineMark) {
	if len(m.marks) == 0 {
		t.Skip("no mark")
	}
	i := rapid.IntRange(0, len(m.marks)-1).Draw(t, "mark")
	return i, m.marks[i]
}

func (m *machine) revert(t *rapid.T) {
	i, mark := m.drawMark(t)
	require.True(t, m.model.Revert(mark.contract))
	require.True(t, m.model.ledger.Revert(mark.ledger))
	m.model.host.log = m.model.host.log[:mark.log]
	m.naive = mark.naive.copy()
	m.marks = m.marks[:i+1]
	require.Equal(t, mark.state, m.state())
}

// visit goes to an old state, makes calls there and comes back.
func (m *machine) visit(t *rapid.T) {
	_, mark := m.drawMark(t)
	present, presentNaive, log := m.state(), m.naive, m.model.host.log
	visited := false
	inside := func() {
		m.naive, m.model.host.log = mark.naive.copy(), log[:mark.log:mark.log]
		require.Equal(t, mark.state, m.state())
		m.create(t)
		m.release(t)
		m.slash(t)
		require.Equal(t, m.naive.state(m.accounts), m.state())
		visited = true
	}
	require.True(t, m.model.At(mark.contract, func() {
		require.True(t, m.model.ledger.At(mark.ledger, inside))
	}))
	require.True(t, visited)
	m.naive, m.model.host.log = presentNaive, log
	require.Equal(t, present, m.state())
}

func (m *machine) forget(t *rapid.T) {
	i, mark := m.drawMark(t)
	present := m.state()
	require.True(t, m.model.Forget(mark.contract))
	require.True(t, m.model.ledger.Forget(mark.ledger))
	for _, older := range m.marks[:i] {
		if older.contract < mark.contract {
			require.False(t, m.model.Revert(older.contract))
			require.False(t, m.model.At(older.contract, func() { t.Fatal("ran in a forgotten state") }))
			require.False(t, m.model.Forget(older.contract))
		}
	}
	m.marks = m.marks[i:]
	require.Equal(t, present, m.state())
}

// check holds what is true of every state.
func (m *machine) check(t *rapid.T) {
	have := m.state()
	require.Equal(t, m.naive.state(m.accounts), have)
	sum, held, want := new(big.Int), have.balances[escrowAddr].Word(), new(big.Int)
	for _, b := range have.balances {
		sum.Add(sum, b.Word().Big())
	}
	require.Equal(t, m.supply.Word(), wordOf(sum), "supply changed")
	for _, d := range have.deals {
		released := uint64(0)
		for index := range d.Chunks {
			if have.paid[[2]uint64{idOf(d), index}] {
				released++
			}
		}
		require.Equal(t, d.Released, released)
		chunk, collateral := d.ChunkAmount.Word().Big(), d.Collateral.Word().Big()
		paid := new(big.Int).Mul(chunk, new(big.Int).SetUint64(released))
		if d.Active { // live: the escrow holds collateral and unpaid chunks
			want.Add(want, collateral).Add(want, d.Total.Word().Big()).Sub(want, paid)
		}
		if d.Provider == escrowAddr { // paid to the escrow itself: locked for good
			want.Add(want, paid)
			if d.Completed() {
				want.Add(want, collateral)
			}
		}
	}
	require.Equal(t, wordOf(want), held, "tokens of the escrow")
}

func idOf(d slastream.Deal) uint64 {
	n, _ := d.ID.Uint64()
	return n
}

func TestRandomCalls(t *testing.T) {
	for _, rules := range []attestation.Rules{attestation.RulesLowS, attestation.RulesLegacy} {
		t.Run(rules.String(), func(t *testing.T) {
			signed := signatures{}
			rapid.Check(t, func(rt *rapid.T) {
				m := newMachine(t, rules, signed)
				for _, a := range m.accounts[1:5] { // most deals shall come about
					require.NoError(rt, m.model.ledger.Approve(a, escrowAddr, amount(2000)))
					m.naive.approve(a, escrowAddr, big.NewInt(2000))
				}
				rt.Repeat(map[string]func(*rapid.T){
					"":        m.check,
					"approve": m.approve,
					"create":  m.create,
					"release": m.release, "release 2": m.release, "release 3": m.release, "release 4": m.release, "release 5": m.release,
					"slash":  m.slash,
					"pause":  m.pause,
					"mark":   m.mark,
					"revert": m.revert,
					"visit":  m.visit,
					"forget": m.forget,
				})
			})
		})
	}
}

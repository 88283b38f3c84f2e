package simulated

import (
	"encoding/hex"
	"math/big"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// A Machine runs messages on the models without signatures and tipsets, for
// replays of recorded chains.
type Machine struct{ vm vm }

// A Log is an emitted event.
type Log struct {
	Address common.Address
	Topics  []common.Hash
	Data    []byte
}

// NewMachine returns a machine with a verifier at an address.
func NewMachine(verifierAt, owner common.Address, finality uint64) *Machine {
	m := &Machine{vm{contracts: map[common.Address]contract{verifierAt: verifier{finality: finality}}}}
	m.vm.world = world{mockNext: 1, verifier: verifierState{nextSet: 1, owner: owner}}
	m.vm.world.verifier.fee.next = *defaultFee
	return m
}

// Recorded makes the verifier a release that was recorded in an EVM without a
// limit of events, between initialize and migrate.
func (m *Machine) Recorded(verifierAt common.Address, r Release, implementation common.Address) {
	m.vm.ethereum = true
	v := m.vm.contracts[verifierAt].(verifier)
	v.releases = map[common.Address]Release{implementation: r}
	m.vm.contracts[verifierAt] = v
	m.vm.world.verifier.release, m.vm.world.verifier.implementation, m.vm.world.verifier.initialized = r, implementation, 1
	m.vm.world.verifier.legacySets = 0
	if r == Release350 {
		m.vm.world.verifier.legacySets = 1
	}
}

// A Stub is a contract of a test: it sees the caller, the value and the input,
// and can call other contracts and use storage.
type Stub func(f StubFrame, input []byte) error

func (s Stub) call(f *frame, input []byte) ([]byte, error) { return nil, s(StubFrame{f}, input) }

type StubFrame struct{ f *frame }

func (s StubFrame) Load(slot [32]byte) [32]byte { return s.f.load(slot) }
func (s StubFrame) Store(slot, value [32]byte)  { s.f.store(slot, value) }
func (s StubFrame) Call(to common.Address, value *big.Int, input []byte) error {
	v, _ := uint256.FromBig(value)
	_, err := s.f.message(s.f.self, to, v, input)
	return err
}

// RevertWith is a revert with data.
func RevertWith(data []byte) error { return &revert{data} }

// InstallService puts a strict service of a verifier on the machine.
func (m *Machine) InstallService(at, verifierAt common.Address, period, window uint64) {
	m.vm.contracts[at] = service{verifierAt, period, window}
}

func (m *Machine) Install(at common.Address, s Stub) { m.vm.contracts[at] = s }
func (m *Machine) InstallMock(at common.Address)     { m.vm.contracts[at] = mock{} }

func (m *Machine) Fund(a common.Address) {
	m.vm.setAccount(a, account{balance: *new(uint256.Int).Mul(uint256.NewInt(1e18), uint256.NewInt(1e9))})
}

// State and SetState are the world between messages.
func (m *Machine) State() any         { return m.vm.world }
func (m *Machine) SetState(state any) { m.vm.world = state.(world) }

// Run runs one message; revert is nil if it succeeded.
func (m *Machine) Run(number, time uint64, from, to common.Address, value *big.Int, input []byte) (ret []byte, logs []Log, failed *RevertError) {
	m.vm.number, m.vm.time, m.vm.logs = number, time, nil
	v, _ := uint256.FromBig(value)
	ret, err := m.vm.message(from, to, v, input)
	if err != nil {
		data := err.(*revert).data
		return nil, nil, &RevertError{Reason: revertReason(data), Data: data}
	}
	for _, l := range m.vm.logs {
		logs = append(logs, Log{l.address, l.topics, l.data})
	}
	return ret, logs, nil
}

// AddListener puts a contract of a test on a node.
func (n *Node) AddListener(at common.Address, s Stub) { n.contracts[at] = s }

// VerifierABI is the ABI that the model dispatches by.
func VerifierABI() *abi.ABI { return verifierABI() }

// Frozen is what a reader sees that has taken the chain and no lock.
func (n *Node) Frozen() func(epoch uint64) (common.Hash, error) {
	c := n.view()
	return func(epoch uint64) (common.Hash, error) {
		t, err := c.tipset(epoch)
		return t.hash, err
	}
}

// LenientLeaves is the leaf count of a piece as releases before 3.5.0 read its
// CID.
func LenientLeaves(cid []byte) (leaves uint64, root [32]byte, height uint8, ok bool) {
	p, err := lenientPiece(0, cid)
	if err != nil {
		return 0, root, 0, false
	}
	return p.leaves, p.root(), p.height(), true
}

// SetRelease changes what the verifier of a machine runs, between messages.
func (m *Machine) SetRelease(r Release) { m.vm.world.verifier.release = r }

// ServiceErrors are the selectors of the service's custom errors.
func ServiceErrors() (ids []string) {
	for _, e := range serviceABI().Errors {
		ids = append(ids, hex.EncodeToString(e.ID[:4]))
	}
	return ids
}

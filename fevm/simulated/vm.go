package simulated

import (
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"golang.org/x/crypto/sha3"

	"github.com/slastream/slastream-go/attestation"
)

// A contract is a contract written in Go. All it keeps between calls is in the
// world, so that a snapshot of the world is one of the contract. An error is
// always a *revert. The listener of a data set is one, called with the calldata
// of PDPListener.
type contract interface {
	call(f *frame, input []byte) ([]byte, error)
}

// A vm runs the messages of one transaction or call.
type vm struct {
	world
	number, time uint64
	contracts    map[common.Address]contract
	logs         []logEntry
	ethereum     bool // no limit of an event's size: for what was recorded in another EVM
}

type logEntry struct {
	address common.Address
	topics  []common.Hash
	data    []byte
}

// A frame is one message call.
type frame struct {
	*vm
	caller, self common.Address
	value        uint256.Int
}

// maxEventBytes is the FVM's limit of the values of one event, topics included;
// more fails the message (ref-fvm, emit_event).
const maxEventBytes = 8192

// message calls a contract or pays an account. It undoes what a failed call
// did.
func (m *vm) message(from, to common.Address, value *uint256.Int, input []byte) ([]byte, error) {
	before, logs := m.world, len(m.logs)
	ret, err := m.run(from, to, value, input)
	if err != nil {
		m.world, m.logs = before, m.logs[:logs]
	}
	return ret, err
}

func (m *vm) run(from, to common.Address, value *uint256.Int, input []byte) ([]byte, error) {
	if !m.move(from, to, value) {
		return nil, &revert{}
	}
	c := m.contracts[to]
	if c == nil {
		return nil, nil
	}
	return c.call(&frame{vm: m, caller: from, self: to, value: *value}, input)
}

// pay sends attoFIL of the contract to an account without running its code, as
// FVMPay does with method 0.
func (f *frame) pay(to common.Address, amount *uint256.Int) bool {
	return f.move(f.self, to, amount)
}

func (f *frame) emit(topics []common.Hash, data []byte) error {
	if 32*len(topics)+len(data) > maxEventBytes && !f.ethereum {
		return &revert{}
	}
	f.logs = append(f.logs, logEntry{f.self, topics, data})
	return nil
}

// load and store are the storage slots of a contract.
func (f *frame) load(slot attestation.Word) attestation.Word {
	w, _ := f.storage.get(string(f.self[:]) + string(slot[:]))
	return w
}

func (f *frame) store(slot, value attestation.Word) {
	f.storage = f.storage.with(string(f.self[:])+string(slot[:]), value)
}

// burnAddress is the burnt funds actor f099 as the EVM sees it.
var burnAddress = common.Address{0: 0xff, 19: 99}

// beacon is the randomness of an epoch: keccak256(uint256 epoch), the same
// stand-in for drand that the recorded runs of the real contract used. For a
// future epoch the recorded precompile gave the epoch back.
func beacon(epoch attestation.Word, now uint64) attestation.Word {
	if epoch.Cmp(attestation.WordFromUint64(now)) > 0 {
		return epoch
	}
	return keccak(epoch[:])
}

func keccak(parts ...[]byte) (w attestation.Word) {
	h := sha3.NewLegacyKeccak256()
	for _, p := range parts {
		h.Write(p)
	}
	h.Sum(w[:0])
	return w
}

package simulated

import (
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/internal/wsrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// Options choose a node. The zero value is a node with the wall clock, ten
// accounts and the attestation key (0, 0), for which anybody can sign.
type Options struct {
	Seed     uint64                // of the accounts' keys and the escrow's address
	Accounts int                   // number of accounts, 0 means 10
	Key      attestation.PublicKey // attestation key of the escrow
	Class    escrow.Class          // of the escrow; the constructor of Extended is not run, so give it a good Key
	Rules    attestation.Rules     // corelib that the compatible escrow behaves like; the zero value is low-s
	Clock    func() uint64         // Unix seconds, nil means the wall clock; it must not call the node
	Manual   bool                  // transactions wait in the pre_confirmed block for Mine
}

// A Node is a Starknet node in process. It is an http.Handler and safe for
// concurrent use. Make one with [New]. Only its WebSockets need [Node.Close].
type Node struct {
	clock    func() uint64
	manual   bool
	world    *world
	hasher   hasher
	handlers map[version]jsonrpc.Handler

	mu      sync.Mutex
	state   *state // after the open block
	blocks  []*block
	pending *block // open block; nil while it is empty
	byHash  map[hexFelt]*block
	txs     map[hexFelt]*transaction
	index   eventIndex
	slots   slotIndex
	l1      uint64  // number of blocks accepted on L1, the first ones
	offset  uint64  // added to the clock, modulo 2^64
	exact   *uint64 // timestamp of the next block, nil means by the clock

	mempool       mempool
	subscriptions []*subscription
	subscribed    uint64 // subscriptions ever made
	sockets       wsrpc.Server
}

// New returns a node with one empty block: the accounts, the token and the
// escrow are deployed in it. It does no I/O. A negative number of accounts
// means 10 too.
func New(o Options) *Node {
	if o.Accounts <= 0 {
		o.Accounts = 10
	}
	n := &Node{
		clock:  o.Clock,
		manual: o.Manual,
		world:  newWorld(o),
		byHash: make(map[hexFelt]*block),
		txs:    make(map[hexFelt]*transaction),
		index:  eventIndex{emitter: make(map[slastream.Address][]place)},

		sockets: wsrpc.Server{MaxBytes: maxQueue},
	}
	if n.clock == nil {
		n.clock = func() uint64 { return uint64(time.Now().Unix()) }
	}
	n.state = newState(n.world)
	n.slots = newSlotIndex()
	genesis := &block{timestamp: n.now()}
	n.pending = genesis
	n.seal()
	n.handlers = map[version]jsonrpc.Handler{v09: n.handler(v09), v010: n.handler(v010)}
	return n
}

// Client returns an HTTP client whose every request goes to the node without
// a socket, whatever host its URL names.
func (n *Node) Client() *http.Client {
	return &http.Client{Transport: jsonrpc.InProcess(n)}
}

// Accounts returns the node's accounts. The first owns the escrow.
func (n *Node) Accounts() []Account {
	return slices.Clone(n.world.accounts)
}

// Escrow returns the address of the escrow.
func (n *Node) Escrow() slastream.Address { return n.world.params.Address }

// Token returns the address of the fee token, which deals are paid in: STRK's.
func (n *Node) Token() slastream.Address { return n.world.params.Token }

// Domain returns the chain id, SN_SEPOLIA, and the escrow.
func (n *Node) Domain() attestation.Domain {
	return attestation.Domain{ChainID: chainID.bytes(), Escrow: n.Escrow().Word()}
}

// Mine seals the open block, which may be empty, and returns its hash.
func (n *Node) Mine() attestation.Word {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.seal().hash.bytes()
}

// SetTime makes the clock show t, Unix seconds, from where it goes on, and
// mines an empty block with exactly that timestamp. It may go back. Open
// transactions are sealed before, with the timestamp they saw.
func (n *Node) SetTime(t uint64) attestation.Word {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.setTime(t)
	return n.seal().hash.bytes()
}

// setTime makes t the timestamp of the next block.
func (n *Node) setTime(t uint64) {
	if n.pending != nil {
		n.seal()
	}
	n.offset = t - n.clock() // may wrap, and then wraps back in now
	n.exact = &t
}

// IncreaseTime is SetTime to that many seconds from now, at most to the end of
// a u64.
func (n *Node) IncreaseTime(seconds uint64) attestation.Word {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.nextTimestamp()
	n.setTime(now + min(seconds, math.MaxUint64-now))
	return n.seal().hash.bytes()
}

// Mint sends a transaction that gives new tokens to an address and returns its
// hash. The fee comes from an account of the node that is not in Accounts.
func (n *Node) Mint(to slastream.Address, amount slastream.Amount) (attestation.Word, error) {
	hash, _, err := n.mint(to, amount)
	return hash.bytes(), err
}

// Abort drops the blocks from number to the head, and the open one, as if they
// had never been: a reorganization. Their transactions are unknown again and
// can be sent again. It returns the hashes of the dropped blocks, newest
// first. Block 0 and blocks accepted on L1 stay; the number after the head
// drops the open block alone.
func (n *Node) Abort(number uint64) ([]attestation.Word, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	dropped, err := n.abortFrom(number)
	if err != nil {
		return nil, err
	}
	return hashes(dropped), nil
}

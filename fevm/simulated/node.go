package simulated

import (
	"context"
	"crypto/ecdsa"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/internal/wsrpc"
)

// The network that a node plays: Calibration.
const (
	ChainID      = 314159     // EIP-155 chain id
	Genesis      = 1667326380 // Unix seconds of epoch 0
	EpochSeconds = 30
)

// EpochAt returns the epoch that a time, in Unix seconds, falls into; 0 before
// [Genesis].
func EpochAt(unix uint64) uint64 {
	if unix < Genesis {
		return 0
	}
	return (unix - Genesis) / EpochSeconds
}

// Defaults of the options.
const (
	defaultStart     = 3_300_000 // 21 December 2025
	defaultSafe      = 5
	defaultFinalized = 10
	defaultResults   = 10_000
	defaultPeriod    = 240
	defaultWindow    = 20
	accountCount     = 10
	maxSnapshots     = 10_000
)

// A Node is one chain and its JSON-RPC endpoint, an http.Handler that answers
// under every path. It is safe for concurrent use, and without WebSockets it
// starts no goroutine and needs no closing.
type Node struct {
	finalized, safe uint64
	maxResults      int
	manual          bool
	software        Software
	oldErrors       bool
	deferred        bool
	lookback        time.Duration
	clock           func() uint64 // nil: there is none
	accounts        []Account
	sp              Account // proves for [Node.Prove]
	verifier, mock  common.Address
	service         common.Address
	permissive      common.Address
	window          uint64 // of the service, in epochs
	contracts       map[common.Address]contract
	implementations map[common.Address]Release
	handler         jsonrpc.Handler
	methods         map[string]method
	client          *http.Client

	mu        sync.RWMutex
	chain     chain
	pool      []pooled // manual mining only: in order of arrival, nonces without gaps
	fork      uint32   // of the tipsets that are mined now; a new one after each reorganisation or revert
	snapshots []snapshot
	snapID    uint64 // of snapshots[0]
	orphans   []orphan

	observers map[common.Hash]*observer // filters and subscriptions, by id
	observed  uint64                    // how many there were, for the ids
	sockets   wsrpc.Server

	proving sync.Mutex // one Prove at a time
	prover  *Provider
}

type snapshot struct {
	chain chain
	pool  []pooled
}

var _ http.Handler = (*Node)(nil)

// An Option changes what [New] makes.
type Option func(*options)

type options struct {
	seed, start     uint64
	safe, finalized uint64
	maxResults      int
	manual          bool
	release         Release
	software        Software
	oldErrors       bool
	deferred        bool
	lookback        time.Duration
	period, window  uint64
	clock           func() uint64
}

// WithRelease deploys another release of the verifier than 3.5.0, which
// [Node.Upgrade] upgrades in place.
func WithRelease(r Release) Option { return func(o *options) { o.release = r } }

// WithProvingPeriod sets the proving period of [Node.Service] and the window at
// its end in which proofs count, in epochs. The defaults are those of
// Calibration, 240 and 20; Mainnet has 2,880 and 20. The window is at least 1,
// and the period longer than it and than the challenge finality of 10.
func WithProvingPeriod(period, window uint64) Option {
	return func(o *options) {
		o.window = max(window, 1)
		o.period = max(period, o.window+challengeFinality+1)
	}
}

// WithSeed derives the accounts, the addresses of the contracts and the tipset
// hashes from seed. The default is 0.
func WithSeed(seed uint64) Option { return func(o *options) { o.seed = seed } }

// WithStart makes epoch the first of the chain; [EpochAt] gives that of a time.
// The default is 3,300,000. Epochs from 2^40 on are cut to that.
func WithStart(epoch uint64) Option { return func(o *options) { o.start = min(epoch, 1<<40) } }

// WithFinality sets how many epochs behind the head the block tags "safe" and
// "finalized" are. The defaults are 5 and 10.
func WithFinality(safe, finalized uint64) Option {
	return func(o *options) { o.safe, o.finalized = safe, finalized }
}

// WithManualMining keeps transactions pending until [Node.Mine]. Without it each
// transaction is mined at once, in an epoch of its own.
func WithManualMining() Option { return func(o *options) { o.manual = true } }

// WithMaxResults sets how many logs eth_getLogs answers when they are of more
// than one epoch (MaxFilterResults of Lotus). The default is 10,000.
func WithMaxResults(n int) Option { return func(o *options) { o.maxResults = n } }

// New returns a node with ten funded accounts, a PDPVerifier and a mock
// verifier, both deployed before the first tipset and without data sets. It does
// no I/O.
func New(opts ...Option) *Node {
	o := options{period: defaultPeriod, window: defaultWindow, start: defaultStart, safe: defaultSafe, finalized: defaultFinalized, maxResults: defaultResults}
	for _, opt := range opts {
		opt(&o)
	}
	n := &Node{
		finalized: o.finalized, safe: o.safe, maxResults: o.maxResults, manual: o.manual,
		observers: map[common.Hash]*observer{}, sockets: wsrpc.Server{MaxMessages: maxQueue},
		software: o.software, oldErrors: o.oldErrors, deferred: o.deferred, lookback: o.lookback, clock: o.clock, snapID: 1,
	}
	genesis := world{mockNext: 1, verifier: verifierState{nextSet: 1}}
	genesis.verifier.fee.next = *defaultFee
	million := new(uint256.Int).Mul(uint256.NewInt(1e18), uint256.NewInt(1e6))
	for i := range uint64(accountCount + 1) {
		acc := newAccount(o.seed, i)
		genesis.setAccount(acc.Address(), account{balance: *million})
		n.accounts = append(n.accounts, acc)
	}
	n.accounts, n.sp = n.accounts[:accountCount:accountCount], n.accounts[accountCount]
	owner := n.accounts[0].Address()
	genesis.verifier.owner = owner
	n.verifier = contractAddress(o.seed, "PDPVerifier")
	n.mock = contractAddress(o.seed, "MockPDPVerifier")
	n.implementations = map[common.Address]Release{}
	for r, name := range releaseNames {
		n.implementations[contractAddress(o.seed, "PDPVerifier "+name)] = Release(r)
	}
	genesis.verifier.deploy(o.release, contractAddress(o.seed, "PDPVerifier "+o.release.String()))
	n.window = o.window
	n.service = contractAddress(o.seed, "Service")
	n.permissive = contractAddress(o.seed, "PermissiveListener")
	n.contracts = map[common.Address]contract{
		n.verifier: verifier{challengeFinality, n.implementations}, n.mock: mock{},
		n.service: service{n.verifier, o.period, o.window}, n.permissive: permissive{},
	}
	n.chain = newChain(o.seed, o.start, genesis)
	n.methods = n.table()
	n.handler = func(ctx context.Context, name string, params json.RawMessage) (any, error) {
		return n.answer(ctx, name, params)
	}
	n.client = &http.Client{Transport: jsonrpc.InProcess(n)}
	return n
}

func contractAddress(seed uint64, name string) common.Address {
	h := keccak([]byte("slastream fevm contract "+name), binary.BigEndian.AppendUint64(nil, seed))
	return common.Address(h[12:])
}

// An Account is a funded account of a node. Its key is derived from the node's
// seed: anybody can have it.
type Account struct{ key *ecdsa.PrivateKey }

func newAccount(seed, index uint64) Account {
	in := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, seed), index)
	for {
		h := keccak([]byte("slastream fevm account"), in)
		if key, err := crypto.ToECDSA(h[:]); err == nil {
			return Account{key}
		}
		in = h[:] // one time in 2^128 a hash is no key
	}
}

// Address returns the address of the account.
func (a Account) Address() common.Address { return crypto.PubkeyToAddress(a.key.PublicKey) }

// PrivateKey returns the key of the account.
func (a Account) PrivateKey() *ecdsa.PrivateKey { return a.key }

// String returns the address.
func (a Account) String() string { return a.Address().Hex() }

// Format prints the address for every verb: the key does not get into logs.
func (a Account) Format(s fmt.State, _ rune) { fmt.Fprint(s, a.String()) }

// Accounts returns the ten accounts, with 1,000,000 FIL each at the start. The
// first owns the verifier.
func (n *Node) Accounts() []Account { return slices.Clone(n.accounts) }

// Verifier returns the address of the PDPVerifier.
func (n *Node) Verifier() common.Address { return n.verifier }

// MockVerifier returns the address of the reference implementation's mock: it
// emits RootsAdded for anybody.
func (n *Node) MockVerifier() common.Address { return n.mock }

// Service returns the address of a strict listener, a model of the proving rules
// of FilecoinWarmStorageService: one proof a period, of at least five challenges,
// inside the window at the period's end. It knows nothing of payments. Views:
// getPDPConfig, nextPDPChallengeWindowStart, provenPeriods, provenThisPeriod,
// provingDeadline, provingActivationEpoch.
func (n *Node) Service() common.Address { return n.service }

// PermissiveListener returns the address of a listener that accepts everything,
// as a storage provider who owns the listener would have it.
func (n *Node) PermissiveListener() common.Address { return n.permissive }

// ServeHTTP answers JSON-RPC, single and batch, over POST and WebSocket.
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isUpgrade(r) {
		n.serveSocket(w, r)
		return
	}
	n.handler.ServeHTTP(w, r)
}

// Client returns a client whose requests, to any URL, go to the node without a
// socket.
func (n *Node) Client() *http.Client { return n.client }

// view returns the chain as it is now.
func (n *Node) view() chain {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.chain
}

func (n *Node) vm(c *chain, number uint64) *vm {
	return &vm{world: *c.stateAt(number), number: number, time: timeOf(number), contracts: n.contracts}
}

func timeOf(epoch uint64) uint64 { return Genesis + EpochSeconds*epoch }

// send takes a raw transaction, mines it unless mining is manual, and returns
// its hash.
func (n *Node) send(raw []byte) (common.Hash, error) {
	p, err := readTransaction(raw)
	if err != nil {
		return common.Hash{}, err
	}
	return n.submit(p)
}

// submit takes a transaction that was checked but for the state.
func (n *Node) submit(p pooled) (common.Hash, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	hash := p.tx.Hash()
	if slices.ContainsFunc(n.pool, func(q pooled) bool { return q.tx.Hash() == hash }) {
		return common.Hash{}, errKnown
	}
	switch next := n.nextNonce(p.from); {
	case p.tx.Nonce() < next:
		return common.Hash{}, fmt.Errorf("%w: next nonce %d, tx nonce %d", errNonceLow, next, p.tx.Nonce())
	case p.tx.Nonce() > next:
		return common.Hash{}, fmt.Errorf("%w: next nonce %d, tx nonce %d", errNonceHigh, next, p.tx.Nonce())
	}
	if err := n.chain.state().affordable(p); err != nil {
		return common.Hash{}, err
	}
	n.tellPending(hash)
	if n.manual {
		n.pool = append(n.pool, p)
		return hash, nil
	}
	before := n.chain
	defer n.tell(&before)
	return hash, n.seal([]pooled{p})
}

// nextNonce is that of an account after its pending transactions.
func (n *Node) nextNonce(a common.Address) uint64 {
	nonce := n.chain.state().account(a).nonce
	for _, p := range n.pool {
		if p.from == a {
			nonce++
		}
	}
	return nonce
}

// seal mines one tipset with the transactions.
func (n *Node) seal(pool []pooled) error {
	m := n.vm(&n.chain, n.chain.head)
	m.number = n.chain.next()
	m.time = timeOf(m.number)
	var txs []*transaction
	logs := 0
	for _, p := range pool {
		// One before it in the tipset may have taken the money, and then
		// those after it have no nonce.
		if m.account(p.from).nonce != p.tx.Nonce() || m.affordable(p) != nil {
			continue
		}
		t := m.apply(p)
		t.index, t.firstLog = len(txs), logs
		logs += len(t.logs)
		txs = append(txs, t)
	}
	if len(txs) == 0 {
		return n.chain.extend(1, n.fork)
	}
	return n.chain.seal(n.fork, m.world, txs)
}

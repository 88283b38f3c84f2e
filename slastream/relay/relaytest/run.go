package relaytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/fevm/policy"
	filecoin "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// A run is one world with one relay that is killed again and again.
type run struct {
	Campaign
	*world
	t       testing.TB
	open    func() (relay.Store, error)
	journal func() (signer.Journal, error)

	fevmNodes []*filecoin.FaultyNode
	starkNode *simulated.FaultyNode
	fates     *rand.Rand // of kills and faults
	jitter    *rand.Rand
	starkKey  starknet.Key
	sources   json.RawMessage // checkpoint of the proof source, as a program keeps one

	mu     sync.Mutex
	signed map[relay.ChunkID]map[attestation.Attestation]bool // all that the key signed

	life   *life
	points []string
	turns  int
	calls  int
	budget int // of kill points in a turn: the longest of the last turns
	ledger *ledger
	last   error // of the last turn
}

// A life is one process of the relay.
type life struct {
	*process
	relay  Relay
	store  relay.Store
	signer signer.Journal
	source source
}

func newRun(t *testing.T, c Campaign) *run {
	r := &run{
		Campaign: c, t: t, fates: rand.New(rand.NewPCG(c.Seed, 2)), jitter: rand.New(rand.NewPCG(c.Seed, 3)),
		signed: map[relay.ChunkID]map[attestation.Attestation]bool{}, budget: 100,
	}
	if c.NewStore == nil {
		c.NewStore = func(testing.TB) func() (relay.Store, error) {
			s := relay.NewMemoryStore()
			return func() (relay.Store, error) { return s, nil }
		}
	}
	if c.NewJournal == nil {
		c.NewJournal = func(testing.TB) func() (signer.Journal, error) {
			j := signer.NewMemoryJournal()
			return func() (signer.Journal, error) { return j, nil }
		}
	}
	r.open, r.journal = c.NewStore(t), c.NewJournal(t)
	return r
}

func (r *run) class() slastream.Class {
	if r.Mode == Batch {
		return slastream.ClassExtended
	}
	return slastream.ClassCompatible
}

// campaign is the part with the kills.
func (r *run) campaign() {
	r.world = newWorld(r.t.Context(), r.Seed, r.class())
	for range 3 {
		r.fevmNodes = append(r.fevmNodes, r.fevm.Faulty(filecoin.Faults{}))
	}
	r.starkNode = r.stark.Faulty(simulated.Faults{})
	r.starkKey = must(starknet.NewLocalKey(r.stark.Accounts()[relayAccount].PrivateKey))
	r.world.open(20, r.draw)
	must(r.fevm.Mine(finality + overlap + 1)) // no reorganization takes the data sets away
	for len(r.points) < r.Kills {
		r.bad()
		if r.fates.IntN(3) == 0 {
			r.start(&process{killAt: 1 + r.fates.IntN(10), write: true, after: r.fates.IntN(2) == 0})
		} else {
			r.start(&process{killAt: 1 + r.fates.IntN(r.budget*3), after: r.fates.IntN(2) == 0})
		}
		for turn := 0; r.life != nil; turn++ {
			if turn == 8 {
				r.stop()
				break
			}
			r.events()
			r.pass(time.Duration(15+r.rng.IntN(60)) * time.Second)
			r.step()
		}
	}
}

// step takes one turn of the relay.
func (r *run) step() {
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	l := r.life
	l.cancel = cancel
	before := l.calls
	r.turns++
	dead := l.run(func() { _, r.last = l.relay.Step(ctx) })
	r.calls += l.calls - before
	if !dead {
		r.budget = max(r.budget*7/8, l.calls-before, 40)
		if r.fates.IntN(4) == 0 {
			r.sources = must(json.Marshal(l.source.inner))
		}
		return
	}
	r.points = append(r.points, l.point)
	r.stop()
}

// stop ends the process: nothing of it runs any more.
func (r *run) stop() {
	for _, part := range []any{r.life.store, r.life.signer} {
		if c, ok := part.(io.Closer); ok {
			check(c.Close())
		}
	}
	r.life = nil
}

// start begins a process.
func (r *run) start(p *process) {
	p.cancel = func() {}
	l := &life{process: p, source: r.source(p)}
	l.store, l.signer = must(r.open()), must(r.journal())
	config := relay.Config{
		Proofs: l.source, Signer: r.guard(p, l.signer), Escrow: r.escrowOf(p), Store: store{l.store, p}, Domain: r.stark.Domain(),
		Name: "relay", Workers: 1, SettleAfter: settleAfter, Clock: time.Now,
		Jitter: func(d time.Duration) time.Duration { return time.Duration(r.jitter.Int64N(int64(d) + 1)) },
	}
	switch r.Mode {
	case Batch:
		config.Batch = 8
	case Multicall:
		config.Multicall = 8
	}
	for _, d := range r.deals {
		for _, err := range l.store.Tracks(r.ctx, relay.TrackQuery{Deal: &d.Deal}) {
			check(err)
			d.bound = true
		}
		if !d.bound && !d.replaced {
			config.Bindings = append(config.Bindings, d.Binding)
		}
	}
	if r.Configure != nil {
		r.Configure(&config)
	}
	var err error
	if r.NewRelay != nil {
		l.relay, err = r.NewRelay(config)
	} else {
		l.relay, err = relay.New(config)
	}
	check(err)
	r.life = l
}

// source reads the proofs through three nodes, of which two must agree.
func (r *run) source(p *process) source {
	var clients []*chain.Client
	for i, node := range r.fevmNodes {
		name := fmt.Sprintf("fevm %d", i+1)
		hc := &http.Client{Transport: transport{inner: node.Client().Transport, p: p, name: name}}
		clients = append(clients, must(chain.New(jsonrpc.NewClient("http://"+name[:4], hc), chain.Config{ChainID: filecoin.ChainID, Name: name})))
	}
	nodes := must(chain.NewNodes(2, clients...))
	s := must(policy.NewSource(nodes, policy.Config{
		ChainID: filecoin.ChainID, Verifier: attestation.EthereumAddress(r.fevm.Verifier()),
		FromBlock: filecoin.EpochAt(uint64(r.began.Unix())), Overlap: overlap,
	}))
	if len(r.sources) > 0 {
		check(json.Unmarshal(r.sources, s))
	}
	return source{s, p}
}

// guard is the signer, which notes what leaves the key.
func (r *run) guard(p *process, j signer.Journal) signer.Signer {
	return signer.Guard(noted{must(signer.New(r.key)), r}, journal{j, p})
}

// noted is a signer that notes what it signs.
type noted struct {
	signer.Signer
	r *run
}

func (n noted) note(a attestation.Attestation) {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	id := relay.ChunkID{Deal: a.DealID, Index: a.ChunkIndex}
	if n.r.signed[id] == nil {
		n.r.signed[id] = map[attestation.Attestation]bool{}
	}
	n.r.signed[id][a] = true
}

func (n noted) Attest(ctx context.Context, req signer.Request) (attestation.Signed, error) {
	n.note(req.Attestation)
	return n.Signer.Attest(ctx, req)
}

func (n noted) AttestBatch(ctx context.Context, req signer.BatchRequest) (signer.SignedBatch, error) {
	batcher, ok := n.Signer.(signer.BatchSigner)
	if !ok {
		return signer.SignedBatch{}, errors.ErrUnsupported
	}
	for _, item := range req.Items {
		n.note(item.Attestation)
	}
	return batcher.AttestBatch(ctx, req)
}

// escrowOf is the escrow with the relay's account.
func (r *run) escrowOf(p *process) escrow {
	t := transport{inner: r.starkNode.Client().Transport, p: p, name: "starknet"}
	if !r.Quiet {
		random := rand.New(rand.NewPCG(r.Seed, uint64(4+len(r.points))))
		t.twice = func() bool { return random.IntN(10) == 0 }
	}
	node := starknet.NewNode(jsonrpc.NewClient("http://starknet/rpc/v0_10", &http.Client{Transport: t}))
	a := r.stark.Accounts()[relayAccount]
	account := starknet.NewAccount(node, starknet.Sepolia, a.Address, r.starkKey)
	return escrow{starknet.NewEscrow(node, r.stark.Escrow(), starknet.WithAccount(account)), p}
}

// quiesce lets the relay end its work: no kills, no faults, and time enough for
// the longest pause.
func (r *run) quiesce() {
	if r.life != nil {
		r.stop()
	}
	for _, n := range r.fevmNodes {
		n.Set(filecoin.Faults{})
	}
	r.starkNode.Set(simulated.Faults{})
	r.resume()
	must(r.fevm.Mine(finality + overlap + 1))
	r.start(&process{})
	for range 60 {
		r.pass(10 * time.Minute)
		r.step()
		if r.last == nil && r.unpaid() == 0 && r.idle() {
			break
		}
	}
}

// idle reports whether the store has nothing on its way.
func (r *run) idle() bool {
	for _, err := range r.life.store.Transactions(r.ctx, r.stark.Accounts()[relayAccount].Address, 0) {
		check(err)
		return false
	}
	stats := must(r.life.store.Stats(r.ctx))
	open := uint64(0)
	for s, n := range stats.Chunks {
		if relay.State(s).Open() {
			open += n
		}
	}
	return open == 0
}

// unpaid is how many chunks of live deals are earned and not paid.
func (r *run) unpaid() (n int) {
	honest := r.escrow(watcherAccount)
	live := map[attestation.Word]bool{}
	for _, d := range r.deals {
		live[d.Deal] = must(honest.Deal(r.ctx, d.Deal)).Active
	}
	for id := range r.earned(r.final()) {
		if live[id.Deal] && !must(honest.ChunkReleased(r.ctx, id.Deal, id.Index)) {
			n++
		}
	}
	return n
}

func (r *run) result() Result {
	result := Result{Runs: 1, Kills: len(r.points), Turns: r.turns, Calls: r.calls}
	if r.world != nil {
		result.Deals, result.Happened = len(r.deals), maps.Clone(r.happened)
		for what, n := range r.starkNode.Happened() {
			result.Happened["starknet "+what] += n
		}
	}
	if r.ledger != nil {
		result.Chunks, result.Sent, result.Reverted = len(r.ledger.payments), r.ledger.sent, len(r.ledger.reverted)
		result.Wasted = r.ledger.reverted
	}
	return result
}

// sorted returns the keys of a map of chunks in order.
func sorted[T any](m map[relay.ChunkID]T) []relay.ChunkID {
	return slices.SortedFunc(maps.Keys(m), relay.ChunkID.Compare)
}

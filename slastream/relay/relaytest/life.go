package relaytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
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

// A life is one process of the relay.
type life struct {
	*process
	relay  Relay
	store  relay.Store
	signer signer.Journal
	source source
}

// startDoomed starts a process that is killed sooner or later: at any call, or, in
// one of three lives, at one that changes something.
func (r *run) startDoomed() {
	p := &process{killAt: 1 + r.fates.IntN(r.budget*3), after: r.fates.IntN(2) == 0}
	if r.fates.IntN(3) == 0 {
		p.killAt, p.write = 1+r.fates.IntN(10), true
	}
	r.start(p)
}

// start begins a process.
func (r *run) start(p *process) {
	p.cancel = func() {}
	l := &life{process: p, source: r.source(p)}
	l.store, l.signer = must(r.open()), must(r.journal())
	config := relay.Config{
		Proofs: l.source, Signer: r.guard(p, l.signer), Escrow: r.escrowOf(p), Store: store{l.store, p}, Domain: r.stark.Domain(),
		Name: r.name, Workers: 1, SettleAfter: settleAfter, Clock: time.Now,
		Jitter: func(d time.Duration) time.Duration { return time.Duration(r.jitter.Int64N(int64(d) + 1)) },
	}
	switch r.Mode {
	case Batch:
		config.Batch = 8
	case Multicall:
		config.Multicall = 8
	}
	for _, d := range r.deals {
		bound := false
		for _, err := range l.store.Tracks(r.ctx, relay.TrackQuery{Deal: &d.Deal}) {
			check(err)
			bound = true
		}
		if !bound && !d.replaced {
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
	if r.Unguarded {
		return noted{must(signer.New(r.key)), r}
	}
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
	a := r.stark.Accounts()[r.account]
	account := starknet.NewAccount(node, starknet.Sepolia, a.Address, r.starkKey)
	return escrow{starknet.NewEscrow(node, r.stark.Escrow(), starknet.WithAccount(account)), p, r.sending}
}

// sending checks what the relay hands to the node: it must be in the store, or a
// kill makes the relay forget it.
func (r *run) sending(tx slastream.SignedTx) {
	for stored, err := range r.life.store.Transactions(r.ctx, tx.Sender, math.MaxUint64) {
		check(err)
		for _, signed := range stored.Signed {
			if signed.Hash == tx.Hash {
				return
			}
		}
	}
	r.unstored++
}

// calm starts a process that nothing happens to.
func (r *run) calm() {
	if r.life != nil {
		r.stop()
	}
	for _, n := range r.fevmNodes {
		n.Set(filecoin.Faults{})
	}
	r.starkNode.Set(simulated.Faults{})
	r.start(&process{})
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

package simulated

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// A FaultyNode is an endpoint of a [Node] that misbehaves: it serves the same
// chain, through [Faults]. A node can have many, which is how a test gets
// several providers of one chain. It is an http.Handler that answers under
// every path, is safe for concurrent use and starts no goroutine. WebSockets are
// passed on to the node, without faults.
type FaultyNode struct {
	node   *Node
	client *http.Client

	mu     sync.Mutex
	faults Faults
	random *rand.Rand
}

var _ http.Handler = (*FaultyNode)(nil)

// Faulty returns an endpoint of the node with faults. The node itself stays as
// it is.
func (n *Node) Faulty(f Faults) *FaultyNode {
	out := &FaultyNode{node: n}
	out.client = &http.Client{Transport: jsonrpc.InProcess(out)}
	out.Set(f)
	return out
}

// Set replaces the faults, from the next request on; the seed starts again.
func (e *FaultyNode) Set(f Faults) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.faults, e.random = f, rand.New(rand.NewPCG(f.Seed, 0x736c61))
}

// Client returns a client whose requests, to any URL, go to the endpoint without
// a socket.
func (e *FaultyNode) Client() *http.Client { return e.client }

// ServeHTTP answers JSON-RPC, single and batch, over POST.
func (e *FaultyNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	refused, status := e.random.Float64() < e.faults.Unavailable, e.random.IntN(3)
	e.mu.Unlock()
	if refused {
		http.Error(w, "try again later", [...]int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable}[status])
		return
	}
	if isUpgrade(r) {
		e.node.ServeHTTP(w, r)
		return
	}
	jsonrpc.Handler(e.answer).ServeHTTP(w, r)
}

func (e *FaultyNode) answer(ctx context.Context, name string, params json.RawMessage) (any, error) {
	e.mu.Lock()
	faults := e.faults
	f := faults.draw(e.random)
	e.mu.Unlock()
	if f.latency > 0 {
		pause := time.NewTimer(f.latency)
		defer pause.Stop()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-pause.C:
		}
	}
	if f.failure != nil {
		return nil, f.failure
	}
	ctx = withFault(ctx, f)
	result, err := e.node.answer(ctx, name, params)
	if err != nil {
		return nil, err
	}
	c := e.node.seen(ctx)
	return f.distort(&faults, c.head, result), nil
}

package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/starknet"
	starknetsim "github.com/slastream/slastream-go/starknet/simulated"
)

// A fakeNode is a Starknet node of which only the head is known.
type fakeNode struct {
	mu      sync.Mutex
	chain   attestation.Word
	version string
	height  uint64
	down    bool
	calls   []string
}

func (n *fakeNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down {
		http.Error(w, "down", http.StatusBadGateway)
		return
	}
	var in struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		return
	}
	n.calls = append(n.calls, in.Method)
	result := map[string]any{
		"starknet_chainId": fmt.Sprintf("%#x", n.chain.Big()), "starknet_specVersion": n.version, "starknet_blockNumber": n.height,
		"starknet_getTransactionReceipt": map[string]any{"block_number": n.height},
	}[in.Method]
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"jsonrpc": "2.0", "id": in.ID, "result": result})
}

func (n *fakeNode) set(height uint64, down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.height, n.down = height, down
}

// asked returns how often a method was asked.
func (n *fakeNode) asked(method string) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range n.calls {
		if m == method {
			count++
		}
	}
	return count
}

// newPool makes a pool of nodes, and what it logs.
func newPool(t *testing.T, nodes ...*fakeNode) (*starknetPool, *logBuffer) {
	t.Helper()
	var list []*node
	for _, n := range nodes {
		if n.chain.IsZero() {
			n.chain = starknet.Sepolia
		}
		if n.version == "" {
			n.version = "0.9.0"
		}
		server := httptest.NewServer(n)
		t.Cleanup(server.Close)
		dialed, err := dial(t.Context(), "starknet", server.URL, newMetrics())
		require.NoError(t, err)
		t.Cleanup(func() { _ = dialed.close() })
		list = append(list, dialed)
	}
	log := &logBuffer{}
	return newStarknetPool(starknet.Sepolia, slog.New(slog.NewTextHandler(log, nil)), list...), log
}

// soon ends the pauses after failures.
func soon(p *starknetPool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		m.until = time.Time{}
	}
}

// turn asks something as a turn does, and returns the index of the node that
// the pool uses for it.
func turn(t *testing.T, p *starknetPool) (int, error) {
	t.Helper()
	ctx := p.pin(t.Context())
	var receipt json.RawMessage
	err := p.CallContext(ctx, &receipt, "starknet_getTransactionReceipt", "0x1")
	return ctx.Value(pinKey{}).(pin).index, err
}

func TestStarknetNodeThatIsBehind(t *testing.T) {
	a, b := &fakeNode{height: 100}, &fakeNode{height: 100}
	p, _ := newPool(t, a, b)
	require.NoError(t, p.check(t.Context()))
	for i, step := range []struct {
		a, b uint64
		want int
	}{
		{100, 100, 0},
		{100, 100 + behindLimit, 0}, // nodes are never quite together
		{100, 101 + behindLimit, 1},
		{103, 104, 1}, // not back to what is older
		{105, 105, 0},
	} {
		a.set(step.a, false)
		b.set(step.b, false)
		got, err := turn(t, p)
		require.NoError(t, err, "step %d", i)
		require.Equal(t, step.want, got, "step %d", i)
	}
}

func TestStarknetNodeThatDies(t *testing.T) {
	a, b := &fakeNode{height: 100}, &fakeNode{height: 100}
	p, log := newPool(t, a, b)
	require.NoError(t, p.check(t.Context()))
	ctx := p.pin(t.Context())
	a.set(102, false)
	require.NoError(t, p.CallContext(ctx, new(json.RawMessage), "starknet_getTransactionReceipt", "0x1")) // shows block 102
	a.set(102, true)
	require.Error(t, p.CallContext(ctx, new(uint64), "starknet_blockNumber"))
	asked := b.asked("starknet_getTransactionReceipt")
	require.Error(t, p.CallContext(ctx, new(json.RawMessage), "starknet_getTransactionReceipt", "0x1"))
	require.Equal(t, asked, b.asked("starknet_getTransactionReceipt"), "a turn asks one node only")

	_, err := turn(t, p)
	require.ErrorContains(t, err, "is at block 100 and")
	require.ErrorContains(t, err, "had shown 102: waiting until it is as far")
	require.NoError(t, p.CallContext(t.Context(), new(uint64), "starknet_blockNumber"), "what is asked beside the turns does not wait")
	b.set(102, false)
	got, err := turn(t, p)
	require.NoError(t, err)
	require.Equal(t, 1, got)
	require.Contains(t, log.String(), "another Starknet node is used")

	// Blocks that are taken back for good do not hold up the turns for ever.
	b.set(100, true)
	_, err = turn(t, p)
	require.Error(t, err)
	soon(p)
	a.set(90, false)
	_, err = turn(t, p)
	require.ErrorContains(t, err, "waiting")
	p.waiting = time.Now().Add(-catchUpTime)
	got, err = turn(t, p)
	require.NoError(t, err)
	require.Equal(t, 0, got)
	// Nor does one node whose blocks are taken back.
	a.set(80, false)
	_, err = turn(t, p)
	require.NoError(t, err)
}

func TestStarknetNodesAtStart(t *testing.T) {
	mainnet := attestation.WordFromUint64(0x4d41494e)
	for name, test := range map[string]struct {
		a, b *fakeNode
		want string
	}{
		"both":          {&fakeNode{}, &fakeNode{}, ""},
		"one":           {&fakeNode{down: true}, &fakeNode{}, ""},
		"none":          {&fakeNode{down: true}, &fakeNode{down: true}, "starknet.rpc: none of 2 nodes answers: are the addresses right, and the nodes up?"},
		"other chain":   {&fakeNode{}, &fakeNode{chain: mainnet}, "serves chain MAIN, starknet.chain_id is SN_SEPOLIA: use a node of the right chain"},
		"other version": {&fakeNode{}, &fakeNode{version: "0.10.1"}, "use endpoints of one version"},
		"same version":  {&fakeNode{version: "0.9.0"}, &fakeNode{version: "0.9.1-rc.2"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, log := newPool(t, test.a, test.b)
			err := p.check(t.Context())
			if test.want != "" {
				require.ErrorContains(t, err, test.want)
				require.NotContains(t, err.Error(), "http://")
				return
			}
			require.NoError(t, err)
			require.Equal(t, name == "one", strings.Contains(log.String(), `"a node does not answer" node=starknet.rpc[0]`), log)
			_, err = turn(t, p)
			require.NoError(t, err)
		})
	}
}

// TestStarknetNodeOfAnotherChainLater is down at the start and serves another
// chain when it comes back.
func TestStarknetNodeOfAnotherChainLater(t *testing.T) {
	a, b := &fakeNode{down: true, height: 999, chain: attestation.WordFromUint64(1)}, &fakeNode{height: 100}
	p, log := newPool(t, a, b)
	require.NoError(t, p.check(t.Context()))
	a.set(999, false)
	for range 3 {
		soon(p)
		got, err := turn(t, p)
		require.NoError(t, err)
		require.Equal(t, 1, got)
	}
	require.Equal(t, 1, strings.Count(log.String(), "a node is not used"))
	require.Equal(t, 1, a.asked("starknet_chainId"))
	b.set(100, true)
	_, err := turn(t, p)
	require.Error(t, err)
	require.Zero(t, a.asked("starknet_getTransactionReceipt"))
}

// TestStarknetFailover loses the answers of the first node midway: everything is
// done, and the daemon does not know. It goes on with the second, signs nothing
// twice, and wastes nothing.
func TestStarknetFailover(t *testing.T) {
	w := newWorld(t)
	id := w.deal(40)
	bad := w.starknet.Faulty(starknetsim.Faults{})
	first := &sends{inner: bad, hashes: map[uint64]map[string]bool{}}
	second := &sends{inner: w.starknet, hashes: map[uint64]map[string]bool{}}
	var list []string
	for _, s := range []*sends{first, second} {
		server := httptest.NewServer(s)
		defer server.Close()
		list = append(list, server.URL+"/rpc")
	}
	c := w.config(map[string]any{"bindings": []map[string]any{{"deal": "1", "set": "1"}}})
	c["starknet"].(map[string]any)["rpc"] = list
	p := start(t, w.write(c))
	w.prove(1)
	w.released(p, id, 1)
	bad.Set(starknetsim.Faults{Lost: 1})
	w.prove(1)
	w.prove(1)
	w.released(p, id, 3)
	bad.Set(starknetsim.Faults{Seed: 1, Lost: 0.2, ServerError: 0.2, Truncate: 0.1})
	const total = 20
	for range total - 3 {
		w.prove(1)
	}
	w.released(p, id, total)
	require.NoError(t, p.end())
	require.Contains(t, p.log.String(), "another Starknet node is used")
	require.NotEmpty(t, second.hashes)
	for nonce, calls := range second.hashes {
		if first.hashes[nonce] == nil {
			first.hashes[nonce] = map[string]bool{}
		}
		for call := range calls {
			first.hashes[nonce][call] = true
		}
	}
	require.Empty(t, first.twice(), "nonces that were used for different calls")
	nonce, err := w.nonce(0)
	require.NoError(t, err)
	require.EqualValues(t, total, nonce, "transactions")
}

// TestStarknetNodesRefused starts the daemon with a second node of another chain.
func TestStarknetNodesRefused(t *testing.T) {
	w := newWorld(t)
	other := httptest.NewServer(&fakeNode{chain: attestation.WordFromUint64(0x4d41494e), version: "0.9.0"})
	defer other.Close()
	c := w.config(map[string]any{})
	c["starknet"].(map[string]any)["rpc"] = []string{w.starknetURL, other.URL}
	err := run(t.Context(), []string{"-config", w.write(c)}, new(logBuffer), new(logBuffer))
	require.ErrorContains(t, err, "serves chain MAIN, starknet.chain_id is SN_SEPOLIA: use a node of the right chain")
}

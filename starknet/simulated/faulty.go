package simulated

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/slastream/slastream-go/internal/jsonrpc"
)

var _ http.Handler = (*FaultyNode)(nil)

// A FaultyNode is a [Node] as its clients see it through [Faults]. It is an
// http.Handler, safe for concurrent use. There can be several to one node: the
// endpoints of providers that are differently bad. WebSockets pass through
// unharmed.
type FaultyNode struct {
	node *Node

	mu       sync.Mutex
	faults   Faults
	random   *rand.Rand
	happened map[string]int
	patience int // requests until the mempool is executed
}

// maxPatience is how many requests a re-ordered transaction waits at most when
// nothing else happens.
const maxPatience = 8

// Faulty returns a handler that answers for the node, with faults.
func (n *Node) Faulty(f Faults) *FaultyNode {
	out := &FaultyNode{node: n, happened: make(map[string]int)}
	out.Set(f)
	return out
}

// Set changes the faults and starts their sequence anew, from the seed.
func (f *FaultyNode) Set(faults Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = faults
	f.random = rand.New(rand.NewPCG(faults.Seed, 0))
}

// Happened counts the faults that happened, by the names of the fields of
// [Faults].
func (f *FaultyNode) Happened() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.happened)
}

// Client is [Node.Client] with the faults.
func (f *FaultyNode) Client() *http.Client {
	return &http.Client{Transport: jsonrpc.InProcess(f)}
}

// ServeHTTP answers as [Node.ServeHTTP], or does not.
func (f *FaultyNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v, socket, ok := endpoint(r.URL.Path)
	if !ok || socket || r.Method != http.MethodPost {
		f.node.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, jsonrpc.MaxRequest))
	if err != nil {
		http.Error(w, "request too large or broken", http.StatusRequestEntityTooLarge)
		return
	}
	fate := f.next()
	if !f.wait(r.Context(), fate.latency) {
		return
	}
	switch fate.answer {
	case faultTooManyRequests:
		f.count(fate.answer)
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many requests", http.StatusTooManyRequests)
		return
	case faultServerError:
		f.count(fate.answer)
		codes := []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}
		page(w, codes[fate.detail%uint64(len(codes))])
		return
	}
	answer := f.handler(v, fate).Answer(r.Context(), body)
	switch fate.answer {
	case faultLost:
		f.count(fate.answer)
		page(w, http.StatusGatewayTimeout)
		return
	case faultTruncate:
		if len(answer) > 0 {
			f.count(fate.answer)
			answer = answer[:fate.detail%uint64(len(answer))]
		}
	case faultWrongID:
		if changed, ok := rename(answer); ok {
			f.count(fate.answer)
			answer = changed
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(answer)
}

func page(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	io.WriteString(w, "<html><body><h1>"+http.StatusText(status)+"</h1></body></html>\n")
}

// next draws the fate of a request.
func (f *FaultyNode) next() fate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.patience > 0 {
		if f.patience--; f.patience == 0 {
			f.node.mu.Lock()
			f.node.release(everything)
			f.node.mu.Unlock()
		}
	}
	return f.faults.draw(f.random)
}

func (f *FaultyNode) count(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.happened[name]++
}

// wait holds the answer back and reports whether anybody still wants it.
func (f *FaultyNode) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	f.count(faultLatency)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// handler answers the calls of one request.
func (f *FaultyNode) handler(v version, fate fate) jsonrpc.Handler {
	honest := f.node.handlers[v]
	return func(ctx context.Context, name string, params json.RawMessage) (any, error) {
		if name == "starknet_addInvokeTransaction" {
			result, err, done := f.send(v, fate.transaction, params)
			if done {
				return result, err
			}
		}
		wrong := params
		var changed bool
		var lie func(any) any
		switch fate.answer {
		case faultOtherBlock:
			wrong, changed = f.node.otherBlock(v, name, params)
		case faultOldHead:
			back := fate.detail%3 + 1
			wrong, lie, changed = f.node.oldHead(v, name, params, back)
			if changed && wrong == nil {
				f.count(fate.answer)
				return nil, errHash
			}
		case faultNull:
			lie, changed = func(any) any { return nil }, true
		}
		result, err := honest(ctx, name, wrong)
		if changed && err == nil {
			f.count(fate.answer)
			if lie != nil {
				result = lie(result)
			}
		}
		return result, err
	}
}

// send drops a transaction or makes it wait. done is false if the node may
// have it.
func (f *FaultyNode) send(v version, fault string, params json.RawMessage) (result any, err error, done bool) {
	m := methods["starknet_addInvokeTransaction"]
	list, err := m.args(v, params)
	if err != nil {
		return nil, nil, false
	}
	t, err := f.node.read(list[0], typeInvoke)
	if err != nil {
		return nil, nil, false
	}
	if done, err = f.node.intercept(t, fault); err != nil || !done {
		return nil, err, done
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.happened[fault]++; fault == faultReorder {
		f.patience = maxPatience
	}
	return struct {
		Hash hexFelt `json:"transaction_hash"`
	}{t.hash}, nil, true
}

// rename changes the id of an answer to a single call.
func rename(answer []byte) ([]byte, bool) {
	var a struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Result  json.RawMessage `json:"result,omitempty"`
		Error   json.RawMessage `json:"error,omitempty"`
	}
	if json.Unmarshal(answer, &a) != nil {
		return nil, false
	}
	if a.ID = json.RawMessage("0"); bytes.Contains(answer, []byte(`"id":0,`)) {
		a.ID = json.RawMessage("1")
	}
	out, err := json.Marshal(a)
	return out, err == nil
}

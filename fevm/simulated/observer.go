package simulated

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/ethereum/go-ethereum/common"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/internal/wsrpc"
)

// Limits of filters and subscriptions: Lotus's MaxFilters, its FilterTTL of an
// hour in epochs, and what its gateway allows on one connection.
const (
	maxFilters       = 100
	filterLife       = 3600 / EpochSeconds
	maxSubscriptions = 16
	maxFilterHashes  = 10_000
)

var (
	errTooManyFilters = errors.New("maximum number of filters registered")
	errNoFilter       = errors.New("filter not found")
)

type observing uint8

const (
	observeLogs observing = iota
	observeHeads
	observePending
)

// An observer is told what happens on the chain: a filter that is polled, or a
// subscription of a socket.
type observer struct {
	id     common.Hash
	kind   observing
	filter filter
	from   uint64 // logs before are not told
	to     uint64

	socket *wsrpc.Socket // of a subscription; nil for a filter
	buffer []any         // of a filter
	polled uint64        // epoch
}

// observe enters an observer.
func (n *Node) observe(o *observer) (common.Hash, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	count := 0
	for id, other := range n.observers {
		if other.socket == nil && n.chain.head > other.polled+filterLife {
			delete(n.observers, id)
		} else if other.socket == o.socket {
			count++
		}
	}
	if o.socket == nil && count == maxFilters {
		return o.id, errTooManyFilters
	}
	if o.socket != nil && count == maxSubscriptions {
		return o.id, errors.New("too many subscriptions on this connection")
	}
	n.observed++
	o.id = common.Hash(keccak([]byte("observer"), binary.BigEndian.AppendUint64(nil, n.observed)))
	o.polled = n.chain.head
	n.observers[o.id] = o
	return o.id, nil
}

// take removes and returns an observer of a socket, or a filter.
func (n *Node) take(s *wsrpc.Socket, raw json.RawMessage, remove bool) (*observer, error) {
	var id common.Hash
	if err := decode(raw, "id", &id); err != nil {
		return nil, err
	}
	o := n.observers[id]
	if o == nil || o.socket != s || s == nil && n.chain.head > o.polled+filterLife {
		return nil, errNoFilter
	}
	o.polled = n.chain.head
	if remove {
		delete(n.observers, id)
	}
	return o, nil
}

// newLogObserver reads a filter whose ends are tags that eth_getLogs knows, or
// epochs.
func (n *Node) newLogObserver(raw json.RawMessage) (*observer, error) {
	o := &observer{kind: observeLogs, to: 1<<64 - 1}
	if raw == nil {
		return o, nil
	}
	f, err := filterParam(raw)
	if err != nil {
		return nil, err
	}
	o.filter = f
	if f.BlockHash != nil {
		return nil, invalid("a filter with blockHash has nothing to wait for")
	}
	if !isLatest(f.FromBlock) {
		if o.from, err = n.rangeEnd(f.FromBlock, "FromBlock", 0); err != nil {
			return nil, err
		}
	}
	if !isLatest(f.ToBlock) {
		if o.to, err = n.rangeEnd(f.ToBlock, "ToBlock", o.to); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (n *Node) newFilter(_ context.Context, params json.RawMessage) (any, error) {
	p, err := jsonrpc.Params(params, "filter")
	if err != nil {
		return nil, err
	}
	o, err := n.newLogObserver(p[0])
	if err != nil {
		return nil, err
	}
	return n.register(o)
}

func (n *Node) newObserver(kind observing) method {
	return func(_ context.Context, params json.RawMessage) (any, error) {
		if _, err := jsonrpc.Params(params); err != nil {
			return nil, err
		}
		return n.register(&observer{kind: kind})
	}
}

func (n *Node) register(o *observer) (any, error) {
	id, err := n.observe(o)
	if err != nil {
		return nil, err
	}
	return id, nil
}

// filterChanges answers what has happened since the last time. Of more than the
// limit of results the oldest are lost, as Lotus loses them.
func (n *Node) filterChanges(_ context.Context, params json.RawMessage) (any, error) {
	p, err := jsonrpc.Params(params, "id")
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	o, err := n.take(nil, p[0], false)
	if err != nil {
		return nil, err
	}
	out := o.buffer
	if o.buffer = nil; out == nil {
		out = []any{}
	}
	return out, nil
}

// filterLogs answers eth_getLogs with the filter.
func (n *Node) filterLogs(ctx context.Context, params json.RawMessage) (any, error) {
	p, err := jsonrpc.Params(params, "id")
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	o, err := n.take(nil, p[0], false)
	n.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if o.kind != observeLogs {
		return nil, errors.New("filter is not one of logs")
	}
	c, f := n.seen(ctx), o.filter
	return n.find(&c, &f)
}

func (n *Node) uninstallFilter(_ context.Context, params json.RawMessage) (any, error) {
	p, err := jsonrpc.Params(params, "id")
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	_, err = n.take(nil, p[0], true)
	if errors.Is(err, errNoFilter) {
		return false, nil
	}
	return err == nil, err
}

// subscribe answers eth_subscribe on a socket.
func (n *Node) subscribe(s *wsrpc.Socket, params json.RawMessage) (any, error) {
	p, err := jsonrpc.Params(params, "kind", "options")
	if err != nil {
		return nil, err
	}
	var kind string
	if err := decode(p[0], "kind", &kind); err != nil {
		return nil, err
	}
	var o *observer
	switch kind {
	case "newHeads":
		o = &observer{kind: observeHeads}
	case "newPendingTransactions":
		o = &observer{kind: observePending}
	case "logs":
		if o, err = n.newLogObserver(p[1]); err != nil {
			return nil, n.rpcError(err)
		}
	default:
		return nil, invalid("unsupported event type %s", excerpt(kind))
	}
	o.socket = s
	id, err := n.observe(o)
	if err != nil {
		return nil, n.rpcError(err)
	}
	return id, nil
}

func (n *Node) unsubscribe(s *wsrpc.Socket, params json.RawMessage) (any, error) {
	p, err := jsonrpc.Params(params, "id")
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, err := n.take(s, p[0], true); err != nil {
		return nil, n.rpcError(err)
	}
	return true, nil
}

// give hands one result to the observer.
func (o *observer) give(result any, limit int) {
	if o.socket == nil {
		o.buffer = append(o.buffer, result)
		if limit > 0 && len(o.buffer) > limit {
			o.buffer = append([]any(nil), o.buffer[len(o.buffer)-limit:]...)
		}
		return
	}
	type params struct {
		ID     common.Hash `json:"subscription"`
		Result any         `json:"result"`
	}
	if err := o.socket.Notify("eth_subscription", params{o.id, result}); err != nil {
		panic("simulated: " + err.Error()) // numbers, strings and hashes of this package
	}
}

package starknet_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

type transferEvent = starknet.HistoryEvent[starknet.Transfer]

// errBroken is a failure of the transport.
var errBroken = errors.New("connection reset by peer")

// A shakyNode is a simulated node whose chain changes between two questions of
// the follower, and that hands out small pages.
type shakyNode struct {
	testing.TB
	*simulated.Node
	random *rand.Rand
	rpc    *jsonrpc.Client
	page   int // chunk size, 0 for what was asked
	before func(method string)
	fail   func(method string) error
	change func(method string, result map[string]any) // of the answer
	asked  map[string]int
	minted uint64
	turns  atomic.Int64
}

func newShakyNode(t testing.TB, seed uint64, path string) *shakyNode {
	n := simulated.New(simulated.Options{Manual: true, Accounts: 1, Clock: func() uint64 { return 1_800_000_000 }})
	return &shakyNode{
		TB: t, Node: n, random: rand.New(rand.NewPCG(seed, 1)), rpc: jsonrpc.NewClient("http://in.process"+path, n.Client()),
		before: func(string) {}, fail: func(string) error { return nil }, asked: make(map[string]int),
	}
}

// order puts what the test did before in front of what the follower does next:
// of a sleep in a bubble the race detector does not know that.
func (n *shakyNode) order() { n.turns.Add(1) }

func (n *shakyNode) CallContext(ctx context.Context, result any, method string, params ...any) error {
	n.order()
	n.asked[method]++
	n.before(method)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := n.fail(method); err != nil {
		return err
	}
	if method == "starknet_getEvents" && n.page > 0 {
		raw, err := json.Marshal(params[0])
		require.NoError(n, err)
		var filter map[string]any
		require.NoError(n, json.Unmarshal(raw, &filter))
		filter["chunk_size"] = n.page
		params = []any{filter}
	}
	if err := n.rpc.CallContext(ctx, result, method, params...); err != nil {
		return err
	}
	if raw, ok := result.(*json.RawMessage); ok && n.change != nil {
		var object map[string]any
		require.NoError(n, json.Unmarshal(*raw, &object))
		n.change(method, object)
		*raw, _ = json.Marshal(object)
	}
	return nil
}

func (n *shakyNode) head() uint64 {
	var v uint64
	require.NoError(n, n.rpc.CallContext(context.Background(), &v, "starknet_blockNumber"))
	return v
}

// mint emits two transfers: the tokens and the fee.
func (n *shakyNode) mint(amount uint64) {
	_, err := n.Mint(slastream.Address{31: 7}, slastream.AmountFromUint64(amount))
	require.NoError(n, err)
}

// grow mines blocks of a few transactions each.
func (n *shakyNode) grow(blocks int) {
	for range blocks {
		for range n.random.IntN(3) {
			n.minted++
			n.mint(n.minted)
		}
		n.Mine()
	}
}

// reorg drops up to depth blocks. What follows may have the same transactions
// again, in other blocks.
func (n *shakyNode) reorg(depth int) {
	head := n.head()
	if head == 0 {
		return
	}
	drop := min(uint64(1+n.random.IntN(depth)), head)
	_, err := n.Abort(head - drop + 1)
	require.NoError(n, err)
	n.minted -= min(n.minted, n.random.Uint64N(4))
	n.IncreaseTime(1) // or the same blocks come again
}

// A ledger is a consumer: what it holds, and how far it is. Both are stored at
// once.
type ledger[E any] struct {
	testing.TB
	held      []starknet.HistoryEvent[E]
	cursor    starknet.Cursor
	retracted int
}

func (l *ledger[E]) apply(u starknet.Update[E]) {
	l.Helper()
	if u.Retracted {
		require.NotEmpty(l, l.held)
		require.Equal(l, l.held[len(l.held)-1], u.HistoryEvent, "newest first, and just as it was")
		l.held = l.held[:len(l.held)-1]
		l.retracted++
		if u.Cursor.Hash == u.BlockHash {
			require.Equal(l, l.held[len(l.held)-1].ID, u.Cursor.Event, "in the middle of a block")
		}
	} else {
		if n := len(l.held); n > 0 {
			require.LessOrEqual(l, l.held[n-1].BlockNumber, u.BlockNumber)
		}
		twice := slices.ContainsFunc(l.held, func(e starknet.HistoryEvent[E]) bool { return e.ID == u.ID })
		require.False(l, twice, "%v was delivered before", u.ID)
		l.held = append(l.held, u.HistoryEvent)
		require.Equal(l, starknet.Cursor{Block: u.BlockNumber, Hash: u.BlockHash, Event: u.ID}, u.Cursor)
	}
	l.cursor = u.Cursor
}

func collect[E any](t testing.TB, h *starknet.History[E], from, to uint64) []starknet.HistoryEvent[E] {
	t.Helper()
	var out []starknet.HistoryEvent[E]
	for e, err := range h.Events(context.Background(), from, to) {
		require.NoError(t, err)
		out = append(out, e)
	}
	return out
}

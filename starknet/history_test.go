package starknet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

var rpcPaths = []string{"/rpc/v0_9", "/rpc/v0_10"}

// TestEventPlaces reads the same chain through both versions of the RPC, in
// pages of all sizes: the same events at the places of the receipts.
func TestEventPlaces(t *testing.T) {
	node := newShakyNode(t, 1, rpcPaths[0])
	node.grow(12)
	var want []transferEvent
	for number := range node.head() + 1 {
		var block struct {
			Hash         attestation.Word `json:"block_hash"`
			Transactions []struct {
				Receipt struct {
					Hash   attestation.Word `json:"transaction_hash"`
					Events []struct {
						From       attestation.Word `json:"from_address"`
						Keys, Data []string
					}
				}
			}
		}
		require.NoError(t, node.rpc.CallContext(t.Context(), &block, "starknet_getBlockWithReceipts", map[string]uint64{"block_number": number}))
		for i, tx := range block.Transactions {
			for j, e := range tx.Receipt.Events {
				require.Equal(t, node.Token().Word(), e.From)
				transfer, err := starknet.ParseTokenEvent(feltsOf(t, e.Keys), feltsOf(t, e.Data))
				require.NoError(t, err)
				want = append(want, transferEvent{
					Event: transfer.(starknet.Transfer), ID: starknet.EventID{TxHash: tx.Receipt.Hash, Index: uint64(j)},
					TxIndex: uint64(i), BlockNumber: number, BlockHash: block.Hash,
				})
			}
		}
	}
	require.Greater(t, len(want), 10)
	for _, path := range rpcPaths {
		node.rpc = jsonrpc.NewClient("http://in.process"+path, node.Client())
		history := starknet.NewERC20(node, node.Token()).History()
		for node.page = range 5 {
			require.Equal(t, want, collect(t, history, 0, node.head()), "%s, pages of %d", path, node.page)
		}
		for from := range node.head() + 1 {
			for to := from; to <= node.head(); to++ {
				part := slices.DeleteFunc(slices.Clone(want), func(e transferEvent) bool { return e.BlockNumber < from || e.BlockNumber > to })
				if got := collect(t, history, from, to); len(part)+len(got) > 0 {
					require.Equal(t, part, got, "%s, blocks %d to %d", path, from, to)
				}
			}
		}
		require.Empty(t, collect(t, history, 5, 4))
	}
}

// TestLies changes one thing in what the node answers: the history ends, and
// with what is true of it.
func TestLies(t *testing.T) {
	const events, block = "starknet_getEvents", "starknet_getBlockWithTxHashes"
	list := func(o map[string]any) []any { return o["events"].([]any) }
	event := func(o map[string]any, i int) map[string]any { return list(o)[i].(map[string]any) }
	for name, lie := range map[string]struct {
		method string
		change func(map[string]any)
		want   error
		only   string // a version
	}{
		"an event of another contract":       {events, func(o map[string]any) { event(o, 1)["from_address"] = "0xef" }, starknet.ErrBadAnswer, ""},
		"an event with another selector":     {events, func(o map[string]any) { event(o, 1)["keys"] = []string{"0x1"} }, starknet.ErrBadAnswer, ""},
		"an event without keys":              {events, func(o map[string]any) { event(o, 1)["keys"] = []string{} }, starknet.ErrBadAnswer, ""},
		"an event before the range":          {events, func(o map[string]any) { event(o, 0)["block_number"] = 0 }, starknet.ErrBadAnswer, ""},
		"an event after the range":           {events, func(o map[string]any) { event(o, 1)["block_number"] = uint64(math.MaxUint64) }, starknet.ErrBadAnswer, ""},
		"an event in another block":          {events, func(o map[string]any) { event(o, 0)["block_number"] = 2 }, starknet.ErrBadAnswer, ""},
		"an event without a block":           {events, func(o map[string]any) { delete(event(o, 1), "block_number") }, starknet.ErrBadAnswer, ""},
		"a pre-confirmed event":              {events, func(o map[string]any) { delete(event(o, 1), "block_hash") }, starknet.ErrBadAnswer, ""},
		"an event with another block hash":   {events, func(o map[string]any) { event(o, 1)["block_hash"] = "0xb" }, starknet.ErrBadAnswer, ""},
		"an event of another transaction":    {events, func(o map[string]any) { event(o, 1)["transaction_hash"] = "0x7" }, starknet.ErrBadAnswer, ""},
		"events in another order":            {events, func(o map[string]any) { slices.Reverse(list(o)) }, starknet.ErrBadAnswer, ""},
		"events of one block exchanged":      {events, func(o map[string]any) { l := list(o); l[0], l[1] = l[1], l[0] }, starknet.ErrBadAnswer, ""},
		"an event twice":                     {events, func(o map[string]any) { o["events"] = append(list(o), list(o)[len(list(o))-1]) }, starknet.ErrBadAnswer, ""},
		"the second event of a block hidden": {events, func(o map[string]any) { o["events"] = slices.Delete(list(o), 1, 2) }, starknet.ErrBadAnswer, rpcPaths[0]},
		"the first event of a block hidden":  {events, func(o map[string]any) { o["events"] = slices.Delete(list(o), 0, 1) }, starknet.ErrBadAnswer, rpcPaths[0]},
		"the last event hidden":              {events, func(o map[string]any) { o["events"] = list(o)[:len(list(o))-1] }, starknet.ErrBadAnswer, rpcPaths[0]},
		"data that is not the receipt's":     {events, func(o map[string]any) { event(o, 0)["data"] = []string{"0x1", "0x2", "0x3", "0x0"} }, starknet.ErrBadAnswer, rpcPaths[0]},
		"the index of another event":         {events, func(o map[string]any) { event(o, 0)["event_index"] = 1 }, starknet.ErrBadAnswer, rpcPaths[1]},
		"the index of no transaction":        {events, func(o map[string]any) { event(o, 0)["transaction_index"] = 99 }, starknet.ErrBadAnswer, rpcPaths[1]},
		"a negative index":                   {events, func(o map[string]any) { event(o, 0)["event_index"] = -1 }, starknet.ErrBadAnswer, rpcPaths[1]},
		"an index on some events only":       {events, func(o map[string]any) { delete(event(o, 1), "event_index") }, starknet.ErrBadAnswer, rpcPaths[1]},
		"data of the wrong length":           {events, func(o map[string]any) { event(o, 0)["data"] = []string{"0x1"} }, starknet.ErrMalformed, rpcPaths[1]},
		"a felt of the prime":                {events, func(o map[string]any) { event(o, 0)["data"] = []string{prime} }, starknet.ErrBadAnswer, ""},
		"more felts than Starknet allows":    {events, func(o map[string]any) { event(o, 0)["data"] = slices.Repeat([]string{"0x1"}, 1001) }, starknet.ErrBadAnswer, ""},
		"more events than a page":            {events, func(o map[string]any) { o["events"] = slices.Repeat(list(o), 500) }, starknet.ErrBadAnswer, ""},
		"a token that does not end":          {events, func(o map[string]any) { o["events"], o["continuation_token"] = []any{}, "0-0-0" }, starknet.ErrBadAnswer, ""},
		"a token without bounds":             {events, func(o map[string]any) { o["continuation_token"] = string(make([]byte, 5000)) }, starknet.ErrBadAnswer, ""},
		"events that are no list":            {events, func(o map[string]any) { o["events"] = 7 }, starknet.ErrBadAnswer, ""},
		"another block":                      {block, func(o map[string]any) { o["block_number"] = 1 }, starknet.ErrBadAnswer, ""},
		"a block that is not accepted":       {block, func(o map[string]any) { o["status"] = "REJECTED" }, starknet.ErrBadAnswer, ""},
		"a block without a hash":             {block, func(o map[string]any) { delete(o, "block_hash") }, starknet.ErrBadAnswer, ""},
		"a block with hash 0":                {block, func(o map[string]any) { o["block_hash"] = "0x0" }, starknet.ErrBadAnswer, ""},
		"a block without transactions":       {block, func(o map[string]any) { o["transactions"] = []any{} }, starknet.ErrBadAnswer, rpcPaths[1]},
		"receipts of another block":          {"starknet_getBlockWithReceipts", func(o map[string]any) { o["block_hash"] = "0xbb" }, starknet.ErrBadAnswer, rpcPaths[0]},
		"receipts of another number":         {"starknet_getBlockWithReceipts", func(o map[string]any) { o["block_number"] = 9 }, starknet.ErrBadAnswer, rpcPaths[0]},
	} {
		for _, path := range rpcPaths {
			if lie.only != "" && lie.only != path {
				continue
			}
			t.Run(name+path, func(t *testing.T) {
				node := newShakyNode(t, 1, path)
				for i := range 6 {
					node.mint(uint64(2*i + 1))
					node.mint(uint64(2*i + 2))
					node.Mine()
				}
				history := starknet.NewERC20(node, node.Token()).History()
				truth := collect(t, history, 1, 6)
				require.Len(t, truth, 24)
				node.change = func(method string, o map[string]any) {
					if method == lie.method {
						lie.change(o)
					}
				}
				before := node.asked[events]
				var last error
				got := 0
				for e, err := range history.Events(t.Context(), 1, 6) {
					if last = err; err == nil {
						require.Equal(t, truth[got], e)
						got++
					}
				}
				require.ErrorIs(t, last, lie.want)
				require.LessOrEqual(t, node.asked[events]-before, 3)
			})
		}
	}
}

// TestHistoryFilters asks for the events of one deal, and of one kind.
func TestHistoryFilters(t *testing.T) {
	node := newScript(t)
	var filter struct {
		Keys [][]string `json:"keys"`
		Size int        `json:"chunk_size"`
		From any        `json:"from_block"`
		To   any        `json:"to_block"`
	}
	node.on("starknet_getEvents", func(params []json.RawMessage) (any, error) {
		filter.Keys = nil
		require.NoError(t, json.Unmarshal(params[0], &filter))
		return map[string]any{"events": []any{}}, nil
	})
	node.answer("starknet_getBlockWithTxHashes", map[string]any{"block_number": 9, "block_hash": "0x99", "parent_hash": "0x88", "status": "ACCEPTED_ON_L1", "transactions": []string{}})
	escrow := starknet.NewEscrow(node.client(), escrowAddress)
	token := starknet.NewERC20(node.client(), escrowAddress)
	id := wordOf(t, "0x500000000000000000000000000000007")
	selectors := []string{}
	for _, name := range []string{"DealCreated", "ChunkReleased", "DealSlashed", "DealCompleted"} {
		selectors = append(selectors, starknet.Selector(name).String())
	}
	transfer := []string{starknet.Selector("Transfer").String()}

	require.Empty(t, collect(t, escrow.History(), 3, 9))
	require.Nil(t, filter.Keys)
	require.Equal(t, map[string]any{"block_number": 3.0}, filter.From)
	require.Equal(t, map[string]any{"block_hash": "0x99"}, filter.To, "by hash: a node without that block must not answer")
	require.LessOrEqual(t, filter.Size, 1000)
	require.Empty(t, collect(t, escrow.History(starknet.WithDeal(id)), 3, 9))
	require.Equal(t, [][]string{selectors, {"0x7"}, {"0x5"}}, filter.Keys)
	require.Empty(t, collect(t, token.History(), 3, 9))
	require.Equal(t, [][]string{transfer}, filter.Keys)
	require.Empty(t, collect(t, token.History(starknet.WithKeys(nil, feltsOf(t, []string{"0x9", "0xa"}))), 3, 9))
	require.Equal(t, [][]string{transfer, {}, {"0x9", "0xa"}}, filter.Keys)
}

// TestRangesSplit has a node that answers for few blocks at once.
func TestRangesSplit(t *testing.T) {
	for _, most := range []uint64{1, 3, 100} {
		node := newShakyNode(t, 1, rpcPaths[1])
		node.grow(40)
		want := collect(t, starknet.NewERC20(node, node.Token()).History(), 0, 40)
		picky := starknet.CallerFunc(func(ctx context.Context, result any, method string, params ...any) error {
			if method == "starknet_getEvents" {
				from, to := node.rangeOf(params[0])
				if to-from+1 > most {
					return &jsonrpc.Error{Code: -32005, Message: fmt.Sprintf("query exceeds max block range %d", most)}
				}
			}
			return node.CallContext(ctx, result, method, params...)
		})
		history := starknet.NewERC20(picky, node.Token()).History()
		require.Equal(t, want, collect(t, history, 0, 40), "at most %d", most)

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		l := ledger[starknet.Transfer]{TB: t}
		for u, err := range history.Follow(ctx, starknet.Cursor{}) {
			require.NoError(t, err)
			if l.apply(u); len(l.held) == len(want) {
				break
			}
		}
		require.Equal(t, want, l.held)
	}
	node := newScript(t)
	node.answer("starknet_getBlockWithTxHashes", map[string]any{"block_number": 9, "block_hash": "0x99", "parent_hash": "0x88", "status": "ACCEPTED_ON_L1", "transactions": []string{}})
	node.fail("starknet_getEvents", -32005, "limit exceeded", "")
	for _, err := range starknet.NewEscrow(node.client(), escrowAddress).Events(t.Context(), 9, 9) {
		var refusal *jsonrpc.Error
		require.ErrorAs(t, err, &refusal, "one block is not too much")
	}
}

// rangeOf are the blocks that a filter asks for.
func (n *shakyNode) rangeOf(filter any) (from, to uint64) {
	raw, err := json.Marshal(filter)
	require.NoError(n, err)
	var f struct {
		From json.RawMessage `json:"from_block"`
		To   json.RawMessage `json:"to_block"`
	}
	require.NoError(n, json.Unmarshal(raw, &f))
	number := func(id json.RawMessage) uint64 {
		var b struct {
			Number uint64 `json:"block_number"`
		}
		require.NoError(n, n.rpc.CallContext(context.Background(), &b, "starknet_getBlockWithTxHashes", id))
		return b.Number
	}
	return number(f.From), number(f.To)
}

// TestEscrowEvents reads events of the escrow, one of a kind that the parser
// does not know.
func TestEscrowEvents(t *testing.T) {
	node := newScript(t)
	event := func(tx, index int, name string) map[string]any {
		return map[string]any{
			"from_address": "0xee", "block_number": 5, "block_hash": "0xb", "transaction_hash": []string{"0x1", "0x2"}[tx], "transaction_index": tx, "event_index": index,
			"keys": []string{starknet.Selector(name).String()}, "data": []string{"0x9"},
		}
	}
	pages := map[string]any{
		"":  map[string]any{"events": []any{}, "continuation_token": "a"},
		"a": map[string]any{"events": []any{event(0, 1, "Paused"), event(1, 0, "BatchReleased")}, "continuation_token": "b"},
		"b": map[string]any{"events": []any{event(1, 3, "Unpaused")}},
	}
	node.on("starknet_getEvents", func(params []json.RawMessage) (any, error) {
		var f struct {
			Token string `json:"continuation_token"`
		}
		require.NoError(t, json.Unmarshal(params[0], &f))
		return pages[f.Token], nil
	})
	node.answer("starknet_getBlockWithTxHashes", map[string]any{"block_number": 5, "block_hash": "0xb", "parent_hash": "0xa", "status": "ACCEPTED_ON_L2", "transactions": []string{"0x1", "0x2"}})
	escrow := starknet.NewEscrow(node.client(), escrowAddress)
	at := func(tx, index uint64, e slastream.Event) starknet.HistoryEvent[slastream.Event] {
		return starknet.HistoryEvent[slastream.Event]{
			Event: e, ID: starknet.EventID{TxHash: attestation.WordFromUint64(tx + 1), Index: index}, TxIndex: tx,
			BlockNumber: 5, BlockHash: attestation.WordFromUint64(0xb),
		}
	}
	by := slastream.Address{31: 9}
	want := []starknet.HistoryEvent[slastream.Event]{at(0, 1, slastream.Paused{By: by}), at(1, 3, slastream.Unpaused{By: by})}
	require.Equal(t, want, collect(t, escrow.History(), 5, 5))
	for range escrow.Events(t.Context(), 5, 5) {
		break // must not go on
	}
	for u, err := range escrow.Follow(t.Context(), starknet.Cursor{Block: 5}) {
		require.NoError(t, err)
		require.Equal(t, want[0], u.HistoryEvent)
		break
	}
}

func TestHead(t *testing.T) {
	node := newScript(t)
	node.answer("starknet_blockNumber", 77)
	n, err := starknet.NewEscrow(node.client(), escrowAddress).Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(77), n)
}

package simulated_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/slastream/slastream-go/fevm/simulated"
)

// connect serves a node and dials its WebSocket; nothing is left behind.
func connect(t *testing.T, n *simulated.Node) *rpc.Client {
	t.Helper()
	server := httptest.NewServer(n)
	c, err := rpc.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http")+"/rpc/v1")
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Close()
		n.Close()
		server.Close()
		server.Client().CloseIdleConnections()
		goleak.VerifyNone(t, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
	})
	return c
}

func next[T any](t *testing.T, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(10 * time.Second):
		require.FailNow(t, "nothing came")
	}
	return v
}

func TestSubscribe(t *testing.T) {
	for name, deferred := range map[string]bool{"executed at once": false, "deferred": true} {
		t.Run(name, func(t *testing.T) {
			opts := []simulated.Option{simulated.WithStart(1000), simulated.WithManualMining()}
			if deferred {
				opts = append(opts, simulated.WithDeferredExecution())
			}
			n := simulated.New(opts...)
			c := connect(t, n)
			eth := ethclient.NewClient(c)
			heads, logs, txs := make(chan rawBlock, 100), make(chan types.Log, 100), make(chan common.Hash, 100)
			for ch, args := range map[any][]any{
				heads: {"newHeads"}, txs: {"newPendingTransactions"},
				logs: {"logs", map[string]any{"address": n.MockVerifier()}},
			} {
				sub, err := c.EthSubscribe(t.Context(), ch, args...)
				require.NoError(t, err)
				defer sub.Unsubscribe()
			}
			emit(t, n, eth, 1, 2) // in one tipset
			first := next(t, txs)
			next(t, txs)
			_, err := n.Mine(1)
			require.NoError(t, err)
			if deferred {
				require.Empty(t, heads, "the parent of the head is known already")
				_, err = n.Mine(1)
				require.NoError(t, err)
			}
			head := next(t, heads)
			require.EqualValues(t, 1001, head.Number)
			require.Len(t, head.Transactions, 2)
			for range 2 {
				l := next(t, logs)
				require.Zero(t, l.Index, "Lotus does not count them here")
				require.False(t, l.Removed)
				require.Equal(t, head.Hash, l.BlockHash)
			}
			_, err = n.Reorg(n.Head() - 1000)
			require.NoError(t, err)
			for range 2 {
				l := next(t, logs)
				require.True(t, l.Removed)
				require.Equal(t, head.Hash, l.BlockHash)
			}
			again := next(t, heads)
			require.EqualValues(t, 1001, again.Number)
			require.NotEqual(t, head.Hash, again.Hash)

			emit(t, n, eth, 1)
			require.Equal(t, first, next(t, txs))
			_, err = n.NullRound()
			require.NoError(t, err)
			_, err = n.Mine(2)
			require.NoError(t, err)
			l := next(t, logs)
			require.Equal(t, first, l.TxHash)
			at, err := eth.TransactionReceipt(t.Context(), first)
			require.NoError(t, err)
			require.Equal(t, at.BlockHash, l.BlockHash)
			require.Empty(t, logs)
		})
	}
}

func TestSubscribeRefused(t *testing.T) {
	n := simulated.New()
	server := httptest.NewServer(n)
	defer server.Close()
	defer n.Close()
	conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	require.NoError(t, err)
	defer conn.Close()
	call := func(method, params string) (a answer) {
		t.Helper()
		require.NoError(t, conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params)))
		_, raw, err := conn.ReadMessage()
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, &a))
		return a
	}
	for params, text := range map[string]string{
		`[]`:                     "kind is missing",
		`["x"]`:                  "unsupported event type",
		`["logs",{"topics":5}]`:  "filter",
		`["logs",{"x":1},2]`:     "parameters",
		`["logs",{"address":1}]`: "filter",
		`["logs",{"blockHash":"0x` + strings.Repeat("00", 32) + `"}]`: "nothing to wait for",
		`["logs",{"fromBlock":"finalized"}]`:                          "FromBlock is not a hex",
		`["logs",{"topics":[null,null,null,null,null]}]`:              "5 topics",
	} {
		a := call("eth_subscribe", params)
		require.NotNil(t, a.Error, params)
		require.Contains(t, a.Error.Message, text, params)
	}
	require.Contains(t, call("eth_unsubscribe", `["0x`+strings.Repeat("00", 32)+`"]`).Error.Message, "not found")
	var id string
	for range 16 {
		require.NoError(t, json.Unmarshal(call("eth_subscribe", `["newHeads"]`).Result, &id))
	}
	require.Contains(t, call("eth_subscribe", `["newHeads"]`).Error.Message, "too many subscriptions")
	require.Equal(t, "true", string(call("eth_unsubscribe", `["`+id+`"]`).Result))
	require.Nil(t, call("eth_subscribe", `["newHeads"]`).Error)
	require.Equal(t, `"0x4cb2f"`, string(call("eth_chainId", `[]`).Result), "everything else is answered too")
	require.Contains(t, post(t, n, `{"id":1,"method":"eth_subscribe","params":["newHeads"]}`).Error.Message, "does not exist", "not over HTTP")

	header := map[string][]string{"Origin": {"https://evil.example"}}
	_, _, err = websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), header)
	require.Error(t, err)
	n.Close()
	_, _, err = conn.ReadMessage()
	require.Error(t, err)
}

// TestSlowReader does not read while 40,000 heads are told: it is cut off
// without a word.
func TestSlowReader(t *testing.T) {
	n := simulated.New()
	server := httptest.NewServer(n)
	defer server.Close()
	defer n.Close()
	conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(`{"id":1,"method":"eth_subscribe","params":["newHeads"]}`)))
	_, _, err = conn.ReadMessage()
	require.NoError(t, err)
	_, err = n.Mine(40_000)
	require.NoError(t, err)
	told := 0
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			break
		}
		told++
	}
	require.Less(t, told, 20_000)
}

func TestFilters(t *testing.T) {
	n := simulated.New(simulated.WithStart(1000), simulated.WithManualMining(), simulated.WithMaxResults(3))
	c := dial(t, n)
	logs := ask(t, c, "eth_newFilter", map[string]any{"address": n.MockVerifier(), "topics": []any{nil, []any{common.Hash{31: 2}, common.Hash{31: 3}}}})
	blocks, pending := ask(t, c, "eth_newBlockFilter"), ask(t, c, "eth_newPendingTransactionFilter")
	changes := func(id any) []any { return ask(t, c, "eth_getFilterChanges", id).([]any) }
	require.Empty(t, changes(logs))
	emit(t, n, c, 1, 2, 3)
	require.Len(t, changes(pending), 3)
	require.Empty(t, changes(pending), "each change is told once")
	_, err := n.Mine(2)
	require.NoError(t, err)
	require.Equal(t, []any{blockAt(t, c, "0x3e9").Hash.Hex(), blockAt(t, c, "0x3ea").Hash.Hex()}, changes(blocks))
	got := changes(logs)
	require.Len(t, got, 2)
	require.Equal(t, "0x0", got[0].(map[string]any)["logIndex"], "Lotus counts only those that match")
	require.Equal(t, "0x1", got[1].(map[string]any)["logIndex"])
	require.Len(t, ask(t, c, "eth_getFilterLogs", logs), 0, "absent ends are the head")
	_, err = n.Reorg(2)
	require.NoError(t, err)
	got = changes(logs)
	require.Len(t, got, 2)
	require.Equal(t, true, got[0].(map[string]any)["removed"])

	emit(t, n, c, 2, 2, 2, 3)
	_, err = n.Mine(1)
	require.NoError(t, err)
	got = changes(logs)
	require.Len(t, got, 3, "the oldest are lost")
	require.Equal(t, common.Hash{31: 3}.Hex(), got[2].(map[string]any)["topics"].([]any)[1])

	require.Equal(t, true, ask(t, c, "eth_uninstallFilter", pending))
	require.Equal(t, false, ask(t, c, "eth_uninstallFilter", pending))
	refused(t, c, -32000, "filter not found", "eth_getFilterChanges", pending)
	refused(t, c, -32000, "not one of logs", "eth_getFilterLogs", blocks)
	_, err = n.Mine(120)
	require.NoError(t, err)
	require.Len(t, changes(blocks), 123)
	refused(t, c, -32000, "filter not found", "eth_getFilterChanges", ask(t, c, "eth_newFilter", map[string]any{"fromBlock": "0x3e8", "toBlock": "0x3e9"}).(string)[:64]+"00")
	_, err = n.Mine(1)
	require.NoError(t, err)
	refused(t, c, -32000, "filter not found", "eth_getFilterChanges", logs)
	for range 98 {
		ask(t, c, "eth_newBlockFilter")
	}
	refused(t, c, -32000, "maximum number of filters registered", "eth_newBlockFilter")
	_, err = n.Mine(121)
	require.NoError(t, err)
	ask(t, c, "eth_newBlockFilter")
}

// TestFilterRange tells only logs of the epochs that a filter names.
func TestFilterRange(t *testing.T) {
	n := simulated.New(simulated.WithStart(1000))
	c := dial(t, n)
	id := ask(t, c, "eth_newFilter", map[string]any{"fromBlock": "0x3ea", "toBlock": "0x3eb"})
	emit(t, n, c, 1, 2, 3, 4)
	require.Len(t, ask(t, c, "eth_getFilterChanges", id), 2)
	require.Len(t, ask(t, c, "eth_getFilterLogs", id), 2)
	logs, err := c.FilterLogs(t.Context(), ethereum.FilterQuery{FromBlock: big.NewInt(1000)})
	require.NoError(t, err)
	require.Len(t, logs, 4)
	require.EqualValues(t, "0x3ec", hexutil.EncodeUint64(n.Head()))
}

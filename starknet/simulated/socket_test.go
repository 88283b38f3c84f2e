package simulated_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/slastream/slastream-go/starknet/simulated"
)

// A wire is a WebSocket to a node on a port.
type wire struct {
	*testing.T
	*websocket.Conn
}

func dial(t *testing.T, c *chain) *wire {
	server := httptest.NewServer(c.Node)
	t.Cleanup(server.Close)
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http")+"/ws/v0_10", nil)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return &wire{t, conn}
}

type note struct {
	ID     json.RawMessage
	Result any
	Error  *struct{ Code int }
	Method string
	Params struct {
		Result map[string]any
		ID     string `json:"subscription_id"`
	}
}

func (w *wire) next() note {
	w.Helper()
	w.SetReadDeadline(time.Now().Add(10 * time.Second))
	var n note
	require.NoError(w, w.ReadJSON(&n))
	return n
}

func (w *wire) ask(method string, params any) note {
	w.Helper()
	require.NoError(w, w.WriteJSON(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
	return w.next()
}

func TestSubscriptions(t *testing.T) {
	running := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, running) })
	c := newChain(t, simulated.Options{Key: attesterKey()})
	client, relay := c.Accounts()[1], c.Accounts()[3]
	c.sent(client, c.create(c.Accounts()[2].Address, 3, 100, 50, 3600)...)
	w := dial(t, c)

	heads := w.ask("starknet_subscribeNewHeads", map[string]any{"block_id": map[string]any{"block_number": 0}}).Result.(string)
	for number := range 2 {
		n := w.next()
		require.Equal(t, "starknet_subscriptionNewHeads", n.Method, "the answer came first")
		require.Equal(t, heads, n.Params.ID)
		require.Equal(t, float64(number), n.Params.Result["block_number"])
		require.NotContains(t, n.Params.Result, "status")
	}
	events := w.ask("starknet_subscribeEvents", map[string]any{"from_address": feltOf(c.Escrow()), "keys": [][]string{{}, {"0x1"}}}).Result.(string)
	require.NotEqual(t, heads, events)

	r := c.sent(relay, c.release(attest(1, 0)))
	n := w.next()
	require.Equal(t, heads, n.Params.ID)
	require.Equal(t, r.BlockHash, n.Params.Result["block_hash"])
	n = w.next()
	require.Equal(t, "starknet_subscriptionEvents", n.Method)
	require.Equal(t, r.Hash, n.Params.Result["transaction_hash"])
	require.Equal(t, "ACCEPTED_ON_L2", n.Params.Result["finality_status"])
	require.Equal(t, 1.0, n.Params.Result["event_index"], "after the token's Transfer")

	_, err := c.Abort(2)
	require.NoError(t, err)
	for _, id := range []string{heads, events} {
		n := w.next()
		require.Equal(t, "starknet_subscriptionReorg", n.Method)
		require.Equal(t, id, n.Params.ID)
		require.Equal(t, r.BlockHash, n.Params.Result["starting_block_hash"])
		require.Equal(t, 2.0, n.Params.Result["ending_block_number"])
	}
	require.Equal(t, true, w.ask("starknet_unsubscribe", []string{heads}).Result)
	require.Equal(t, 66, w.ask("starknet_unsubscribe", []string{heads}).Error.Code)
	c.Mine()
	c.sent(relay, c.release(attest(1, 1)))
	require.Equal(t, "starknet_subscriptionEvents", w.next().Method, "no more heads")

	require.Equal(t, 24, w.ask("starknet_subscribeNewHeads", []any{map[string]any{"block_number": 99}}).Error.Code)
	for range 1030 {
		c.Mine()
	}
	require.Equal(t, 68, w.ask("starknet_subscribeNewHeads", []any{map[string]any{"block_number": 1}}).Error.Code)
	require.Equal(t, -32602, w.ask("starknet_subscribeEvents", map[string]any{"finality_status": "ACCEPTED_ON_L1"}).Error.Code)
	require.Equal(t, -32601, c.refused("starknet_subscribeNewHeads").Code, "HTTP has no subscriptions")
}

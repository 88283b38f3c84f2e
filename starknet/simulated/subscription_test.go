package simulated_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/NethermindEth/starknet.go/hash"
	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/slastream/slastream-go/starknet/simulated"
)

// notes reads the next n messages, as "method status".
func (w *wire) notes(n int) []string {
	w.Helper()
	out := make([]string, n)
	for i := range out {
		m := w.next()
		status := m.Params.Result["finality_status"]
		if inner, ok := m.Params.Result["status"].(map[string]any); ok {
			status = inner["finality_status"]
		}
		out[i] = fmt.Sprint(strings.TrimPrefix(m.Method, "starknet_subscription"), " ", status)
	}
	return out
}

// hashOf is the hash of a transaction that is not sent yet.
func (c *chain) hashOf(tx map[string]any) string {
	c.Helper()
	raw, err := json.Marshal(tx)
	require.NoError(c, err)
	var invoke rpc.InvokeTxnV3
	require.NoError(c, json.Unmarshal(raw, &invoke))
	h, err := hash.TransactionHashInvokeV3(&invoke, felts(c, "0x534e5f5345504f4c4941")[0])
	require.NoError(c, err)
	return h.String()
}

func TestSubscriptionsThroughFinality(t *testing.T) {
	c := newChain(t, simulated.Options{Manual: true, Key: attesterKey()})
	client, relay := c.Accounts()[1], c.Accounts()[3]
	c.sent(client, c.create(c.Accounts()[2].Address, 3, 100, 50, 3600)...)
	c.Mine()
	w := dial(t, c)

	both := []string{"PRE_CONFIRMED", "ACCEPTED_ON_L2"}
	w.ask("starknet_subscribeEvents", map[string]any{"from_address": feltOf(c.Escrow()), "finality_status": "PRE_CONFIRMED"})
	w.ask("starknet_subscribeNewTransactions", map[string]any{"finality_status": both})
	w.ask("starknet_subscribeNewTransactions", map[string]any{"sender_address": []any{feltOf(client.Address)}})
	w.ask("starknet_subscribeNewTransactionReceipts", []any{both, []any{feltOf(relay.Address)}})
	tx := c.build(relay, 0, []rpc.InvokeFunctionCall{c.release(attest(1, 0))}, nil)
	sent := c.hashOf(tx)
	w.ask("starknet_subscribeTransactionStatus", []any{sent})

	require.Equal(t, sent, c.post(tx).Hash)
	require.Equal(t, []string{
		"Events PRE_CONFIRMED", "NewTransaction PRE_CONFIRMED", "NewTransactionReceipts PRE_CONFIRMED", "TransactionStatus PRE_CONFIRMED",
	}, w.notes(4))
	c.Mine()
	require.Equal(t, []string{
		"Events ACCEPTED_ON_L2", "NewTransaction ACCEPTED_ON_L2", "NewTransactionReceipts ACCEPTED_ON_L2", "TransactionStatus ACCEPTED_ON_L2",
	}, w.notes(4))
	_, err := c.AcceptOnL1(2)
	require.NoError(t, err)
	require.Equal(t, []string{"TransactionStatus ACCEPTED_ON_L1"}, w.notes(1))

	// Only a reorganization of sealed blocks is one.
	c.sent(client, call(c.Token(), "approve", append(felts(t, "0x5"), amountFelts(1)...)...))
	require.Equal(t, []string{"NewTransaction PRE_CONFIRMED"}, w.notes(1))
	_, err = c.Abort(3)
	require.NoError(t, err)
	c.Mine()
	_, err = c.Abort(3)
	require.NoError(t, err)
	require.Equal(t, []string{"Reorg <nil>", "Reorg <nil>", "Reorg <nil>", "Reorg <nil>", "Reorg <nil>"}, w.notes(5))

	// The past: a status at once, events from a block on, the open block last.
	c.sent(relay, c.release(attest(1, 1)))
	require.Equal(t, []string{"Events PRE_CONFIRMED", "NewTransaction PRE_CONFIRMED", "NewTransactionReceipts PRE_CONFIRMED"}, w.notes(3))
	late := dial(t, c)
	late.ask("starknet_subscribeTransactionStatus", map[string]any{"transaction_hash": sent})
	require.Equal(t, []string{"TransactionStatus ACCEPTED_ON_L1"}, late.notes(1))
	late.ask("starknet_subscribeEvents", map[string]any{"from_address": []any{feltOf(c.Escrow())}, "block_id": blockNumber(1), "finality_status": "PRE_CONFIRMED"})
	require.Equal(t, []string{"Events ACCEPTED_ON_L2", "Events ACCEPTED_ON_L2", "Events PRE_CONFIRMED"}, late.notes(3))
}

func TestSubscriptionRefusals(t *testing.T) {
	c := newChain(t, simulated.Options{})
	w := dial(t, c)
	addresses := make([]string, 101)
	for i := range addresses {
		addresses[i] = "0x1"
	}
	for name, tt := range map[string]struct {
		method string
		params any
		code   int
	}{
		"heads from the open block":        {"starknet_subscribeNewHeads", []any{"pre_confirmed"}, -32602},
		"heads from L1":                    {"starknet_subscribeNewHeads", []any{"l1_accepted"}, -32602},
		"heads from no block":              {"starknet_subscribeNewHeads", []any{blockNumber(1)}, 24},
		"events that are on L1":            {"starknet_subscribeEvents", map[string]any{"finality_status": "ACCEPTED_ON_L1"}, -32602},
		"events with too many keys":        {"starknet_subscribeEvents", map[string]any{"keys": [][]string{make1025()}}, 34},
		"transactions that are on L1":      {"starknet_subscribeNewTransactions", map[string]any{"finality_status": []string{"ACCEPTED_ON_L1"}}, -32602},
		"transactions of too many":         {"starknet_subscribeNewTransactions", map[string]any{"sender_address": addresses}, 67},
		"transactions with an unknown tag": {"starknet_subscribeNewTransactions", map[string]any{"tags": []string{"X"}}, -32602},
		"receipts that are only received":  {"starknet_subscribeNewTransactionReceipts", map[string]any{"finality_status": []string{"RECEIVED"}}, -32602},
		"receipts of too many":             {"starknet_subscribeNewTransactionReceipts", map[string]any{"sender_address": addresses}, 67},
		"status of nothing":                {"starknet_subscribeTransactionStatus", []any{}, -32602},
		"unsubscribe with a number":        {"starknet_unsubscribe", []any{1}, -32602},
		"unsubscribe from what is not":     {"starknet_unsubscribe", []any{"1"}, 66},
		"an unknown parameter":             {"starknet_subscribeNewHeads", map[string]any{"x": 1}, -32602},
	} {
		t.Run(name, func(t *testing.T) {
			n := w.ask(tt.method, tt.params)
			require.NotNil(t, n.Error, "%v", n.Result)
			require.Equal(t, tt.code, n.Error.Code)
		})
	}
	for range 1024 {
		require.Nil(t, w.ask("starknet_subscribeNewHeads", nil).Error)
	}
	require.Equal(t, -1, w.ask("starknet_subscribeNewHeads", nil).Error.Code, "too many on one socket")
}

func make1025() []string {
	out := make([]string, 1025)
	for i := range out {
		out[i] = "0x1"
	}
	return out
}

func TestClose(t *testing.T) {
	running := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, running) })
	c := newChain(t, simulated.Options{})
	server := httptest.NewServer(c.Node)
	url := "ws" + strings.TrimPrefix(server.URL, "http") + "/ws"
	var wires []*wire
	for range 5 {
		conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
		require.NoError(t, err)
		wires = append(wires, &wire{t, conn})
		wires[len(wires)-1].ask("starknet_subscribeNewHeads", nil)
	}
	c.Close()
	c.Close()
	for _, w := range wires {
		_, _, err := w.ReadMessage()
		require.True(t, websocket.IsCloseError(err, websocket.CloseGoingAway), "%v", err)
		w.Close()
	}
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	require.NoError(t, err)
	_, _, err = conn.ReadMessage()
	require.True(t, websocket.IsCloseError(err, websocket.CloseTryAgainLater), "%v", err)
	conn.Close()
	c.Mine() // the node itself works on, and nobody is told
	require.NoError(t, server.Config.Shutdown(t.Context()))
	server.Close()
}

package simulated_test

import (
	"encoding/json"
	"testing"

	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// TestConformanceOffline has answers that TestConformance found to differ, for
// those without a starknet-devnet.
func TestConformanceOffline(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	later := jsonrpc.NewClient("http://in.process/rpc/v0_10", c.Client())
	me, other := c.Accounts()[1], c.Accounts()[2]
	approve := call(c.Token(), "approve", append(felts(t, feltOf(other.Address).String()), amountFelts(7)...)...)

	t.Run("a transaction sent twice has a code of its own since RPC 0.10", func(t *testing.T) {
		tx := c.build(me, c.nonce(me), []rpc.InvokeFunctionCall{approve}, nil)
		c.post(tx)
		require.Equal(t, 52, c.refused("starknet_addInvokeTransaction", tx).Code)
		var e *jsonrpc.Error
		require.ErrorAs(t, later.CallContext(t.Context(), nil, "starknet_addInvokeTransaction", tx), &e)
		require.Equal(t, 59, e.Code)
	})
	t.Run("a misspelt field is refused", func(t *testing.T) {
		tx := c.build(me, c.nonce(me), []rpc.InvokeFunctionCall{approve}, nil)
		tx["tipp"] = "0x1"
		require.Equal(t, -32602, c.refused("starknet_addInvokeTransaction", tx).Code)
	})
	t.Run("a contract cannot call __execute__", func(t *testing.T) {
		r := c.send(me, call(me.Address, "__execute__", felts(t, "0x0")...))
		require.Contains(t, r.Reason, "('Invalid argument').")
		require.NotContains(t, r.Reason, "invalid caller")
	})
	t.Run("events of no address are none", func(t *testing.T) {
		var page map[string]json.RawMessage
		require.NoError(t, later.CallContext(t.Context(), &page, "starknet_getEvents", map[string]any{"address": []string{}, "chunk_size": 10}))
		require.JSONEq(t, "[]", string(page["events"]))
		require.NotContains(t, page, "continuation_token")
	})
	t.Run("a simulation pays unless told not to", func(t *testing.T) {
		tx := c.build(me, c.nonce(me), []rpc.InvokeFunctionCall{approve}, nil)
		for _, row := range []struct {
			flags          []string
			validated, fee bool
		}{
			{[]string{}, true, true},
			{[]string{"SKIP_FEE_CHARGE"}, true, false},
			{[]string{"SKIP_VALIDATE"}, false, true},
			{[]string{"SKIP_VALIDATE", "SKIP_FEE_CHARGE"}, false, false},
		} {
			before := c.balance("latest", me.Address)
			list := get[[]struct {
				Trace map[string]json.RawMessage `json:"transaction_trace"`
			}](c, "starknet_simulateTransactions", "latest", []any{tx}, row.flags)
			require.Equal(t, row.fee, list[0].Trace["fee_transfer_invocation"] != nil, row.flags)
			require.Equal(t, row.validated, list[0].Trace["validate_invocation"] != nil, row.flags)
			require.Equal(t, before, c.balance("latest", me.Address), "it is only tried")
		}
		tx = c.build(me, c.nonce(me), []rpc.InvokeFunctionCall{approve}, noBounds)
		e := c.refused("starknet_simulateTransactions", "latest", []any{tx}, []string{})
		require.Equal(t, 41, e.Code)
		require.Contains(t, string(e.Data), "don't cover validation")
		get[json.RawMessage](c, "starknet_simulateTransactions", "latest", []any{tx}, []string{"SKIP_FEE_CHARGE"})
	})
}

// TestConformanceScript runs the script on two simulated nodes and wants the
// same answers: what a node answers depends on nothing but what it was asked.
func TestConformanceScript(t *testing.T) {
	signed := make(map[string]map[string]any)
	var sides [2]*side
	for i := range sides {
		s := simulatedSide(t, "/rpc/v0_10")
		s.signed = signed
		s.prepare(s.predeployed(9), false)
		s.script()
		sides[i] = s
	}
	require.Empty(t, compareLogs(sides[0], sides[1]))
}

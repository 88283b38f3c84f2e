package starknet_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// TestRecordedSimulations: what a real node answered, verbatim.
func TestRecordedSimulations(t *testing.T) {
	want := map[string]error{
		"simulate: X mismatch":            slastream.ErrKeyX,
		"simulate: ok release":            nil,
		"simulate: create, token reverts": &slastream.RevertError{Reason: "insufficient allowance"},
	}
	var rows []struct {
		Name, Method string
		Response     struct{ Result json.RawMessage }
	}
	load(t, "simulate.json", &rows)
	for _, row := range rows {
		expected, is := want[row.Name]
		if !is {
			continue
		}
		delete(want, row.Name)
		node := newScript(t)
		node.answer("starknet_getNonce", "0x5")
		node.on(row.Method, func(params []json.RawMessage) (any, error) {
			require.JSONEq(t, `"pre_confirmed"`, string(params[0]))
			require.JSONEq(t, `["SKIP_FEE_CHARGE"]`, string(params[2]))
			return row.Response.Result, nil
		})
		err := newAccount(t, node).Simulate(t.Context())
		require.Equal(t, expected == nil, err == nil, "%s: %v", row.Name, err)
		if expected != nil {
			require.Equal(t, expected, err, "the same value as the model's")
		}
	}
	require.Empty(t, want, "rows that are not there")

	for _, bad := range []string{`[]`, `[{}]`, `[null]`, `[{"transaction_trace":{}},{"transaction_trace":{}}]`} {
		node := newScript(t)
		node.answer("starknet_getNonce", "0x5")
		node.answer("starknet_simulateTransactions", json.RawMessage(bad))
		require.ErrorIs(t, newAccount(t, node).Simulate(t.Context()), starknet.ErrBadAnswer, bad)
	}
}

// TestSimulateChangesNothing on the simulated node: not even the nonce.
func TestSimulateChangesNothing(t *testing.T) {
	c := newCity(t, simulated.Options{})
	deal := c.create(c.node.Accounts()[2].Address, 3, 9000)
	account, escrow := c.account(3), c.escrow(3)
	require.NoError(t, account.Simulate(t.Context(), escrow.ReleaseCall(c.sign(deal, 0)), escrow.ReleaseCall(c.sign(deal, 1))))
	require.ErrorIs(t, account.Simulate(t.Context(), escrow.ReleaseCall(c.sign(deal, 0)), escrow.ReleaseCall(c.sign(deal, 0))), slastream.ErrChunkReleased)
	nonce, err := account.Nonce(t.Context())
	require.NoError(t, err)
	require.Zero(t, nonce)
	released, err := escrow.ChunkReleased(t.Context(), deal, 0)
	require.NoError(t, err)
	require.False(t, released)
}

func TestParseRevertReason(t *testing.T) {
	for text, want := range map[string]string{
		"Insufficient max L2Gas: max amount: 1000000000, actual used: 1009566400.":                                                                    "Insufficient max L2Gas: max amount: 1000000000, actual used: 1009566400.",
		"Transaction execution has failed:\n0: Error in the called contract (…):\n0x4e6f74206f776e6572 ('Not owner').\n":                              "Not owner",
		"1: Error …:\nError at pc=0:12:\nCairo traceback …\nRequested contract address 0x0000000000000000000000000000000000000000 is not deployed.\n": "Requested contract address 0x0000000000000000000000000000000000000000 is not deployed.",
		"(0x61 ('a'), 0x454e545259504f494e545f4641494c4544 ('ENTRYPOINT_FAILED')).":                                                                   "a",
		"0x8000000000000000000000000000000000000000000000000000000000000ff":                                                                           "0x8000000000000000000000000000000000000000000000000000000000000ff",
		"":                         "",
		strings.Repeat("é", 10000): strings.Repeat("é", 150) + "…",
	} {
		require.Equal(t, &slastream.RevertError{Reason: want}, starknet.ParseRevertReason(text))
	}
}

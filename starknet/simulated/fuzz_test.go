package simulated_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/starknet/simulated"
)

// FuzzRequest sends any method any parameters: the node answers JSON, never
// panics, and keeps every token.
func FuzzRequest(f *testing.F) {
	f.Add("starknet_call", `[{"contract_address":"0x1","entry_point_selector":"0x2","calldata":["0x3"]},"latest"]`)
	f.Add("starknet_getEvents", `[{"chunk_size":1,"keys":[[]],"continuation_token":"0-0-0","from_block":{"block_number":0}}]`)
	f.Add("starknet_getStorageAt", `{"contract_address":"0x1","key":"0x2","block_id":{"block_hash":"0x3"}}`)
	f.Add("starknet_estimateFee", `[[{"type":"INVOKE","version":"0x3","calldata":["0xffffffffffffffff"],"signature":[],"nonce":"0x0","tip":"0x0","sender_address":"0x1","paymaster_data":[],"account_deployment_data":[],"resource_bounds":{},"nonce_data_availability_mode":"L1","fee_data_availability_mode":"L2"}],["SKIP_VALIDATE"],"latest"]`)
	f.Add("devnet_setTime", `[1e3,false]`)
	f.Add("devnet_mint", `["0x5",1e77]`)
	f.Add("devnet_abortBlocks", `["latest"]`)
	c := newChain(f, simulated.Options{Key: attesterKey(), Accounts: 2})
	me := c.Accounts()[1]
	for range 3 {
		c.sent(me, c.create(me.Address, 2, 10, 1, 60)...)
	}
	tx, err := json.Marshal([]any{[]any{c.build(me, 3, []rpc.InvokeFunctionCall{c.release(attest(1, 0))}, nil)}, []string{}, "latest"})
	require.NoError(f, err)
	f.Add("starknet_estimateFee", string(tx))
	f.Fuzz(func(t *testing.T, method, params string) {
		body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": json.RawMessage(params)})
		if err != nil {
			t.Skip("parameters are not JSON")
		}
		resp, err := c.Client().Post("http://in.process/rpc/v0_10", "application/json", strings.NewReader(string(body)))
		require.NoError(t, err)
		var out map[string]json.RawMessage
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&out))
		require.True(t, (out["result"] == nil) != (out["error"] == nil), "result or error")
		require.NotContains(t, string(out["error"]), "Internal error")
	})
}

// FuzzCalldata calls entry points with any felts, each given as 4 bytes that
// say its size and value.
func FuzzCalldata(f *testing.F) {
	c := newChain(f, simulated.Options{Key: attesterKey(), Accounts: 2})
	me := c.Accounts()[1]
	c.sent(me, c.create(me.Address, 2, 10, 1, 60)...)
	names := []string{"create_deal", "release_chunk", "slash", "pause", "get_deal", "approve", "transfer", "transfer_from", "permissioned_mint", "allowance", "is_valid_signature"}
	for i := range names {
		f.Add(uint8(i), []byte("\x00\x00\x00\x01\x00\x00\x00\x00\x10\x00\x00\x01"))
	}
	want := c.picture("latest")
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		c := *c
		c.TB = t
		name := names[int(which)%len(names)]
		to := c.Escrow()
		switch {
		case int(which)%len(names) >= 10:
			to = me.Address
		case int(which)%len(names) >= 5:
			to = c.Token()
		}
		f := call(to, name)
		for ; len(data) >= 4; data = data[4:] {
			var w [32]byte
			copy(w[int(data[0])%29:], data[1:4])
			f.CallData = append(f.CallData, feltOf(w))
		}
		result, e := raw(&c, "starknet_call", mustJSON(t, []any{request(f), "latest"}))
		require.True(t, (result == nil) != (e == nil))
		if e != nil {
			require.Equal(t, 40, e.Code, e.Message)
		}
		require.Equal(t, want, c.picture("latest"), "a call changes nothing")
	})
}

func mustJSON(t testing.TB, v any) json.RawMessage {
	out, err := json.Marshal(v)
	require.NoError(t, err)
	return out
}

package simulated_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// specMethods are the methods of starknet-specs v0.9.0 and v0.10.2 with the
// names of their parameters, and those that 0.10.2 has more.
var specMethods = []struct{ name, params, newer string }{
	{"starknet_addDeclareTransaction", "declare_transaction", ""},
	{"starknet_addDeployAccountTransaction", "deploy_account_transaction", ""},
	{"starknet_addInvokeTransaction", "invoke_transaction", ""},
	{"starknet_blockHashAndNumber", "", ""},
	{"starknet_blockNumber", "", ""},
	{"starknet_call", "request block_id", ""},
	{"starknet_chainId", "", ""},
	{"starknet_estimateFee", "request simulation_flags block_id", ""},
	{"starknet_estimateMessageFee", "message block_id", ""},
	{"starknet_getBlockTransactionCount", "block_id", ""},
	{"starknet_getBlockWithReceipts", "block_id", "response_flags"},
	{"starknet_getBlockWithTxHashes", "block_id", ""},
	{"starknet_getBlockWithTxs", "block_id", "response_flags"},
	{"starknet_getClass", "block_id class_hash", ""},
	{"starknet_getClassAt", "block_id contract_address", ""},
	{"starknet_getClassHashAt", "block_id contract_address", ""},
	{"starknet_getCompiledCasm", "class_hash", ""},
	{"starknet_getEvents", "filter", ""},
	{"starknet_getMessagesStatus", "transaction_hash", ""},
	{"starknet_getNonce", "block_id contract_address", ""},
	{"starknet_getStateUpdate", "block_id", "contract_addresses"},
	{"starknet_getStorageAt", "contract_address key block_id", "response_flags"},
	{"starknet_getStorageProof", "block_id class_hashes contract_addresses contracts_storage_keys", ""},
	{"starknet_getTransactionByBlockIdAndIndex", "block_id index", "response_flags"},
	{"starknet_getTransactionByHash", "transaction_hash", "response_flags"},
	{"starknet_getTransactionReceipt", "transaction_hash", ""},
	{"starknet_getTransactionStatus", "transaction_hash", ""},
	{"starknet_simulateTransactions", "block_id transactions simulation_flags", ""},
	{"starknet_specVersion", "", ""},
	{"starknet_syncing", "", ""},
	{"starknet_traceBlockTransactions", "block_id", "trace_flags"},
	{"starknet_traceTransaction", "transaction_hash", ""},
}

// TestMethodsOfSpec calls every method with its parameters by name and by
// position: both say the same, and never that there is no such method or
// parameter.
func TestMethodsOfSpec(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	client := c.Accounts()[1]
	r := c.sent(client, c.create(c.Accounts()[2].Address, 3, 100, 50, 3600)...)
	class := get[string](c, "starknet_getClassHashAt", "latest", feltOf(c.Escrow()))
	values := map[string]any{
		"block_id": "latest", "index": 0, "transaction_hash": r.Hash, "contract_address": feltOf(c.Escrow()), "key": "0x1", "class_hash": class,
		"request": request(call(c.Escrow(), "get_deal_counter")), "filter": map[string]any{"chunk_size": 1},
		"simulation_flags": []any{}, "transactions": []any{}, "response_flags": []any{}, "trace_flags": []any{}, "contract_addresses": []any{},
		"class_hashes": []any{}, "contracts_storage_keys": []any{},
		"message":             map[string]any{"from_address": "0x1", "to_address": feltOf(c.Token()), "entry_point_selector": "0x1", "payload": []any{}},
		"invoke_transaction":  c.build(client, 9, nil, nil),
		"declare_transaction": map[string]any{"type": "DECLARE"}, "deploy_account_transaction": map[string]any{"type": "DEPLOY_ACCOUNT"},
	}
	refusals := map[string]int{
		"starknet_addDeclareTransaction": -32602, "starknet_addDeployAccountTransaction": -32602, "starknet_addInvokeTransaction": 52,
		"starknet_estimateMessageFee": 40, "starknet_getCompiledCasm": 100, "starknet_getMessagesStatus": 29, "starknet_getStorageProof": 42,
	}
	for path, newer := range map[string]bool{"/rpc/v0_9": false, "/rpc/v0_10": true} {
		for _, m := range specMethods {
			t.Run(path+" "+m.name, func(t *testing.T) {
				names := strings.Fields(m.params)
				if newer {
					names = append(names, strings.Fields(m.newer)...)
				}
				byName, byPlace := map[string]any{}, []any{}
				for _, name := range names {
					v := values[name]
					if name == "request" && m.name == "starknet_estimateFee" {
						v = []any{}
					}
					byName[name] = v
					byPlace = append(byPlace, v)
				}
				answers := make([]string, 2)
				for i, params := range []any{byName, byPlace} {
					body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": m.name, "params": params})
					require.NoError(t, err)
					answers[i] = postTo(t, c, path, string(body))
				}
				require.Equal(t, answers[0], answers[1])
				var answer struct {
					Result json.RawMessage
					Error  jsonrpc.Error
				}
				require.NoError(t, json.Unmarshal([]byte(answers[0]), &answer))
				require.Equal(t, refusals[m.name], answer.Error.Code, answers[0])
				if m.newer != "" && !newer {
					body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": m.name, "params": append(byPlace, []any{})})
					require.NoError(t, err)
					require.Contains(t, postTo(t, c, path, string(body)), "-32602", "it has no %s yet", m.newer)
				}
			})
		}
	}
}

func postTo(t testing.TB, c *chain, path, body string) string {
	resp, err := c.Client().Post("http://in.process"+path, "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer resp.Body.Close()
	var raw json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&raw); err != nil {
		return ""
	}
	return string(raw)
}

func TestProofFacts(t *testing.T) {
	c := newChain(t, simulated.Options{})
	r := c.sent(c.Accounts()[1], call(c.Token(), "approve", append(felts(t, "0x5"), amountFelts(1)...)...))
	newer := &chain{t, c.Node, jsonrpc.NewClient("http://in.process/rpc/v0_10", c.Client())}
	flags := []string{"INCLUDE_PROOF_FACTS"}
	tx := get[map[string]any](newer, "starknet_getTransactionByHash", r.Hash, flags)
	require.Equal(t, []any{}, tx["proof_facts"])
	require.Equal(t, tx, get[map[string]any](newer, "starknet_getTransactionByBlockIdAndIndex", "latest", 0, flags))
	block := get[struct{ Transactions []map[string]any }](newer, "starknet_getBlockWithTxs", "latest", flags)
	require.Equal(t, tx, block.Transactions[0])
	require.NotContains(t, get[map[string]any](newer, "starknet_getTransactionByHash", r.Hash), "proof_facts")
	require.Equal(t, -32602, newer.refused("starknet_getTransactionByHash", r.Hash, []string{"X"}).Code)
	require.Equal(t, -32602, c.refused("starknet_getTransactionByHash", r.Hash, flags).Code)
}

// TestBadRequests has what does not reach a method, alone and in a batch.
func TestBadRequests(t *testing.T) {
	c := newChain(t, simulated.Options{})
	const id = `"0x534e5f5345504f4c4941"`
	for name, tt := range map[string]struct {
		body string
		want string // empty: no body at all
	}{
		"not JSON":               {`{`, `{"id":null,"error":-32700}`},
		"empty":                  {``, `{"id":null,"error":-32700}`},
		"a number":               {`5`, `{"id":null,"error":-32600}`},
		"no method":              {`{"jsonrpc":"2.0","id":1}`, `{"id":null,"error":-32600}`},
		"method is a number":     {`{"jsonrpc":"2.0","id":1,"method":5}`, `{"id":null,"error":-32600}`},
		"an unknown method":      {`{"jsonrpc":"2.0","id":1,"method":"starknet_nope"}`, `{"id":1,"error":-32601}`},
		"params are a number":    {`{"jsonrpc":"2.0","id":1,"method":"starknet_chainId","params":5}`, `{"id":1,"error":-32602}`},
		"one param too many":     {`{"jsonrpc":"2.0","id":1,"method":"starknet_getNonce","params":["latest","0x1","0x2"]}`, `{"id":1,"error":-32602}`},
		"one param too few":      {`{"jsonrpc":"2.0","id":1,"method":"starknet_getNonce","params":["latest"]}`, `{"id":1,"error":-32602}`},
		"an unknown name":        {`{"jsonrpc":"2.0","id":1,"method":"starknet_getNonce","params":{"block_id":"latest","contract_address":"0x1","extra":1}}`, `{"id":1,"error":-32602}`},
		"a name is missing":      {`{"jsonrpc":"2.0","id":1,"method":"starknet_getNonce","params":{"block_id":"latest"}}`, `{"id":1,"error":-32602}`},
		"null params":            {`{"jsonrpc":"2.0","id":1,"method":"starknet_chainId","params":null}`, `{"id":1,"result":` + id + `}`},
		"no params by name":      {`{"jsonrpc":"2.0","id":1,"method":"starknet_chainId","params":{}}`, `{"id":1,"result":` + id + `}`},
		"a string for an id":     {`{"jsonrpc":"2.0","id":"x","method":"starknet_chainId"}`, `{"id":"x","result":` + id + `}`},
		"a notification":         {`{"jsonrpc":"2.0","method":"starknet_chainId"}`, ``},
		"a batch":                {`[{"jsonrpc":"2.0","id":1,"method":"starknet_chainId"},5,{"jsonrpc":"2.0","method":"starknet_chainId"},{"jsonrpc":"2.0","id":2,"method":"x"}]`, `[{"id":1,"result":` + id + `},{"id":null,"error":-32600},{"id":2,"error":-32601}]`},
		"an empty batch":         {`[]`, `{"id":null,"error":-32600}`},
		"a batch of notices":     {`[{"jsonrpc":"2.0","method":"starknet_chainId"}]`, ``},
		"a batch that is broken": {`[{]`, `{"id":null,"error":-32700}`},
		"a batch of 1001":        {"[" + strings.Repeat("5,", 1000) + "5]", `{"id":null,"error":-32600}`},
		"nested deep":            {strings.Repeat("[", 20_000), `{"id":null,"error":-32700}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := postTo(t, c, "/rpc", tt.body)
			if tt.want == "" {
				require.Empty(t, got)
				return
			}
			require.JSONEq(t, tt.want, shorten(t, got))
		})
	}
	require.Equal(t, "413", status(t, c, strings.Repeat(" ", 17<<20)))
}

func status(t *testing.T, c *chain, body string) string {
	resp, err := c.Client().Post("http://in.process/rpc", "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer resp.Body.Close()
	return fmt.Sprint(resp.StatusCode)
}

// shorten leaves the id and the result or the code of each answer.
func shorten(t *testing.T, body string) string {
	var one func(v any) any
	one = func(v any) any {
		if list, ok := v.([]any); ok {
			for i := range list {
				list[i] = one(list[i])
			}
			return list
		}
		o := v.(map[string]any)
		require.Equal(t, "2.0", o["jsonrpc"])
		delete(o, "jsonrpc")
		if e, ok := o["error"].(map[string]any); ok {
			require.NotEmpty(t, e["message"])
			o["error"] = e["code"]
		}
		return o
	}
	var v any
	require.NoError(t, json.Unmarshal([]byte(body), &v))
	out, err := json.Marshal(one(v))
	require.NoError(t, err)
	return string(out)
}

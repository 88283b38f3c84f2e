package simulated_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/fevm/simulated"
)

func TestRevertedCall(t *testing.T) {
	n := simulated.New()
	c := dial(t, n)
	prove := "0xf58f952b" + strings.Repeat("0", 63) + "1" + strings.Repeat("0", 62) + "40" + strings.Repeat("0", 64)
	object := map[string]any{"from": common.Address{1}, "to": n.Verifier(), "data": prove}
	e := refused(t, c, 3, "execution reverted: Only the storage provider can prove possession", "eth_call", object, "latest")
	require.True(t, strings.HasPrefix(e.ErrorData().(string), "0x08c379a0"))
	refused(t, c, 3, "execution reverted: Only", "eth_estimateGas", object)
	// Without a sender the check passes: an unknown set has no provider either.
	object["from"] = nil
	refused(t, c, 3, "execution reverted: empty proof", "eth_call", object, "latest")
	object["input"] = prove
	refused(t, c, 3, "execution reverted: empty proof", "eth_call", object)
	object["input"] = "0x"
	refused(t, c, -32602, "data and input differ", "eth_call", object)

	live := map[string]any{"to": n.Verifier(), "input": "0x21b7cd1c" + strings.Repeat("0", 64)}
	e = refused(t, c, 3, "execution reverted", "eth_call", live, "latest")
	require.Equal(t, "0x5d946944", e.ErrorData())
	live["input"] = "0xffffffff"
	e = refused(t, c, 3, "execution reverted", "eth_call", live, "latest")
	require.Equal(t, "0x", e.ErrorData())
	require.Equal(t, "0x", ask(t, c, "eth_call", map[string]any{"to": common.Address{5}, "input": "0x1234"}, "latest"))
}

func TestOldStates(t *testing.T) {
	n := simulated.New()
	c := dial(t, n)
	_, err := n.Prove(t.Context(), 1)
	require.NoError(t, err)
	next := map[string]any{"to": n.Verifier(), "input": hexutil.Encode(selector("getNextDataSetId()"))}
	id := func(at any) string {
		return strings.TrimLeft(ask(t, c, "eth_call", next, at).(string)[2:], "0")
	}
	require.Equal(t, "2", id("latest"))
	require.Equal(t, "1", id("0x325aa0"))
	require.Equal(t, "1", id(map[string]any{"blockNumber": "0x325aa0"}))
	require.Equal(t, "2", id(map[string]any{"blockHash": blockAt(t, c, "latest").Hash, "requireCanonical": true}))
	refused(t, c, -32000, "unknown block", "eth_call", next, map[string]any{"blockHash": common.Hash{1}})
	refused(t, c, -32602, "want either", "eth_call", next, map[string]any{})
}

func selector(signature string) []byte { return keccak(signature)[:4] }

func TestReads(t *testing.T) {
	n := simulated.New()
	c := dial(t, n)
	require.Equal(t, "314159", ask(t, c, "net_version"))
	require.Equal(t, []any{}, ask(t, c, "eth_accounts"))
	require.Equal(t, "0x", ask(t, c, "eth_getCode", common.Address{1}, "latest"))
	require.Equal(t, common.Hash{}.Hex(), ask(t, c, "eth_getStorageAt", common.Address{1}, "0x0", "latest"))
	refused(t, c, -32000, "no storage slots", "eth_getStorageAt", n.Verifier(), "0x0", "latest")
	_, err := n.Prove(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, "0x1", ask(t, c, "eth_getBlockTransactionCountByNumber", "latest"))
	hash := blockAt(t, c, "latest").Hash
	require.Equal(t, "0x1", ask(t, c, "eth_getBlockTransactionCountByHash", hash))
	tx := ask(t, c, "eth_getTransactionByBlockNumberAndIndex", "latest", "0x0").(map[string]any)
	require.Equal(t, tx, ask(t, c, "eth_getTransactionByBlockHashAndIndex", hash, 0))
	require.Equal(t, hash.Hex(), tx["blockHash"])
	require.Nil(t, ask(t, c, "eth_getTransactionByBlockHashAndIndex", hash, 1))
	require.Nil(t, ask(t, c, "eth_getTransactionByBlockHashAndIndex", common.Hash{}, 0))
	full := ask(t, c, "eth_getBlockByNumber", "latest", true).(map[string]any)
	require.Equal(t, []any{tx}, full["transactions"])
}

// TestHostile sends what no client should, and wants an error object each time.
func TestHostile(t *testing.T) {
	n := simulated.New()
	long := strings.Repeat("a", 1<<16)
	for _, tt := range []struct {
		method, params string
		code           int
	}{
		{"no_such", `[]`, -32601},
		{"eth_noSuchFilter", `[{}]`, -32601},
		{long, `[]`, -32601},
		{"eth_getBlockByNumber", `[]`, -32602},
		{"eth_getBlockByNumber", `["0x","x"]`, -32602},
		{"eth_getBlockByNumber", `["0x10000000000000000",false]`, -32602},
		{"eth_getBlockByNumber", `["` + long + `",false]`, -32602},
		{"eth_getBlockByNumber", `[{"blockNumber":"0x1","blockHash":"0x1"},false]`, -32602},
		{"eth_getBlockByNumber", `[[],false]`, -32602},
		{"eth_getBlockByNumber", `["latest",1]`, -32602},
		{"eth_getBlockByNumber", `["0xffffffffffffffff",false]`, 1},
		{"eth_getBlockByHash", `["0x12",false]`, -32602},
		{"eth_getTransactionReceipt", `[null]`, -32602},
		{"eth_getTransactionReceipt", `["0x00","0x00"]`, -32602},
		{"eth_getTransactionByBlockNumberAndIndex", `["latest"]`, -32602},
		{"eth_getLogs", `[{"address":{}}]`, -32602},
		{"eth_getLogs", `[{"topics":[{}]}]`, -32602},
		{"eth_getLogs", `[{"topics":[[["0x1"]]]}]`, -32602},
		{"eth_getLogs", `[{"fromBlock":"0x0","toBlock":"0xffffffffffffffff"}]`, -32005},
		{"eth_call", `[{}]`, -32000},
		{"eth_call", `["x"]`, -32602},
		{"eth_call", `[{"to":"0x0000000000000000000000000000000000000001","data":"0x1"},"latest"]`, -32602},
		{"eth_call", `[{"to":"0x0000000000000000000000000000000000000001","value":"0xde0b6b3a7640000"},"latest"]`, -32000},
		{"eth_call", `[{"to":"0x0000000000000000000000000000000000000001","gas":"0x1"},"latest"]`, -32000},
		{"eth_call", `[{"to":"0x0000000000000000000000000000000000000001"},"latest",{"0x0000000000000000000000000000000000000001":{"balance":"0x1"}}]`, -32602},
		{"eth_getStorageAt", `["0x0000000000000000000000000000000000000001","zz"]`, -32602},
		{"eth_feeHistory", `[]`, -32602},
		{"eth_sendRawTransaction", `["0x` + long + `"]`, -32000},
		{"eth_sendRawTransaction", `[5]`, -32602},
		{"eth_sendRawTransaction", `["0x03"]`, -32000},
		{"evm_mine", `["a"]`, -32602},
		{"evm_mine", `[[1]]`, -32602},
		{"evm_increaseTime", `[1e300]`, -32602},
		{"evm_increaseTime", `["0xffffffffffffffff"]`, -32000},
		{"sim_nullRound", `[1]`, -32602},
		{"sim_prove", `["0xffffffffffffffff"]`, -32000},
	} {
		name := fmt.Sprintf("%.40s %.60s", tt.method, tt.params)
		t.Run(name, func(t *testing.T) {
			body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, tt.method, tt.params)
			answer := post(t, n, body)
			require.NotNil(t, answer.Error, "%s", answer.Result)
			require.Equal(t, tt.code, answer.Error.Code, answer.Error.Message)
			require.Less(t, len(answer.Error.Message), 500)
		})
	}
	require.EqualValues(t, 3_300_000, n.Head())
}

type answer struct {
	Result json.RawMessage
	Error  *struct {
		Code    int
		Message string
	}
}

func post(t testing.TB, n *simulated.Node, body string) (a answer) {
	t.Helper()
	resp, err := n.Client().Post("http://node.invalid/", "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &a), "%s", raw)
	return a
}

// FuzzCall wants an answer to every parameter list of every read.
func FuzzCall(f *testing.F) {
	methods := []string{"eth_getBlockByNumber", "eth_getLogs", "eth_call", "eth_sendRawTransaction", "eth_feeHistory", "eth_getStorageAt", "eth_estimateGas", "eth_getBlockReceipts",
		"eth_newFilter", "eth_getFilterChanges", "eth_getFilterLogs", "eth_uninstallFilter"}
	n := simulated.New()
	if _, err := n.Prove(f.Context(), 1); err != nil {
		f.Fatal(err)
	}
	f.Add(0, `["latest",true]`)
	f.Add(1, `[{"fromBlock":"0x325aa0","topics":[null,["0x0000000000000000000000000000000000000000000000000000000000000001"]]}]`)
	f.Add(2, `[{"to":"`+n.Verifier().Hex()+`","input":"0xf58f952b"},"latest"]`)
	f.Add(2, `[{"to":"`+n.Verifier().Hex()+`","input":"0x39f5154400000000000000000000000000000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000000000000ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"},"latest"]`)
	f.Add(3, `["0x02f86b"]`)
	f.Add(4, `["0x5","latest",[1,2]]`)
	f.Add(8, `[{"fromBlock":"0x325aa0","address":[]}]`)
	f.Add(9, `["0x0000000000000000000000000000000000000000000000000000000000000001"]`)
	f.Fuzz(func(t *testing.T, method int, params string) {
		if !json.Valid([]byte(params)) {
			return
		}
		body := fmt.Sprintf(`{"id":1,"method":%q,"params":%s}`, methods[uint(method)%uint(len(methods))], params)
		a := post(t, n, body)
		require.True(t, a.Error != nil || a.Result != nil)
		if a.Error != nil {
			require.NotEqual(t, -32603, a.Error.Code, a.Error.Message)
		}
	})
}

// FuzzVerifier sends calldata to every method of the verifier, in the state at
// the end of the recorded run.
func FuzzVerifier(f *testing.F) {
	contract := simulated.VerifierABI()
	var run recorded
	load(f, "proofs-v3.5.0.json", &run)
	m := replayed(f, &run)
	end := m.State()
	caller := run.Meta.Accounts["sp1"]
	for name, method := range contract.Methods {
		f.Add(name, []byte{})
		f.Add(name, make([]byte, 320))
		for _, tx := range run.Transactions {
			if len(tx.Input) >= 4 && string(tx.Input[:4]) == string(method.ID) {
				f.Add(name, []byte(tx.Input[4:]))
				break
			}
		}
		for _, v := range run.Views {
			if v.Method == name {
				f.Add(name, []byte(v.Input[4:]))
			}
		}
	}
	f.Fuzz(func(t *testing.T, name string, args []byte) {
		input := append(append([]byte{}, contract.Methods[name].ID...), args...)
		m.SetState(end)
		_, logs, failed := m.Run(1000, 0, caller, run.Meta.Verifier, cleanupDeposit, input)
		if failed != nil {
			require.Empty(t, logs)
			require.Equal(t, end, m.State(), "a revert changes nothing")
		}
		m.SetState(end)
		m.Run(1000, 0, caller, run.Meta.Verifier, new(big.Int), input)
	})
}

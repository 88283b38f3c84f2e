package lit_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
)

// onCall changes what the verifier answers to one selector.
func onCall(selector, result string) tamper {
	return func(method string, params []json.RawMessage, answer map[string]any) {
		if method == "eth_call" && strings.Contains(string(params[0]), selector) {
			answer["result"] = result
		}
	}
}

// onLogs changes each log of receipts and of eth_getLogs.
func onLogs(change func(l map[string]any)) tamper {
	return func(method string, _ []json.RawMessage, answer map[string]any) {
		logs, _ := answer["result"].([]any)
		if r, ok := answer["result"].(map[string]any); ok && method == "eth_getTransactionReceipt" {
			logs = r["logs"].([]any)
		}
		for _, l := range logs {
			if l, ok := l.(map[string]any); ok {
				change(l)
			}
		}
	}
}

func TestNodesThatContradictThemselves(t *testing.T) {
	w, _, params := proven(t)
	for name, test := range map[string]struct {
		lie           tamper
		code, message string
	}{
		"time of a block": {onResult("eth_getBlockByNumber", func(b any) any {
			b.(map[string]any)["timestamp"] = "0x5"
			return b
		}), "chain", "the block's time"},
		"log of another block": {onResult("eth_getLogs", func(logs any) any {
			logs.([]any)[0].(map[string]any)["blockHash"] = attestation.Word{1}.String()
			return logs
		}), "chain", "not where its receipt is"},
		"another proof in the epoch": {onResult("eth_getLogs", func(logs any) any {
			logs.([]any)[0].(map[string]any)["transactionHash"] = attestation.Word{1}.String()
			return logs
		}), "proof", "proved first"},
		"no log":            {onResult("eth_getLogs", func(any) any { return []any{} }), "rpc", "not found"},
		"removed log":       {onLogs(func(l map[string]any) { l["removed"] = true }), "proof", "proves nothing"},
		"no open period":    {onCall("6ba4608f", attestation.Word{}.String()), "proof", "no proving period"},
		"period to come":    {onCall("6ba4608f", attestation.Word{0: 0xff}.String()), "proof", "no proving period"},
		"proven before":     {onCall("04595c1a", number(firstEpoch+1000).String()), "proof", "already proven"},
		"short view":        {onCall("04595c1a", "0x"), "chain", "another form"},
		"no hexadecimal":    {onCall("04595c1a", "0xzz"), "rpc", "no hexadecimal"},
		"no challenges":     {onLogs(func(l map[string]any) { l["data"] = "0x" }), "chain", "PossessionProven"},
		"offset outside":    {onLogs(func(l map[string]any) { l["data"] = withOffset(l["data"].(string)) }), "proof", "outside"},
		"no list of logs":   {onResult("eth_getLogs", func(any) any { return 5 }), "rpc", "no logs"},
		"null answer":       {func(_ string, _ []json.RawMessage, a map[string]any) { delete(a, "result") }, "rpc", "no result"},
		"no JSON-RPC":       {func(_ string, _ []json.RawMessage, a map[string]any) { a["jsonrpc"] = "1.0" }, "rpc", "no JSON-RPC"},
		"another id":        {func(_ string, _ []json.RawMessage, a map[string]any) { a["id"] = 2 }, "rpc", "no JSON-RPC"},
		"another block":     {onResult("eth_getBlockByNumber", func(b any) any { b.(map[string]any)["number"] = "0x1"; return b }), "rpc", "no block"},
		"null block":        {onResult("eth_getBlockByNumber", func(any) any { return nil }), "rpc", "no block"},
		"receipt of others": {onResult("eth_getTransactionReceipt", func(r any) any { r.(map[string]any)["transactionHash"] = number(1).String(); return r }), "rpc", "another transaction"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.tamper(test.lie, fevmNodes...)
			w.refuses(test.code, test.message, params)
		})
	}
	w.tamper(nil, fevmNodes...)
	for name, test := range map[string]struct {
		lie           tamper
		code, message string
	}{
		"no felts": {onResult("starknet_call", func(any) any { return "0x1" }), "rpc", "no deal"},
		"no felt":  {onResult("starknet_call", func(any) any { return make([]any, 13) }), "rpc", "no felt"},
		"other word": {onResult("starknet_call", func(r any) any {
			if len(r.([]any)) == 1 {
				return []any{"0x1"}
			}
			return r
		}), "binding", "did not sign"},
		"a revert": {func(m string, _ []json.RawMessage, a map[string]any) {
			if r, ok := a["result"].([]any); ok && m == "starknet_call" && len(r) == 1 {
				delete(a, "result")
				a["error"] = map[string]any{"code": 40, "message": "Contract error"}
			}
		}, "binding", "did not sign"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.tamper(test.lie, starknetNodes...)
			w.refuses(test.code, test.message, params)
		})
	}
}

// withOffset moves the first challenge out of its piece.
func withOffset(data string) string {
	at := 2 + 2*(64+32)
	if len(data) < at+64 {
		return data // of ProofFeePaid in the same transaction
	}
	return data[:at] + attestation.WordFromUint64(1 << 60).String()[2:] + data[at+64:]
}

// A proof in between of which the majority has lost the log.
func TestNodesThatLostALog(t *testing.T) {
	w := newWorld(t)
	w.openPeriod()
	w.proveWith(1) // earns nothing, and is looked at
	w.proveNext()
	requests := w.requests()
	require.Len(t, requests, 1)
	params := w.params(requests[0], w.memory())
	_, err := w.Execute(t.Context(), w.action.Code(), params)
	require.NoError(t, err)
	block := `"` + hexOf(requests[0].Evidence.BlockNumber) + `"`
	w.tamper(func(method string, p []json.RawMessage, answer map[string]any) {
		if method == "eth_getLogs" && !strings.Contains(string(p[0]), block) {
			answer["result"] = []any{}
		}
	}, fevmNodes...)
	w.refuses("rpc", "has no log", params)
}

// So many proofs that earn nothing that one run cannot look at all of them.
func TestBudgetOfRequests(t *testing.T) {
	w := newWorld(t)
	for range 10 {
		w.openPeriod()
		w.proveWith(1)
	}
	w.proveNext()
	requests := w.requests()
	require.Len(t, requests, 1)
	w.refuses("budget", "more than 50 requests", w.params(requests[0], w.memory()))
}

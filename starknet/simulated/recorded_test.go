package simulated_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/NethermindEth/starknet.go/curve"
	"github.com/NethermindEth/starknet.go/hash"
	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// recordedKey is the attestation key of the recordings: hardhat's first.
func recordedKey(t testing.TB) attestation.PublicKey {
	x, err := attestation.ParseWord("0x8318535b54105d4a7aae60c08fc45f9687181b4fdfc625bd1a753fa7397fed75")
	require.NoError(t, err)
	y, err := attestation.ParseWord("0x3547f11ca8696646f2f3acb08e31016afac23e630c5d11f59f61fef57b0d2aa5")
	require.NoError(t, err)
	return attestation.PublicKey{X: x, Y: y}
}

// A rename replaces an address of the recording by ours, in both spellings.
type rename struct{ short, padded, ourShort, ourPadded string }

func newRename(recorded string, ours [32]byte) rename {
	digits := strings.TrimPrefix(recorded, "0x")
	full := attestation.Word(ours).String()
	return rename{
		recorded, "0x" + strings.Repeat("0", 64-len(digits)) + digits,
		"0x" + strings.TrimLeft(full[2:], "0"), full,
	}
}

func renamed(list []rename, s string) string {
	for _, r := range list {
		s = strings.ReplaceAll(strings.ReplaceAll(s, r.padded, r.ourPadded), r.short, r.ourShort)
	}
	return s
}

// TestRecordedAnswers sends the requests that a real node (starknet-devnet
// 0.6.1) was sent, with our addresses and signatures, and compares: errors
// byte for byte, results by their shape.
func TestRecordedAnswers(t *testing.T) {
	c := newChain(t, simulated.Options{Seed: 1, Key: recordedKey(t), Rules: attestation.RulesLegacy})
	accounts := c.Accounts()
	relay := accounts[1]
	names := []rename{
		newRename("0x4eecdcd1e9010b417ad8f1da828512e57b0a6b0392121678d390c7b7c13ac66", c.Escrow()),
		newRename("0x30cefc2c590385f3ff319cf61a3b49631b9f0f389f3b6e52959ac8c7aa3cdad", c.Escrow()),
		newRename("0x6c278821fc6f404683bf5f58fa416374546693fbf37953948e8b410f626cffb", c.Escrow()),
		newRename("0x14923a0e03ec4f7484f600eab5ecf3e4eacba20ffd92d517b213193ea991502", relay.Address),
		newRename("0x260a8311b4f1092db620b923e8d7d20e76dedcc615fb4b6fdf28315b81de201", accounts[2].Address),
		newRename("0x18f81c2ef42310e0abd4fafd27f37beb34d000641beb2cd8a6fb97596552ddb", accounts[3].Address),
	}
	for range 3 {
		c.sent(accounts[2], c.create(accounts[3].Address, 10, 100, 50, 60)...)
	}
	for range 0x56 {
		c.sent(relay)
	}
	c.IncreaseTime(3600)

	for name, row := range recordedRows(t) {
		t.Run(name, func(t *testing.T) {
			params := json.RawMessage(renamed(names, string(row.Params)))
			if strings.HasPrefix(name, "addInvoke") || strings.HasPrefix(name, "estimateFee") {
				params = resign(t, params, relay, strings.Contains(name, "bad signature"))
			}
			result, rpcErr := raw(c, row.Method, params)
			if row.Response.Error != nil {
				require.Nil(t, result)
				want, err := json.Marshal(row.Response.Error)
				require.NoError(t, err)
				got, err := json.Marshal(rpcErr)
				require.NoError(t, err)
				require.JSONEq(t, renamed(names, string(want)), string(got))
				return
			}
			require.Nil(t, rpcErr)
			var want, got any
			require.NoError(t, json.Unmarshal(row.Response.Result, &want))
			require.NoError(t, json.Unmarshal(result, &got))
			require.Equal(t, shape(want), shape(got))
			if sent, ok := want.(map[string]any); ok && row.Method == "starknet_addInvokeTransaction" {
				names = append(names, rename{
					sent["transaction_hash"].(string), "no such text",
					got.(map[string]any)["transaction_hash"].(string), "",
				})
			}
		})
	}
}

type recordedRow struct {
	Method   string
	Params   json.RawMessage
	Response struct {
		Result json.RawMessage
		Error  *jsonrpc.Error
	}
}

func recordedRows(t *testing.T) func(func(string, recordedRow) bool) {
	file, err := os.Open("testdata/rpc_0.9.0.jsonl")
	require.NoError(t, err)
	t.Cleanup(func() { file.Close() })
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	return func(yield func(string, recordedRow) bool) {
		for lines.Scan() {
			var row struct {
				Name string
				recordedRow
			}
			require.NoError(t, json.Unmarshal(lines.Bytes(), &row))
			if !yield(row.Name, row.recordedRow) {
				return
			}
		}
		require.NoError(t, lines.Err())
	}
}

// raw sends parameters as they are.
func raw(c *chain, method string, params json.RawMessage) (json.RawMessage, *jsonrpc.Error) {
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	require.NoError(c, err)
	resp, err := c.Client().Post("http://in.process/", "application/json", strings.NewReader(string(body)))
	require.NoError(c, err)
	defer resp.Body.Close()
	var out struct {
		Result json.RawMessage
		Error  *jsonrpc.Error
	}
	require.NoError(c, json.NewDecoder(resp.Body).Decode(&out))
	return out.Result, out.Error
}

// resign signs the transactions in params anew: their hashes have changed with
// the addresses. Without a nonce, a known version or a signature there is
// nothing to sign.
func resign(t *testing.T, params json.RawMessage, with simulated.Account, badly bool) json.RawMessage {
	var object map[string]any
	require.NoError(t, json.Unmarshal(params, &object))
	list, ok := object["request"].([]any)
	if !ok {
		list = []any{object["invoke_transaction"]}
	}
	for _, item := range list {
		tx := item.(map[string]any)
		text, err := json.Marshal(tx)
		require.NoError(t, err)
		var typed rpc.InvokeTxnV3
		if json.Unmarshal(text, &typed) != nil || len(typed.Signature) == 0 || len(typed.Calldata) == 0 {
			continue
		}
		// The recording has a signature of version 3 under the query version.
		typed.Version = rpc.TransactionV3
		if badly {
			typed.Tip = "0x1"
		}
		h, err := hash.TransactionHashInvokeV3(&typed, felts(t, "0x534e5f5345504f4c4941")[0])
		if errors.Is(err, hash.ErrNotAllParametersSet) {
			continue
		}
		require.NoError(t, err)
		r, s, err := curve.SignFelts(h, feltOf(with.PrivateKey))
		require.NoError(t, err)
		tx["signature"] = []string{r.String(), s.String()}
	}
	out, err := json.Marshal(object)
	require.NoError(t, err)
	return out
}

// shape keeps the names and JSON types of a value. A list is like its first
// item; a null is like nothing.
func shape(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, item := range v {
			if item != nil {
				out[k] = shape(item)
			}
		}
		return out
	case []any:
		if len(v) == 0 {
			return "empty list"
		}
		return []any{shape(v[0])}
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "bool"
	}
	return nil
}

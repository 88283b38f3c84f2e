package simulated_test

import (
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/curve"
	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/fr"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet/simulated"
)

func TestVersions(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	c.sent(c.Accounts()[1])
	for path, want := range map[string]string{"": "0.9.0", "/": "0.9.0", "/rpc": "0.9.0", "/rpc/v0_9": "0.9.0", "/rpc/v0_10": "0.10.2"} {
		rpc := jsonrpc.NewClient("http://in.process"+path, c.Client())
		var got string
		require.NoError(t, rpc.CallContext(t.Context(), &got, "starknet_specVersion"))
		require.Equal(t, want, got, path)
		var block map[string]any
		require.NoError(t, rpc.CallContext(t.Context(), &block, "starknet_getBlockWithTxHashes", "latest"))
		if want == "0.9.0" {
			require.NotContains(t, block, "event_count")
			continue
		}
		require.Equal(t, 1.0, block["event_count"])
		require.Equal(t, 1.0, block["transaction_count"])
		require.Contains(t, block, "receipt_commitment")
	}
	resp, err := c.Client().Get("http://in.process/rpc/v0_8")
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}

// TestBlockHeader compares the names of the header's fields with those of
// starknet-devnet 0.10.1.
func TestBlockHeader(t *testing.T) {
	c := newChain(t, simulated.Options{})
	rpc := jsonrpc.NewClient("http://in.process/rpc/v0_10", c.Client())
	var want, got map[string]any
	require.NoError(t, json.Unmarshal([]byte(`{"status":"ACCEPTED_ON_L2","block_hash":"0x1","parent_hash":"0x1","block_number":2,"sequencer_address":"0x1000","new_root":"0x0","timestamp":1795560716,"starknet_version":"0.14.4","l1_gas_price":{"price_in_fri":"0x3b9aca00","price_in_wei":"0x3b9aca00"},"l2_gas_price":{"price_in_fri":"0x3b9aca00","price_in_wei":"0x3b9aca00"},"l1_data_gas_price":{"price_in_fri":"0x3b9aca00","price_in_wei":"0x3b9aca00"},"l1_da_mode":"BLOB","state_diff_commitment":"0x1","state_diff_length":5,"transaction_commitment":"0x1","event_commitment":"0x1","transaction_count":1,"event_count":2,"receipt_commitment":"0x1","transactions":[]}`), &want))
	require.NoError(t, rpc.CallContext(t.Context(), &got, "starknet_getBlockWithTxHashes", "latest"))
	require.Equal(t, shape(want), shape(got))
}

func TestSocket(t *testing.T) {
	c := newChain(t, simulated.Options{})
	server := httptest.NewServer(c.Node)
	defer server.Close()
	url := "ws" + strings.TrimPrefix(server.URL, "http") + "/ws"
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	require.NoError(t, err)
	defer conn.Close()
	for in, want := range map[string]string{
		`{"jsonrpc":"2.0","id":1,"method":"starknet_chainId"}`:                                              `{"jsonrpc":"2.0","id":1,"result":"0x534e5f5345504f4c4941"}`,
		`{"jsonrpc":"2.0","id":2,"method":"starknet_subscribePendingTransactions"}`:                         `{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"Method not found"}}`,
		`[{"id":3,"method":"starknet_blockNumber"},{"id":4,"method":"starknet_specVersion","params":null}]`: `[{"jsonrpc":"2.0","id":3,"result":0},{"jsonrpc":"2.0","id":4,"result":"0.9.0"}]`,
	} {
		require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(in)))
		_, got, err := conn.ReadMessage()
		require.NoError(t, err)
		require.JSONEq(t, want, string(got))
	}
	for origin, status := range map[string]int{
		"http://localhost:3000": http.StatusSwitchingProtocols,
		"http://127.0.0.1":      http.StatusSwitchingProtocols,
		"http://[::1]:80":       http.StatusSwitchingProtocols,
		"http://example.com":    http.StatusForbidden,
		"null":                  http.StatusForbidden,
	} {
		conn, resp, err := websocket.DefaultDialer.DialContext(t.Context(), url, http.Header{"Origin": {origin}})
		require.Equal(t, status, resp.StatusCode, origin)
		if err == nil {
			conn.Close()
		}
	}
	resp, err := c.Client().Get("http://in.process/ws")
	require.NoError(t, err)
	require.Equal(t, http.StatusNotImplemented, resp.StatusCode)
}

func TestMint(t *testing.T) {
	c := newChain(t, simulated.Options{})
	type minted struct {
		Balance string `json:"new_balance"`
		Unit    string `json:"unit"`
		Hash    string `json:"tx_hash"`
	}
	for amount, want := range map[string]string{"5": "5", `"0x5"`: "5", "1e18": "1000000000000000000", "1000000000000000000000": "1000000000000000000000"} {
		c := newChain(t, simulated.Options{})
		m := get[minted](c, "devnet_mint", "0x1234", json.RawMessage(amount))
		require.Equal(t, want, m.Balance)
		require.Equal(t, "FRI", m.Unit)
		r := get[receipt](c, "starknet_getTransactionReceipt", m.Hash)
		require.Equal(t, []string{"0x0", "0x1234"}, r.Events[0].Data[:2])
	}
	for _, amount := range []string{"-1", "1.5", `"5"`, "1e99", "1e999999999", `"0x1` + strings.Repeat("0", 64) + `"`, "{}"} {
		require.Equal(t, jsonrpc.CodeInvalidParams, c.refused("devnet_mint", "0x1234", json.RawMessage(amount)).Code, amount)
	}
	require.Equal(t, 63, c.refused("devnet_mint", "0x1234", 5, "WEI").Code)
	_, err := c.Mint(slastream.Address{}, slastream.AmountFromUint64(1))
	require.ErrorContains(t, err, "ERC20: mint to 0")
	_, err = c.Mint(slastream.Address{31: 5}, slastream.AmountFromWord([32]byte{0xff}))
	require.NoError(t, err)
	_, err = c.Mint(slastream.Address{31: 5}, slastream.AmountFromWord([32]byte{0xff}))
	require.ErrorContains(t, err, "u256_add Overflow")

	accounts := get[[]struct {
		Address string `json:"address"`
		Private string `json:"private_key"`
		Balance struct {
			STRK struct{ Amount string }
		}
	}](c, "devnet_getPredeployedAccounts", true)
	require.Len(t, accounts, 10)
	require.Equal(t, feltOf(c.Accounts()[3].PrivateKey).String(), accounts[3].Private)
	require.Equal(t, "1000000000000000000000000", accounts[3].Balance.STRK.Amount)
}

// TestDeterministic: the same seed is the same chain, another one another.
func TestDeterministic(t *testing.T) {
	a, b, other := newChain(t, simulated.Options{Seed: 3}), newChain(t, simulated.Options{Seed: 3}), newChain(t, simulated.Options{Seed: 4})
	require.Equal(t, a.Accounts(), b.Accounts())
	require.Equal(t, a.Domain(), b.Domain())
	require.Equal(t, a.Mine(), b.Mine())
	require.NotEqual(t, a.Accounts(), other.Accounts())
	require.NotEqual(t, a.Escrow(), other.Escrow())
}

func TestConcurrent(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	var wg sync.WaitGroup
	for _, a := range c.Accounts() {
		wg.Go(func() {
			for nonce := range uint64(5) {
				tx := c.build(a, nonce, c.create(a.Address, 2, 10, 1, 60), nil)
				if err := c.rpc.CallContext(t.Context(), nil, "starknet_addInvokeTransaction", tx); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 10 {
				for _, block := range []any{"latest", "pre_confirmed", map[string]any{"block_number": 0}} {
					if err := c.rpc.CallContext(t.Context(), nil, "starknet_call", request(call(c.Escrow(), "get_deal_counter")), block); err != nil {
						t.Error(err)
					}
				}
				c.rpc.CallContext(t.Context(), nil, "starknet_getEvents", map[string]any{"chunk_size": 10})
				c.rpc.CallContext(t.Context(), nil, "starknet_getStorageAt", feltOf(c.Escrow()), "0x1", "latest")
				c.Mine()
			}
		})
	}
	wg.Wait()
	require.Equal(t, []string{"0x32", "0x0"}, c.read("latest", call(c.Escrow(), "get_deal_counter")))
	c.requireSupply("latest")
}

func TestRefused(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	me := c.Accounts()[1]
	change := func(field string, value any) map[string]any {
		tx := c.build(me, 0, []rpc.InvokeFunctionCall{call(c.Escrow(), "get_deal_counter")}, nil)
		tx[field] = value
		return tx
	}
	for name, tt := range map[string]struct {
		method string
		params []any
		code   int
	}{
		"declare":                   {"starknet_addDeclareTransaction", []any{map[string]any{"type": "DECLARE"}}, -32602},
		"deploy account":            {"starknet_addDeployAccountTransaction", []any{map[string]any{"type": "DEPLOY_ACCOUNT"}}, -32602},
		"declare as invoke":         {"starknet_addInvokeTransaction", []any{change("type", "DECLARE")}, -32602},
		"unknown type":              {"starknet_addInvokeTransaction", []any{change("type", "X")}, -32602},
		"not an object":             {"starknet_addInvokeTransaction", []any{5}, -32602},
		"garbage":                   {"starknet_addInvokeTransaction", []any{map[string]any{}}, -32602},
		"felt of the prime":         {"starknet_addInvokeTransaction", []any{change("nonce", "0x800000000000011000000000000000000000000000000000000000000000001")}, -32602},
		"sender of 2^251":           {"starknet_addInvokeTransaction", []any{change("sender_address", "0x800000000000000000000000000000000000000000000000000000000000000")}, -32602},
		"tip of 65 bits":            {"starknet_addInvokeTransaction", []any{change("tip", "0x10000000000000000")}, -32602},
		"unknown mode":              {"starknet_addInvokeTransaction", []any{change("fee_data_availability_mode", "L3")}, -32602},
		"proof facts":               {"starknet_addInvokeTransaction", []any{change("proof_facts", []string{"0x1"})}, 63},
		"another tip than signed":   {"starknet_addInvokeTransaction", []any{change("tip", "0x1")}, 55},
		"a huge nonce":              {"starknet_addInvokeTransaction", []any{change("nonce", "0x10000000000000000")}, 52},
		"a signature of one felt":   {"starknet_addInvokeTransaction", []any{change("signature", []string{"0x1"})}, 55},
		"a signature of zeros":      {"starknet_addInvokeTransaction", []any{change("signature", []string{"0x0", "0x0"})}, 55},
		"unknown simulation flag":   {"starknet_estimateFee", []any{[]any{}, []string{"FAST"}, "latest"}, -32602},
		"surplus parameter":         {"starknet_chainId", []any{1}, -32602},
		"transaction index":         {"starknet_getTransactionByBlockIdAndIndex", []any{"latest", 0}, 27},
		"unknown class":             {"starknet_getClass", []any{"latest", "0x1"}, 28},
		"a call without a selector": {"starknet_call", []any{map[string]any{"contract_address": "0x1", "calldata": []string{}}, "latest"}, -32602},
	} {
		t.Run(name, func(t *testing.T) {
			e := c.refused(tt.method, tt.params...)
			require.Equal(t, tt.code, e.Code, e.Message)
		})
	}
	require.Equal(t, uint64(0), get[uint64](c, "starknet_blockNumber"), "nothing was mined")

}

// TestSender has the answers of starknet-devnet 0.6.1 to senders with money and
// without an account.
func TestSender(t *testing.T) {
	c := newChain(t, simulated.Options{})
	nobody := simulated.Account{Address: slastream.Address{30: 0x12, 31: 0x34}, PrivateKey: c.Accounts()[1].PrivateKey}
	post := func(from simulated.Account) *jsonrpc.Error {
		return c.refused("starknet_addInvokeTransaction", c.build(from, 0, nil, nil))
	}
	require.Equal(t, 54, post(nobody).Code)
	for _, a := range []slastream.Address{nobody.Address, c.Token()} {
		_, err := c.Mint(a, c.balance("latest", c.Accounts()[0].Address))
		require.NoError(t, err)
	}
	const missing = "Transaction validation has failed:\n0: Error in the called contract (contract address: 0x0000000000000000000000000000000000000000000000000000000000001234, class hash: 0x0000000000000000000000000000000000000000000000000000000000000000, selector: 0x0162da33a4585851fe8d3af3c2a9c60b557814e221e0d4f30ff0b2189d9c7775):\nRequested contract address 0x0000000000000000000000000000000000000000000000000000000000001234 is not deployed.\n"
	const token = "The `validate` entry point panicked with:\nError in contract (contract address: 0x04718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d, class hash: 0x076791ef97c042f81fbf352ad95f39a22554ee8d7927b2ce3c681f3418b5206a, selector: 0x0162da33a4585851fe8d3af3c2a9c60b557814e221e0d4f30ff0b2189d9c7775):\n0x454e545259504f494e545f4e4f545f464f554e44 ('ENTRYPOINT_NOT_FOUND').\n"
	for _, tt := range []struct {
		from slastream.Address
		want string
	}{{nobody.Address, missing}, {c.Token(), token}} {
		from := simulated.Account{Address: tt.from, PrivateKey: nobody.PrivateKey}
		e := post(from)
		require.Equal(t, 55, e.Code)
		require.JSONEq(t, string(mustJSON(t, tt.want)), string(e.Data))
		e = c.refused("starknet_estimateFee", []any{c.build(from, 0, nil, nil)}, []string{}, "latest")
		require.Equal(t, 41, e.Code)
		require.JSONEq(t, string(mustJSON(t, map[string]any{"transaction_index": 0, "execution_error": "Account validation failed: " + tt.want})), string(e.Data))
	}
	e := c.refused("starknet_call", request(call(c.Accounts()[1].Address, "__execute__", new(felt.Felt))), "latest")
	require.Contains(t, string(e.Data), "0x4163636f756e743a20696e76616c69642074782076657273696f6e")
}

// TestSignature: the account knows only x of its key, so the key of the other
// y signs for it too.
func TestSignature(t *testing.T) {
	c := newChain(t, simulated.Options{})
	me := c.Accounts()[1]
	twin := me
	new(big.Int).Sub(fr.Modulus(), new(big.Int).SetBytes(me.PrivateKey[:])).FillBytes(twin.PrivateKey[:])
	stranger := me
	stranger.PrivateKey = c.Accounts()[2].PrivateKey
	for name, tt := range map[string]struct {
		key  simulated.Account
		want string
	}{"its key": {me, "0x56414c4944"}, "the twin's": {twin, "0x56414c4944"}, "a stranger's": {stranger, "0x0"}} {
		t.Run(name, func(t *testing.T) {
			hash := new(felt.Felt).SetUint64(0xabcdef)
			r, s, err := curve.SignFelts(hash, feltOf(tt.key.PrivateKey))
			require.NoError(t, err)
			valid := call(me.Address, "is_valid_signature", hash, new(felt.Felt).SetUint64(2), r, s)
			require.Equal(t, []string{tt.want}, c.read("latest", valid))
			valid.CallData[0] = new(felt.Felt).SetUint64(1)
			require.Equal(t, []string{"0x0"}, c.read("latest", valid), "another hash")
		})
	}
	require.Equal(t, []string{feltOf(me.PublicKey).String()}, c.read("latest", call(me.Address, "get_public_key")))
}

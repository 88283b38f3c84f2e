package simulated_test

import (
	"encoding/json"
	"testing"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/curve"
	"github.com/NethermindEth/starknet.go/hash"
	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/NethermindEth/starknet.go/utils"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet/simulated"
)

const start = 1_800_000_000

// clock stands still: only the controls move time.
func clock() uint64 { return start }

func feltOf[T ~[32]byte](w T) *felt.Felt {
	b := [32]byte(w)
	return new(felt.Felt).SetBytes(b[:])
}

func felts(t testing.TB, list ...string) []*felt.Felt {
	out := make([]*felt.Felt, len(list))
	for i, s := range list {
		f, err := new(felt.Felt).SetString(s)
		require.NoError(t, err)
		out[i] = f
	}
	return out
}

// A chain is a node with the calls that tests repeat.
type chain struct {
	testing.TB
	*simulated.Node
	rpc *jsonrpc.Client
}

func newChain(t testing.TB, o simulated.Options) *chain {
	if o.Clock == nil {
		o.Clock = clock
	}
	n := simulated.New(o)
	return &chain{t, n, jsonrpc.NewClient("http://in.process/rpc", n.Client())}
}

// get calls a method that must succeed.
func get[T any](c *chain, method string, params ...any) T {
	c.Helper()
	var out T
	require.NoError(c, c.rpc.CallContext(c.Context(), &out, method, params...), method)
	return out
}

// refused calls a method that must fail.
func (c *chain) refused(method string, params ...any) *jsonrpc.Error {
	c.Helper()
	var e *jsonrpc.Error
	require.ErrorAs(c, c.rpc.CallContext(c.Context(), nil, method, params...), &e, method)
	return e
}

func call(to slastream.Address, name string, calldata ...*felt.Felt) rpc.InvokeFunctionCall {
	return rpc.InvokeFunctionCall{ContractAddress: feltOf(to), FunctionName: name, CallData: calldata}
}

// read is starknet_call.
func (c *chain) read(block any, f rpc.InvokeFunctionCall) []string {
	c.Helper()
	return get[[]string](c, "starknet_call", request(f), block)
}

func request(f rpc.InvokeFunctionCall) map[string]any {
	calldata := f.CallData
	if calldata == nil {
		calldata = []*felt.Felt{}
	}
	return map[string]any{
		"contract_address": f.ContractAddress, "entry_point_selector": utils.GetSelectorFromNameFelt(f.FunctionName), "calldata": calldata,
	}
}

// build signs a transaction with starknet.go's own hash and curve.
func (c *chain) build(from simulated.Account, nonce uint64, calls []rpc.InvokeFunctionCall, change func(*rpc.InvokeTxnV3)) map[string]any {
	c.Helper()
	data := []*felt.Felt{new(felt.Felt).SetUint64(uint64(len(calls)))}
	for _, f := range calls {
		data = append(data, f.ContractAddress, utils.GetSelectorFromNameFelt(f.FunctionName), new(felt.Felt).SetUint64(uint64(len(f.CallData))))
		data = append(data, f.CallData...)
	}
	bounds := &rpc.ResourceBoundsMapping{
		L1Gas:     rpc.ResourceBounds{MaxAmount: "0x0", MaxPricePerUnit: "0x174876e800"},
		L1DataGas: rpc.ResourceBounds{MaxAmount: "0x186a0", MaxPricePerUnit: "0x174876e800"},
		L2Gas:     rpc.ResourceBounds{MaxAmount: "0x3b9aca00", MaxPricePerUnit: "0x77359400"},
	}
	tx := &rpc.InvokeTxnV3{
		Type: "INVOKE", SenderAddress: feltOf(from.Address), Calldata: data, Version: rpc.TransactionV3,
		Nonce: new(felt.Felt).SetUint64(nonce), ResourceBounds: bounds, Tip: "0x0",
		PayMasterData: []*felt.Felt{}, AccountDeploymentData: []*felt.Felt{}, NonceDataMode: "L1", FeeMode: "L1",
	}
	if change != nil {
		change(tx)
	}
	h, err := hash.TransactionHashInvokeV3(tx, felts(c, "0x534e5f5345504f4c4941")[0])
	require.NoError(c, err)
	r, s, err := curve.SignFelts(h, feltOf(from.PrivateKey))
	require.NoError(c, err)
	tx.Signature = []*felt.Felt{r, s}
	raw, err := json.Marshal(tx)
	require.NoError(c, err)
	var out map[string]any
	require.NoError(c, json.Unmarshal(raw, &out))
	return out
}

func (c *chain) nonce(a simulated.Account) uint64 {
	c.Helper()
	n := felts(c, get[string](c, "starknet_getNonce", "pre_confirmed", feltOf(a.Address)))
	return n[0].Uint64()
}

type receipt struct {
	Hash        string `json:"transaction_hash"`
	Execution   string `json:"execution_status"`
	Finality    string `json:"finality_status"`
	Reason      string `json:"revert_reason"`
	BlockHash   string `json:"block_hash"`
	BlockNumber uint64 `json:"block_number"`
	Fee         struct {
		Amount string `json:"amount"`
		Unit   string `json:"unit"`
	} `json:"actual_fee"`
	Events []struct {
		From string   `json:"from_address"`
		Keys []string `json:"keys"`
		Data []string `json:"data"`
	} `json:"events"`
}

// send sends calls and returns the receipt, whatever it says.
func (c *chain) send(from simulated.Account, calls ...rpc.InvokeFunctionCall) receipt {
	c.Helper()
	return c.post(c.build(from, c.nonce(from), calls, nil))
}

func (c *chain) post(tx map[string]any) receipt {
	c.Helper()
	sent := get[struct {
		Hash string `json:"transaction_hash"`
	}](c, "starknet_addInvokeTransaction", tx)
	return get[receipt](c, "starknet_getTransactionReceipt", sent.Hash)
}

// sent is send for calls that must succeed.
func (c *chain) sent(from simulated.Account, calls ...rpc.InvokeFunctionCall) receipt {
	c.Helper()
	r := c.send(from, calls...)
	require.Equal(c, "SUCCEEDED", r.Execution, r.Reason)
	return r
}

func amountFelts(v uint64) []*felt.Felt {
	return []*felt.Felt{new(felt.Felt).SetUint64(v), new(felt.Felt)}
}

// create is approve and create_deal.
func (c *chain) create(provider slastream.Address, chunks, amount, collateral, seconds uint64) []rpc.InvokeFunctionCall {
	number := func(v uint64) *felt.Felt { return new(felt.Felt).SetUint64(v) }
	return []rpc.InvokeFunctionCall{
		call(c.Token(), "approve", append([]*felt.Felt{feltOf(c.Escrow())}, amountFelts(chunks*amount+collateral)...)...),
		call(c.Escrow(), "create_deal", feltOf(provider), number(chunks), number(amount), number(0), number(collateral), number(0), number(seconds)),
	}
}

func (c *chain) balance(block any, a slastream.Address) slastream.Amount {
	c.Helper()
	return c.amount(c.read(block, call(c.Token(), "balance_of", feltOf(a))))
}

// amount reads a u256.
func (c *chain) amount(limbs []string) slastream.Amount {
	c.Helper()
	require.Len(c, limbs, 2)
	f := felts(c, limbs...)
	low, high := f[0].Bytes(), f[1].Bytes()
	copy(low[:16], high[16:])
	return slastream.AmountFromWord(attestation.Word(low))
}

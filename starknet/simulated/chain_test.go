package simulated_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// picture is what can be read of a block's state.
func (c *chain) picture(block any) map[string]any {
	c.Helper()
	out := map[string]any{
		"deal":    c.read(block, call(c.Escrow(), "get_deal", amountFelts(1)...)),
		"count":   c.read(block, call(c.Escrow(), "get_deal_counter")),
		"chunk":   get[string](c, "starknet_getStorageAt", feltOf(c.Escrow()), "0x4a1a92f1b068362666ccabf03b2f3f0e540063c67133d306fa6b10391d78707", block),
		"allowed": c.read(block, call(c.Token(), "allowance", feltOf(c.Accounts()[1].Address), feltOf(c.Escrow()))),
	}
	for i, a := range c.holders() {
		out[fmt.Sprint("balance", i)] = c.balance(block, a)
	}
	for i, a := range c.Accounts() {
		out[fmt.Sprint("nonce", i)] = get[string](c, "starknet_getNonce", block, feltOf(a.Address))
	}
	return out
}

// grow makes a history and returns the picture of each block as it was when
// the block was new.
func grow(c *chain) []map[string]any {
	c.Helper()
	client, relay, provider := c.Accounts()[1], c.Accounts()[3], c.Accounts()[2].Address
	pictures := []map[string]any{c.picture("latest")}
	for _, step := range []func(){
		func() { c.sent(client, c.create(provider, 3, 100, 50, 3600)...) },
		func() { c.sent(relay, c.release(attest(1, 0))) },
		func() { c.send(relay, c.release(attest(1, 0))) },
		func() { c.IncreaseTime(10) },
		func() {
			_, err := c.Mint(client.Address, slastream.AmountFromUint64(5))
			require.NoError(c, err)
		},
		func() { c.sent(relay, c.release(attest(1, 2)), c.release(attest(1, 1))) },
	} {
		step()
		pictures = append(pictures, c.picture("latest"))
	}
	return pictures
}

func TestStateOfOldBlocks(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	pictures := grow(c)
	require.NotEqual(t, pictures[1], pictures[2])
	for number, want := range pictures {
		block := map[string]any{"block_number": number}
		require.Equal(t, want, c.picture(block), "block %d", number)
		c.requireSupply(block)
		hash := get[struct {
			Hash string `json:"block_hash"`
		}](c, "starknet_getBlockWithTxHashes", block).Hash
		require.Equal(t, want, c.picture(map[string]any{"block_hash": hash}), "block %s", hash)
	}

	// A call at an old block sees that block's state and time, and a nonce of
	// then: chunk 1 is not released in block 2, and the estimate says so.
	old := map[string]any{"block_number": 2}
	relay := c.Accounts()[3]
	tx := c.build(relay, 1, []rpc.InvokeFunctionCall{c.release(attest(1, 1))}, nil)
	get[[]any](c, "starknet_estimateFee", []any{tx}, []string{}, old)
	require.Equal(t, 41, c.refused("starknet_estimateFee", []any{tx}, []string{}, "latest").Code)
	require.Equal(t, pictures[len(pictures)-1], c.picture("latest"), "looking back changes nothing")
}

func TestAbort(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	pictures := grow(c)
	relay := c.Accounts()[3]
	type block struct {
		Hash string   `json:"block_hash"`
		Txs  []string `json:"transactions"`
	}
	at := func(n int) block {
		return get[block](c, "starknet_getBlockWithTxHashes", map[string]any{"block_number": n})
	}
	third := at(3)
	raw := get[map[string]any](c, "starknet_getTransactionByHash", third.Txs[0])
	var hashes []string
	for n := len(pictures) - 1; n >= 3; n-- {
		hashes = append(hashes, at(n).Hash)
	}
	aborted := get[struct {
		Aborted []string `json:"aborted"`
	}](c, "devnet_abortBlocks", map[string]any{"block_number": 3})
	require.Equal(t, hashes, aborted.Aborted, "newest first")

	require.Equal(t, uint64(2), get[uint64](c, "starknet_blockNumber"))
	require.Equal(t, pictures[2], c.picture("latest"))
	require.Equal(t, 24, c.refused("starknet_getBlockWithTxHashes", map[string]any{"block_hash": third.Hash}).Code)
	require.Equal(t, 29, c.refused("starknet_getTransactionReceipt", third.Txs[0]).Code)
	events := c.events("/rpc", map[string]any{"chunk_size": 1000})
	require.Equal(t, uint64(2), events[len(events)-1].BlockNumber)

	// The same transaction is welcome again.
	delete(raw, "transaction_hash")
	require.Equal(t, third.Txs[0], c.post(raw).Hash)
	c.sent(relay, c.release(attest(1, 1)))
	c.requireSupply("latest")
	require.Len(t, c.events("/rpc", map[string]any{"chunk_size": 1000}), len(events)+1+3)

	_, err := c.Abort(0)
	require.ErrorContains(t, err, "want 1 to")
	_, err = c.Abort(99)
	require.Error(t, err)
	require.Equal(t, "Genesis block can't be aborted", c.refused("devnet_abortBlocks", map[string]any{"block_number": 0}).Message)
}

func TestTime(t *testing.T) {
	now := uint64(start)
	c := newChain(t, simulated.Options{Key: attesterKey(), Clock: func() uint64 { return now }})
	client := c.Accounts()[1]
	timestamp := func(block any) uint64 {
		return get[struct {
			Timestamp uint64 `json:"timestamp"`
		}](c, "starknet_getBlockWithTxHashes", block).Timestamp
	}
	seen := func() uint64 { // by the contract: the deadline of a deal of one second, less the second
		c.sent(client, c.create(client.Address, 1, 1, 0, 1)...)
		id := felts(t, c.read("latest", call(c.Escrow(), "get_deal_counter"))[0])[0].Uint64()
		deadline := felts(t, c.read("latest", call(c.Escrow(), "get_deal", amountFelts(id)...))[10])[0].Uint64()
		require.Equal(t, timestamp("latest"), deadline-1, "header and contract agree")
		return deadline - 1
	}
	require.Equal(t, uint64(start), timestamp("latest"))
	require.Equal(t, uint64(start), seen())

	type set struct {
		Timestamp uint64  `json:"block_timestamp"`
		Hash      *string `json:"block_hash"`
	}
	got := get[set](c, "devnet_setTime", 1_900_000_000)
	require.Equal(t, uint64(1_900_000_000), got.Timestamp)
	require.NotNil(t, got.Hash)
	require.Equal(t, uint64(1_900_000_000), timestamp(map[string]any{"block_hash": *got.Hash}))
	require.Equal(t, uint64(1_900_000_000), seen())
	now += 2
	require.Equal(t, uint64(1_900_000_002), seen(), "the clock goes on from there")

	head := get[uint64](c, "starknet_blockNumber")
	got = get[set](c, "devnet_setTime", "0x713fb300", false)
	require.Nil(t, got.Hash)
	require.Equal(t, head, get[uint64](c, "starknet_blockNumber"))
	require.Equal(t, uint64(0x713fb300), timestamp("pre_confirmed"))
	now++
	require.Equal(t, uint64(0x713fb300), seen(), "exactly, whatever the clock says")
	require.Equal(t, uint64(0x713fb301), seen())

	increased := get[struct {
		Seconds uint64 `json:"timestamp_increased_by"`
		Hash    string `json:"block_hash"`
	}](c, "devnet_increaseTime", 1000)
	require.Equal(t, uint64(1000), increased.Seconds)
	require.Equal(t, uint64(0x713fb301+1000), timestamp(map[string]any{"block_hash": increased.Hash}))

	get[any](c, "devnet_increaseTime", "0xffffffffffffffff")
	require.Equal(t, uint64(math.MaxUint64), timestamp("latest"))
	c.SetTime(7)
	require.Equal(t, uint64(7), seen(), "into the past, as on devnet")
	now -= 5
	require.Equal(t, uint64(7), seen(), "a clock that goes back does not")
}

func TestManual(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey(), Manual: true})
	client, relay := c.Accounts()[1], c.Accounts()[3]
	before := c.picture("latest")
	r := c.sent(client, c.create(c.Accounts()[2].Address, 3, 100, 50, 3600)...)
	require.Equal(t, "PRE_CONFIRMED", r.Finality)
	require.Empty(t, r.BlockHash)
	require.Equal(t, uint64(1), r.BlockNumber)
	r = c.sent(relay, c.release(attest(1, 0)))
	require.Equal(t, before, c.picture("latest"))
	require.Equal(t, "0x1", c.read("pre_confirmed", call(c.Escrow(), "get_deal", amountFelts(1)...))[7])
	require.Len(t, c.events("/rpc", map[string]any{"chunk_size": 100, "to_block": "latest"}), 0)
	open := c.events("/rpc", map[string]any{"chunk_size": 100})
	require.Len(t, open, 5+3)
	require.Empty(t, open[0].BlockHash)
	pre := c.picture("pre_confirmed")

	hash := c.Mine()
	sealed := get[receipt](c, "starknet_getTransactionReceipt", r.Hash)
	require.Equal(t, "ACCEPTED_ON_L2", sealed.Finality)
	require.Equal(t, feltOf(hash).String(), sealed.BlockHash)
	require.Equal(t, pre, c.picture("latest"))
	require.Len(t, c.events("/rpc", map[string]any{"chunk_size": 100, "to_block": "latest"}), 5+3)
	require.Equal(t, before, c.picture(map[string]any{"block_number": 0}))

	// Aborting the number of the open block drops what waits in it.
	c.sent(relay, c.release(attest(1, 1)))
	_, err := c.Abort(2)
	require.NoError(t, err)
	require.Equal(t, pre, c.picture("pre_confirmed"))
	require.Equal(t, uint64(1), get[uint64](c, "starknet_blockNumber"))
}

func TestStorage(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	grow(c)
	at := func(contract slastream.Address, key string) string {
		return get[string](c, "starknet_getStorageAt", feltOf(contract), key, "latest")
	}
	// Raw keys observed on the real contract (spec/starknet.md §1.7).
	deal := c.read("latest", call(c.Escrow(), "get_deal", amountFelts(1)...))
	base, err := attestation.ParseWord("0x0ea5ddab5c1a6b9ed4022beb864033f8f9b827a5304e5b502a9eab092198abf")
	require.NoError(t, err)
	for i, want := range deal {
		key := base
		key[31] += byte(i)
		require.Equal(t, want, at(c.Escrow(), feltOf(key).String()), "part %d", i)
	}
	require.Equal(t, "0x1", at(c.Escrow(), "0x4a1a92f1b068362666ccabf03b2f3f0e540063c67133d306fa6b10391d78707"))
	require.Equal(t, "0x0", at(c.Escrow(), "0x235723ac350a69d2a92d3703f17439cbaadf2f093a21ba5bf5f1a53eb2a14d9"))
	require.Equal(t, feltOf(c.Accounts()[0].Address).String(), at(c.Escrow(), "0x2016836a56b71f0d02689e69e326f4f4c1b9057164ef592671cf0d37c8040c0"))
	require.Equal(t, feltOf(c.Token()).String(), at(c.Escrow(), "0x7c6dd2d826bd45508fc8723f55c0f7f90aade45361ff3fe140561207164c56"))
	require.Equal(t, "0x1", at(c.Escrow(), "0x35b453cdabba6aec213f090a44c7d00707575933d6f35fb510cd29d0b60450c"))
	// The sequencer's balance, from a recorded state diff.
	require.Equal(t, c.read("latest", call(c.Token(), "balance_of", feltOf(sequencer)))[0],
		at(c.Token(), "0x723973208639b7839ce298f7ffea61e3f9533872defd7abdb91023db4658812"))
}

// TestStorageFlags: starknet-devnet's RPC 0.10 wants the response flags, older
// clients do not send them.
func TestStorageFlags(t *testing.T) {
	c := newChain(t, simulated.Options{})
	slot := []any{feltOf(c.Escrow()), "0x1", "latest"}
	for name, tt := range map[string]struct {
		path    string
		flags   []any
		refused bool
	}{
		"0.9 without":       {"/rpc", nil, false},
		"0.9 with none":     {"/rpc", []any{[]string{}}, true},
		"0.10 without":      {"/rpc/v0_10", nil, false},
		"0.10 with null":    {"/rpc/v0_10", []any{nil}, false},
		"0.10 with none":    {"/rpc/v0_10", []any{[]string{}}, false},
		"0.10 with a flag":  {"/rpc/v0_10", []any{[]string{"INCLUDE_LAST_UPDATE_BLOCK"}}, true},
		"0.10 not a list":   {"/rpc/v0_10", []any{5}, true},
		"0.10 with a fifth": {"/rpc/v0_10", []any{nil, nil}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var value string
			client := jsonrpc.NewClient("http://in.process"+tt.path, c.Client())
			err := client.CallContext(t.Context(), &value, "starknet_getStorageAt", slices.Concat(slot, tt.flags)...)
			if tt.refused {
				var e *jsonrpc.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, jsonrpc.CodeInvalidParams, e.Code)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "0x0", value)
		})
	}
}

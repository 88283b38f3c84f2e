package simulated_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/fevm/simulated"
)

// TestForest asks what Forest answers otherwise than Lotus; TestGetLogs has
// Lotus's answers to the same.
func TestForest(t *testing.T) {
	n := simulated.New(simulated.WithStart(1000), simulated.WithSoftware(simulated.Forest), simulated.WithMaxResults(2))
	c := dial(t, n)
	emit(t, n, c, 1, 2, 3) // epochs 1001 to 1003
	logs := func(from, to string) any {
		return ask(t, c, "eth_getLogs", map[string]any{"fromBlock": from, "toBlock": to})
	}
	require.Len(t, logs("finalized", "latest"), 1, "a tag that it does not know is the head")
	require.Len(t, logs("0x3eb", "safe"), 1)
	require.Len(t, logs("0x3ec", "0x400"), 0, "above the head is silence")
	refused(t, c, 1, "FromBlock is not a hex", "eth_getLogs", map[string]any{"fromBlock": "0xzz"})
	refused(t, c, 1, "filter matches too many events across multiple tipsets (maximum 2); narrow the block range", "eth_getLogs",
		map[string]any{"fromBlock": "0x3e8", "toBlock": "latest"})
	refused(t, c, -32005, "block range exceeds maximum of 2880 (got 2881)", "eth_getLogs", map[string]any{"fromBlock": "0x0", "toBlock": "0xb41"})
	gone := blockAt(t, c, "latest").Hash
	_, err := n.Reorg(1)
	require.NoError(t, err)
	refused(t, c, -32000, "unknown block", "eth_getLogs", map[string]any{"blockHash": gone})
}

func TestOldErrors(t *testing.T) {
	n := simulated.New(simulated.WithStart(10_000), simulated.WithOldErrors())
	c := dial(t, n)
	_, err := n.NullRound()
	require.NoError(t, err)
	_, err = n.Mine(1)
	require.NoError(t, err)
	e := refused(t, c, 1, "requested epoch was a null round", "eth_getBlockByNumber", "0x2711", false)
	require.Nil(t, e.ErrorData())
	for text, filter := range map[string]map[string]any{
		"from block is too far in the past (maximum: 2880)":                 {"fromBlock": "0x1"},
		"to block is too far in the future (maximum: 2880)":                 {"toBlock": "0xffff"},
		"range between to and from blocks is too large (maximum: 2880)":     {"fromBlock": "0x1", "toBlock": "0x1000"},
		"invalid epoch range: to block (1) must be after from block (4096)": {"fromBlock": "0x1000", "toBlock": "0x1"},
	} {
		refused(t, c, 1, text, "eth_getLogs", filter)
	}
}

func TestLookback(t *testing.T) {
	n := simulated.New(simulated.WithStart(10_000), simulated.WithLookback(2000*30*time.Second))
	c := dial(t, n)
	_, err := n.Mine(2001)
	require.NoError(t, err)
	const text = "bad tipset height: lookbacks of more than 16h40m0s are disallowed"
	at := func(epoch uint64) hexutil.Uint64 { return hexutil.Uint64(epoch) }
	refused(t, c, 1, text, "eth_getBlockByNumber", at(10_000), false)
	refused(t, c, 1, text, "eth_getBalance", common.Address{}, at(10_000))
	refused(t, c, 1, text, "eth_getLogs", map[string]any{"fromBlock": at(10_000), "toBlock": at(10_100)})
	refused(t, c, 1, "tipset height in future", "eth_getBlockByNumber", at(n.Head()+1), false)
	require.EqualValues(t, 10_001, blockAt(t, c, at(10_001)).Number)
	require.Empty(t, ask(t, c, "eth_getLogs", map[string]any{"fromBlock": at(10_001), "toBlock": at(10_100)}))
}

// TestRemovedLogs asks by the hash of a tipset that was replaced.
func TestRemovedLogs(t *testing.T) {
	n := simulated.New()
	c := dial(t, n)
	emit(t, n, c, 1, 7, 2)
	gone, goneToo := blockAt(t, c, "latest").Hash, blockAt(t, c, "0x325aa2").Hash
	_, err := n.Mine(20)
	require.NoError(t, err)
	_, err = n.Reorg(22)
	require.NoError(t, err, "deeper than finalized")
	got := ask(t, c, "eth_getLogs", map[string]any{"blockHash": gone}).([]any)
	require.Len(t, got, 1)
	require.Equal(t, true, got[0].(map[string]any)["removed"])
	require.Equal(t, gone.Hex(), got[0].(map[string]any)["blockHash"])
	before := ask(t, c, "eth_getLogs", map[string]any{"blockHash": goneToo}).([]any)
	require.Equal(t, goneToo.Hex(), before[0].(map[string]any)["blockHash"])
	require.Empty(t, ask(t, c, "eth_getLogs", map[string]any{"blockHash": gone, "address": common.Address{1}}))
	require.Len(t, ask(t, c, "eth_getLogs", map[string]any{"fromBlock": "0x325aa0"}), 1, "by range only what is there")
	emit(t, n, c, 7, 2) // the same raw transactions, mined again
	again := ask(t, c, "eth_getLogs", map[string]any{"fromBlock": hexutil.Uint64(n.Head())}).([]any)
	require.Equal(t, got[0].(map[string]any)["transactionHash"], again[0].(map[string]any)["transactionHash"])
	require.Equal(t, false, again[0].(map[string]any)["removed"])
}

func TestDeferredExecution(t *testing.T) {
	n := simulated.New(simulated.WithStart(1000), simulated.WithDeferredExecution())
	c := dial(t, n)
	a := n.Accounts()[0]
	tx := sign(t, a, types.DynamicFeeTxType, 0, common.Address{1}, big.NewInt(5), nil)
	require.NoError(t, c.SendTransaction(t.Context(), tx))
	require.EqualValues(t, 1001, n.Head())
	require.Equal(t, "0x3e8", ask(t, c, "eth_blockNumber"), "the parent of the head")
	require.Nil(t, ask(t, c, "eth_getTransactionReceipt", tx.Hash()))
	require.Nil(t, ask(t, c, "eth_getTransactionByHash", tx.Hash()).(map[string]any)["blockHash"])
	require.Equal(t, "0x0", ask(t, c, "eth_getBalance", common.Address{1}, "latest"))
	require.Equal(t, "0x0", ask(t, c, "eth_getTransactionCount", a.Address(), "latest"))
	require.Equal(t, "0x1", ask(t, c, "eth_getTransactionCount", a.Address(), "pending"))
	refused(t, c, 1, "requested a future epoch (beyond 'latest')", "eth_getBlockByNumber", "0x3e9", false)
	refused(t, c, 1, "events for the requested block are not yet available", "eth_getLogs", map[string]any{"fromBlock": "0x3e9", "toBlock": "0x3e9"})
	_, err := n.NullRound()
	require.NoError(t, err)
	require.Nil(t, ask(t, c, "eth_getTransactionReceipt", tx.Hash()), "a null round executes nothing")
	_, err = n.Mine(1)
	require.NoError(t, err)
	require.Equal(t, "0x3e9", ask(t, c, "eth_blockNumber"), "past the null round")
	require.Equal(t, "0x3e9", ask(t, c, "eth_getTransactionReceipt", tx.Hash()).(map[string]any)["blockNumber"])
	require.Equal(t, "0x5", ask(t, c, "eth_getBalance", common.Address{1}, "latest"))

	for name, node := range map[string]*simulated.Node{
		"mined at once": n,
		"manual mining": simulated.New(simulated.WithDeferredExecution(), simulated.WithManualMining()),
	} {
		t.Run(name, func(t *testing.T) {
			r, err := node.Prove(t.Context(), 1)
			require.NoError(t, err)
			require.Len(t, r.Logs, 2)
		})
	}
	_, err = n.Provider(n.Accounts()[3]).CreateDataSet(t.Context(), common.Address{})
	require.NoError(t, err)
}

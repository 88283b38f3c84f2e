package simulated_test

import (
	"math/big"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/simulated"
)

func TestMineMany(t *testing.T) {
	n := simulated.New()
	c := dial(t, n)
	require.Equal(t, "0x0", ask(t, c, "evm_mine"))
	require.EqualValues(t, 3_300_001, n.Head())
	ask(t, c, "evm_mine", "0x2")
	require.EqualValues(t, 3_300_003, n.Head())
	ask(t, c, "evm_mine", 100_000)
	require.EqualValues(t, 3_400_003, n.Head())
	ask(t, c, "evm_mine", 0)
	require.EqualValues(t, 3_400_003, n.Head())
	refused(t, c, -32000, "no room", "evm_mine", "0xffffffffffffffff")
	refused(t, c, -32602, "whole number", "evm_mine", -1)
	refused(t, c, -32602, "whole number", "evm_mine", 1.5)
	refused(t, c, -32602, "hexadecimal", "evm_mine", "12")
	refused(t, c, -32602, "parameters", "evm_mine", 1, 2)
	require.EqualValues(t, 3_400_003, n.Head())
}

func TestIncreaseTime(t *testing.T) {
	n := simulated.New()
	c := dial(t, n)
	require.EqualValues(t, 60, ask(t, c, "evm_increaseTime", 31))
	require.EqualValues(t, 3_300_002, n.Head(), "time is the epoch")
	require.EqualValues(t, 3_300_002, simulated.EpochAt(simulated.Genesis+30*3_300_002+29))
	require.Zero(t, simulated.EpochAt(5))
}

func TestSnapshotRevert(t *testing.T) {
	n := simulated.New()
	c := dial(t, n)
	a, to := n.Accounts()[0], common.Address{1}
	send := func(nonce uint64) common.Hash {
		tx := sign(t, a, types.DynamicFeeTxType, nonce, to, big.NewInt(1), nil)
		require.NoError(t, c.SendTransaction(t.Context(), tx))
		return tx.Hash()
	}
	send(0)
	first := ask(t, c, "evm_snapshot")
	second := send(1)
	inner := ask(t, c, "evm_snapshot")
	send(2)
	gone := blockAt(t, c, "latest").Hash

	require.Equal(t, true, ask(t, c, "evm_revert", first))
	require.EqualValues(t, 3_300_001, n.Head())
	require.Nil(t, ask(t, c, "eth_getTransactionReceipt", second))
	require.Nil(t, ask(t, c, "eth_getBlockByHash", gone, false))
	require.Equal(t, "0x1", ask(t, c, "eth_getTransactionCount", a.Address(), "latest"))
	require.Equal(t, false, ask(t, c, "evm_revert", first), "used")
	require.Equal(t, false, ask(t, c, "evm_revert", inner), "made after the one that was used")
	require.Equal(t, false, ask(t, c, "evm_revert", "0x0"))
	send(1)
	require.Equal(t, "0x2", ask(t, c, "eth_getBalance", to, "latest"))
}

// TestSnapshotIsolated writes on both sides of a revert into what the two
// histories share.
func TestSnapshotIsolated(t *testing.T) {
	n := simulated.New()
	c := dial(t, n)
	_, err := n.Mine(5)
	require.NoError(t, err)
	outer, inner := n.Snapshot(), n.Snapshot()
	_, err = n.Mine(3)
	require.NoError(t, err)
	require.True(t, n.Revert(inner))
	_, err = n.NullRound()
	require.NoError(t, err)
	_, err = n.Mine(1)
	require.NoError(t, err)
	refused(t, c, 12, "null round", "eth_getBlockByNumber", hexutil.Uint64(3_300_006), false)
	require.True(t, n.Revert(outer))
	_, err = n.Mine(1)
	require.NoError(t, err)
	require.EqualValues(t, 3_300_006, blockAt(t, c, hexutil.Uint64(3_300_006)).Number)
}

// TestReaderIsolated reads a chain that was taken before it was changed.
func TestReaderIsolated(t *testing.T) {
	for name, change := range map[string]func(*simulated.Node, uint64){
		"revert": func(n *simulated.Node, id uint64) { n.Revert(id) },
		"reorg":  func(n *simulated.Node, _ uint64) { _, _ = n.Reorg(6) },
	} {
		t.Run(name, func(t *testing.T) {
			n := simulated.New(simulated.WithStart(0))
			var err error
			for range 18 { // one at a time: leaves room in what the histories share
				_, err = n.Mine(1)
				require.NoError(t, err)
			}
			id := n.Snapshot()
			emit(t, n, dial(t, n), 1, 2, 3)
			seen := n.Frozen()
			before := make([]common.Hash, 22)
			for i := range before {
				before[i], err = seen(uint64(i))
				require.NoError(t, err)
			}
			change(n, id)
			for range 5 {
				_, err := n.NullRound()
				require.NoError(t, err)
			}
			emit(t, n, dial(t, n), 9, 9, 9)
			for i := range before {
				now, err := seen(uint64(i))
				require.NoError(t, err)
				require.Equal(t, before[i], now)
			}
		})
	}
}

// TestSnapshotBeforeReorg goes back over a reorganisation that replaced tipsets
// of the snapshot.
func TestSnapshotBeforeReorg(t *testing.T) {
	n := simulated.New()
	c := dial(t, n)
	emit(t, n, c, 1, 2, 3)
	want := blockAt(t, c, "latest")
	id := n.Snapshot()
	_, err := n.Reorg(3)
	require.NoError(t, err)
	require.True(t, n.Revert(id))
	require.Equal(t, want, blockAt(t, c, "latest"))
	require.NotNil(t, ask(t, c, "eth_getTransactionReceipt", want.Transactions[0]))
	require.EqualValues(t, 3, mustNonce(t, n, n.Accounts()[2].Address()))
}

func TestReorg(t *testing.T) {
	n := simulated.New()
	c := dial(t, n)
	ctx := t.Context()
	a := n.Accounts()[0]
	kept := sign(t, a, types.DynamicFeeTxType, 0, common.Address{1}, big.NewInt(1), nil)
	require.NoError(t, c.SendTransaction(ctx, kept))
	dropped := sign(t, a, types.DynamicFeeTxType, 1, common.Address{1}, big.NewInt(1), nil)
	require.NoError(t, c.SendTransaction(ctx, dropped))
	_, err := n.NullRound()
	require.NoError(t, err)
	_, err = n.Mine(1)
	require.NoError(t, err)
	head := n.Head()
	old, oldParent := blockAt(t, c, "latest"), blockAt(t, c, hexutil.Uint64(head-2))

	got := ask(t, c, "sim_reorg", 2).(map[string]any)
	require.Equal(t, []any{dropped.Hash().Hex()}, got["dropped"])
	require.Equal(t, head, n.Head(), "replaced, not removed")
	latest := blockAt(t, c, "latest")
	require.NotEqual(t, old.Hash, latest.Hash)
	require.Equal(t, blockAt(t, c, hexutil.Uint64(head-2)).Hash, latest.ParentHash)
	require.NotEqual(t, oldParent.Hash, latest.ParentHash)
	require.Equal(t, oldParent.ParentHash, blockAt(t, c, hexutil.Uint64(head-2)).ParentHash, "what is before stays")
	refused(t, c, 12, "null round", "eth_getBlockByNumber", hexutil.Uint64(head-1), false)
	require.Nil(t, ask(t, c, "eth_getBlockByHash", old.Hash, false))
	refused(t, c, -32000, "unknown block", "eth_getLogs", map[string]any{"blockHash": old.Hash})

	_, err = c.TransactionReceipt(ctx, dropped.Hash())
	require.ErrorIs(t, err, ethereum.NotFound)
	_, err = c.TransactionReceipt(ctx, kept.Hash())
	require.NoError(t, err)
	require.NoError(t, c.SendTransaction(ctx, dropped), "the same raw transaction")
	r, err := c.TransactionReceipt(ctx, dropped.Hash())
	require.NoError(t, err)
	require.EqualValues(t, head+1, r.BlockNumber.Uint64())

	refused(t, c, -32000, "not so many", "sim_reorg", 10_000)
	refused(t, c, -32000, "want 1 or more", "sim_reorg", 0)
	// All but the first tipset can go.
	_, err = n.Reorg(n.Head() - 3_300_000 - 1)
	require.NoError(t, err)
	require.Equal(t, "0x0", ask(t, c, "eth_getTransactionCount", a.Address(), "latest"))
}

func TestSimProve(t *testing.T) {
	for name, n := range map[string]*simulated.Node{
		"mined at once": simulated.New(),
		"manual mining": simulated.New(simulated.WithManualMining()),
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, n)
			var got struct {
				Set, BlockNumber hexutil.Uint64
				TxHash           common.Hash
			}
			require.NoError(t, c.Client().Call(&got, "sim_prove", "0x2"))
			require.EqualValues(t, 2, got.Set)
			r, err := c.TransactionReceipt(t.Context(), got.TxHash)
			require.NoError(t, err)
			require.EqualValues(t, got.BlockNumber, r.BlockNumber.Uint64())
			require.Len(t, r.Logs, 2)
			fee, err := fevm.ParseLog(r.Logs[0])
			require.NoError(t, err)
			require.IsType(t, fevm.ProofFeePaid{}, fee)
			proven, err := fevm.ParseLog(r.Logs[1])
			require.NoError(t, err)
			require.Len(t, proven.(fevm.PossessionProven).Challenges, 5)

			// Again: another period, the same set and piece. And after a
			// reorganisation that takes the set away.
			require.NoError(t, c.Client().Call(&got, "sim_prove", 2))
			_, err = n.Reorg(n.Head() - 3_300_000)
			require.NoError(t, err)
			require.NoError(t, c.Client().Call(&got, "sim_prove", 1))
			require.Equal(t, 3, count[fevm.NextProvingPeriod](t, c, n)+count[fevm.DataSetCreated](t, c, n)+count[fevm.PossessionProven](t, c, n))
			refused(t, c, -32000, "want 1 to", "sim_prove", 0)
			refused(t, c, -32000, "want 1 to", "sim_prove", 1_000_000)
		})
	}
	n := simulated.New()
	_, err := n.Provider(n.Accounts()[1]).CreateDataSet(t.Context(), common.Address{})
	require.NoError(t, err)
	_, err = n.Prove(t.Context(), 1)
	require.ErrorContains(t, err, "whose data this node does not hold")
}

// count returns how many events of one type the verifier emitted.
func count[E fevm.Event](t *testing.T, c *ethclient.Client, n *simulated.Node) (found int) {
	t.Helper()
	logs, err := c.FilterLogs(t.Context(), ethereum.FilterQuery{FromBlock: big.NewInt(3_300_000), Addresses: []common.Address{n.Verifier()}})
	require.NoError(t, err)
	for i := range logs {
		e, err := fevm.ParseLog(&logs[i])
		require.NoError(t, err)
		if _, ok := e.(E); ok {
			found++
		}
	}
	return found
}

func TestDeterministic(t *testing.T) {
	run := func() (common.Hash, common.Hash) {
		n := simulated.New(simulated.WithSeed(7))
		r, err := n.Prove(t.Context(), 1)
		require.NoError(t, err)
		return r.TxHash, blockAt(t, dial(t, n), "latest").Hash
	}
	tx1, block1 := run()
	tx2, block2 := run()
	require.Equal(t, tx1, tx2)
	require.Equal(t, block1, block2)
}

// TestConcurrent is for the race detector.
func TestConcurrent(t *testing.T) {
	n := simulated.New()
	c := dial(t, n)
	_, err := n.Prove(t.Context(), 1)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			sp := n.Provider(n.Accounts()[i])
			for range 5 {
				if _, err := sp.CreateDataSet(t.Context(), common.Address{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 3 {
			if _, err := n.Prove(t.Context(), 1); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for range 50 {
			if _, err := c.FilterLogs(t.Context(), ethereum.FilterQuery{FromBlock: big.NewInt(3_300_000)}); err != nil {
				t.Error(err)
			}
			n.Snapshot()
			if _, err := n.NullRound(); err != nil {
				t.Error(err)
			}
			n.Head()
		}
	})
	wg.Wait()
	require.EqualValues(t, 5, mustNonce(t, n, n.Accounts()[0].Address()))
}

func mustNonce(t *testing.T, n *simulated.Node, a common.Address) uint64 {
	t.Helper()
	nonce, err := dial(t, n).NonceAt(t.Context(), a, nil)
	require.NoError(t, err)
	return nonce
}

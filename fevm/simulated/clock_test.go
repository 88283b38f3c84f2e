package simulated_test

import (
	"math/big"
	"sync/atomic"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/fevm/simulated"
)

// clocked is a node that follows a clock, in seconds after its first epoch.
func clocked(t *testing.T, opts ...simulated.Option) (*simulated.Node, *atomic.Uint64) {
	t.Helper()
	var now atomic.Uint64
	n := simulated.New(append(opts, simulated.WithClock(func() uint64 {
		return simulated.Genesis + simulated.EpochSeconds*3_300_000 + now.Load()
	}))...)
	t.Cleanup(n.Close)
	return n, &now
}

func TestTheChainFollowsAClock(t *testing.T) {
	n, now := clocked(t)
	c := dial(t, n)
	head := func() uint64 {
		t.Helper()
		h, err := c.BlockNumber(t.Context())
		require.NoError(t, err)
		require.Equal(t, h, n.Head())
		return h
	}
	require.EqualValues(t, 3_300_000, head())
	now.Store(29)
	require.EqualValues(t, 3_300_000, head())
	now.Store(30)
	require.EqualValues(t, 3_300_001, head())
	now.Store(30 * 100)
	require.EqualValues(t, 3_300_001, n.Head(), "nobody has asked")
	require.EqualValues(t, 3_300_100, head())
	b, err := c.HeaderByNumber(t.Context(), big.NewInt(3_300_050))
	require.NoError(t, err, "a tipset")
	require.EqualValues(t, simulated.Genesis+30*3_300_050, b.Time)

	// A transaction is in an epoch of its own, ahead of the clock, which then
	// catches up.
	now.Store(30 * 200)
	tx := sign(t, n.Accounts()[0], types.DynamicFeeTxType, 0, common.Address{1}, big.NewInt(1), nil)
	require.NoError(t, c.SendTransaction(t.Context(), tx))
	r, err := c.TransactionReceipt(t.Context(), tx.Hash())
	require.NoError(t, err)
	require.EqualValues(t, 3_300_201, r.BlockNumber.Uint64())
	now.Store(30 * 201)
	require.EqualValues(t, 3_300_201, head())
	ask(t, c, "evm_mine", 50)
	now.Store(30 * 210)
	require.EqualValues(t, 3_300_251, head(), "waits for the clock")
	now.Store(30 * 252)
	require.EqualValues(t, 3_300_252, head())
	now.Store(0)
	require.EqualValues(t, 3_300_252, head(), "a clock that goes backwards changes nothing")
}

// TestALongIdleTimeIsNullRounds: a year is a day of tipsets.
func TestALongIdleTimeIsNullRounds(t *testing.T) {
	n, now := clocked(t)
	c := dial(t, n)
	const year = 365 * 2880
	now.Store(30 * year)
	h, err := c.BlockNumber(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 3_300_000+year, h)
	_, err = c.HeaderByNumber(t.Context(), big.NewInt(3_300_000+year-2880))
	require.ErrorContains(t, err, "null round")
	_, err = c.HeaderByNumber(t.Context(), big.NewInt(3_300_000+year-2879))
	require.NoError(t, err)

	// No proof is too late for the idle time.
	receipt, err := n.Prove(t.Context(), 1)
	require.NoError(t, err)
	require.Greater(t, receipt.BlockNumber, uint64(3_300_000+year))
	now.Store(30 * 2 * year)
	again, err := n.Prove(t.Context(), 1)
	require.NoError(t, err)
	require.Greater(t, again.BlockNumber, uint64(3_300_000+2*year))

	now.Store(1 << 40)
	refused(t, c, -32000, "no room", "eth_blockNumber")
	now.Store(30 * 2 * year)
	_, err = c.BlockNumber(t.Context())
	require.NoError(t, err, "nothing happened")
}

func TestSnapshotsWithAClock(t *testing.T) {
	n, now := clocked(t)
	c := dial(t, n)
	id := ask(t, c, "evm_snapshot")
	now.Store(30 * 100)
	first, err := c.HeaderByNumber(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, true, ask(t, c, "evm_revert", id))
	again, err := c.HeaderByNumber(t.Context(), nil)
	require.NoError(t, err)
	require.EqualValues(t, 3_300_100, again.Number.Uint64(), "time does not go back")
	require.Equal(t, first.Time, again.Time)
}

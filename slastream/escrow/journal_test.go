package escrow_test

import (
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream/escrow"
)

// history is what a Contract and a Ledger have in common.
type history interface {
	Snapshot() int
	Revert(int) bool
	At(int, func()) bool
	Forget(int) bool
}

var (
	_ history = (*escrow.Contract)(nil)
	_ history = (*escrow.Ledger)(nil)
)

func TestUnknownSnapshots(t *testing.T) {
	c := openDeal(t, testParams, 1)
	for _, h := range []history{c.Contract, c.ledger} {
		now := h.Snapshot()
		for _, id := range []int{-1, now + 1, math.MinInt, math.MaxInt} {
			require.False(t, h.Revert(id), "%d", id)
			require.False(t, h.Forget(id), "%d", id)
			require.False(t, h.At(id, func() { t.Error("ran") }), "%d", id)
		}
		require.Equal(t, now, h.Snapshot())
	}
	require.True(t, c.Deal(word(1)).Exists())
}

func TestAtVisitsAndComesBack(t *testing.T) {
	c := openDeal(t, testParams, 3)
	require.NoError(t, c.ledger.Mint(escrowAddr, amount(1000))) // the ledger stays in the present
	opened := c.Snapshot()
	require.NoError(t, c.release(t, 1, 0))
	once := c.Snapshot()
	require.NoError(t, c.release(t, 1, 1))
	now := c.Snapshot()
	require.True(t, c.At(opened, func() {
		require.EqualValues(t, 0, c.Deal(word(1)).Released)
		require.NoError(t, c.release(t, 1, 2), "calls work in the past")
		require.True(t, c.ChunkReleased(word(1), 2))
		inner := c.Snapshot()
		require.True(t, c.At(inner, func() { require.NoError(t, c.release(t, 1, 0)) }), "visits nest")
		require.EqualValues(t, 1, c.Deal(word(1)).Released)
		require.False(t, c.Revert(opened-1), "before the visited state nothing is known")
		require.True(t, c.Revert(opened))
		require.EqualValues(t, 0, c.Deal(word(1)).Released)
	}))
	require.Equal(t, now, c.Snapshot())
	require.EqualValues(t, 2, c.Deal(word(1)).Released)
	require.False(t, c.ChunkReleased(word(1), 2))
	require.True(t, c.Revert(once), "the history is whole")
	require.EqualValues(t, 1, c.Deal(word(1)).Released)
}

func TestAtComesBackFromAPanic(t *testing.T) {
	c := openDeal(t, testParams, 3)
	opened := c.Snapshot()
	require.NoError(t, c.release(t, 1, 0))
	require.Panics(t, func() { c.At(opened, func() { panic("in f") }) })
	require.EqualValues(t, 1, c.Deal(word(1)).Released)
}

func TestRevertOfCreateRemovesTheDeal(t *testing.T) {
	h, _ := newHost()
	c := escrow.New(testParams, h)
	empty := c.Snapshot()
	require.NoError(t, c.Pause(escrow.Call{From: owner}))
	require.True(t, c.Revert(empty))
	require.False(t, c.Paused())
	require.Equal(t, empty, c.Snapshot())
}

// TestForgetBoundsMemory moves tokens for a long time: a ledger that forgets
// must not grow.
func TestForgetBoundsMemory(t *testing.T) {
	l := escrow.NewLedger(nil)
	require.NoError(t, l.Mint(client, amount(1000)))
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	run := func(n int) {
		for range n {
			require.NoError(t, l.Transfer(client, provider, amount(1)))
			require.NoError(t, l.Transfer(provider, client, amount(1)))
			if recent := l.Snapshot() - 100; recent > 0 {
				l.Forget(recent)
			}
		}
	}
	run(1000)
	before := heap()
	run(100_000) // 400,000 writes, about 50 MB of history
	require.Less(t, heap(), before+1<<20)
	require.True(t, l.Revert(l.Snapshot()-100), "recent history is still there")
	runtime.KeepAlive(l)
}

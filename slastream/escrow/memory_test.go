package escrow_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// newMemory returns an escrow at time 0 whose client has 1000.
func newMemory(t testing.TB) (*escrow.Memory, *atomic.Uint64) {
	t.Helper()
	now := new(atomic.Uint64)
	m := escrow.NewMemory(testParams, now.Load)
	require.NoError(t, m.Mint(client, amount(1000)))
	return m, now
}

var memoryTerms = slastream.Terms{Provider: provider, Chunks: 3, ChunkAmount: amount(100), Collateral: amount(50), Duration: 60}

func TestMemoryLifecycle(t *testing.T) {
	m, now := newMemory(t)
	ctx := t.Context()
	var e slastream.Escrow = m.As(client)
	id, err := e.CreateDeal(ctx, memoryTerms)
	require.NoError(t, err)
	require.Equal(t, amount(650), m.Balance(client))

	relay := m.As(stranger)
	require.NoError(t, relay.Release(ctx, sign(t, testSecret, chunkOf(1, 2))))
	released, err := relay.ChunkReleased(ctx, id, 2)
	require.NoError(t, err)
	require.True(t, released)

	require.ErrorIs(t, relay.Slash(ctx, id), slastream.ErrDeadline)
	now.Store(60)
	require.NoError(t, relay.Slash(ctx, id))
	deal, err := e.Deal(ctx, id)
	require.NoError(t, err)
	require.True(t, deal.Slashed)
	count, err := e.DealCount(ctx)
	require.NoError(t, err)
	require.Equal(t, id, count)
	require.Equal(t, amount(900), m.Balance(client))
	require.Equal(t, amount(100), m.Balance(provider))
	require.Equal(t, []slastream.Event{
		slastream.DealCreated{DealID: id, Client: client, Provider: provider, TotalAmount: amount(300), NumChunks: 3, SLADeadline: 60},
		slastream.ChunkReleased{DealID: id, ChunkIndex: 2, Amount: amount(100), Provider: provider},
		slastream.DealSlashed{DealID: id, Provider: provider, SlashAmount: amount(250), Client: client},
	}, m.Events())
}

func TestMemoryPause(t *testing.T) {
	m, _ := newMemory(t)
	ctx := t.Context()
	require.ErrorIs(t, m.As(client).Pause(ctx), slastream.ErrNotOwner)
	require.NoError(t, m.As(owner).Pause(ctx))
	_, err := m.As(client).CreateDeal(ctx, memoryTerms)
	require.ErrorIs(t, err, slastream.ErrPaused)
	require.NoError(t, m.As(owner).Unpause(ctx))
	_, err = m.As(client).CreateDeal(ctx, memoryTerms)
	require.NoError(t, err)
}

// A create that fails after the approval, and even after the tokens moved,
// leaves neither behind: all of it is one transaction.
func TestMemoryFailedCreateChangesNothing(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*slastream.Terms)
		want   error
	}{
		"too poor":          {func(t *slastream.Terms) { t.Collateral = amount(701) }, slastream.ErrSubOverflow},
		"deadline overflow": {func(t *slastream.Terms) { t.Duration = 1<<64 - 1 }, slastream.ErrDeadlineOverflow},
		"no sum to approve": {func(t *slastream.Terms) { t.ChunkAmount = maxAmount }, slastream.ErrMulOverflow},
		"no total to lock":  {func(t *slastream.Terms) { t.Collateral = maxAmount }, slastream.ErrAddOverflow},
		"no duration":       {func(t *slastream.Terms) { t.Duration = 0 }, slastream.ErrNoDuration},
	} {
		t.Run(name, func(t *testing.T) {
			m, now := newMemory(t)
			now.Store(1)
			terms := memoryTerms
			row.change(&terms)
			id, err := m.As(client).CreateDeal(t.Context(), terms)
			require.ErrorIs(t, err, row.want)
			require.Zero(t, id)
			require.Equal(t, amount(1000), m.Balance(client))
			require.Empty(t, m.Events())
		})
	}
}

func TestMemoryCallerZeroCannotApprove(t *testing.T) {
	m, _ := newMemory(t)
	_, err := m.As(slastream.Address{}).CreateDeal(t.Context(), memoryTerms)
	requireReason(t, "ERC20: approve from 0", err)
}

func TestMemoryHonoursContext(t *testing.T) {
	m, _ := newMemory(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a := m.As(client)
	_, err := a.CreateDeal(ctx, memoryTerms)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, a.Release(ctx, attestation.Signed{}), context.Canceled)
	require.ErrorIs(t, a.Slash(ctx, word(1)), context.Canceled)
	_, err = a.Deal(ctx, word(1))
	require.ErrorIs(t, err, context.Canceled)
	_, err = a.DealCount(ctx)
	require.ErrorIs(t, err, context.Canceled)
	_, err = a.ChunkReleased(ctx, word(1), 0)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, m.Events())
}

func TestMemoryConcurrentUse(t *testing.T) {
	m, _ := newMemory(t)
	id, err := m.As(client).CreateDeal(t.Context(), slastream.Terms{
		Provider: provider, Chunks: 8, ChunkAmount: amount(10), Duration: 60,
	})
	require.NoError(t, err)
	var wg sync.WaitGroup
	var paid atomic.Int64
	for index := range uint64(8) {
		signed := sign(t, testSecret, chunkOf(1, index))
		for range 3 { // three relays each
			wg.Go(func() {
				if m.As(stranger).Release(t.Context(), signed) == nil {
					paid.Add(1)
				}
				_, _ = m.As(stranger).Deal(t.Context(), id)
				_ = m.Events()
				_ = m.Balance(provider)
			})
		}
	}
	wg.Wait()
	require.EqualValues(t, 8, paid.Load(), "each chunk once")
	require.Equal(t, amount(80), m.Balance(provider))
}

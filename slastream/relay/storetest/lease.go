package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream/relay"
)

func leaseOne(t *testing.T, s *fixture) {
	start := time.Now()
	first, err := s.Lease(t.Context(), "account", "a", time.Hour)
	require.NoError(t, err)
	require.Equal(t, "account", first.Name)
	require.Equal(t, "a", first.Owner)
	require.Positive(t, first.Token)
	require.WithinRange(t, first.Until, start.Add(59*time.Minute), time.Now().Add(61*time.Minute))

	renewed, err := s.Lease(t.Context(), "account", "a", 2*time.Hour)
	require.NoError(t, err)
	require.Equal(t, first.Token, renewed.Token)
	require.Greater(t, renewed.Until, first.Until.Add(30*time.Minute))

	_, err = s.Lease(t.Context(), "account", "b", time.Hour)
	require.ErrorIs(t, err, relay.ErrLease)
	_, err = s.Lease(t.Context(), "account", "b", 0)
	require.ErrorIs(t, err, relay.ErrLease, "nobody gives up what is another's")
	other, err := s.Lease(t.Context(), "another account", "b", time.Hour)
	require.NoError(t, err)
	require.Equal(t, "another account", other.Name)

	// Given up, it is free at once, under a higher token.
	gone, err := s.Lease(t.Context(), "account", "a", 0)
	require.NoError(t, err)
	require.False(t, gone.Until.After(time.Now().Add(time.Minute)))
	next, err := s.Lease(t.Context(), "account", "b", time.Hour)
	require.NoError(t, err)
	require.Greater(t, next.Token, first.Token)
	require.Equal(t, "b", next.Owner)
	_, err = s.Lease(t.Context(), "account", "a", time.Hour)
	require.ErrorIs(t, err, relay.ErrLease)
}

func leaseRunsOut(t *testing.T, s *fixture) {
	first, err := s.Lease(t.Context(), "account", "a", 200*time.Millisecond)
	require.NoError(t, err)
	var second relay.Lease
	require.Eventually(t, func() bool {
		second, err = s.Lease(t.Context(), "account", "b", time.Hour)
		return err == nil
	}, 10*time.Second, 20*time.Millisecond)
	require.Greater(t, second.Token, first.Token)
	require.ErrorIs(t, s.Commit(t.Context(), relay.Change{Lease: first}), relay.ErrLease)
	require.NoError(t, s.Commit(t.Context(), relay.Change{Lease: second}))
}

func leaseFences(t *testing.T, s *fixture) {
	observe(t, s, chunk(1, 0))
	name := address(1).String()
	first, err := s.Lease(t.Context(), name, "a", time.Hour)
	require.NoError(t, err)
	change := func(l relay.Lease, nonce uint64) relay.Change {
		return relay.Change{Lease: l, Put: []relay.Transaction{transaction(1, nonce)}, Chunks: []relay.Chunk{get(t, s, chunk(1, 0).ID())}}
	}
	require.NoError(t, s.Commit(t.Context(), change(first, 1)))
	_, err = s.Lease(t.Context(), name, "a", 0)
	require.NoError(t, err)
	second, err := s.Lease(t.Context(), name, "b", time.Hour)
	require.NoError(t, err)
	before := read(t, s)
	require.ErrorIs(t, s.Commit(t.Context(), change(first, 2)), relay.ErrLease)
	require.Equal(t, before, read(t, s))
	require.NoError(t, s.Commit(t.Context(), change(second, 2)))
	// The token of another name is none.
	other, err := s.Lease(t.Context(), "another", "a", time.Hour)
	require.NoError(t, err)
	other.Name, other.Token = name, second.Token+1
	require.ErrorIs(t, s.Commit(t.Context(), change(other, 3)), relay.ErrLease)
}

func tokensGoOn(t *testing.T, s *fixture) {
	if s.options.Reopen == nil {
		t.Skip("needs Options.Reopen")
	}
	var last uint64
	for _, owner := range []string{"a", "b", "a"} {
		l, err := s.Lease(t.Context(), "account", owner, time.Hour)
		require.NoError(t, err)
		require.Greater(t, l.Token, last)
		last = l.Token
		require.NoError(t, s.Commit(t.Context(), relay.Change{Lease: l, Put: []relay.Transaction{transaction(1, last)}}))
		s.Store = s.options.Reopen(t, s.Store)
		require.NoError(t, s.Commit(t.Context(), relay.Change{Lease: l}), "the newest token stays the newest")
		// If the lease has not ended with the store, its owner gives it up.
		l, err = s.Lease(t.Context(), "account", owner, 0)
		require.NoError(t, err)
		require.GreaterOrEqual(t, l.Token, last)
		last = l.Token
	}
	require.ErrorIs(t, s.Commit(t.Context(), relay.Change{Lease: relay.Lease{Name: "account", Owner: "a", Token: 1}}), relay.ErrLease)
}

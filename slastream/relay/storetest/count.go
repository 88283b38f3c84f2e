package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

func spentSums(t *testing.T, s *fixture) {
	spent := func(scope string, from relay.Hour) string {
		t.Helper()
		sum, err := s.Spent(t.Context(), scope, from)
		require.NoError(t, err)
		return sum.String()
	}
	commit(t, s, relay.Change{Spend: []relay.Spend{spend("", 210, 1), spend("", 255, 2), spend("", 256, 4), spend("a", 255, 8), spend("ab", 300, 16)}})
	commit(t, s, relay.Change{Spend: []relay.Spend{spend("", 255, 32), spend("", 255, 64), spend("", 257, 128)}})
	require.Equal(t, "231", spent("", 0))
	require.Equal(t, "231", spent("", 210))
	require.Equal(t, "230", spent("", 211))
	require.Equal(t, "230", spent("", 255))
	require.Equal(t, "132", spent("", 256))
	require.Equal(t, "128", spent("", 257))
	require.Equal(t, "0", spent("", maxUint))
	require.Equal(t, "8", spent("a", 0))
	require.Equal(t, "0", spent("a", 256))
	require.Equal(t, "16", spent("ab", 0))
	require.Equal(t, "0", spent("b", 0))
	// A scope is any text.
	for i, scope := range []string{unusual(), "A", "deal:7", address(7).String()} {
		commit(t, s, relay.Change{Spend: []relay.Spend{spend(scope, 5, uint64(i)+1)}})
		require.Equal(t, string(rune('1'+i)), spent(scope, 0), "%q", scope)
	}
	require.Equal(t, "8", spent("a", 0))

	var many []relay.Spend
	for hour := range relay.Hour(1500) {
		many = append(many, spend("b", hour, 2))
	}
	commit(t, s, relay.Change{Spend: many})
	require.Equal(t, "98", spent("b", 0), "48 hours and the last one")
	require.Equal(t, "98", spent("b", 1451))
	require.Equal(t, "96", spent("b", 1452))
	require.Equal(t, "231", spent("", 0), "another scope")
	commit(t, s, relay.Change{Spend: []relay.Spend{spend("b", 1450, 7)}})
	require.Equal(t, "105", spent("b", 0), "a late one")
	commit(t, s, relay.Change{Spend: []relay.Spend{spend("b", maxUint, 5)}})
	require.Equal(t, "5", spent("b", 0))
}

func spentEnds(t *testing.T, s *fixture) {
	most := slastream.AmountFromWord(top())
	sums := func(scope string, from relay.Hour) slastream.Amount {
		t.Helper()
		sum, err := s.Spent(t.Context(), scope, from)
		require.NoError(t, err)
		return sum
	}
	commit(t, s, relay.Change{Spend: []relay.Spend{{Scope: "a", Hour: 1, Amount: most}}})
	require.Equal(t, most, sums("a", 0))
	commit(t, s, relay.Change{Spend: []relay.Spend{{Scope: "a", Hour: 1, Amount: most}}})
	require.Equal(t, most, sums("a", 0), "in one hour")
	commit(t, s, relay.Change{Spend: []relay.Spend{spend("a", 2, 5), spend("a", 3, 6)}})
	require.Equal(t, most, sums("a", 0), "over hours")
	require.Equal(t, slastream.AmountFromUint64(11), sums("a", 2))
}

func statsCount(t *testing.T, s *fixture) {
	stats := func() relay.Stats {
		t.Helper()
		stats, err := s.Stats(t.Context())
		require.NoError(t, err)
		return stats
	}
	bind(t, s, track(1, 10), track(2, 20))
	require.Equal(t, relay.Stats{Tracks: 2}, stats())
	var list []relay.Chunk
	for i := range uint64(8) {
		c := chunk(1, i)
		c.Observed = noon + 255 + i // 255 and 256 are not of one length
		list = append(list, c)
	}
	observe(t, s, list[4], list[0], list[1], list[2], list[3], list[5], list[6], list[7])
	require.Equal(t, relay.Stats{Tracks: 2, Chunks: [8]uint64{8}, Oldest: noon + 255}, stats())
	for i := range list {
		update(t, s, list[i].ID(), func(c *relay.Chunk) { c.State = relay.State(i) })
	}
	require.Equal(t, relay.Stats{Tracks: 2, Chunks: [8]uint64{1, 1, 1, 1, 1, 1, 1, 1}, Oldest: noon + 255}, stats())
	update(t, s, list[0].ID(), func(c *relay.Chunk) { c.State = relay.Accepted })
	require.Equal(t, relay.Stats{Tracks: 2, Chunks: [8]uint64{0, 1, 1, 1, 1, 2, 1, 1}, Oldest: noon + 256}, stats())
	// One whose deal is over is not open, and is again if it is not.
	update(t, s, list[1].ID(), func(c *relay.Chunk) { c.Retry.Class = relay.ClassOver })
	require.Equal(t, relay.Stats{Tracks: 2, Chunks: [8]uint64{0, 1, 1, 1, 1, 2, 1, 1}, Oldest: noon + 257}, stats())
	update(t, s, list[1].ID(), func(c *relay.Chunk) { c.Retry.Class = relay.ClassNone })
	require.Equal(t, relay.Stats{Tracks: 2, Chunks: [8]uint64{0, 1, 1, 1, 1, 2, 1, 1}, Oldest: noon + 256}, stats())
	update(t, s, list[7].ID(), func(c *relay.Chunk) { c.Retry.Attempts++ })
	for i := 1; i < 5; i++ {
		update(t, s, list[i].ID(), func(c *relay.Chunk) { c.State = relay.Settled })
	}
	require.Equal(t, relay.Stats{Tracks: 2, Chunks: [8]uint64{0, 0, 0, 0, 0, 2, 5, 1}}, stats())
	// Paid after all is open again.
	update(t, s, list[6].ID(), func(c *relay.Chunk) { c.State = relay.Sent })
	require.Equal(t, relay.Stats{Tracks: 2, Chunks: [8]uint64{0, 0, 0, 0, 1, 2, 4, 1}, Oldest: noon + 261}, stats())
	over := getTrack(t, s, 1)
	over.Over = true
	commit(t, s, relay.Change{Tracks: []relay.Track{over}})
	require.Equal(t, uint64(2), stats().Tracks)
}

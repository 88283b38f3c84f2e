package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream/relay"
)

// sortDue orders chunks that are due at the same time.
func sortDue(chunks []relay.Chunk) {
	slices.SortStableFunc(chunks, func(a, b relay.Chunk) int {
		return cmp.Or(cmp.Compare(a.Retry.At, b.Retry.At), a.ID().Compare(b.ID()))
	})
}

func chunksByID(t *testing.T, s *fixture) {
	observe(t, s, chunk(1, 0), chunk(1, 1), chunk(2, 0), chunk(300, 0))
	id := func(deal, index uint64) relay.ChunkID { return relay.ChunkID{Deal: word(deal), Index: index} }
	choose := func(q relay.ChunkQuery) []string { return ids(all(t, s.Chunks(t.Context(), q))) }
	require.Equal(t, []string{"300/0", "1/1", "2/0"}, choose(relay.ChunkQuery{IDs: []relay.ChunkID{id(300, 0), id(1, 1), id(2, 0)}}))
	require.Equal(t, []string{"1/0"}, choose(relay.ChunkQuery{IDs: []relay.ChunkID{id(9, 9), id(1, 0), id(1, 2)}}))
	require.Empty(t, choose(relay.ChunkQuery{IDs: []relay.ChunkID{id(9, 9)}}))
	require.Empty(t, choose(relay.ChunkQuery{IDs: []relay.ChunkID{}}))
	// The other fields do not count.
	deal, last := word(2), id(300, 0)
	update(t, s, id(1, 0), func(c *relay.Chunk) { c.State = relay.Settled })
	require.Equal(t, []string{"1/1", "1/0"}, choose(relay.ChunkQuery{IDs: []relay.ChunkID{id(1, 1), id(1, 0)}, Deal: &deal, After: &last, Due: 1, Open: true, Limit: 1}))

	var many []relay.Chunk
	var list []relay.ChunkID
	var want []string
	for i := range uint64(1200) {
		many = append(many, chunk(5, i))
		list = append(list, id(5, 1199-i))
		want = append(want, fmt.Sprintf("5/%d", 1199-i))
	}
	observe(t, s, many...)
	require.Equal(t, want, choose(relay.ChunkQuery{IDs: list}))
}

func chunksPaged(t *testing.T, s *fixture) {
	var list []relay.Chunk
	var want []string
	for i, deal := range spread() {
		for j, index := range []uint64{0, 1, 255, 256, 1 << 32, maxUint} {
			c := chunk(0, 0)
			c.Deal, c.Index, c.Proof.SetID = deal, index, word(uint64(100*i+j))
			if j%2 == 1 {
				c.State = []relay.State{relay.Accepted, relay.Settled, relay.Refused}[i%3]
			}
			list = append(list, c)
			want = append(want, c.ID().String())
		}
	}
	var mixed []relay.Chunk
	for i := range list {
		mixed = append(mixed, list[(i*7)%len(list)])
	}
	observe(t, s, mixed...)
	choose := func(q relay.ChunkQuery) []string { return ids(all(t, s.Chunks(t.Context(), q))) }
	require.Equal(t, want, choose(relay.ChunkQuery{}))
	for i, c := range list {
		id := c.ID()
		require.Equal(t, append([]string{}, want[i+1:]...), choose(relay.ChunkQuery{After: &id}), "after %v", id)
	}
	absent := relay.ChunkID{Deal: word(255), Index: 300}
	require.Equal(t, want[16:], choose(relay.ChunkQuery{After: &absent}))
	require.Equal(t, want[16:19], choose(relay.ChunkQuery{After: &absent, Limit: 3}))

	deal, low, high, none := word(255), relay.ChunkID{Deal: word(2)}, relay.ChunkID{Deal: word(256)}, word(77)
	require.Equal(t, want[12:18], choose(relay.ChunkQuery{Deal: &deal}))
	require.Equal(t, want[16:18], choose(relay.ChunkQuery{Deal: &deal, After: &absent}))
	require.Equal(t, want[12:18], choose(relay.ChunkQuery{Deal: &deal, After: &low}))
	require.Empty(t, choose(relay.ChunkQuery{Deal: &deal, After: &high}))
	require.Equal(t, want[12:14], choose(relay.ChunkQuery{Deal: &deal, Limit: 2}))
	require.Empty(t, choose(relay.ChunkQuery{Deal: &none}))

	var open []string
	for i := 0; i < len(want); i += 2 {
		open = append(open, want[i])
	}
	require.Equal(t, open, choose(relay.ChunkQuery{Open: true}))
	require.Equal(t, open[6:9], choose(relay.ChunkQuery{Open: true, Deal: &deal}))
	require.Equal(t, open[8:10], choose(relay.ChunkQuery{Open: true, After: &absent, Limit: 2}))

	var paged []string
	for q := (relay.ChunkQuery{Limit: 5}); ; {
		page := all(t, s.Chunks(t.Context(), q))
		if len(page) == 0 {
			break
		}
		paged = append(paged, ids(page)...)
		last := page[len(page)-1].ID()
		q.After = &last
	}
	require.Equal(t, want, paged)
}

func chunksDue(t *testing.T, s *fixture) {
	due := func(deal, index, at uint64) relay.Chunk {
		c := chunk(deal, index)
		c.Retry.At = at
		return c
	}
	observe(t, s, due(1, 0, 300), due(1, 1, 0), due(2, 0, 200), due(3, 0, 256), due(4, 0, 255), due(5, 0, noon), due(6, 0, maxUint))
	choose := func(q relay.ChunkQuery) []string { return ids(all(t, s.Chunks(t.Context(), q))) }
	require.Equal(t, []string{"1/1"}, choose(relay.ChunkQuery{Due: 1}))
	require.Equal(t, []string{"1/1"}, choose(relay.ChunkQuery{Due: 199}))
	require.Equal(t, []string{"1/1", "2/0"}, choose(relay.ChunkQuery{Due: 200}))
	require.Equal(t, []string{"1/1", "2/0", "4/0", "3/0", "1/0"}, choose(relay.ChunkQuery{Due: noon - 1}))
	require.Equal(t, []string{"1/1", "2/0", "4/0", "3/0", "1/0", "5/0", "6/0"}, choose(relay.ChunkQuery{Due: maxUint}))
	require.Equal(t, []string{"1/1", "2/0", "4/0"}, choose(relay.ChunkQuery{Due: noon, Limit: 3}))
	deal := word(1)
	require.Equal(t, []string{"1/1", "1/0"}, choose(relay.ChunkQuery{Due: noon, Deal: &deal}))
	require.Equal(t, []string{"1/1"}, choose(relay.ChunkQuery{Due: noon, Deal: &deal, Limit: 1}))

	// A chunk that is put off is found at its new time only.
	update(t, s, chunk(1, 1).ID(), func(c *relay.Chunk) { c.Retry.At = 220 })
	require.Equal(t, []string{"2/0"}, choose(relay.ChunkQuery{Due: 219}))
	require.Equal(t, []string{"2/0", "1/1"}, choose(relay.ChunkQuery{Due: 220}))
	update(t, s, chunk(1, 1).ID(), func(c *relay.Chunk) { c.Retry.At = 100 })
	require.Equal(t, []string{"1/1", "2/0"}, choose(relay.ChunkQuery{Due: 220}))

	var many []relay.Chunk
	for i := range uint64(1200) {
		many = append(many, due(7, i, 1+i%5))
	}
	observe(t, s, many...)
	found := all(t, s.Chunks(t.Context(), relay.ChunkQuery{Due: 5}))
	require.Len(t, found, len(many))
	require.True(t, slices.IsSortedFunc(found, func(a, b relay.Chunk) int { return cmp.Compare(a.Retry.At, b.Retry.At) }))
	sortDue(many)
	sortDue(found)
	require.Equal(t, ids(many), ids(found))
}

func chunksDueByState(t *testing.T, s *fixture) {
	var list []relay.Chunk
	for state := relay.Observed; state <= relay.Refused; state++ {
		for flying := range uint64(3) {
			c := chunk(uint64(state)+1, flying)
			list = append(list, c)
		}
	}
	observe(t, s, list...)
	var want, open []string
	for _, c := range list {
		state := relay.State(c.Deal[31] - 1)
		update(t, s, c.ID(), func(c *relay.Chunk) {
			c.State = state
			switch c.Index { // a transaction has a sender, or a nonce
			case 1:
				c.Tx.Sender = address(1)
			case 2:
				c.Tx.Nonce = 1
			}
		})
		if c.Index == 0 && state != relay.Settled && state != relay.Refused {
			want = append(want, c.ID().String())
			if state.Open() {
				open = append(open, c.ID().String())
			}
		}
	}
	choose := func(q relay.ChunkQuery) []string {
		found := all(t, s.Chunks(t.Context(), q))
		sortDue(found)
		return ids(found)
	}
	require.Equal(t, want, choose(relay.ChunkQuery{Due: 1}))
	require.Equal(t, open, choose(relay.ChunkQuery{Due: 1, Open: true}))
	// A chunk without a transaction again is due again, and so is one that is no
	// longer settled. One whose deal is over is due and not open.
	update(t, s, relay.ChunkID{Deal: word(1), Index: 1}, func(c *relay.Chunk) { c.Tx = relay.TxID{} })
	update(t, s, relay.ChunkID{Deal: word(uint64(relay.Settled) + 1)}, func(c *relay.Chunk) { c.State = relay.Observed })
	update(t, s, relay.ChunkID{Deal: word(1)}, func(c *relay.Chunk) { c.Retry.Class = relay.ClassOver })
	want = append([]string{want[0], "1/1"}, append(want[1:], "7/0")...)
	require.Equal(t, want, choose(relay.ChunkQuery{Due: 1}))
	open = append([]string{"1/1"}, append(open[1:], "7/0")...)
	require.Equal(t, open, choose(relay.ChunkQuery{Due: 1, Open: true}))
	require.Subset(t, choose(relay.ChunkQuery{Open: true}), open)
	require.NotContains(t, choose(relay.ChunkQuery{Open: true}), "1/0")
}

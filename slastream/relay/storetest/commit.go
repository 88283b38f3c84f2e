package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// lease returns a lease for the sender 1 that was just taken.
func lease(t *testing.T, s relay.Store) relay.Lease {
	t.Helper()
	l, err := s.Lease(t.Context(), address(1).String(), "test", time.Hour)
	require.NoError(t, err)
	return l
}

func spend(scope string, hour relay.Hour, amount uint64) relay.Spend {
	return relay.Spend{Scope: scope, Hour: hour, Amount: slastream.AmountFromUint64(amount)}
}

func commitStores(t *testing.T, s *fixture) {
	bind(t, s, track(1, 10))
	observe(t, s, chunk(1, 0), chunk(1, 1), chunk(1, 2))
	tr, first, second := getTrack(t, s, 1), get(t, s, chunk(1, 0).ID()), get(t, s, chunk(1, 1).ID())
	tr.Halted = "stopped"
	tx := transaction(1, 5, first.ID(), second.ID())
	first.State, first.Tx, first.Counted = relay.Stored, tx.TxID, true
	second.Retry = relay.Retry{Attempts: 3, At: noon, Class: relay.ClassHeld, Reason: "limit"}
	commit(t, s, relay.Change{
		Lease: lease(t, s), Tracks: []relay.Track{tr}, Chunks: []relay.Chunk{first, second},
		Put: []relay.Transaction{tx}, Spend: []relay.Spend{spend("", 5, 7), spend("a", 5, 7)},
	})
	tr.Version, first.Version, second.Version = 2, 2, 2
	third := chunk(1, 2)
	third.Version = 1
	c := read(t, s)
	require.Equal(t, []relay.Track{tr}, c.Tracks)
	require.Equal(t, []relay.Chunk{first, second, third}, c.Chunks)
	require.Equal(t, []relay.Transaction{same(tx)}, c.Transactions)
	require.Equal(t, map[string]string{"": "7", "a": "7", "b": "0"}, c.Spent)

	// Without a lease, what needs none.
	second.State = relay.Final
	commit(t, s, relay.Change{Tracks: []relay.Track{tr}, Chunks: []relay.Chunk{second}})
	require.Equal(t, uint64(3), getTrack(t, s, 1).Version)
	require.Equal(t, uint64(3), get(t, s, second.ID()).Version)
	// Nothing is a change, too.
	commit(t, s, relay.Change{})
}

func commitRefuses(t *testing.T, s *fixture) {
	bind(t, s, track(1, 10), track(2, 20))
	observe(t, s, chunk(1, 0), chunk(1, 1))
	held := transaction(1, 5)
	commit(t, s, relay.Change{Lease: lease(t, s), Put: []relay.Transaction{held, transaction(1, 4)}, Spend: []relay.Spend{spend("a", 1, 1)}})
	before := read(t, s)

	tr, first, second := getTrack(t, s, 1), get(t, s, chunk(1, 0).ID()), get(t, s, chunk(1, 1).ID())
	tr.Halted, tr.Over, first.State, second.State = "stopped", true, relay.Refused, relay.Settled
	good := func() relay.Change {
		return relay.Change{
			Lease: lease(t, s), Tracks: []relay.Track{tr}, Chunks: []relay.Chunk{first},
			Put: []relay.Transaction{transaction(1, 6)}, Drop: []relay.TxID{{Sender: address(1), Nonce: 4}},
			Spend: []relay.Spend{spend("a", 1, 1)},
		}
	}
	for _, test := range []struct {
		name   string
		want   error
		change func(*relay.Change)
	}{
		{"a lower token", relay.ErrLease, func(c *relay.Change) { c.Lease.Token-- }},
		{"a higher token", relay.ErrLease, func(c *relay.Change) { c.Lease.Token++ }},
		{"no lease", relay.ErrLease, func(c *relay.Change) { c.Lease, c.Drop = relay.Lease{}, nil }},
		{"no lease, to drop", relay.ErrLease, func(c *relay.Change) { c.Lease, c.Put = relay.Lease{}, nil }},
		{"no lease, for a chunk with a transaction", relay.ErrLease, func(c *relay.Change) {
			flying := second
			flying.Tx = held.TxID
			*c = relay.Change{Chunks: []relay.Chunk{flying}}
		}},
		{"a lease that nobody gave", relay.ErrLease, func(c *relay.Change) { c.Lease.Name = "another" }},
		{"a track of an older version", relay.ErrConflict, func(c *relay.Change) {
			old := track(2, 20)
			c.Tracks = append(c.Tracks, old)
		}},
		{"a track of a newer version", relay.ErrConflict, func(c *relay.Change) {
			ahead := track(2, 20)
			ahead.Version = 2
			c.Tracks = append(c.Tracks, ahead)
		}},
		{"a track that is not bound", relay.ErrConflict, func(c *relay.Change) { c.Tracks = append(c.Tracks, track(3, 30)) }},
		{"a chunk of an older version", relay.ErrConflict, func(c *relay.Change) {
			old := second
			old.Version--
			c.Chunks = append(c.Chunks, old)
		}},
		{"a chunk of a newer version", relay.ErrConflict, func(c *relay.Change) {
			ahead := second
			ahead.Version++
			c.Chunks = append(c.Chunks, ahead)
		}},
		{"a chunk that does not exist", relay.ErrConflict, func(c *relay.Change) { c.Chunks = append(c.Chunks, chunk(1, 2)) }},
		{"another transaction for a nonce", relay.ErrConflict, func(c *relay.Change) {
			other := transaction(1, 5)
			other.Signed[0] = signed(other.TxID, 2)
			c.Put = append(c.Put, other)
		}},
	} {
		c := good()
		test.change(&c)
		require.ErrorIs(t, s.Commit(t.Context(), c), test.want, test.name)
		require.Equal(t, before, read(t, s), test.name)
	}
	// A change that the store refuses gave no period and no data set away.
	require.ErrorIs(t, s.Bind(t.Context(), track(9, 10)), relay.ErrBound)
	used := chunk(9, 0)
	used.Proof = first.Proof
	require.Equal(t, first.ID(), proofUsed(t, s.Observe(t.Context(), relay.Observation{Chunks: []relay.Chunk{used}})).By)
	commit(t, s, good())
	// Refused is the end: another chunk may have the period.
	require.ErrorIs(t, s.Commit(t.Context(), relay.Change{Chunks: []relay.Chunk{func() relay.Chunk {
		back := get(t, s, first.ID())
		back.State = relay.Final
		return back
	}()}}), relay.ErrConflict)
	update(t, s, first.ID(), func(c *relay.Chunk) { c.Retry.Reason = "it may say why" })
}

func commitNonce(t *testing.T, s *fixture) {
	tx := transaction(1, 7, chunk(1, 0).ID())
	put := func(tx relay.Transaction) error {
		return s.Commit(t.Context(), relay.Change{Lease: lease(t, s), Put: []relay.Transaction{tx}})
	}
	stored := func() []relay.Transaction { return read(t, s).Transactions }
	require.NoError(t, put(tx))
	require.NoError(t, put(tx), "the same again")
	// Later ones have higher fees.
	raised := tx
	raised.Signed = append([]slastream.SignedTx{}, tx.Signed...)
	raised.Signed = append(raised.Signed, signed(tx.TxID, 2))
	raised.Stored, raised.State, raised.Chunks = noon+5, relay.Sent, nil
	require.NoError(t, put(raised))
	require.Equal(t, []relay.Transaction{same(raised)}, stored())
	// One that is first is another one.
	other := tx
	other.Signed = []slastream.SignedTx{signed(tx.TxID, 2), signed(tx.TxID, 1)}
	require.ErrorIs(t, put(other), relay.ErrConflict)
	require.Equal(t, []relay.Transaction{same(raised)}, stored())
	// The nonces of others are others.
	require.NoError(t, put(transaction(2, 7)))
	require.NoError(t, put(transaction(1, 8)))
	// What is dropped is free.
	commit(t, s, relay.Change{Lease: lease(t, s), Drop: []relay.TxID{tx.TxID}})
	require.NoError(t, put(other))
	commit(t, s, relay.Change{Lease: lease(t, s), Drop: []relay.TxID{tx.TxID, {Sender: address(1), Nonce: 99}}})
	require.Equal(t, []uint64{8, 7}, nonces(stored()))
}

func transactionsOrdered(t *testing.T, s *fixture) {
	want := []uint64{0, 1, 2, 255, 256, 65536, 1 << 32, 1 << 63, maxUint}
	var put []relay.Transaction
	for i := range want {
		tx := transaction(1, want[(i*4)%len(want)])
		if i%2 == 0 { // the accepted ones are among the others
			tx.State, tx.Due = relay.Accepted, maxUint-uint64(i)
		}
		put = append(put, tx, transaction(2, uint64(i)))
	}
	commit(t, s, relay.Change{Lease: lease(t, s), Put: put})
	require.Equal(t, want, nonces(all(t, s.Transactions(t.Context(), address(1), maxUint))))
	require.Equal(t, []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8}, nonces(all(t, s.Transactions(t.Context(), address(2), 0))))
	require.Empty(t, all(t, s.Transactions(t.Context(), address(3), maxUint)))

	put = nil
	for nonce := range uint64(1200) {
		put = append(put, transaction(3, nonce))
	}
	commit(t, s, relay.Change{Lease: lease(t, s), Put: put})
	found := all(t, s.Transactions(t.Context(), address(3), 0))
	require.Equal(t, nonces(put), nonces(found))
}

func transactionsDue(t *testing.T, s *fixture) {
	put := func(nonce uint64, state relay.State, due uint64) {
		t.Helper()
		tx := transaction(1, nonce)
		tx.State, tx.Due = state, due
		commit(t, s, relay.Change{Lease: lease(t, s), Put: []relay.Transaction{tx}})
	}
	at := func(due uint64) []uint64 { return nonces(all(t, s.Transactions(t.Context(), address(1), due))) }
	put(1, relay.Accepted, 300)
	put(2, relay.Stored, maxUint) // its time does not count
	put(3, relay.Accepted, 200)
	put(4, relay.Sent, 0)
	put(5, relay.Accepted, 0)
	require.Equal(t, []uint64{2, 4, 5}, at(0))
	require.Equal(t, []uint64{2, 4, 5}, at(199))
	require.Equal(t, []uint64{2, 3, 4, 5}, at(200))
	require.Equal(t, []uint64{1, 2, 3, 4, 5}, at(300))
	// Accepted, put off, and no longer accepted.
	put(2, relay.Accepted, 250)
	put(3, relay.Accepted, 400)
	put(1, relay.Sent, 300)
	require.Equal(t, []uint64{1, 4, 5}, at(249))
	require.Equal(t, []uint64{1, 2, 4, 5}, at(399))
	require.Equal(t, []uint64{1, 2, 3, 4, 5}, at(400))
	commit(t, s, relay.Change{Lease: lease(t, s), Drop: []relay.TxID{{Sender: address(1), Nonce: 2}, {Sender: address(1), Nonce: 4}}})
	require.Equal(t, []uint64{1, 3, 5}, at(maxUint))
}

package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream/relay"
)

func observeMoves(t *testing.T, s *fixture) {
	bind(t, s, track(1, 10), track(2, 20))
	first := getTrack(t, s, 1)
	first.Earned, first.Next, first.Behind = 2, 4_000_900, true
	require.NoError(t, s.Observe(t.Context(), relay.Observation{
		From: 0, Next: 4_000_000, Tracks: []relay.Track{first}, Chunks: []relay.Chunk{chunk(1, 0), chunk(1, 1)},
	}))
	c := read(t, s)
	require.Equal(t, uint64(4_000_000), c.Cursor)
	first.Version = 2
	second := track(2, 20)
	second.Version = 1
	require.Equal(t, []relay.Track{first, second}, c.Tracks)
	want := []relay.Chunk{chunk(1, 0), chunk(1, 1)}
	want[0].Version, want[1].Version = 1, 1
	require.Equal(t, want, c.Chunks)

	// Behind the cursor.
	require.NoError(t, s.Observe(t.Context(), relay.Observation{From: 4_000_000, Next: 4_000_000, Chunks: []relay.Chunk{chunk(2, 0)}}))
	require.Equal(t, []string{"1/0", "1/1", "2/0"}, ids(read(t, s).Chunks))
	// Nothing but the cursor, to the end of time.
	require.NoError(t, s.Observe(t.Context(), relay.Observation{From: 4_000_000, Next: maxUint}))
	require.Equal(t, uint64(maxUint), read(t, s).Cursor)
	require.NoError(t, s.Observe(t.Context(), relay.Observation{From: maxUint, Next: maxUint}))
}

func observeRefuses(t *testing.T, s *fixture) {
	bind(t, s, track(1, 10), track(2, 20))
	require.NoError(t, s.Observe(t.Context(), relay.Observation{Next: 100, Tracks: []relay.Track{getTrack(t, s, 1)}, Chunks: []relay.Chunk{chunk(1, 0)}}))
	before := read(t, s)
	good, other := getTrack(t, s, 1), getTrack(t, s, 2)
	good.Earned, other.Earned = 9, 9
	stale, ahead, unbound := other, other, track(3, 30)
	stale.Version, ahead.Version = 0, 7
	again := chunk(1, 0)
	again.Proof.Period++ // not for its proof
	used := chunk(2, 0)
	used.Proof = chunk(1, 0).Proof
	twin := chunk(2, 1)
	twin.Proof = chunk(2, 0).Proof

	for _, test := range []struct {
		name string
		o    relay.Observation
		used *relay.ProofUsedError
	}{
		{name: "a cursor that is behind", o: relay.Observation{From: 99, Next: 200}},
		{name: "a cursor that is ahead", o: relay.Observation{From: 101, Next: 200}},
		{name: "a new store's cursor", o: relay.Observation{From: 0, Next: 100}},
		{name: "a track of an older version", o: relay.Observation{From: 100, Next: 200, Tracks: []relay.Track{good, stale}}},
		{name: "a track of a newer version", o: relay.Observation{From: 100, Next: 200, Tracks: []relay.Track{good, ahead}}},
		{name: "a track that is not bound", o: relay.Observation{From: 100, Next: 200, Tracks: []relay.Track{good, unbound}}},
		{name: "a chunk that exists", o: relay.Observation{From: 100, Next: 200, Tracks: []relay.Track{good}, Chunks: []relay.Chunk{chunk(2, 0), again}}},
		{name: "a period that earned another chunk", o: relay.Observation{From: 100, Next: 200, Tracks: []relay.Track{good}, Chunks: []relay.Chunk{chunk(2, 7), used}},
			used: &relay.ProofUsedError{Chunk: used.ID(), By: chunk(1, 0).ID(), Key: used.Proof.Key()}},
		{name: "a period for two chunks", o: relay.Observation{From: 100, Next: 200, Tracks: []relay.Track{good}, Chunks: []relay.Chunk{chunk(2, 0), twin}},
			used: &relay.ProofUsedError{Chunk: twin.ID(), By: chunk(2, 0).ID(), Key: twin.Proof.Key()}},
	} {
		err := s.Observe(t.Context(), test.o)
		if test.used == nil {
			require.ErrorIs(t, err, relay.ErrConflict, test.name)
		} else {
			require.Equal(t, *test.used, proofUsed(t, err), test.name)
		}
		require.Equal(t, before, read(t, s), test.name)
	}
	// What was refused took nothing: no period, no version.
	require.NoError(t, s.Observe(t.Context(), relay.Observation{
		From: 100, Next: 200, Tracks: []relay.Track{good, other}, Chunks: []relay.Chunk{chunk(2, 0), chunk(2, 7)},
	}))
}

func proofOnce(t *testing.T, s *fixture) {
	observe(t, s, chunk(1, 0))
	key := chunk(1, 0).Proof.Key()
	// A key that differs in one part is another period.
	for i, change := range []func(*relay.Chunk){
		func(c *relay.Chunk) { c.Proof.ChainID++ },
		func(c *relay.Chunk) { c.Proof.Verifier[19]++ },
		func(c *relay.Chunk) { c.Proof.Verifier[0]++ },
		func(c *relay.Chunk) { c.Proof.SetID[0]++ },
		func(c *relay.Chunk) { c.Proof.SetID = word(0) },
		func(c *relay.Chunk) { c.Proof.Period++ },
		func(c *relay.Chunk) { c.Proof.Period = maxUint },
	} {
		c := chunk(2, uint64(i))
		c.Proof = chunk(1, 0).Proof
		change(&c)
		observe(t, s, c)
	}
	// One that differs in nothing else is the same.
	c := chunk(3, 0)
	c.Proof.Evidence = attestation.Evidence{ChainID: key.ChainID, Verifier: key.Verifier, SetID: key.SetID, Period: key.Period, TxHash: fill(9), BlockNumber: 3}
	for _, state := range []relay.State{relay.Observed, relay.Final, relay.Attested, relay.Stored, relay.Sent, relay.Accepted, relay.Settled} {
		update(t, s, chunk(1, 0).ID(), func(c *relay.Chunk) { c.State = state })
		err := s.Observe(t.Context(), relay.Observation{Chunks: []relay.Chunk{c}})
		require.Equal(t, relay.ProofUsedError{Chunk: c.ID(), By: chunk(1, 0).ID(), Key: key}, proofUsed(t, err), "of a chunk that is %v", state)
	}
}

func periodBack(t *testing.T, s *fixture) {
	refuse := func(c *relay.Chunk) { c.State = relay.Refused }
	observe(t, s, chunk(1, 0))
	first := chunk(1, 0)
	update(t, s, first.ID(), refuse)

	second := chunk(2, 0)
	second.Proof = first.Proof
	observe(t, s, second)
	third := chunk(3, 0)
	third.Proof = first.Proof
	taken := func(by relay.Chunk) {
		t.Helper()
		err := s.Observe(t.Context(), relay.Observation{Chunks: []relay.Chunk{third}})
		require.Equal(t, relay.ProofUsedError{Chunk: third.ID(), By: by.ID(), Key: first.Proof.Key()}, proofUsed(t, err))
	}
	taken(second)
	// The first gives back nothing a second time.
	update(t, s, first.ID(), func(c *relay.Chunk) { c.Retry.Reason = "again" })
	taken(second)
	update(t, s, second.ID(), refuse)
	observe(t, s, third)
	taken = func(by relay.Chunk) {
		t.Helper()
		fourth := chunk(4, 0)
		fourth.Proof = first.Proof
		err := s.Observe(t.Context(), relay.Observation{Chunks: []relay.Chunk{fourth}})
		require.Equal(t, by.ID(), proofUsed(t, err).By)
	}
	taken(third)
	require.Equal(t, []string{"1/0", "2/0", "3/0"}, ids(all(t, s.Chunks(t.Context(), relay.ChunkQuery{}))))
}

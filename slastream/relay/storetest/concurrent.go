package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// parallel calls f n times at once, on the store and on that of another process
// in turns, and returns the errors.
func parallel(t *testing.T, s *fixture, n int, f func(s relay.Store, i int) error) []error {
	t.Helper()
	stores := [2]relay.Store{s.Store, s.second(t)}
	errs, start := make([]error, n), make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			errs[i] = f(stores[i%2], i)
		})
	}
	close(start)
	group.Wait()
	return errs
}

// oneWins returns which error is nil; the others must be that of one who lost.
func oneWins(t *testing.T, errs []error, lost error) int {
	t.Helper()
	winner := -1
	for i, err := range errs {
		if err == nil {
			require.Equal(t, -1, winner, "%d and %d have won", winner, i)
			winner = i
			continue
		}
		require.ErrorIs(t, err, lost)
	}
	require.NotEqual(t, -1, winner, "nobody has won")
	return winner
}

const rivals = 8

func oneCommit(t *testing.T, s *fixture) {
	observe(t, s, chunk(1, 0))
	for round := range uint64(10) {
		c := get(t, s, chunk(1, 0).ID())
		errs := parallel(t, s, rivals, func(s relay.Store, i int) error {
			mine := c
			mine.Retry.Attempts = uint32(i)
			return s.Commit(t.Context(), relay.Change{Chunks: []relay.Chunk{mine}, Spend: []relay.Spend{spend("a", 1, 1)}})
		})
		winner := oneWins(t, errs, relay.ErrConflict)
		got := get(t, s, c.ID())
		require.Equal(t, c.Version+1, got.Version)
		require.Equal(t, uint32(winner), got.Retry.Attempts)
		spent, err := s.Spent(t.Context(), "a", 0)
		require.NoError(t, err)
		require.Equal(t, slastream.AmountFromUint64(round+1), spent)
	}
}

func oneObserve(t *testing.T, s *fixture) {
	bind(t, s, track(1, 10))
	for round := range uint64(10) {
		tr := getTrack(t, s, 1)
		errs := parallel(t, s, rivals, func(s relay.Store, i int) error {
			mine := tr
			mine.Earned = uint64(i)
			return s.Observe(t.Context(), relay.Observation{From: round, Next: round + 1, Tracks: []relay.Track{mine}, Chunks: []relay.Chunk{chunk(1, round)}})
		})
		winner := oneWins(t, errs, relay.ErrConflict)
		require.Equal(t, uint64(winner), getTrack(t, s, 1).Earned)
	}
	require.Len(t, all(t, s.Chunks(t.Context(), relay.ChunkQuery{})), 10)
	// The same period for many chunks, read behind the cursor.
	errs := parallel(t, s, rivals, func(s relay.Store, i int) error {
		c := chunk(2, uint64(i))
		c.Proof = chunk(2, 0).Proof
		return s.Observe(t.Context(), relay.Observation{From: 10, Next: 10, Chunks: []relay.Chunk{c}})
	})
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		_, used := errors.AsType[*relay.ProofUsedError](err)
		require.True(t, used || errors.Is(err, relay.ErrConflict), "%v", err)
	}
	require.Equal(t, 1, won)
}

func oneBind(t *testing.T, s *fixture) {
	for round := range uint64(5) {
		oneWins(t, parallel(t, s, rivals, func(s relay.Store, i int) error {
			return s.Bind(t.Context(), track(100*(round+1)+uint64(i), round))
		}), relay.ErrBound)
		oneWins(t, parallel(t, s, rivals, func(s relay.Store, i int) error {
			return s.Bind(t.Context(), track(round+1, 100*(round+1)+uint64(i)))
		}), relay.ErrBound)
	}
	require.Len(t, all(t, s.Tracks(t.Context(), relay.TrackQuery{})), 10)
}

func oneNonce(t *testing.T, s *fixture) {
	l := lease(t, s)
	for nonce := range uint64(5) {
		errs := parallel(t, s, rivals, func(s relay.Store, i int) error {
			tx := transaction(1, nonce)
			tx.Signed[0] = signed(tx.TxID, byte(i))
			return s.Commit(t.Context(), relay.Change{Lease: l, Put: []relay.Transaction{tx}})
		})
		winner := oneWins(t, errs, relay.ErrConflict)
		found := all(t, s.Transactions(t.Context(), address(1), 0))
		require.Len(t, found, int(nonce)+1)
		require.Equal(t, signed(relay.TxID{Sender: address(1), Nonce: nonce}, byte(winner)), found[nonce].Signed[0])
	}
}

func oneLease(t *testing.T, s *fixture) {
	var last uint64
	for range 5 {
		leases := make([]relay.Lease, rivals)
		errs := parallel(t, s, rivals, func(s relay.Store, i int) (err error) {
			leases[i], err = s.Lease(t.Context(), "account", fmt.Sprint(i), time.Hour)
			return err
		})
		winner := leases[oneWins(t, errs, relay.ErrLease)]
		require.Greater(t, winner.Token, last)
		last = winner.Token
		require.NoError(t, s.Commit(t.Context(), relay.Change{Lease: winner}))
		_, err := s.Lease(t.Context(), "account", winner.Owner, 0)
		require.NoError(t, err)
	}
}

func noneLost(t *testing.T, s *fixture) {
	observe(t, s, chunk(1, 0), chunk(1, 1))
	bind(t, s, track(1, 10))
	first, second := chunk(1, 0).ID(), chunk(1, 1).ID()
	for _, err := range parallel(t, s, 4, func(s relay.Store, i int) error {
		for round := range 10 {
			if err := s.Commit(t.Context(), relay.Change{Spend: []relay.Spend{spend("a", relay.Hour(round), 1), spend("", 0, 1)}}); err != nil {
				return err
			}
			for done := false; !done; { // both chunks, in either order
				list := []relay.ChunkID{first, second}
				if i%2 == 1 {
					list = []relay.ChunkID{second, first}
				}
				var chunks []relay.Chunk
				for c, err := range s.Chunks(t.Context(), relay.ChunkQuery{IDs: list}) {
					if err != nil {
						return err
					}
					c.Retry.Attempts++
					chunks = append(chunks, c)
				}
				err := s.Commit(t.Context(), relay.Change{Chunks: chunks})
				if err != nil && !errors.Is(err, relay.ErrConflict) {
					return err
				}
				done = err == nil
			}
			// Readers are not in the way.
			if _, err := s.Stats(t.Context()); err != nil {
				return err
			}
			for _, err := range s.Tracks(t.Context(), relay.TrackQuery{}) {
				if err != nil {
					return err
				}
			}
		}
		return nil
	}) {
		require.NoError(t, err)
	}
	for _, id := range []relay.ChunkID{first, second} {
		c := get(t, s, id)
		require.Equal(t, uint32(40), c.Retry.Attempts)
		require.Equal(t, uint64(41), c.Version)
	}
	c := read(t, s)
	require.Equal(t, "40", c.Spent["a"])
	require.Equal(t, "40", c.Spent[""])
}

func loopBody(t *testing.T, s *fixture) {
	const count = 1300
	ctx := t.Context()
	l := lease(t, s)
	var chunks []relay.Chunk
	for i := range uint64(count) {
		chunks = append(chunks, chunk(1+i/100, i%100))
	}
	observe(t, s, chunks...)
	body := make([]byte, 200<<10)

	t.Run("a change in a loop over chunks", func(t *testing.T) {
		seen := 0
		for c, err := range s.Chunks(ctx, relay.ChunkQuery{}) {
			require.NoError(t, err)
			require.Equal(t, chunks[seen].ID(), c.ID())
			if seen++; seen%50 == 1 { // the store grows meanwhile
				tx := transaction(1, uint64(seen), c.ID())
				tx.Signed[0].Body = body
				c.State = relay.Final
				require.NoError(t, s.Commit(ctx, relay.Change{Lease: l, Chunks: []relay.Chunk{c}, Put: []relay.Transaction{tx}}))
				require.Equal(t, relay.Final, get(t, s, c.ID()).State)
			}
		}
		require.Equal(t, count, seen)
	})
	t.Run("putting off what is due", func(t *testing.T) {
		seen := map[relay.ChunkID]bool{}
		for c, err := range s.Chunks(ctx, relay.ChunkQuery{Due: 10, Limit: 700}) {
			require.NoError(t, err)
			require.False(t, seen[c.ID()], "chunk %v is there twice", c.ID())
			seen[c.ID()] = true
			c.Retry.At = 11
			if len(seen)%10 == 0 {
				require.NoError(t, s.Commit(ctx, relay.Change{Chunks: []relay.Chunk{c}}))
			}
		}
		require.Len(t, seen, 700)
	})
	t.Run("dropping transactions", func(t *testing.T) {
		seen := 0
		for tx, err := range s.Transactions(ctx, address(1), 0) {
			require.NoError(t, err)
			seen++
			require.NoError(t, s.Commit(ctx, relay.Change{Lease: l, Drop: []relay.TxID{tx.TxID}}))
		}
		require.Equal(t, count/50, seen)
		require.Empty(t, all(t, s.Transactions(ctx, address(1), maxUint)))
	})
	t.Run("binding in a loop over tracks, and loops in loops", func(t *testing.T) {
		bind(t, s, track(1, 1), track(2, 2), track(3, 3))
		seen := 0
		for tr, err := range s.Tracks(ctx, relay.TrackQuery{Limit: 3}) {
			require.NoError(t, err)
			seen++
			require.NoError(t, s.Bind(ctx, track(1000+uint64(seen), 1000+uint64(seen))))
			require.NotEmpty(t, all(t, s.Chunks(ctx, relay.ChunkQuery{Deal: &tr.Deal})))
			for range s.Tracks(ctx, relay.TrackQuery{}) {
				require.NoError(t, s.Commit(ctx, relay.Change{}))
				break
			}
		}
		require.Equal(t, 3, seen)
	})
	t.Run("leaving a loop", func(t *testing.T) {
		for range s.Chunks(ctx, relay.ChunkQuery{}) {
			break
		}
		observe(t, s, chunk(99, 0))
	})
	t.Run("an iterator is used twice", func(t *testing.T) {
		seq := s.Tracks(ctx, relay.TrackQuery{})
		require.Equal(t, all(t, seq), all(t, seq))
	})
}

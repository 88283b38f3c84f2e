package boltstore_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/boltstore"
)

// childEnv names the file for a process that stores until it is killed.
const childEnv = "BOLTSTORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		fmt.Fprintln(os.Stderr, child(path, os.Stdout))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// child goes on with the steps that the store has not made, and writes the number
// of each that it has.
func child(path string, out io.Writer) error {
	s, err := boltstore.Open(path)
	if err != nil {
		return err
	}
	next, err := steps(s)
	if err != nil {
		return err
	}
	for ; ; next++ {
		if err := step(s, next); err != nil {
			return fmt.Errorf("step %d: %w", next, err)
		}
		if _, err := fmt.Fprintln(out, next); err != nil {
			return err
		}
	}
}

// step makes the nth change: each is of another kind, and has several parts.
func step(s relay.Store, n uint64) error {
	ctx, round := context.Background(), n/4
	count := []relay.Spend{{Scope: "steps", Hour: 1, Amount: slastream.AmountFromUint64(1)}}
	switch n % 4 {
	case 0:
		return s.Bind(ctx, benchTrack(round))
	case 1:
		track, err := first(s.Tracks(ctx, relay.TrackQuery{After: benchTrack(round - 1).Deal}))
		if err != nil {
			return err
		}
		track.Behind = true
		chunks := []relay.Chunk{benchChunk(round, 0), benchChunk(round, 1), benchChunk(round, 2)}
		return s.Observe(ctx, relay.Observation{From: round, Next: round + 1, Tracks: []relay.Track{track}, Chunks: chunks})
	case 2:
		tx := relay.Transaction{TxID: relay.TxID{Sender: benchSender, Nonce: round}, State: relay.Stored, Chunks: []relay.ChunkID{benchChunk(round, 0).ID()}}
		tx.Signed = []slastream.SignedTx{{Sender: benchSender, Nonce: round, Body: make([]byte, 1+round%7*5000)}}
		c, err := first(s.Chunks(ctx, relay.ChunkQuery{IDs: tx.Chunks}))
		if err != nil {
			return err
		}
		c.Tx, c.State = tx.TxID, relay.Stored
		lease, err := s.Lease(ctx, "account", "step", time.Hour)
		if err != nil {
			return err
		}
		return s.Commit(ctx, relay.Change{Lease: lease, Chunks: []relay.Chunk{c}, Put: []relay.Transaction{tx}, Spend: count})
	default:
		c, err := first(s.Chunks(ctx, relay.ChunkQuery{IDs: []relay.ChunkID{benchChunk(round, 0).ID()}}))
		if err != nil {
			return err
		}
		c.State = relay.Settled
		lease, err := s.Lease(ctx, "account", "step", time.Hour)
		if err != nil {
			return err
		}
		change := relay.Change{Lease: lease, Chunks: []relay.Chunk{c}}
		if round%5 > 0 {
			change.Drop = []relay.TxID{{Sender: benchSender, Nonce: round}}
		}
		return s.Commit(ctx, change)
	}
}

func first[T any](seq func(func(T, error) bool)) (v T, err error) {
	err = io.ErrUnexpectedEOF
	for v, err := range seq {
		return v, err
	}
	return v, err
}

// steps counts the steps that a store has made, by the traces of each.
func steps(s relay.Store) (uint64, error) {
	ctx := context.Background()
	stats, err := s.Stats(ctx)
	if err != nil {
		return 0, err
	}
	cursor, err := s.Cursor(ctx)
	if err != nil {
		return 0, err
	}
	stored, err := s.Spent(ctx, "steps", 0)
	if err != nil {
		return 0, err
	}
	signed, _ := stored.Word().Uint64()
	return stats.Tracks + cursor + signed + stats.Chunks[relay.Settled], nil
}

// A process is killed at any moment; what it said that it had stored is there,
// whole, and at most one more change.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "relay.db")
	model := relay.NewMemoryStore()
	made := uint64(0)
	kills := 25
	if testing.Short() {
		kills = 5
	}
	for range kills {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		timer := time.AfterFunc(20*time.Millisecond+rand.N(150*time.Millisecond), func() { cmd.Process.Kill() }) // it may be gone
		confirmed := made
		for lines := bufio.NewScanner(out); lines.Scan(); {
			n, err := strconv.ParseUint(lines.Text(), 10, 64)
			if err != nil {
				break // the kill has cut the line
			}
			confirmed = n + 1
		}
		cmd.Wait() // killed
		timer.Stop()
		require.Equal(t, -1, cmd.ProcessState.ExitCode(), "killed, not ended")

		s, err := boltstore.Open(path)
		require.NoError(t, err)
		got, err := steps(s)
		require.NoError(t, err)
		require.Contains(t, []uint64{confirmed, confirmed + 1}, got)
		for ; made < got; made++ {
			require.NoError(t, step(model, made))
		}
		require.Equal(t, mustRead(t, model), mustRead(t, s))
		require.NoError(t, s.Close())
	}
	require.Greater(t, made, uint64(kills))
	t.Logf("%d changes, %d kills", made, kills)
}

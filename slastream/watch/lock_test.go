package watch_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream/watch"
)

// Two towers with one file would each overwrite what the other has to deliver:
// the second is refused, as long as the first runs.
func TestTwoTowersWithOneFile(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "watch.json")
	w.config.Store = watch.FileStore{Path: path}
	w.create(1, hour)
	turned := make(chan struct{})
	w.config.OnTurn = func(watch.Report, error) { turned <- struct{}{} }
	first, second := w.tower(), w.tower()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- first.Run(ctx) }()
	<-turned
	for range 2 {
		_, err := second.Step(t.Context())
		require.ErrorIs(t, err, watch.ErrInUse)
		require.ErrorContains(t, err, path)
		require.ErrorContains(t, err, "give each tower a store of its own")
		_, err = second.Dead(t.Context())
		require.ErrorIs(t, err, watch.ErrInUse)
		_, err = second.Requeue(t.Context())
		require.ErrorIs(t, err, watch.ErrInUse)
		require.ErrorIs(t, second.Run(t.Context()), watch.ErrInUse)
	}
	_, err := first.Step(t.Context())
	require.NoError(t, err, "its own calls are not refused")
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.Equal(t, 1, w.step(second).Open, "it was given back")
}

// In turn they may use it as long as none overwrites what it does not know.
func TestTwoTowersInTurn(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "watch.json")
	w.config.Store = watch.FileStore{Path: path}
	w.create(1, hour)
	w.create(1, 2*hour)
	first := w.tower()
	w.step(first)
	w.step(w.tower()) // it stores nothing new
	w.step(first)
	w.now.Add(hour)
	w.mail.refuse = func(watch.Alert) error { return errDown }
	require.Equal(t, 3, w.step(w.tower()).Queue)
	before, err := os.ReadFile(path)
	require.NoError(t, err)

	_, err = first.Step(t.Context())
	require.ErrorIs(t, err, watch.ErrInUse)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after, "three alerts would be lost")
	require.Equal(t, 3, w.step(w.tower()).Queue)
}

// Where nothing can be stored no tower starts, and says so before it does
// anything.
func TestNoPlaceForTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, path := range map[string]string{
		"no directory":         filepath.Join(t.TempDir(), "not", "there.json"),
		"a file, no directory": filepath.Join(file, "watch.json"),
	} {
		w := newWorld(t)
		w.create(1, hour)
		w.now.Add(hour)
		w.config.Store = watch.FileStore{Path: path}
		_, err := w.tower().Step(t.Context())
		require.ErrorContains(t, err, "must be in a directory that is there, on a disk that can be written to", name)
		require.ErrorContains(t, err, path)
		require.True(t, w.deal(1).Active)
	}
}

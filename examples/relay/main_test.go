package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRelayPaysAndGoesOn(t *testing.T) {
	w := newWorld(t)
	id := w.deal(5)
	path := w.write(w.config(map[string]any{"bindings": []map[string]any{{"deal": "0x1", "set": "0x1"}}}))
	w.prove(1)
	p := start(t, path)
	w.released(p, id, 1)
	w.prove(1)
	w.released(p, id, 2)

	require.Equal(t, 200, p.get("/healthz", nil))
	eventually(t, p, func() bool { return p.get("/readyz", nil) == 200 })
	before, err := w.token.BalanceOf(t.Context(), w.provider)
	require.NoError(t, err)
	require.NoError(t, p.end())

	// The same store again: nothing is paid twice, and the next period is paid.
	began := time.Now()
	p = start(t, path)
	eventually(t, p, func() bool { return p.get("/readyz", nil) == 200 })
	t.Logf("ready again after %v", time.Since(began))
	after, err := w.token.BalanceOf(t.Context(), w.provider)
	require.NoError(t, err)
	require.Equal(t, before, after)
	w.prove(1)
	w.released(p, id, 3)
	require.NoError(t, p.end())
}

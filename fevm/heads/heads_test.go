package heads_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/slastream/slastream-go/fevm/heads"
	"github.com/slastream/slastream-go/fevm/simulated"
)

// TestHeads hears of tipsets, also after the node was away.
func TestHeads(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	n, next := simulated.New(), simulated.New()
	defer next.Close()
	var current atomic.Pointer[simulated.Node]
	current.Store(n)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { current.Load().ServeHTTP(w, r) }))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	h := heads.New("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	wait := func() {
		t.Helper()
		limit, stop := context.WithTimeout(ctx, 10*time.Second)
		defer stop()
		require.NoError(t, h.Wait(limit))
	}
	wait() // connected
	for range 2 {
		_, err := n.Mine(1)
		require.NoError(t, err)
		wait()
	}
	current.Store(next)
	n.Close() // ends the socket
	wait()    // connected again
	_, err := next.Mine(1)
	require.NoError(t, err)
	wait()
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.ErrorIs(t, h.Wait(ctx), context.Canceled)
}

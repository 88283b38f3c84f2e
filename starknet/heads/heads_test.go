package heads_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/heads"
	"github.com/slastream/slastream-go/starknet/simulated"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T, h http.Handler) (url string) {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http") + "/ws/v0_10"
}

// run runs a subscription until the test ends.
func run(t *testing.T, url string) *heads.Heads {
	h := heads.New(url, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
	return h
}

func wait(t *testing.T, h *heads.Heads, d time.Duration) error {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return h.Wait(ctx)
}

const (
	soon  = 20 * time.Second
	never = 50 * time.Millisecond
)

func TestHeads(t *testing.T) {
	node := simulated.New(simulated.Options{Accounts: 1})
	h := run(t, serve(t, node))
	require.NoError(t, wait(t, h, soon), "the connection is new")
	require.ErrorIs(t, wait(t, h, never), context.DeadlineExceeded)
	node.Mine()
	require.NoError(t, wait(t, h, soon))
	require.ErrorIs(t, wait(t, h, never), context.DeadlineExceeded)
	_, err := node.Abort(1)
	require.NoError(t, err)
	require.NoError(t, wait(t, h, soon), "a reorganization, too")
}

// TestHeadsFollow follows a chain with the hint.
func TestHeadsFollow(t *testing.T) {
	node := simulated.New(simulated.Options{Accounts: 1})
	h := run(t, serve(t, node))
	rpc := jsonrpc.NewClient("http://in.process/rpc/v0_10", node.Client())
	history := starknet.NewERC20(rpc, node.Token()).History(starknet.WithWaker(h), starknet.WithPollTime(time.Second))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got := 0
	mint := func() {
		_, err := node.Mint(slastream.Address{31: 7}, slastream.AmountFromUint64(1))
		require.NoError(t, err)
	}
	mint()
	for u, err := range history.Follow(ctx, starknet.Cursor{}) {
		require.NoError(t, err)
		require.False(t, u.Retracted)
		if got++; got == 10 {
			break
		}
		if got%2 == 0 {
			mint()
		}
	}
}

// TestHeadsConnectAgain has endpoints that break in every way at first.
func TestHeadsConnectAgain(t *testing.T) {
	for name, broken := range map[string]func(*websocket.Conn){
		"close at once":  func(c *websocket.Conn) { c.Close() },
		"answer no JSON": func(c *websocket.Conn) { c.WriteMessage(websocket.TextMessage, []byte("hello")) },
		"answer an error": func(c *websocket.Conn) {
			c.WriteMessage(websocket.TextMessage, []byte(`{"id":1,"error":{"code":-32601,"message":"no"}}`))
		},
		"answer too much": func(c *websocket.Conn) { c.WriteMessage(websocket.TextMessage, make([]byte, 2<<20)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node := simulated.New(simulated.Options{Accounts: 1})
			var tries atomic.Int32
			h := run(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tries.Add(1) > 1 {
					node.ServeHTTP(w, r)
					return
				}
				up := websocket.Upgrader{}
				c, err := up.Upgrade(w, r, nil)
				if err != nil {
					return
				}
				defer c.Close()
				c.ReadMessage() // the subscription
				broken(c)
				c.ReadMessage()
			})))
			require.NoError(t, wait(t, h, soon))
			node.Mine()
			require.NoError(t, wait(t, h, soon))
			require.GreaterOrEqual(t, tries.Load(), int32(2))
		})
	}
	t.Run("no WebSocket", func(t *testing.T) {
		url := serve(t, http.NotFoundHandler())
		require.ErrorIs(t, wait(t, run(t, url), never), context.DeadlineExceeded)
		require.ErrorIs(t, wait(t, run(t, "ws://127.0.0.1:1/secret"), never), context.DeadlineExceeded)
	})
}

package wsrpc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/internal/wsrpc"
)

// A node serves WebSockets over pipes in memory, where a write waits for the
// reader. It answers "echo" with the parameters and "tell" with 0, and tells
// that many notifications meanwhile.
type node struct {
	*testing.T
	wsrpc.Server
	http  http.Server
	pipes pipes

	mu     sync.Mutex
	open   map[*wsrpc.Socket]bool
	opened int
}

func newNode(t *testing.T) *node {
	n := &node{T: t, pipes: pipes{make(chan net.Conn), make(chan struct{})}, open: map[*wsrpc.Socket]bool{}}
	n.http.Handler = n
	n.http.ErrorLog = log.New(io.Discard, "", 0)
	var serving sync.WaitGroup
	serving.Go(func() { n.http.Serve(&n.pipes) })
	t.Cleanup(func() {
		n.Close()
		n.http.Close()
		serving.Wait()
		require.Empty(t, n.sockets(), "all have ended")
	})
	return n
}

func (n *node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.Serve(w, r, func(s *wsrpc.Socket) (jsonrpc.Handler, func()) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.open[s] = true
		n.opened++
		return func(_ context.Context, method string, params json.RawMessage) (any, error) {
				switch method {
				case "echo":
					return params, nil
				case "tell":
					var count [1]int
					if err := json.Unmarshal(params, &count); err != nil {
						return nil, err
					}
					for i := range count[0] {
						s.Notify("told", i)
					}
					return 0, nil
				}
				return nil, &jsonrpc.Error{Code: jsonrpc.CodeNoMethod, Message: "no such method"}
			}, func() {
				n.mu.Lock()
				defer n.mu.Unlock()
				delete(n.open, s)
			}
	})
}

// sockets returns those that are open.
func (n *node) sockets() (list []*wsrpc.Socket) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for s := range n.open {
		list = append(list, s)
	}
	return list
}

// only returns the one socket that is open.
func (n *node) only() *wsrpc.Socket {
	n.Helper()
	list := n.sockets()
	require.Len(n, list, 1)
	return list[0]
}

// tell tells all sockets.
func (n *node) tell(params any) {
	for _, s := range n.sockets() {
		require.NoError(n, s.Notify("told", params))
	}
}

// dial connects. The answer to its first call is read, so that the socket is
// open.
func (n *node) dial() *client {
	n.Helper()
	c := n.connect()
	c.call("echo", `[1]`)
	require.JSONEq(n, `{"jsonrpc":"2.0","id":7,"result":[1]}`, c.next())
	return c
}

// connect connects and no more.
func (n *node) connect() *client {
	n.Helper()
	dialer := websocket.Dialer{NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return n.pipes.dial(ctx) }}
	conn, _, err := dialer.DialContext(n.Context(), "ws://node.invalid", nil)
	require.NoError(n, err)
	n.Cleanup(func() { conn.Close() })
	return &client{n.T, conn}
}

type client struct {
	*testing.T
	*websocket.Conn
}

func (c *client) call(method, params string) {
	c.Helper()
	require.NoError(c, c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"jsonrpc":"2.0","id":7,"method":%q,"params":%s}`, method, params)))
}

func (c *client) next() string {
	c.Helper()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	_, message, err := c.ReadMessage()
	require.NoError(c, err)
	return string(message)
}

// closed reads to the end and returns the code of the close, 1006 if there is
// none.
func (c *client) closed() int {
	c.Helper()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		_, _, err := c.ReadMessage()
		if e, ok := err.(*websocket.CloseError); ok {
			return e.Code
		}
		if err, ok := err.(net.Error); ok && err.Timeout() {
			require.Fail(c, "the connection is still open")
		}
		if err != nil {
			return websocket.CloseAbnormalClosure
		}
	}
}

// pipes is a listener in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

package simulated

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/internal/wsrpc"
)

// maxQueue is how many bytes may wait for the reader of one socket. Who does not
// read what it asked for is disconnected, as by public nodes.
const maxQueue = 64 << 20

// A socket is one WebSocket connection.
type socket struct {
	*wsrpc.Socket
	subscriptions int // under the node's lock
}

// Close ends the WebSockets of the node, waits until they are ended and
// refuses new ones. Everything else works on. A node without WebSockets need
// not be closed; http.Server.Shutdown does not end them.
func (n *Node) Close() { n.sockets.Close() }

// serveSocket answers the calls on one connection until it closes.
func (n *Node) serveSocket(w http.ResponseWriter, r *http.Request, v version) {
	n.sockets.Serve(w, r, func(c *wsrpc.Socket) (jsonrpc.Handler, func()) {
		s := &socket{Socket: c}
		return n.socketHandler(v, s), func() { n.dropSocket(s) }
	})
}

// socketHandler is handler with the methods that need the socket.
func (n *Node) socketHandler(v version, s *socket) jsonrpc.Handler {
	rest := n.handlers[v]
	return func(ctx context.Context, name string, params json.RawMessage) (any, error) {
		m, ok := socketMethods[name]
		if !ok {
			return rest(ctx, name, params)
		}
		list, err := m.args(v, params)
		if err != nil {
			return nil, err
		}
		return m.onSocket(n, v, s, list)
	}
}

package simulated

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/gorilla/websocket"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/internal/wsrpc"
)

// maxQueue is how many messages may wait for the reader of one socket. Who does
// not read what it asked for is disconnected without a word, as by Lotus.
const maxQueue = 20_000

func isUpgrade(r *http.Request) bool { return websocket.IsWebSocketUpgrade(r) }

// Close ends the WebSockets of the node, waits until they are ended and
// refuses new ones. Everything else works on. A node without WebSockets need
// not be closed; http.Server.Shutdown does not end them.
func (n *Node) Close() { n.sockets.Close() }

// serveSocket answers the calls on one connection, with the methods that need
// it, until it closes.
func (n *Node) serveSocket(w http.ResponseWriter, r *http.Request) {
	n.sockets.Serve(w, r, func(s *wsrpc.Socket) (jsonrpc.Handler, func()) {
		return func(ctx context.Context, name string, params json.RawMessage) (any, error) {
			switch name {
			case "eth_subscribe":
				return n.subscribe(s, params)
			case "eth_unsubscribe":
				return n.unsubscribe(s, params)
			}
			return n.answer(ctx, name, params)
		}, func() { n.dropSocket(s) }
	})
}

// dropSocket ends the subscriptions of a socket.
func (n *Node) dropSocket(s *wsrpc.Socket) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, o := range n.observers {
		if o.socket == s {
			delete(n.observers, id)
		}
	}
}

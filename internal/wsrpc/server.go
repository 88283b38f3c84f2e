// Package wsrpc is the JSON-RPC 2.0 over WebSocket that both simulated nodes
// serve: the connections, their limits, the order of what leaves on one, and its
// end. It knows nothing of either chain. What can be subscribed to, and what a
// notification says, is the node's:
//
//	sockets := wsrpc.Server{MaxMessages: 20_000}
//	sockets.Serve(w, r, func(s *wsrpc.Socket) (jsonrpc.Handler, func()) {
//		return node.handler(s), func() { node.drop(s) } // the handler keeps s for s.Notify
//	})
//
// Package internal/jsonrpc has the same over HTTP; this one is apart from it so
// that the clients of a chain do not link WebSockets.
package wsrpc

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// MaxSockets bounds the connections of one [Server] at a time.
const MaxSockets = 1024

var upgrader = websocket.Upgrader{CheckOrigin: loopbackOrigin}

// loopbackOrigin lets in programs, which send no origin, and pages of this
// machine: the keys of the accounts are no secret, but a page from elsewhere
// has no business here.
func loopbackOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// A Server holds the WebSockets of one node. The limits are what may wait for
// the reader of one socket: who does not read what it asked for is disconnected
// without a word. Zero means no limit. They must not change once Serve runs. It
// is safe for concurrent use and must not be copied.
type Server struct {
	MaxMessages int
	MaxBytes    int

	mu      sync.Mutex
	sockets map[*Socket]struct{}
	serving sync.WaitGroup
	closed  bool // no new sockets
}

// Serve makes the request a WebSocket and answers the messages on it, in order,
// until it closes. open is called once it is let in; the handler that it returns
// answers the calls, and end is called after the last of them. A message has at
// most [jsonrpc.MaxRequest] bytes. A page from another machine, and a writer that
// has no connection, get an HTTP error; with too many sockets or after Close the
// WebSocket is closed with code 1013.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, open func(*Socket) (handler jsonrpc.Handler, end func())) {
	if _, ok := w.(http.Hijacker); !ok {
		http.Error(w, "WebSocket needs a socket: serve the node with net/http", http.StatusNotImplemented)
		return
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	defer conn.Close()
	socket := &Socket{conn: conn, maxMessages: s.MaxMessages, maxBytes: s.MaxBytes, wake: make(chan struct{}, 1)}
	if !s.admit(socket) {
		message := websocket.FormatCloseMessage(websocket.CloseTryAgainLater, "the node is closed or has too many connections")
		conn.WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second)) // best effort
		return
	}
	defer s.dismiss(socket)
	handler, end := open(socket)
	defer end()
	conn.SetReadLimit(jsonrpc.MaxRequest)
	ctx, cancel := context.WithCancel(r.Context())
	var writer sync.WaitGroup
	writer.Go(func() { socket.write(ctx) })
	defer func() {
		conn.Close()
		cancel()
		writer.Wait()
	}()
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if kind == websocket.TextMessage {
			socket.begin()
			socket.end(handler.Answer(ctx, message))
		}
	}
}

// admit counts a socket in, if there is room.
func (s *Server) admit(socket *Socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.sockets) == MaxSockets {
		return false
	}
	if s.sockets == nil {
		s.sockets = make(map[*Socket]struct{})
	}
	s.sockets[socket] = struct{}{}
	s.serving.Add(1)
	return true
}

func (s *Server) dismiss(socket *Socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sockets, socket)
	s.serving.Done()
}

// Close ends all sockets, with code 1001 where the reader takes it, waits until
// they are ended and refuses new ones. A reader that hangs delays it by at most
// 100 ms, a handler for as long as it runs.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	message := websocket.FormatCloseMessage(websocket.CloseGoingAway, "the node is closed")
	end := time.Now().Add(100 * time.Millisecond) // for all of them: readers that hang do not add up
	for socket := range s.sockets {
		socket.conn.WriteControl(websocket.CloseMessage, message, end) // best effort
		socket.conn.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

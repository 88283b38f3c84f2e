package simulated

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// Limits of sockets. Who does not read what it asked for is disconnected without
// a word, as by Lotus.
const (
	maxSockets = 1024
	maxQueue   = 20_000 // messages that wait for the reader of one socket
	writeTime  = 10 * time.Second
)

var upgrader = websocket.Upgrader{CheckOrigin: loopbackOrigin}

func isUpgrade(r *http.Request) bool { return websocket.IsWebSocketUpgrade(r) }

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

// A socket is one WebSocket connection. Messages leave in the order of send;
// those that come while a request is answered follow the answer, so that a
// client knows the id of a subscription before its first message.
type socket struct {
	conn      *websocket.Conn
	mu        sync.Mutex
	queue     [][]byte
	held      [][]byte
	waiting   int // messages in queue and held
	answering bool
	wake      chan struct{} // one token: the queue is not empty
}

func (s *socket) send(message []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting++
	if s.waiting > maxQueue {
		s.queue, s.held = nil, nil
		s.conn.Close() // ends the reader, and that ends the rest
		return
	}
	if s.answering {
		s.held = append(s.held, message)
		return
	}
	s.enqueue(message)
}

// enqueue needs the lock.
func (s *socket) enqueue(messages ...[]byte) {
	s.queue = append(s.queue, messages...)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *socket) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answering = true
}

func (s *socket) end(answer []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(answer) > 0 {
		s.waiting++
		s.enqueue(answer)
	}
	s.enqueue(s.held...)
	s.answering, s.held = false, nil
}

// write sends what is queued until ctx ends or the connection breaks.
func (s *socket) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		s.mu.Lock()
		batch := s.queue
		s.queue = nil
		s.mu.Unlock()
		for _, message := range batch {
			s.conn.SetWriteDeadline(time.Now().Add(writeTime))
			if err := s.conn.WriteMessage(websocket.TextMessage, message); err != nil {
				s.conn.Close()
				return
			}
			s.mu.Lock()
			s.waiting--
			s.mu.Unlock()
		}
	}
}

// Close ends the WebSockets of the node, waits until they are ended and
// refuses new ones. Everything else works on. A node without WebSockets need
// not be closed; http.Server.Shutdown does not end them.
func (n *Node) Close() {
	n.mu.Lock()
	n.closed = true
	message := websocket.FormatCloseMessage(websocket.CloseGoingAway, "the node is closed")
	end := time.Now().Add(100 * time.Millisecond) // for all of them: readers that hang do not add up
	for s := range n.sockets {
		s.conn.WriteControl(websocket.CloseMessage, message, end) // best effort
		s.conn.Close()
	}
	n.mu.Unlock()
	n.serving.Wait()
}

// admit counts a socket in, if there is room.
func (n *Node) admit(s *socket) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || len(n.sockets) == maxSockets {
		return false
	}
	n.sockets[s] = struct{}{}
	n.serving.Add(1)
	return true
}

// dismiss counts a socket out, with its subscriptions.
func (n *Node) dismiss(s *socket) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, o := range n.observers {
		if o.socket == s {
			delete(n.observers, id)
		}
	}
	delete(n.sockets, s)
	n.serving.Done()
}

// serveSocket answers the messages of one connection, in order, until it
// closes.
func (n *Node) serveSocket(w http.ResponseWriter, r *http.Request) {
	if _, ok := w.(http.Hijacker); !ok {
		http.Error(w, "WebSocket needs a socket: serve the node with net/http", http.StatusNotImplemented)
		return
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	defer conn.Close()
	s := &socket{conn: conn, wake: make(chan struct{}, 1)}
	if !n.admit(s) {
		message := websocket.FormatCloseMessage(websocket.CloseTryAgainLater, "the node is closed or has too many connections")
		conn.WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second)) // best effort
		return
	}
	defer n.dismiss(s)
	conn.SetReadLimit(jsonrpc.MaxRequest)
	ctx, cancel := context.WithCancel(r.Context())
	var writer sync.WaitGroup
	writer.Go(func() { s.write(ctx) })
	defer func() {
		conn.Close()
		cancel()
		writer.Wait()
	}()
	var handler jsonrpc.Handler = func(ctx context.Context, name string, params json.RawMessage) (any, error) {
		switch name {
		case "eth_subscribe":
			return n.subscribe(s, params)
		case "eth_unsubscribe":
			return n.unsubscribe(s, params)
		}
		return n.answer(ctx, name, params)
	}
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if kind == websocket.TextMessage {
			s.begin()
			s.end(handler.Answer(ctx, message))
		}
	}
}

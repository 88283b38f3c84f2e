package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// A server puts one node on a port. It knows its connections, because
// http.Server lets go of those that became WebSockets.
type server struct {
	node     http.Handler
	http     *http.Server
	listener net.Listener
	serving  sync.WaitGroup // the accept loop

	mu       sync.Mutex
	closed   bool // no request begins anymore
	conns    map[net.Conn]struct{}
	requests sync.WaitGroup // running; grows under mu and while not closed
}

// serve listens on address, which the user gave as flag, and serves node until
// close. What ends it before goes to failed, at most one error.
func serve(flag, address string, node http.Handler, stderr io.Writer, failed chan<- error) (*server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("localnet: %s: %w; choose another host:port, or port 0 for a free one", flag, err)
	}
	s := &server{node: node, listener: listener, conns: make(map[net.Conn]struct{})}
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          log.New(stderr, "localnet: "+flag+": ", 0),
	}
	s.serving.Go(func() {
		if err := s.http.Serve(trackedListener{listener, s}); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("localnet: %s: %w", flag, err)
		}
	})
	return s, nil
}

// host returns host:port for URLs: that of the socket, and 127.0.0.1 for a
// socket on all interfaces.
func (s *server) host() string {
	host, port, err := net.SplitHostPort(s.listener.Addr().String())
	if ip := net.ParseIP(host); err == nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return s.listener.Addr().String()
}

// ServeHTTP lets the node answer.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		http.Error(w, "localnet is shutting down", http.StatusServiceUnavailable)
		return
	}
	s.requests.Add(1)
	s.mu.Unlock()
	defer s.requests.Done()
	s.node.ServeHTTP(w, r)
}

// close stops listening, gives running requests three seconds, closes all
// connections, WebSockets too, and waits for the handlers.
func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close() // what is left had its time
	}
	s.mu.Lock()
	s.closed = true
	left := make([]net.Conn, 0, len(s.conns))
	for c := range s.conns {
		left = append(left, c)
	}
	s.mu.Unlock()
	for _, c := range left {
		c.Close()
	}
	s.requests.Wait()
	s.serving.Wait()
}

// A trackedListener enters what it accepts in the list of its server.
type trackedListener struct {
	net.Listener
	server *server
}

// Accept implements net.Listener.
func (l trackedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &trackedConn{conn, l.server}
	l.server.mu.Lock()
	l.server.conns[c] = struct{}{}
	l.server.mu.Unlock()
	return c, nil
}

// A trackedConn leaves the list when it is closed.
type trackedConn struct {
	net.Conn
	server *server
}

// Close implements net.Conn.
func (c *trackedConn) Close() error {
	c.server.mu.Lock()
	delete(c.server.conns, c)
	c.server.mu.Unlock()
	return c.Conn.Close()
}

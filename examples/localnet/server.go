package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// grace is how long close waits for running requests. Docker, systemd and the
// tests of others send SIGKILL some seconds after SIGTERM.
const grace = 2 * time.Second

// A server puts one node on a port.
type server struct {
	node     http.Handler
	http     *http.Server
	listener net.Listener
	serving  sync.WaitGroup // the accept loop

	mu       sync.Mutex
	closed   bool                  // no request begins anymore
	unused   map[net.Conn]struct{} // connections on which nothing came
	requests sync.WaitGroup        // running; grows under mu and while not closed
}

// serve listens on address, which the user gave as flag, and serves node until
// close. What ends it before goes to failed, at most one error.
func serve(flag, address string, node http.Handler, stderr io.Writer, failed chan<- error) (*server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("localnet: %s: %w; choose another host:port, or port 0 for a free one", flag, err)
	}
	s := &server{node: node, listener: listener, unused: make(map[net.Conn]struct{})}
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          log.New(stderr, "localnet: "+flag+": ", 0),
		ConnState:         s.track,
	}
	s.http.RegisterOnShutdown(s.closeUnused)
	s.serving.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
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

// track keeps the list of unused connections.
func (s *server) track(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state == http.StateNew {
		s.unused[conn] = struct{}{}
	} else {
		delete(s.unused, conn)
	}
}

// closeUnused closes the connections on which nothing came. Clients open some
// to spare, and Shutdown takes them for busy until they are five seconds old.
func (s *server) closeUnused() {
	s.mu.Lock()
	list := slices.Collect(maps.Keys(s.unused))
	s.mu.Unlock()
	for _, conn := range list {
		conn.Close()
	}
}

// close stops listening, gives running requests the grace, closes all
// connections and waits for the handlers. WebSockets are not its business: the
// node ends them, and has to be closed before.
func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close() // what is left had its time
	}
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.requests.Wait()
	s.serving.Wait()
}

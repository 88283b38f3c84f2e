package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// requestTimeout is how long an answer takes at most.
	requestTimeout = 15 * time.Second
	// bodyLimit is how many bytes of a request are read.
	bodyLimit = 64 << 10
	// requestsAtOnce is how many are answered at the same time.
	requestsAtOnce = 32
)

// A server is the HTTP side of the daemon. It listens before anything else is
// done, so that a port that is taken is found out at once.
type server struct {
	http     *http.Server
	listener net.Listener // nil if HTTP is off
}

func (d *daemon) listen() (*server, error) {
	at := d.config.Relay.HTTP
	if at == "off" {
		return &server{}, nil
	}
	handler, err := d.handler()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", at)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("relay.http %s is taken: stop the other program, choose another host:port, or port 0 for a free one", at)
	}
	if err != nil {
		return nil, fmt.Errorf("relay.http: %w", err)
	}
	if host, _, err := net.SplitHostPort(at); err == nil {
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			d.log.Warn("others than this machine can read the state of the relay", "http", at)
		}
	}
	return &server{
		http: &http.Server{
			Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
			WriteTimeout: requestTimeout + 5*time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
			ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
		},
		listener: listener,
	}, nil
}

func (s *server) serve(wg *sync.WaitGroup) {
	if s.listener != nil {
		wg.Go(func() { _ = s.http.Serve(s.listener) }) // until close
	}
}

// close ends the server; what is being answered has a second.
func (s *server) close() {
	if s.listener == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
}

func (s *server) address() string {
	if s.listener == nil {
		return "off"
	}
	return s.listener.Addr().String()
}

func (d *daemon) handler() (http.Handler, error) {
	admin := denied("no relay.admin_token_file is configured: the state is read-only")
	if path := d.config.Relay.AdminToken; path != "" {
		token, err := readSecret("relay.admin_token_file", path)
		if err != nil {
			return nil, err
		}
		if len(token) < 16 {
			return nil, fmt.Errorf("relay.admin_token_file %s holds %d characters: want 16 at least", path, len(token))
		}
		admin = bearer(token)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", d.healthz)
	mux.HandleFunc("GET /readyz", d.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(d.metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: requestTimeout}))
	mux.HandleFunc("GET /v1/deals", d.listDeals)
	mux.HandleFunc("GET /v1/deals/{id}", d.showDeal)
	mux.HandleFunc("GET /v1/chunks", d.listChunks)
	mux.Handle("POST /v1/bindings", admin(d.addBinding))
	mux.Handle("DELETE /v1/bindings/{deal}", admin(d.removeBinding))
	mux.Handle("POST /v1/deals/{id}/resume", admin(d.resumeDeal))
	slots := make(chan struct{}, requestsAtOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			w.Header().Set("Retry-After", "1")
			fail(w, http.StatusServiceUnavailable, "too many requests at once")
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r.WithContext(ctx))
	}), nil
}

// A guarded wraps what changes something.
type guarded func(http.HandlerFunc) http.Handler

func denied(reason string) guarded {
	return func(http.HandlerFunc) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusForbidden, reason) })
	}
}

func bearer(token string) guarded {
	want := sha256.Sum256([]byte(token))
	return func(next http.HandlerFunc) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			got := sha256.Sum256([]byte(given))
			if !ok || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
				w.Header().Set("WWW-Authenticate", "Bearer")
				fail(w, http.StatusUnauthorized, "want Authorization: Bearer and the token of relay.admin_token_file")
				return
			}
			next(w, r)
		})
	}
}

// reply writes an answer as JSON.
func reply(w http.ResponseWriter, status int, answer any) {
	b, err := json.Marshal(answer)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // a client that is gone
}

func fail(w http.ResponseWriter, status int, reason string) {
	reply(w, status, map[string]string{"error": reason})
}

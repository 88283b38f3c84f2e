package remote

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/slastream/slastream-go/signer"
)

// ErrClosed says that the client was closed.
var ErrClosed = errors.New("remote: closed")

const (
	maxBody = 1 << 20
	timeout = 30 * time.Second
)

// A Token is a bearer token, at least 16 characters. It prints as "[redacted]" in
// every format; string(token) is the way to its text.
type Token string

const redacted = "[redacted]"

var _ slog.LogValuer = Token("")

// Format prints no part of the token, whatever the verb.
func (Token) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue prints no part of the token.
func (Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText prints no part of the token.
func (Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// check refuses what could be guessed or cannot stand in a header.
func (t Token) check() error {
	if len(t) < 16 {
		return errors.New("remote: token of fewer than 16 characters")
	}
	for _, c := range []byte(t) {
		if c <= ' ' || c > '~' {
			return errors.New("remote: token with spaces, control characters or others beyond ASCII")
		}
	}
	return nil
}

// An Option changes how a client of this package connects.
type Option func(*endpoint)

// WithToken sends a bearer token with every request.
func WithToken(token Token) Option { return func(e *endpoint) { e.token = &token } }

// WithTLS sets the certificate to show (mutual TLS) and the authorities to trust.
// The config is copied. TLS 1.2 is the least.
func WithTLS(config *tls.Config) Option {
	return func(e *endpoint) { e.tls = config }
}

// endpoint is a server at a URL, and how to reach it.
type endpoint struct {
	base   string // without a slash at its end
	client *http.Client
	tls    *tls.Config
	token  *Token
	closed atomic.Bool
}

func newEndpoint(rawURL string, options []Option) (*endpoint, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return nil, errors.New("remote: want a URL of scheme, host and path alone") // not quoted: it may hold a password
	}
	plain := u.Scheme == "http"
	if u.Scheme != "https" && (!plain || !isLoopback(u.Hostname())) {
		return nil, fmt.Errorf("remote: URL %.200q is neither https nor http on a loopback address", rawURL)
	}
	e := &endpoint{base: strings.TrimRight(u.String(), "/")}
	for _, option := range options {
		option(e)
	}
	if e.token != nil {
		if err := e.token.check(); err != nil {
			return nil, err
		}
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if plain { // whatever "localhost" resolves to
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			if host, _, err := net.SplitHostPort(address); err != nil || !isLoopback(host) {
				return fmt.Errorf("remote: %.100q is no loopback address", address)
			}
			return nil
		}
	}
	transport := &http.Transport{
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: 64 << 10,
	}
	if e.tls != nil {
		transport.TLSClientConfig = e.tls.Clone()
	}
	e.client = &http.Client{
		Transport: transport, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return e, nil
}

// isLoopback reports whether a host is this machine by its name.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// do sends one request and reads the answer, of at most maxBody bytes. Errors
// say whether the request can have reached the server.
func (e *endpoint) do(ctx context.Context, method, path string, body []byte) (status int, answer []byte, err error) {
	if err := ctx.Err(); err != nil {
		return 0, nil, fmt.Errorf("%w: remote: %w", signer.ErrUnavailable, err)
	}
	if e.closed.Load() {
		return 0, nil, ErrClosed
	}
	if len(body) > maxBody {
		return 0, nil, fmt.Errorf("remote: request of %d bytes, want at most %d", len(body), maxBody)
	}
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, method, e.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("remote: %w", err)
	}
	req.Header.Set("User-Agent", "slastream-go")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if e.token != nil {
		req.Header.Set("Authorization", "Bearer "+string(*e.token))
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return 0, nil, failed(err, sent.Load())
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return 0, nil, failed(err, true)
	}
	if len(answer) > maxBody {
		return 0, nil, fmt.Errorf("remote: answer of more than %d bytes", maxBody)
	}
	return resp.StatusCode, answer, nil
}

// failed describes a request without an answer. One that was not sent signed
// nothing; a certificate that one side refuses does not get better.
func failed(err error, sent bool) error {
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	alert, ok := errors.AsType[*net.OpError](err)
	switch {
	case untrusted, ok && alert.Op == "remote error":
		return fmt.Errorf("remote: %w", err)
	case sent:
		return fmt.Errorf("%w: remote: %w", signer.ErrUnknownOutcome, err)
	}
	return fmt.Errorf("%w: remote: %w", signer.ErrUnavailable, err)
}

func (e *endpoint) close() error {
	e.closed.Store(true)
	e.client.CloseIdleConnections()
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/fevm/policy"
)

const (
	// callTimeout is how long one question to a node takes at most.
	callTimeout = 30 * time.Second
	// answerLimit is how many bytes of an answer are read.
	answerLimit = 64 << 20
)

// A node is a JSON-RPC client that counts, and whose errors hold no URL: it may
// hold an access key.
type node struct {
	client  *rpc.Client
	host    string // for errors
	chain   string // for metrics
	metrics *metrics

	answered, failed atomic.Int64 // when it was last answered, and when it last failed, Unix milliseconds
}

func dial(ctx context.Context, chainName, raw string, m *metrics) (*node, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("no URL")
	}
	hc := &http.Client{Timeout: callTimeout, Transport: &limitedTransport{newTransport()}}
	client, err := rpc.DialOptions(ctx, raw, rpc.WithHTTPClient(hc))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.Host, withoutURL(err))
	}
	return &node{client: client, host: u.Host, chain: chainName, metrics: m}, nil
}

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		ForceAttemptHTTP2:     true,
		ResponseHeaderTimeout: callTimeout,
	}
}

// CallContext sends one request.
func (n *node) CallContext(ctx context.Context, result any, method string, params ...any) error {
	err := n.client.CallContext(ctx, result, method, params...)
	outcome := "ok"
	var refused rpc.Error
	switch {
	case err == nil:
	case errors.As(err, &refused):
		outcome = "refused"
	case ctx.Err() != nil:
		outcome = "stopped"
	default:
		outcome = "failed"
	}
	now := time.Now().UnixMilli()
	switch outcome {
	case "failed":
		n.failed.Store(now)
	case "ok", "refused":
		n.answered.Store(now)
		if ctx.Value(workKey{}) != nil {
			n.metrics.active.Store(now)
		}
	}
	n.metrics.rpc.WithLabelValues(n.chain, method, outcome).Inc()
	if outcome == "failed" {
		return fmt.Errorf("%s: %w", n.host, withoutURL(err))
	}
	return err
}

// A workKey marks the context of turns: what is asked beside them is no sign that
// they go on.
type workKey struct{}

func working(ctx context.Context) context.Context { return context.WithValue(ctx, workKey{}, true) }

// reachable reports whether the last question was answered.
func (n *node) reachable() bool { return n.answered.Load() >= n.failed.Load() }

// withoutURL drops the URL that net/http puts into its errors.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// A limitedTransport cuts off what is longer than any honest answer.
type limitedTransport struct{ inner http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t *limitedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.inner.RoundTrip(r)
	if err == nil {
		response.Body = limitedBody{io.LimitReader(response.Body, answerLimit), response.Body}
	}
	return response, err
}

type limitedBody struct {
	io.Reader
	io.Closer
}

// A progress is the reader of the proof source. It notes how far it is, which
// is what an operator wants to see while a new store is filled.
type progress struct {
	nodes *chain.Nodes

	head     atomic.Uint64
	upTo     atomic.Uint64 // first epoch that was not read
	answered atomic.Int64  // Unix milliseconds
	failed   atomic.Int64
}

var _ policy.LogReader = (*progress)(nil)

// Head implements policy.LogReader.
func (p *progress) Head(ctx context.Context) (uint64, error) {
	head, err := p.nodes.Head(ctx)
	switch {
	case err == nil:
		p.head.Store(head)
		p.answered.Store(time.Now().UnixMilli())
	case ctx.Err() == nil:
		p.failed.Store(time.Now().UnixMilli())
	}
	return head, err
}

// Logs implements policy.LogReader.
func (p *progress) Logs(ctx context.Context, address attestation.EthereumAddress, from, to uint64) iter.Seq2[types.Log, error] {
	return func(yield func(types.Log, error) bool) {
		for l, err := range p.nodes.Logs(ctx, address, from, to) {
			if !yield(l, err) || err != nil {
				return
			}
		}
		for {
			read := p.upTo.Load()
			if to < read || p.upTo.CompareAndSwap(read, to+1) {
				return
			}
		}
	}
}

func (p *progress) reachable() bool { return p.answered.Load() >= p.failed.Load() }

func (n *node) close() error {
	n.client.Close()
	return nil
}

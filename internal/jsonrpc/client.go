// Package jsonrpc is the JSON-RPC 2.0 over HTTP that the clients of both
// chains and both simulated nodes share. It is small because it knows nothing
// of either chain: positional parameters, one request a call, typed errors,
// bounded answers.
package jsonrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
)

// MaxResponse bounds the bytes that a [Client] reads of one answer: a node is
// not trusted to stop.
const MaxResponse = 64 << 20

// An Error is an error object that a node answered. It has the methods of
// go-ethereum's rpc.Error and rpc.DataError, so callers can match either.
type Error struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

func (e *Error) Error() string {
	if len(e.Data) == 0 {
		return fmt.Sprintf("json-rpc error %d: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("json-rpc error %d: %s: %s", e.Code, e.Message, excerpt(e.Data))
}

// ErrorCode returns the code.
func (e *Error) ErrorCode() int { return e.Code }

// ErrorData returns the data as raw JSON, nil if there is none.
func (e *Error) ErrorData() any {
	if len(e.Data) == 0 {
		return nil
	}
	return e.Data
}

// A StatusError is an HTTP answer other than 200 without a JSON-RPC body.
type StatusError struct {
	Status int
	Body   string // the beginning of the body
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("http status %d: %s", e.Status, e.Body)
}

// ErrBadResponse marks an answer that is not the JSON-RPC response to the
// request: not JSON, another id, neither result nor error, too long.
var ErrBadResponse = errors.New("bad json-rpc response")

// A Client calls one endpoint. It is safe for concurrent use. The URL can hold
// an access key, so no error text contains it.
type Client struct {
	url  string
	http *http.Client
	id   atomic.Uint64
}

// NewClient returns a client of the endpoint. hc nil means
// http.DefaultClient; time limits come from the context of each call.
func NewClient(url string, hc *http.Client) *Client {
	if hc == nil {
		hc = http.DefaultClient
	}
	return &Client{url: url, http: hc}
}

type request struct {
	Version string `json:"jsonrpc"`
	ID      uint64 `json:"id"`
	Method  string `json:"method"`
	Params  []any  `json:"params"`
}

type response struct {
	ID     json.RawMessage `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *Error          `json:"error"`
}

// CallContext calls a method with positional parameters and decodes its result
// into result, which may be nil. It returns *[Error] for what the node refused,
// *[StatusError] and [ErrBadResponse] for a broken endpoint.
func (c *Client) CallContext(ctx context.Context, result any, method string, params ...any) error {
	if params == nil {
		params = []any{}
	}
	id := c.id.Add(1)
	body, err := json.Marshal(request{"2.0", id, method, params})
	if err != nil {
		return fmt.Errorf("%s: encode parameters: %w", method, err)
	}
	raw, err := c.post(ctx, body)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	resp, ok := split(raw)
	if !ok {
		if err := json.Unmarshal(raw, &resp); err != nil {
			return fmt.Errorf("%s: %w: %v: %s", method, ErrBadResponse, err, excerpt(raw))
		}
	}
	switch {
	case resp.Error != nil:
		return fmt.Errorf("%s: %w", method, resp.Error)
	case string(resp.ID) != strconv.FormatUint(id, 10):
		return fmt.Errorf("%s: %w: id %s, want %d", method, ErrBadResponse, excerpt(resp.ID), id)
	case resp.Result == nil:
		return fmt.Errorf("%s: %w: neither result nor error: %s", method, ErrBadResponse, excerpt(raw))
	case result == nil:
		return nil
	}
	if err := decode(resp.Result, result); err != nil {
		return fmt.Errorf("%s: %w: result: %v", method, ErrBadResponse, err)
	}
	return nil
}

// A RawResult reads a result as it came: its UnmarshalJSON checks the syntax. Any
// other result is checked by encoding/json first, which for a long list of logs
// takes longer than to read them.
type RawResult interface {
	json.Unmarshaler
	RawResult()
}

func decode(raw json.RawMessage, result any) error {
	if r, ok := result.(RawResult); ok {
		return r.UnmarshalJSON(raw)
	}
	return json.Unmarshal(raw, result)
}

func (c *Client) post(ctx context.Context, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("endpoint is not a valid URL")
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, MaxResponse+1))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if len(raw) > MaxResponse {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrBadResponse, MaxResponse)
	}
	// Some nodes answer an error object with a status other than 200.
	if resp.StatusCode != http.StatusOK && !json.Valid(raw) {
		return nil, &StatusError{Status: resp.StatusCode, Body: excerpt(raw)}
	}
	return raw, nil
}

// withoutURL drops the *url.Error around a transport error: it prints the URL.
func withoutURL(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

func excerpt(b []byte) string {
	const most = 200
	if len(b) <= most {
		return string(b)
	}
	return string(b[:most]) + "…"
}

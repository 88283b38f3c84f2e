package lit

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slastream/slastream-go/attestation"
)

// Base URLs of the service that Lit runs.
const (
	Production  = "https://api.chipotle.litprotocol.com"
	Development = "https://api.dev.litprotocol.com"
)

const (
	maxParams   = 64 << 10 // of one run (Lit's limit)
	maxAnswer   = 1 << 20  // response, at most 100 KB, and logs
	maxRefusal  = 16 << 10 // body of an error
	maxAttempts = 6        // 429: "retry up to five times with exponential backoff"
	firstPause  = 500 * time.Millisecond
	longPause   = 30 * time.Second
)

// An Executor runs JavaScript at Lit and returns what its main function
// returned. [Client] is one; a transport of one's own, such as a gateway, is
// another.
type Executor interface {
	Execute(ctx context.Context, code string, params any) (json.RawMessage, error)
}

// A ClientConfig says which service a [Client] talks to.
type ClientConfig struct {
	// BaseURL is https, or http to a loopback address, without /core/v1. ""
	// means [Production].
	BaseURL string
	// APIKey is a usage key. Only running actions needs one. Give it the right
	// to run this action alone.
	APIKey APIKey
	// Fingerprint is the SHA-256 of the service's certificate in DER: of the one
	// that a TDX attestation was verified to be for. With it, a connection to
	// any other certificate fails, and its chain is checked as usual too. nil
	// means only the usual checks.
	Fingerprint *[sha256.Size]byte
	// TLS is the base for connections, for own root certificates for example;
	// nil means the defaults.
	TLS *tls.Config
	// Pause is the first wait after an overload (429), doubled each time; 0
	// means half a second.
	Pause time.Duration
}

// A Client talks to the REST service of Lit's Chipotle network, or of a
// self-hosted one. It is safe for concurrent use. It follows no redirects, reads
// bounded answers, and tries again after status 429 alone, at most five times.
// After any other failure it is the caller's to decide: see signer.Retryable.
type Client struct {
	base  string
	key   APIKey
	http  *http.Client
	pause time.Duration
}

var _ Executor = (*Client)(nil)

// NewClient returns a client. It does no I/O, and fails if the base URL is not
// one.
func NewClient(c ClientConfig) (*Client, error) {
	if c.BaseURL == "" {
		c.BaseURL = Production
	}
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("lit: base URL %.80q: want https://host", redactURL(u))
	}
	if err := checkScheme(u); err != nil {
		return nil, fmt.Errorf("lit: base URL %w", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = c.TLS.Clone()
	if c.Fingerprint != nil {
		if u.Scheme != "https" {
			return nil, errors.New("lit: a fingerprint needs https")
		}
		if transport.TLSClientConfig == nil {
			transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		transport.TLSClientConfig.VerifyConnection = pin(*c.Fingerprint, transport.TLSClientConfig.VerifyConnection)
	}
	if c.Pause <= 0 {
		c.Pause = firstPause
	}
	return &Client{
		base: strings.TrimRight(c.BaseURL, "/") + "/core/v1",
		key:  c.APIKey,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		pause: c.Pause,
	}, nil
}

func pin(want [sha256.Size]byte, next func(tls.ConnectionState) error) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		got := sha256.Sum256(state.PeerCertificates[0].Raw)
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			return fmt.Errorf("lit: certificate %x, want %x", got, want)
		}
		if next != nil {
			return next(state)
		}
		return nil
	}
}

// String returns the service's URL.
func (c *Client) String() string { return "lit.Client(" + c.base + ")" }

// Format prints String for every verb: the key does not get into logs.
func (c *Client) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, c.String()) }

// LogValue implements slog.LogValuer.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }

type runRequest struct {
	Code   string `json:"code"`
	Params any    `json:"js_params"`
}

type runAnswer struct {
	Response json.RawMessage `json:"response"`
	Logs     string          `json:"logs"`
	HasError bool            `json:"has_error"`
}

// Execute runs code with params as the argument of its main function, and
// returns the JSON of what main returned. The code is sent each time: the
// service knows an action by its CID only while its cache lasts.
//
// Integers in params should be strings, JavaScript's numbers being doubles. An
// exception is an [*ActionError]; other errors are [*StatusError],
// [*TransportError], [ErrMalformed] and the context's.
func (c *Client) Execute(ctx context.Context, code string, params any) (json.RawMessage, error) {
	b, err := json.Marshal(params)
	if err != nil {
		return nil, fmt.Errorf("lit: parameters: %w", err)
	}
	if len(b) > maxParams {
		return nil, fmt.Errorf("lit: parameters of %d bytes: want at most %d", len(b), maxParams)
	}
	body, err := json.Marshal(runRequest{Code: code, Params: json.RawMessage(b)})
	if err != nil {
		return nil, fmt.Errorf("lit: request: %w", err)
	}
	got, err := c.post(ctx, "/lit_action", body, true)
	if err != nil {
		return nil, err
	}
	var answer runAnswer
	if err := json.Unmarshal(got, &answer); err != nil {
		return nil, c.malformed("run", got)
	}
	if answer.HasError {
		return nil, &ActionError{Message: cut(c.key.scrub(answer.Logs))}
	}
	return unwrap(answer.Response), nil
}

// unwrap returns the JSON inside of a JSON string, if that is what it holds: the
// service parses what an action answered only in some cases.
func unwrap(response json.RawMessage) json.RawMessage {
	var text string
	if json.Unmarshal(response, &text) == nil && json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return response
}

// ActionCID asks the service for the CID of a text, without running it and
// without a key: to see once that it counts as [CID] does.
func (c *Client) ActionCID(ctx context.Context, code string) (string, error) {
	body, err := json.Marshal(code)
	if err != nil {
		return "", fmt.Errorf("lit: request: %w", err)
	}
	got, err := c.post(ctx, "/get_lit_action_ipfs_id", body, false)
	if err != nil {
		return "", err
	}
	var cid string
	if err := json.Unmarshal(got, &cid); err != nil {
		return "", c.malformed("CID", got)
	}
	return cid, nil
}

// keyAction answers the public key of any action.
const keyAction = `async function main({ cid }) {
  return { publicKey: await Lit.Actions.getLitActionPublicKey({ ipfsId: cid }) };
}
`

// ActionKey asks for the public key that belongs to an action's CID: what the
// escrow is deployed with, and what a [Signer] is pinned to. Ask once, from a
// service whose attestation was verified, and keep it.
func (c *Client) ActionKey(ctx context.Context, cid string) (attestation.PublicKey, error) {
	response, err := c.Execute(ctx, keyAction, map[string]string{"cid": cid})
	if err != nil {
		return attestation.PublicKey{}, err
	}
	var answer struct{ PublicKey string }
	if err := json.Unmarshal(response, &answer); err != nil {
		return attestation.PublicKey{}, c.malformed("public key", response)
	}
	b, err := hex.DecodeString(strings.TrimPrefix(answer.PublicKey, "0x"))
	if err != nil {
		return attestation.PublicKey{}, c.malformed("public key", response)
	}
	key, err := attestation.ParsePublicKey(b)
	if err != nil {
		return attestation.PublicKey{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return key, nil
}

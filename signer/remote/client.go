package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// Client asks a [NewHandler] for signatures. Make a signer of it with
// signer.NewAction. It is safe for concurrent use.
type Client struct {
	endpoint *endpoint
	public   attestation.PublicKey
}

var (
	_ signer.ActionKey = (*Client)(nil)
	_ signer.Pinger    = (*Client)(nil)
	_ io.Closer        = (*Client)(nil)
	_ slog.LogValuer   = Client{}
)

// New returns a client of the handler at a URL: https, or http on a loopback
// address. The key is the one to expect, known beforehand. New sends nothing;
// [Client.Ping] asks the server for its key.
func New(url string, key attestation.PublicKey, options ...Option) (*Client, error) {
	e, err := newEndpoint(url, options)
	if err != nil {
		return nil, err
	}
	return &Client{endpoint: e, public: key}, nil
}

// PublicKey is the key given to [New].
func (c *Client) PublicKey() attestation.PublicKey { return c.public }

// SignRequest has the server sign. It sends the request once and waits at most 30
// seconds. An error before it was sent wraps signer.ErrUnavailable, one after it
// signer.ErrUnknownOutcome; refusals are those of the server's signer, or an
// [*Error]. The signature is r‖s‖v.
func (c *Client) SignRequest(ctx context.Context, req signer.Request) (attestation.Attestation, []byte, error) {
	var signed attestation.Signed
	if err := c.post(ctx, pathSign, req, &signed); err != nil {
		return attestation.Attestation{}, nil, err
	}
	sig, err := signed.Signature.Bytes()
	if err != nil {
		return attestation.Attestation{}, nil, fmt.Errorf("%w: remote: %w", signer.ErrBadSignature, err)
	}
	return signed.Attestation, sig[:], nil
}

// SignBatch has the server sign a batch, as [Client.SignRequest] does one
// attestation. About a thousand items fit into a request.
func (c *Client) SignBatch(ctx context.Context, req signer.BatchRequest) (attestation.Batch, []byte, error) {
	var signed signer.SignedBatch
	if err := c.post(ctx, pathSignBatch, req, &signed); err != nil {
		return attestation.Batch{}, nil, err
	}
	sig, err := signed.Signature.Bytes()
	if err != nil {
		return attestation.Batch{}, nil, fmt.Errorf("%w: remote: %w", signer.ErrBadSignature, err)
	}
	return signed.Batch, sig[:], nil
}

// Ping asks the server for its key, which must be the expected one, and through
// it whether its backend answers.
func (c *Client) Ping(ctx context.Context) error {
	status, body, err := c.endpoint.do(ctx, http.MethodGet, pathKey, nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return decodeError(status, body)
	}
	var answer keyAnswer
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("remote: answer: %w", err)
	}
	if answer.PublicKey != c.public {
		return fmt.Errorf("remote: the server has key %v, want %v", answer.PublicKey, c.public)
	}
	return nil
}

// Close drops idle connections; calls after it fail with [ErrClosed].
func (c *Client) Close() error { return c.endpoint.close() }

func (c *Client) post(ctx context.Context, path string, request, answer any) error {
	b, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("remote: %w", err)
	}
	status, body, err := c.endpoint.do(ctx, http.MethodPost, path, b)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return decodeError(status, body)
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("%w: remote: answer: %w", signer.ErrBadSignature, err)
	}
	return nil
}

// String names the server and the key.
func (c Client) String() string {
	return fmt.Sprintf("remote.Client %s %v", c.endpoint.base, c.public)
}

// Format prints [Client.String], whatever the verb.
func (c Client) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

// LogValue is [Client.String].
func (c Client) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText returns [Client.String].
func (c Client) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

package remote

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// Web3Signer is a key in a Consensys web3signer that runs in eth1 mode. Make a
// signer of it with signer.NewMessage. It is safe for concurrent use.
type Web3Signer struct {
	endpoint *endpoint
	public   attestation.PublicKey
}

var (
	_ signer.MessageKey = (*Web3Signer)(nil)
	_ signer.Pinger     = (*Web3Signer)(nil)
	_ io.Closer         = (*Web3Signer)(nil)
	_ slog.LogValuer    = Web3Signer{}
)

// NewWeb3Signer returns the key with that public point in the web3signer at a
// URL: https, or http on a loopback address. It sends nothing.
func NewWeb3Signer(url string, key attestation.PublicKey, options ...Option) (*Web3Signer, error) {
	e, err := newEndpoint(url, options)
	if err != nil {
		return nil, err
	}
	return &Web3Signer{endpoint: e, public: key}, nil
}

// PublicKey is the key given to [NewWeb3Signer].
func (w *Web3Signer) PublicKey() attestation.PublicKey { return w.public }

// identifier is how web3signer names a key: X‖Y in hexadecimal.
func (w *Web3Signer) identifier() string {
	return fmt.Sprintf("0x%x%x", w.public.X[:], w.public.Y[:])
}

// SignMessage sends the preimage itself, which web3signer hashes with Keccak-256
// and no prefix, and returns r‖s‖v. Of the errors, those before the request was
// sent and status 429 wrap signer.ErrUnavailable; no answer, or a status from 500
// up, signer.ErrUnknownOutcome. Others are final: an [*Error] with status 404
// means that web3signer does not have the key.
//
// Source: POST /api/v1/eth1/sign/{identifier} of web3signer's OpenAPI document.
func (w *Web3Signer) SignMessage(ctx context.Context, preimage []byte) ([]byte, error) {
	body, err := json.Marshal(map[string]string{"data": "0x" + hex.EncodeToString(preimage)})
	if err != nil {
		return nil, fmt.Errorf("remote: %w", err)
	}
	status, answer, err := w.endpoint.do(ctx, http.MethodPost, "/api/v1/eth1/sign/"+w.identifier(), body)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, decodeError(status, answer)
	}
	digits, ok := bytes.CutPrefix(bytes.TrimSpace(answer), []byte("0x"))
	sig := make([]byte, 65)
	if !ok || len(digits) != 2*len(sig) {
		return nil, fmt.Errorf("%w: remote: web3signer answers %.200q, want 0x and 65 bytes", signer.ErrBadSignature, answer)
	}
	if _, err := hex.Decode(sig, digits); err != nil {
		return nil, fmt.Errorf("%w: remote: web3signer answers %.200q, want 0x and 65 bytes", signer.ErrBadSignature, answer)
	}
	return sig, nil
}

// Ping asks web3signer for its keys, among which must be this one.
func (w *Web3Signer) Ping(ctx context.Context) error {
	status, answer, err := w.endpoint.do(ctx, http.MethodGet, "/api/v1/eth1/publicKeys", nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return decodeError(status, answer)
	}
	var keys []string
	if err := json.Unmarshal(answer, &keys); err != nil {
		return fmt.Errorf("remote: web3signer's list of keys: %w", err)
	}
	for _, key := range keys {
		if strings.EqualFold(strings.TrimPrefix(key, "0x"), w.identifier()[2:]) {
			return nil
		}
	}
	return fmt.Errorf("remote: web3signer has %d keys, and not %v", len(keys), w.public)
}

// Close drops idle connections; calls after it fail with [ErrClosed].
func (w *Web3Signer) Close() error { return w.endpoint.close() }

// String names the server and the key.
func (w Web3Signer) String() string {
	return fmt.Sprintf("remote.Web3Signer %s %v", w.endpoint.base, w.public)
}

// Format prints [Web3Signer.String], whatever the verb.
func (w Web3Signer) Format(f fmt.State, _ rune) { io.WriteString(f, w.String()) }

// LogValue is [Web3Signer.String].
func (w Web3Signer) LogValue() slog.Value { return slog.StringValue(w.String()) }

// MarshalText returns [Web3Signer.String].
func (w Web3Signer) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

package watch

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// SignatureHeader is the HTTP header that a [Webhook] signs with:
//
//	SLAStream-Signature: t=1772366400,v1=5257a869e7…
//
// t is when the attempt was made, Unix seconds; v1 is HMAC-SHA256, in
// hexadecimal, of t in decimal, a full stop and the body, with the secret as key.
const SignatureHeader = "SLAStream-Signature"

const (
	// minSecret is the shortest secret, bytes.
	minSecret = 16
	// maxAnswer is how much of an answer is read before it is cut off, bytes.
	maxAnswer = 64 << 10
)

// A Webhook is a [Notifier] that posts alerts as JSON, signed as
// [SignatureHeader] says. The receiver has an alert once it answers with a status
// from 200 to 299 and the answer is complete; redirections are not followed. It
// prints without its secret, and without path and query of its address, which
// often hold one. Make one with [NewWebhook]; it is safe for concurrent use.
type Webhook struct {
	address *url.URL
	secret  []byte
	client  *http.Client
}

var (
	_ Notifier       = (*Webhook)(nil)
	_ slog.LogValuer = Webhook{}
)

// NewWebhook returns a webhook for an http or https address, with a secret of at
// least 16 bytes that only sender and receiver know. client is for a proxy or a
// certificate of one's own; nil is one with Go's defaults. It makes no request.
func NewWebhook(address string, secret []byte, client *http.Client) (*Webhook, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil: // the error would quote the address
		return nil, errors.New("watch: the address of the webhook is no URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("watch: the address of the webhook has the scheme %.20q: want https, or http where nobody listens", u.Scheme)
	case u.Host == "":
		return nil, errors.New("watch: the address of the webhook has no host")
	case u.User != nil:
		return nil, errors.New("watch: the address of the webhook holds a user: the signature says who sends")
	case len(secret) < minSecret:
		return nil, fmt.Errorf("watch: the secret of the webhook has %d bytes: want %d at least", len(secret), minSecret)
	}
	own := http.Client{}
	if client != nil {
		own = *client
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	own.Jar = nil
	return &Webhook{u, bytes.Clone(secret), &own}, nil
}

// Notify makes one attempt to deliver an alert.
func (w *Webhook) Notify(ctx context.Context, a Alert) error {
	body, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("watch: encoding alert %.40q: %w", a.ID, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address.String(), bytes.NewReader(body))
	if err != nil {
		return errors.New("watch: the webhook cannot be asked")
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "slastream-watch")
	request.Header.Set(SignatureHeader, "t="+at+",v1="+hex.EncodeToString(sign(w.secret, at, body)))
	response, err := w.client.Do(request)
	if err != nil {
		return fmt.Errorf("watch: %v: %w", w, withoutAddress(err))
	}
	defer func() { _ = response.Body.Close() }() // nothing was written
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("watch: %v: status %d", w, response.StatusCode)
	}
	// What the receiver says is not needed, but only a whole answer shows that it
	// came to its end.
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer)); err != nil {
		return fmt.Errorf("watch: %v: reading the answer: %w", w, err)
	}
	return nil
}

// withoutAddress drops the address that net/http puts into its errors.
func withoutAddress(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// sign returns the HMAC of an attempt.
func sign(secret []byte, at string, body []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(at))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return mac.Sum(nil)
}

// String returns "webhook " and the host.
func (w Webhook) String() string {
	if w.address == nil {
		return "webhook"
	}
	return "webhook " + w.address.Host
}

// Format writes String for every verb.
func (w Webhook) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, w.String()) }

// LogValue is String.
func (w Webhook) LogValue() slog.Value { return slog.StringValue(w.String()) }

// MarshalText is String.
func (w Webhook) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

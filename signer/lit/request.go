package lit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// post sends a request and returns the body of a 200. A 429 is tried again.
func (c *Client) post(ctx context.Context, path string, body []byte, withKey bool) ([]byte, error) {
	pause := c.pause
	for attempt := 1; ; attempt++ {
		got, after, err := c.once(ctx, path, body, withKey)
		status, overloaded := errors.AsType[*StatusError](err)
		if !overloaded || status.Status != http.StatusTooManyRequests || attempt == maxAttempts {
			return got, err
		}
		timer := time.NewTimer(min(max(pause, after), longPause))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("%w; then: %w", err, context.Cause(ctx))
		case <-timer.C:
		}
		pause *= 2
	}
}

func (c *Client) once(ctx context.Context, path string, body []byte, withKey bool) (got []byte, after time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, fmt.Errorf("lit: request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if key := c.key.secret(); withKey && key != "" {
		req.Header.Set("X-Api-Key", key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, 0, c.transport(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	limit := maxAnswer
	if resp.StatusCode != http.StatusOK {
		limit = maxRefusal
	}
	got, err = io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if err != nil {
		return nil, 0, c.transport(ctx, err)
	}
	if resp.StatusCode != http.StatusOK {
		if seconds, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16); err == nil {
			after = time.Duration(seconds) * time.Second
		}
		var message string
		if len(got) > limit || json.Unmarshal(got, &message) != nil {
			message = string(got) // Rocket's own page, or a proxy's
		}
		return nil, after, failure(resp.StatusCode, c.key.scrub(message))
	}
	if len(got) > limit {
		return nil, 0, fmt.Errorf("%w: more than %d bytes", ErrMalformed, limit)
	}
	return got, 0, nil
}

// transport makes the error of a request without an answer. A context that
// ended is the caller's doing, and still leaves open whether the action ran.
func (c *Client) transport(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return &TransportError{Err: fmt.Errorf("%w: %s", cause, c.key.scrub(err.Error()))}
	}
	if text := err.Error(); c.key.scrub(text) != text {
		err = errors.New(c.key.scrub(text))
	}
	return &TransportError{Err: err}
}

func (c *Client) malformed(what string, got []byte) error {
	return fmt.Errorf("%w: %s: %q", ErrMalformed, what, cut(c.key.scrub(string(got))))
}

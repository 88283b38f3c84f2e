package lit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/lit"
)

const echo = "async function main(params) { return params; }"

func serve(t testing.TB) (*service, *lit.Client) {
	t.Helper()
	s := &service{runtime: &runtime{key: actionKey}}
	return s, s.client(t)
}

func (s *service) client(t testing.TB) *lit.Client {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := lit.NewClient(lit.ClientConfig{BaseURL: server.URL + "/", APIKey: lit.NewAPIKey(apiKey + "\n"), Pause: time.Millisecond})
	require.NoError(t, err)
	return c
}

func TestClientRuns(t *testing.T) {
	s, c := serve(t)
	for _, asText := range []bool{false, true} {
		s.asText = asText
		got, err := c.Execute(t.Context(), echo, map[string]string{"a": "18446744073709551616"})
		require.NoError(t, err)
		require.JSONEq(t, `{"a":"18446744073709551616"}`, string(got))
	}
	cid, err := c.ActionCID(t.Context(), echo)
	require.NoError(t, err)
	want, err := lit.CID(echo)
	require.NoError(t, err)
	require.Equal(t, want, cid)
	key, err := c.ActionKey(t.Context(), cid)
	require.NoError(t, err)
	require.Equal(t, publicKey(cid), key)
}

func TestClientErrors(t *testing.T) {
	for name, test := range map[string]struct {
		fault     http.HandlerFunc
		want      string
		unclear   bool // signer.ErrUnknownOutcome
		available bool // not signer.ErrUnavailable
	}{
		"400":                        {fault: refusal(400, "bad input"), want: `status 400 (Bad Request): "bad input"`},
		"401":                        {fault: refusal(401, "no key"), want: "status 401"},
		"402 with Rocket's own body": {fault: raw(402, "<!DOCTYPE html>402: Payment Required"), want: "402: Payment Required"},
		"403":                        {fault: refusal(403, "API key is not authorized to execute the specified action (CID/hash)"), want: "not authorized"},
		"404 of another server":      {fault: raw(404, ""), want: "status 404"},
		"redirect": {fault: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}, want: "status 307"},
		"500 of the service":          {fault: refusal(500, "database is gone"), want: "status 500"},
		"500 of an action":            {fault: refusal(500, "Actions failed with : Uncaught (in promise) Error: x is not defined"), want: `action failed: "Uncaught (in promise) Error: x is not defined"`},
		"500 of a refusal":            {fault: refusal(500, "Actions failed with : Uncaught Error: slastream[order]: not after epoch 5\n  at main"), want: `action refused (order): "not after epoch 5"`},
		"500 of a refusal that waits": {fault: refusal(500, "Actions failed with : Uncaught Error: slastream[not-final]: epoch 5 is not final\n  at main"), want: `(not-final)`, available: true},
		"502":                         {fault: raw(502, "bad gateway"), want: "status 502", unclear: true},
		"503":                         {fault: raw(503, strings.Repeat("x", 1<<20)), want: "status 503", available: true},
		"504":                         {fault: raw(504, ""), want: "status 504", unclear: true},
		"no answer":                   {fault: hangUp(false), want: "no answer", unclear: true},
		"half an answer":              {fault: hangUp(true), want: "no answer", unclear: true},
		"no JSON":                     {fault: raw(200, "hello"), want: "malformed answer"},
		"a list":                      {fault: raw(200, "[]"), want: "malformed answer"},
		"too long":                    {fault: raw(200, `{"logs":"`+strings.Repeat("x", 1<<20)+`"}`), want: "more than 1048576 bytes"},
		"has_error":                   {fault: raw(200, `{"response":"","logs":"it broke","has_error":true}`), want: "it broke"},
		"the key comes back":          {fault: refusal(400, "bad key "+apiKey), want: "bad key REDACTED"},
		"a long message":              {fault: refusal(400, strings.Repeat("é", 9000)), want: "é…"},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := serve(t)
			s.fail(test.fault)
			got, err := c.Execute(t.Context(), echo, nil)
			require.Nil(t, got)
			require.ErrorContains(t, err, test.want)
			require.Less(t, len(err.Error()), 1500)
			require.Equal(t, test.unclear, errors.Is(err, signer.ErrUnknownOutcome))
			require.Equal(t, test.available, errors.Is(err, signer.ErrUnavailable))
			require.Equal(t, test.unclear || test.available, signer.Retryable(err))
			require.Equal(t, 1, s.count(), "tried once")
		})
	}
}

func TestOverloadIsTriedAgainFiveTimes(t *testing.T) {
	s, c := serve(t)
	busy := refusal(429, "CPU overload")
	s.fail(busy, busy, busy, busy, busy)
	_, err := c.Execute(t.Context(), echo, nil)
	require.NoError(t, err)
	require.Equal(t, 6, s.count())

	s.fail(busy, busy, busy, busy, busy, busy)
	_, err = c.Execute(t.Context(), echo, nil)
	require.ErrorContains(t, err, "CPU overload")
	require.ErrorIs(t, err, signer.ErrUnavailable)
	require.Equal(t, 6, s.count())

	// A refusal in between ends it.
	s.fail(busy, refusal(402, "no credit"))
	_, err = c.Execute(t.Context(), echo, nil)
	require.ErrorContains(t, err, "no credit")
	require.Equal(t, 2, s.count())
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	s, _ := serve(t)
	server := httptest.NewServer(s)
	defer server.Close()
	c, err := lit.NewClient(lit.ClientConfig{BaseURL: server.URL, APIKey: lit.NewAPIKey(apiKey), Pause: time.Hour})
	require.NoError(t, err)
	s.fail(refusal(429, "busy"))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = c.Execute(ctx, echo, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, signer.ErrUnavailable)
	require.Equal(t, 1, s.count())
}

func TestContextEndsDuringARun(t *testing.T) {
	s, c := serve(t)
	began := make(chan struct{})
	s.fail(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the server notices that the client left
		close(began)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	_, err := c.Execute(ctx, echo, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, signer.ErrUnknownOutcome)
}

func TestParametersAreBounded(t *testing.T) {
	s, c := serve(t)
	_, err := c.Execute(t.Context(), echo, strings.Repeat("x", 64<<10))
	require.ErrorContains(t, err, "want at most 65536")
	_, err = c.Execute(t.Context(), echo, func() {})
	require.ErrorContains(t, err, "parameters")
	require.Zero(t, s.count())
}

func TestPublicKeyAnswers(t *testing.T) {
	s, c := serve(t)
	for name, response := range map[string]string{
		"no object":  `"x"`,
		"no hex":     `{"publicKey":"zz"}`,
		"too short":  `{"publicKey":"0x0211"}`,
		"off curve":  `{"publicKey":"0x04` + strings.Repeat("11", 64) + `"}`,
		"not there":  `{}`,
		"no string":  `{"publicKey":5}`,
		"null":       `null`,
		"wrong size": `{"publicKey":"` + strings.Repeat("ab", 5000) + `"}`,
	} {
		s.fail(raw(200, `{"response":`+response+`,"logs":"","has_error":false}`))
		_, err := c.ActionKey(t.Context(), "Qm")
		require.ErrorIs(t, err, lit.ErrMalformed, name)
		require.Less(t, len(err.Error()), 1500)
	}
}

func TestBaseURLs(t *testing.T) {
	for _, bad := range []string{"http://api.example", "ftp://x", "x", "https://", "https://user:" + apiKey + "@x", "https://x/?k=" + apiKey, "://", "https://x/#" + apiKey, "http://10.0.0.1"} {
		_, err := lit.NewClient(lit.ClientConfig{BaseURL: bad})
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), apiKey)
	}
	for _, good := range []string{"", "https://x", "http://localhost:9", "http://127.0.0.1", "http://[::1]:5"} {
		_, err := lit.NewClient(lit.ClientConfig{BaseURL: good})
		require.NoError(t, err, good)
	}
	_, err := lit.NewClient(lit.ClientConfig{BaseURL: "http://localhost", Fingerprint: new([32]byte)})
	require.ErrorContains(t, err, "needs https")
}

func TestFingerprint(t *testing.T) {
	s := &service{runtime: &runtime{key: actionKey}}
	server := httptest.NewTLSServer(s)
	defer server.Close()
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	client := func(pin *[32]byte, base *tls.Config) *lit.Client {
		c, err := lit.NewClient(lit.ClientConfig{BaseURL: server.URL, APIKey: lit.NewAPIKey(apiKey), Fingerprint: pin, TLS: base})
		require.NoError(t, err)
		return c
	}
	right := sha256.Sum256(server.Certificate().Raw)
	wrong := right
	wrong[0] ^= 1
	base := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	_, err := client(&right, base).Execute(t.Context(), echo, nil)
	require.NoError(t, err)
	_, err = client(nil, base).Execute(t.Context(), echo, nil)
	require.NoError(t, err)
	before := s.count()
	_, err = client(&wrong, base).Execute(t.Context(), echo, nil)
	require.ErrorContains(t, err, "certificate")
	_, err = client(&right, nil).Execute(t.Context(), echo, nil)
	require.ErrorContains(t, err, "unknown authority", "the chain is checked too")
	require.Equal(t, before, s.count(), "the key did not leave")
	require.Nil(t, base.VerifyConnection, "the caller's configuration is not changed")
}

func TestAPIKeyIsNeverPrinted(t *testing.T) {
	_, c := serve(t)
	key := lit.NewAPIKey(apiKey)
	config := lit.ClientConfig{APIKey: key}
	action := newWorld(t).action
	values := []any{key, &key, config, &config, c, *c, lit.NewKey(c, action, publicKey("x"), new(lit.Memory)), struct{ K lit.APIKey }{key}, struct{ k lit.APIKey }{key}, []any{c, key}}
	for _, v := range values {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb, v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		b, err := json.Marshal(v)
		if err == nil {
			out.Write(b)
		}
		require.NotContains(t, out.String(), apiKey)
		require.NotContains(t, strings.ToLower(out.String()), fmt.Sprintf("%x", apiKey))
	}
	require.Equal(t, "REDACTED", key.String())
}

func TestRetryAfterIsHonoured(t *testing.T) {
	s, c := serve(t)
	s.fail(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		refuse(w, 429, "busy")
	})
	began := time.Now()
	_, err := c.Execute(t.Context(), echo, nil)
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(began), time.Second)
}

package remote_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/remote"
	"github.com/slastream/slastream-go/signer/signertest"
)

const (
	secret = "4f3edf983ac636a65a842ce7c78d9aa706d3b113bce9c46f30d7d21715b23b1d"
	token  = "correct-horse-battery-staple"
)

func local(t testing.TB) *signer.Local {
	t.Helper()
	var b []byte
	_, err := fmt.Sscanf(secret, "%x", &b)
	require.NoError(t, err)
	key, err := signer.NewLocal([32]byte(b))
	require.NoError(t, err)
	return key
}

func localSigner(t testing.TB) signer.Signer {
	t.Helper()
	s, err := signer.New(local(t))
	require.NoError(t, err)
	return s
}

func request(chunk uint64) signer.Request {
	set := attestation.WordFromUint64(7)
	return signer.Request{
		Attestation: attestation.Attestation{DealID: attestation.WordFromUint64(1), ChunkIndex: chunk, ProofSetID: set, RootCID: attestation.Word{9}, Timestamp: 1000},
		Domain:      attestation.Domain{ChainID: attestation.WordFromUint64(5), Escrow: attestation.Word{3}},
		Evidence:    attestation.Evidence{ChainID: 314, SetID: set, Period: 100 + chunk},
	}
}

// serve serves a handler until the test ends.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func client(t testing.TB, url string, options ...remote.Option) *remote.Client {
	t.Helper()
	c, err := remote.New(url, local(t).PublicKey(), options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func TestConformance(t *testing.T) {
	guarded := signer.Guard(localSigner(t), signer.NewMemoryJournal())
	url := serve(t, remote.NewHandler(guarded, remote.RequireToken(token)))
	signertest.Run(t, func(t *testing.T) signer.Signer {
		s, err := signer.NewAction(client(t, url, remote.WithToken(token)))
		require.NoError(t, err)
		return s
	}, signertest.Deterministic(), signertest.Batches(), signertest.Secrets(secret, token))
}

// signerFunc is a signer that fails.
type signerFunc struct {
	signer.Signer
	attest func(context.Context, signer.Request) (attestation.Signed, error)
}

func (s signerFunc) Attest(ctx context.Context, req signer.Request) (attestation.Signed, error) {
	return s.attest(ctx, req)
}

func TestErrorsOfTheSignerArrive(t *testing.T) {
	policy := func(err error) error { return &signer.PolicyError{Policy: "cap", Err: err} }
	for _, c := range []struct {
		name      string
		err       error
		is        error
		status    int
		code      string
		retryable bool
	}{
		{"unavailable", fmt.Errorf("%w: no device", signer.ErrUnavailable), signer.ErrUnavailable, 503, "unavailable", true},
		{"outcome unknown", fmt.Errorf("%w: hsm", signer.ErrUnknownOutcome), signer.ErrUnknownOutcome, 504, "unknown", true},
		{"a deadline", context.DeadlineExceeded, signer.ErrUnknownOutcome, 504, "unknown", true},
		{"no evidence", signer.ErrEvidence, signer.ErrEvidence, 422, "evidence", false},
		{"a bad signature", signer.ErrBadSignature, signer.ErrBadSignature, 502, "bad_signature", false},
		{"a policy", policy(errors.New("too much")), nil, 403, "refused", false},
		{"a policy for now", policy(signer.ErrUnavailable), signer.ErrUnavailable, 503, "unavailable", true},
		{"anything else", errors.New("broken"), nil, 500, "failed", false},
		{"a long story", errors.New(strings.Repeat("x", 1<<20)), nil, 500, "failed", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := serve(t, remote.NewHandler(signerFunc{localSigner(t), func(context.Context, signer.Request) (attestation.Signed, error) {
				return attestation.Signed{}, c.err
			}}))
			_, _, err := client(t, url).SignRequest(t.Context(), request(1))
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			got, ok := errors.AsType[*remote.Error](err)
			require.True(t, ok, err)
			require.Equal(t, c.status, got.Status)
			require.Equal(t, c.code, got.Code)
			require.LessOrEqual(t, len(got.Message), 512)
			require.Equal(t, c.retryable, signer.Retryable(err))
		})
	}
	t.Run("equivocation", func(t *testing.T) {
		guarded := signer.Guard(localSigner(t), signer.NewMemoryJournal())
		c := client(t, serve(t, remote.NewHandler(guarded)))
		_, _, err := c.SignRequest(t.Context(), request(1))
		require.NoError(t, err)
		other := request(1)
		other.Attestation.RootCID[0]++
		_, _, err = c.SignRequest(t.Context(), other)
		got, ok := errors.AsType[*signer.EquivocationError](err)
		require.True(t, ok, err)
		require.Equal(t, &signer.EquivocationError{Prev: request(1), New: other}, got)
		require.False(t, signer.Retryable(err))
	})
	t.Run("batches", func(t *testing.T) {
		url := serve(t, remote.NewHandler(struct{ signer.Signer }{localSigner(t)}))
		_, _, err := client(t, url).SignBatch(t.Context(), signer.BatchRequest{Items: []signer.BatchItem{{}}})
		require.ErrorIs(t, err, errors.ErrUnsupported)
	})
}

// TestAServerThatForges: the client's signer trusts nothing but the key.
func TestAServerThatForges(t *testing.T) {
	honest := localSigner(t)
	other, err := signer.NewLocal([32]byte{31: 1})
	require.NoError(t, err)
	forger, err := signer.New(other)
	require.NoError(t, err)
	for name, attest := range map[string]func(context.Context, signer.Request) (attestation.Signed, error){
		"another key": forger.Attest,
		"another chunk": func(ctx context.Context, req signer.Request) (attestation.Signed, error) {
			req.Attestation.ChunkIndex++
			return honest.Attest(ctx, req)
		},
		"a v of 27": func(ctx context.Context, req signer.Request) (attestation.Signed, error) {
			signed, err := honest.Attest(ctx, req)
			signed.Signature.V += 27
			return signed, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, remote.NewHandler(signerFunc{honest, attest}))
			s, err := signer.NewAction(client(t, url))
			require.NoError(t, err)
			_, err = s.Attest(t.Context(), request(1))
			require.ErrorIs(t, err, signer.ErrBadSignature)
		})
	}
}

func TestServersThatAreNone(t *testing.T) {
	for _, c := range []struct {
		name      string
		handle    http.HandlerFunc
		is        error
		retryable bool
	}{
		{"a proxy with a dead server", status(502), signer.ErrUnknownOutcome, true},
		{"a proxy that gave up", status(504), signer.ErrUnknownOutcome, true},
		{"a rate limit", status(429), signer.ErrUnavailable, true},
		{"nothing here", status(404), nil, false},
		{"a page", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, signer.ErrBadSignature, false},
		{"an empty object", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") }, nil, false},
		{"an endless answer", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte(" "), 2<<20)) }, nil, false},
		{"a connection that breaks", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, signer.ErrUnknownOutcome, true},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusTemporaryRedirect)
		}, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := signer.NewAction(client(t, serve(t, c.handle), remote.WithToken(token)))
			require.NoError(t, err)
			_, err = s.Attest(t.Context(), request(1))
			require.Error(t, err)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			require.Equal(t, c.retryable, signer.Retryable(err), err)
			require.NotContains(t, err.Error(), token)
			require.Less(t, len(err.Error()), 1200)
		})
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	url := "http://" + l.Addr().String()
	require.NoError(t, l.Close())
	_, _, err = client(t, url).SignRequest(t.Context(), request(1))
	require.ErrorIs(t, err, signer.ErrUnavailable)
	require.NotErrorIs(t, err, signer.ErrUnknownOutcome)
}

func TestATimeoutAfterSendingIsUnknown(t *testing.T) {
	release := make(chan struct{})
	url := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-release
	}))
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err := client(t, url).SignRequest(ctx, request(1))
	require.ErrorIs(t, err, signer.ErrUnknownOutcome)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestPing(t *testing.T) {
	url := serve(t, remote.NewHandler(localSigner(t)))
	require.NoError(t, client(t, url).Ping(t.Context()))

	other, err := signer.NewLocal([32]byte{31: 1})
	require.NoError(t, err)
	c, err := remote.New(url, other.PublicKey())
	require.NoError(t, err)
	require.ErrorContains(t, c.Ping(t.Context()), "want "+other.PublicKey().String())

	require.NoError(t, c.Close())
	require.ErrorIs(t, c.Ping(t.Context()), remote.ErrClosed)
}

func TestNewRefuses(t *testing.T) {
	key := local(t).PublicKey()
	for name, url := range map[string]string{
		"nothing":                    "",
		"no scheme":                  "127.0.0.1:9000",
		"another scheme":             "ftp://127.0.0.1",
		"http to another machine":    "http://10.0.0.5:9000",
		"http to a name":             "http://signer.internal",
		"a name that begins like it": "http://localhost.example.com",
		"a password in the URL":      "https://user:hunter2hunter2@signer.internal",
		"a query":                    "https://signer.internal/?key=hunter2hunter2",
		"a URL that does not parse":  "https://signer.internal:hunter2hunter2\x7f",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := remote.New(url, key)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "hunter2")
			_, err = remote.NewWeb3Signer(url, key)
			require.Error(t, err)
		})
	}
	for name, token := range map[string]remote.Token{"none": "", "a short one": "hunter2", "a header": "hunter2hunter2hunter2\r\nX: y"} {
		t.Run("token: "+name, func(t *testing.T) {
			_, err := remote.New("http://[::1]:9000", key, remote.WithToken(token))
			require.Error(t, err)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
	for _, url := range []string{"http://127.0.0.1:9000/", "http://127.3.4.5", "http://[::1]:9000", "http://localhost:9000", "https://signer.internal/a/b"} {
		_, err := remote.New(url, key)
		require.NoError(t, err, url)
	}
}

func TestTheTokenPrintsNowhere(t *testing.T) {
	var out bytes.Buffer
	c := client(t, "http://127.0.0.1:1", remote.WithToken(token))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb, remote.Token(token), c, struct{ T remote.Token }{token})
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("dialing", "client", c, "token", remote.Token(token))
	}
	b, err := json.Marshal(map[string]any{"client": c, "token": remote.Token(token)})
	require.NoError(t, err)
	out.Write(b)
	require.Contains(t, out.String(), "[redacted]")
	require.NotContains(t, out.String(), token)
	require.NotContains(t, out.String(), fmt.Sprintf("%x", token))
}

// Example puts a key behind HTTP and asks it for a signature.
func Example() {
	key, err := signer.NewLocal([32]byte{31: 7})
	if err != nil {
		panic(err)
	}
	s, err := signer.New(key)
	if err != nil {
		panic(err)
	}
	guarded := signer.Guard(s, signer.NewMemoryJournal())
	server := httptest.NewServer(remote.NewHandler(guarded, remote.RequireToken("at-least-16-characters")))
	defer server.Close()

	client, err := remote.New(server.URL, key.PublicKey(), remote.WithToken("at-least-16-characters"))
	if err != nil {
		panic(err)
	}
	defer client.Close()
	far, err := signer.NewAction(client)
	if err != nil {
		panic(err)
	}
	signed, err := far.Attest(context.Background(), signer.Request{
		Attestation: attestation.Attestation{DealID: attestation.WordFromUint64(1), Timestamp: 1_700_000_000},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(signed.Verify(attestation.RulesLowS, key.PublicKey()))
	// Output: <nil>
}

package remote_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/remote"
)

// ask calls a handler with a request of a peer.
func ask(h http.Handler, method, path, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr, r.Host = "127.0.0.1:5000", "127.0.0.1:9000"
	r.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func body(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

const sign = "/v1/attestations:sign"

func TestHandlerRefusesRequests(t *testing.T) {
	h := remote.NewHandler(localSigner(t))
	good := body(t, request(1))
	edit := func(old, new string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, new, 1)
	}
	require.Equal(t, 200, ask(h, "POST", sign, good, nil).Code)
	require.Equal(t, 200, ask(h, "POST", sign, good+"\n", func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=utf-8") }).Code)
	for _, c := range []struct {
		name, method, path, body string
		status                   int
	}{
		{"nothing", "POST", sign, "", 400},
		{"null", "POST", sign, "null", 400},
		{"an empty object", "POST", sign, "{}", 400},
		{"an array", "POST", sign, "[" + good + "]", 400},
		{"cut short", "POST", sign, good[:len(good)-1], 400},
		{"two of them", "POST", sign, good + good, 400},
		{"a timestamp missing", "POST", sign, edit(`,"timestamp":1000`, ""), 400},
		{"a period missing", "POST", sign, edit(`"period":101,`, ""), 400},
		{"a period of null", "POST", sign, edit(`"period":101`, `"period":null`), 400},
		{"a domain missing", "POST", sign, edit(`"domain"`, `"domains"`), 400},
		{"a domain of null", "POST", sign, strings.Replace(good, body(t, request(1).Domain), "null", 1), 400},
		{"a member in another case", "POST", sign, edit(`"period"`, `"Period"`), 400},
		{"a member more", "POST", sign, edit(`"period":101`, `"period":101,"amount":5`), 400},
		{"a member of another number", "POST", sign, edit(`"period":101`, `"period":101,"PERIOD":7`), 400},
		{"a chunk of 2^64", "POST", sign, edit(`"chunkIndex":1`, `"chunkIndex":18446744073709551616`), 400},
		{"a negative chunk", "POST", sign, edit(`"chunkIndex":1`, `"chunkIndex":-1`), 400},
		{"a digest", "POST", sign, `{"digest":"0x01"}`, 400},
		{"more than a megabyte", "POST", sign, good + strings.Repeat(" ", 1<<20), 413},
		{"GET to sign", "GET", sign, "", 404},
		{"another path", "POST", "/v1/digests:sign", good, 404},
		{"a batch without items", "POST", "/v1/batches:sign", body(t, signer.BatchRequest{}), 500},
		{"a batch with half an item", "POST", "/v1/batches:sign", `{"domain":` + body(t, request(1).Domain) + `,"items":[{}]}`, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ask(h, c.method, c.path, c.body, nil)
			require.Equal(t, c.status, w.Code, w.Body)
			require.Contains(t, w.Body.String(), `{"error":{"code":"`)
			require.Less(t, w.Body.Len(), 700)
		})
	}
	w := ask(h, "POST", sign, good, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") })
	require.Equal(t, 415, w.Code, "what a web page may send without asking")
}

func TestWhomTheHandlerAnswers(t *testing.T) {
	s := localSigner(t)
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	from := func(peer string, more ...func(*http.Request)) func(*http.Request) {
		return func(r *http.Request) {
			r.RemoteAddr = peer
			for _, change := range more {
				change(r)
			}
		}
	}
	overTLS := func(r *http.Request) { r.TLS = &tls.ConnectionState{} }
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	open, locked := remote.NewHandler(s), remote.NewHandler(s, remote.RequireToken(token, token+"-new"))
	none, short := remote.NewHandler(s, remote.RequireToken()), remote.NewHandler(s, remote.RequireToken(token, "short"))
	certified := remote.NewHandler(s, remote.RequireCertificate(func(*x509.Certificate) bool { return true }))
	for _, c := range []struct {
		name string
		h    http.Handler
		who  func(*http.Request)
		ok   bool
	}{
		{"no credentials, this machine", open, nil, true},
		{"no credentials, this machine over IPv6", open, from("[::1]:5000", host("[::1]:9000")), true},
		{"no credentials, localhost", open, host("localhost:9000"), true},
		{"no credentials, another machine", open, from("10.0.0.9:5000"), false},
		{"no credentials, another machine over TLS", open, from("10.0.0.9:5000", overTLS), false},
		{"no credentials, a socket without address", open, from("@"), false},
		{"no credentials, a web page by its own name", open, host("attacker.example:9000"), false},
		{"token", locked, bearer(token), true},
		{"the next token", locked, bearer(token + "-new"), true},
		{"token, another machine over TLS", locked, from("10.0.0.9:5000", overTLS, bearer(token)), true},
		{"token, another machine in the clear", locked, from("10.0.0.9:5000", bearer(token)), false},
		{"no token", locked, nil, false},
		{"a token cut short", locked, bearer(token[:20]), false},
		{"an empty token", locked, bearer(""), false},
		{"a token under another scheme", locked, func(r *http.Request) { r.Header.Set("Authorization", "Basic "+token) }, false},
		{"an empty token where there is none", none, bearer(""), false},
		{"a token beside one too short", short, bearer(token), false},
		{"the one too short", short, bearer("short"), false},
		{"no certificate", certified, nil, false},
		{"a certificate that is not verified", certified, func(r *http.Request) {
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{}}}
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, call := range [][3]string{{"POST", sign, body(t, request(1))}, {"GET", "/v1/key", ""}} {
				w := ask(c.h, call[0], call[1], call[2], c.who)
				if c.ok {
					require.Equal(t, 200, w.Code, w.Body)
				} else {
					require.Equal(t, 401, w.Code)
					require.NotContains(t, w.Body.String(), token)
				}
			}
		})
	}
}

// authority is a certificate authority of the test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue signs a certificate; parent nil makes an authority.
func issue(t testing.TB, name string, parent *authority) (authority, tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	if parent == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
		parent = &authority{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, &key.PublicKey, parent.key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{cert, key}, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestMutualTLS(t *testing.T) {
	ca, _ := issue(t, "authority", nil)
	stranger, _ := issue(t, "stranger", nil)
	_, serverCert := issue(t, "server", &ca)
	_, relay := issue(t, "relay", &ca)
	_, intern := issue(t, "intern", &ca)
	_, outsider := issue(t, "relay", &stranger)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)

	h := remote.NewHandler(localSigner(t), remote.RequireCertificate(func(c *x509.Certificate) bool { return c.Subject.CommonName == "relay" }))
	server := httptest.NewUnstartedServer(h)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{serverCert}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would log what this test wants
	server.StartTLS()
	t.Cleanup(server.Close)
	url := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)

	with := func(roots *x509.CertPool, certs ...tls.Certificate) *remote.Client {
		return client(t, url, remote.WithTLS(&tls.Config{RootCAs: roots, Certificates: certs}))
	}
	_, _, err := with(pool, relay).SignRequest(t.Context(), request(1))
	require.NoError(t, err)
	for name, c := range map[string]*remote.Client{
		"another name":                  with(pool, intern),
		"another authority":             with(pool, outsider),
		"no certificate":                with(pool),
		"a server that is not trusted":  with(x509.NewCertPool(), relay),
		"the system's authorities only": client(t, url),
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := c.SignRequest(t.Context(), request(1))
			require.Error(t, err)
			require.False(t, signer.Retryable(err), err)
		})
	}
}

// FuzzHandler: whatever is sent, the answer is JSON, and what is signed is what
// the request says when it is read again.
func FuzzHandler(f *testing.F) {
	key, err := signer.NewLocal([32]byte{31: 7})
	require.NoError(f, err)
	s, err := signer.New(key)
	require.NoError(f, err)
	h := remote.NewHandler(s)
	good := body(f, request(3))
	f.Add([]byte(good))
	f.Add([]byte(strings.ReplaceAll(good, "0x", "0X")))
	f.Add([]byte(`{"attestation":null,"domain":{},"evidence":[]}`))
	f.Add(bytes.Repeat([]byte("["), 200))
	f.Fuzz(func(t *testing.T, b []byte) {
		w := ask(h, "POST", sign, string(b), nil)
		if w.Code != http.StatusOK {
			require.True(t, json.Valid(w.Body.Bytes()))
			return
		}
		var sent signer.Request
		require.NoError(t, json.Unmarshal(b, &sent))
		var signed attestation.Signed
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &signed))
		require.Equal(t, sent.Attestation, signed.Attestation)
		require.NoError(t, signed.Verify(attestation.RulesLowS, key.PublicKey()))
	})
}

// ExampleNewHandler shows the host with the key: TLS, a token, limits on slow
// peers.
func ExampleNewHandler() {
	key, err := signer.NewLocal([32]byte{31: 7}) // or keystore, pkcs11, awskms
	if err != nil {
		panic(err)
	}
	s, err := signer.New(key)
	if err != nil {
		panic(err)
	}
	server := &http.Server{
		Addr:              "10.0.0.5:9443",
		Handler:           remote.NewHandler(signer.Guard(s, signer.NewMemoryJournal()), remote.RequireToken("at-least-16-characters")),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
	}
	fmt.Println(server.ListenAndServeTLS("cert.pem", "key.pem"))
}

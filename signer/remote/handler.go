package remote

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"

	"github.com/slastream/slastream-go/signer"
)

// A HandlerOption changes whom a handler answers.
type HandlerOption func(*handler)

// RequireToken answers those alone who send one of the tokens. More than one
// token lets them be changed without a gap. NewHandler refuses every request if a
// token has fewer than 16 characters, or there is none.
func RequireToken(tokens ...Token) HandlerOption {
	return func(h *handler) {
		h.needToken = true
		for _, token := range tokens {
			if token.check() != nil {
				h.tokens = nil
				return
			}
			h.tokens = append(h.tokens, sha256.Sum256([]byte(token)))
		}
	}
}

// RequireCertificate answers those alone who show a client certificate that the
// server's tls.Config has verified (ClientAuth: RequireAndVerifyClientCert) and
// that allow accepts.
func RequireCertificate(allow func(*x509.Certificate) bool) HandlerOption {
	return func(h *handler) { h.allow = allow }
}

type handler struct {
	signer    signer.Signer
	needToken bool
	tokens    [][32]byte // hashes, so that comparing takes the same time for any length
	allow     func(*x509.Certificate) bool
}

// NewHandler serves a signer by this package's protocol. Put a signer.Guard
// around it first: a handler signs what the signer signs. Without an option it
// answers this machine alone. The errors of the signer go to the peer, shortened
// to 512 bytes. It logs nothing and keeps nothing.
func NewHandler(s signer.Signer, options ...HandlerOption) http.Handler {
	h := &handler{signer: s}
	for _, option := range options {
		option(h)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathSign, func(w http.ResponseWriter, r *http.Request) { serve(w, r, s.Attest) })
	mux.HandleFunc("POST "+pathSignBatch, func(w http.ResponseWriter, r *http.Request) { serve(w, r, h.batch) })
	mux.HandleFunc("GET "+pathKey, h.key)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, wireError{Code: "malformed", Message: "no such path or method"})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if why := h.stranger(r); why != "" {
			refuse(w, http.StatusUnauthorized, wireError{Code: "unauthorized", Message: why})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// stranger says why a peer is not to be answered; "" if it is.
func (h *handler) stranger(r *http.Request) string {
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	local := err == nil && isLoopback(peer)
	if !h.needToken && h.allow == nil {
		// The name is looked at because of DNS rebinding: a web page in a browser of
		// this machine reaches the handler, but by the page's own name.
		name := r.Host
		if host, _, err := net.SplitHostPort(name); err == nil {
			name = host
		}
		if !local || !isLoopback(strings.Trim(name, "[]")) {
			return "without credentials this machine alone is answered, by a loopback address"
		}
		return ""
	}
	if h.allow != nil {
		if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || !h.allow(r.TLS.VerifiedChains[0][0]) {
			return "no acceptable client certificate"
		}
	}
	if h.needToken {
		if r.TLS == nil && !local {
			return "a token is taken over TLS alone"
		}
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if len(h.tokens) == 0 {
			return "this handler has no usable token: nobody is answered"
		}
		sum, known := sha256.Sum256([]byte(token)), 0
		for _, want := range h.tokens {
			known |= subtle.ConstantTimeCompare(sum[:], want[:])
		}
		if known != 1 {
			return "no acceptable bearer token"
		}
	}
	return ""
}

func (h *handler) batch(ctx context.Context, req signer.BatchRequest) (signer.SignedBatch, error) {
	batches, ok := h.signer.(signer.BatchSigner)
	if !ok {
		return signer.SignedBatch{}, errors.ErrUnsupported
	}
	return batches.AttestBatch(ctx, req)
}

func (h *handler) key(w http.ResponseWriter, r *http.Request) {
	if p, ok := h.signer.(signer.Pinger); ok {
		if err := p.Ping(r.Context()); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			status, answer := encodeError(err)
			refuse(w, status, answer)
			return
		}
	}
	reply(w, http.StatusOK, keyAnswer{h.signer.PublicKey()})
}

// serve reads a request, has it signed and answers.
func serve[Q, A any](w http.ResponseWriter, r *http.Request, sign func(context.Context, Q) (A, error)) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, wireError{Code: "malformed", Message: "Content-Type is not application/json"})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		status := http.StatusBadRequest
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			status = http.StatusRequestEntityTooLarge
		}
		refuse(w, status, wireError{Code: "malformed", Message: bounded(err.Error())})
		return
	}
	var req Q
	if err := decodeRequest(body, &req); err != nil {
		refuse(w, http.StatusBadRequest, wireError{Code: "malformed", Message: bounded(err.Error())})
		return
	}
	signed, err := sign(r.Context(), req)
	if err != nil {
		status, answer := encodeError(err)
		refuse(w, status, answer)
		return
	}
	reply(w, http.StatusOK, signed)
}

func refuse(w http.ResponseWriter, status int, answer wireError) {
	reply(w, status, errorAnswer{&answer})
}

func reply(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":{"code":"failed","message":"the answer has no JSON form"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // a peer that is gone asks again
}

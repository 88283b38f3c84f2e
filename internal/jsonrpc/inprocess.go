package jsonrpc

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// InProcess returns a transport that hands each request to h without a socket:
// real bytes, no network. h sees the context of the request.
func InProcess(h http.Handler) http.RoundTripper { return inProcess{h} }

type inProcess struct{ h http.Handler }

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	// A transport must not change the request, and must close its body.
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	rec := recorder{header: http.Header{}, status: http.StatusOK}
	t.h.ServeHTTP(&rec, in)
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", rec.status, http.StatusText(rec.status)),
		StatusCode:    rec.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        rec.header,
		Body:          io.NopCloser(&rec.body),
		ContentLength: int64(rec.body.Len()),
		Request:       r,
	}, nil
}

// A recorder is the http.ResponseWriter of one in-process request.
type recorder struct {
	header http.Header
	body   bytes.Buffer
	status int
	sent   bool
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if !r.sent {
		r.status, r.sent = status, true
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.sent = true
	return r.body.Write(b)
}

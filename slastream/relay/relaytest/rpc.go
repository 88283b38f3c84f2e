package relaytest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
)

// transport is the way to one endpoint: each request is a kill point, and some
// transactions arrive twice.
type transport struct {
	inner http.RoundTripper
	p     *process
	name  string
	twice func() bool // whether the next transaction arrives twice; nil: never
}

func (t transport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body.Close() //nolint:errcheck // it is in memory
	var request struct{ Method string }
	json.Unmarshal(body, &request) //nolint:errcheck // only for the name
	again := func() *http.Request {
		next := r.Clone(r.Context())
		next.Body = io.NopCloser(bytes.NewReader(body))
		return next
	}
	err = t.p.call(t.name+" "+request.Method, func() error {
		if t.twice != nil && request.Method == "starknet_addInvokeTransaction" && t.twice() {
			if _, err := t.inner.RoundTrip(again()); err != nil {
				return err
			}
		}
		resp, err = t.inner.RoundTrip(again())
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

package jsonrpc

import "encoding/json"

// Split is the quick way alone.
func Split(raw []byte) (id, result json.RawMessage, ok bool) {
	r, ok := split(raw)
	return r.ID, r.Result, ok
}

package jsonrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// MaxRequest bounds the bytes of one HTTP request to a [Handler], and MaxBatch
// the calls in it.
const (
	MaxRequest = 16 << 20
	MaxBatch   = 1000
)

// Error codes of the JSON-RPC 2.0 specification.
const (
	CodeParse          = -32700
	CodeInvalidRequest = -32600
	CodeNoMethod       = -32601
	CodeInvalidParams  = -32602
	CodeInternal       = -32603
)

// A Handler answers one call. params is what the caller sent, an array, an
// object or nothing ([Params] reads all three). An *[Error] goes to the caller
// as it is; any other error becomes code −32603.
type Handler func(ctx context.Context, method string, params json.RawMessage) (any, error)

// ServeHTTP answers POST requests, single and batch.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "this is a JSON-RPC endpoint: use POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxRequest))
	if err != nil {
		http.Error(w, "request too large or broken", http.StatusRequestEntityTooLarge)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(h.Answer(r.Context(), body))
}

// Answer returns the response to one message, a single call or a batch. It is
// empty for notifications.
func (h Handler) Answer(ctx context.Context, body []byte) []byte {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || body[0] != '[' {
		out := h.answerOne(ctx, body)
		return out
	}
	var calls []json.RawMessage
	if err := json.Unmarshal(body, &calls); err != nil {
		return encode(nil, nil, &Error{Code: CodeParse, Message: "parse error"})
	}
	if len(calls) == 0 || len(calls) > MaxBatch {
		return encode(nil, nil, &Error{Code: CodeInvalidRequest, Message: fmt.Sprintf("batch of %d calls: want 1 to %d", len(calls), MaxBatch)})
	}
	var answers [][]byte
	for _, call := range calls {
		if a := h.answerOne(ctx, call); len(a) > 0 {
			answers = append(answers, a)
		}
	}
	if len(answers) == 0 {
		return nil
	}
	return append(append([]byte{'['}, bytes.Join(answers, []byte{','})...), ']')
}

func (h Handler) answerOne(ctx context.Context, body []byte) []byte {
	var call struct {
		ID     json.RawMessage `json:"id"`
		Method *string         `json:"method"`
		Params json.RawMessage `json:"params"`
	}
	if !json.Valid(body) {
		return encode(nil, nil, &Error{Code: CodeParse, Message: "parse error"})
	}
	if err := json.Unmarshal(body, &call); err != nil || call.Method == nil {
		return encode(nil, nil, &Error{Code: CodeInvalidRequest, Message: "invalid request"})
	}
	result, err := h(ctx, *call.Method, call.Params)
	if call.ID == nil {
		return nil
	}
	return encode(call.ID, result, err)
}

func encode(id json.RawMessage, result any, err error) []byte {
	if id == nil {
		id = json.RawMessage("null")
	}
	if err == nil {
		out, encErr := json.Marshal(struct {
			Version string          `json:"jsonrpc"`
			ID      json.RawMessage `json:"id"`
			Result  any             `json:"result"`
		}{"2.0", id, result})
		if encErr == nil {
			return out
		}
		err = fmt.Errorf("encode result: %w", encErr)
	}
	rpcErr, ok := errors.AsType[*Error](err)
	if !ok {
		rpcErr = &Error{Code: CodeInternal, Message: err.Error()}
	}
	// An Error holds numbers, strings and raw JSON that was valid when made.
	out, _ := json.Marshal(struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   *Error          `json:"error"`
	}{"2.0", id, rpcErr})
	return out
}

// Params returns the parameters of a call in the order of names: from an array
// by position, from an object by name. Parameters that were not sent, or were
// sent as null, are nil. Surplus ones are refused.
func Params(raw json.RawMessage, names ...string) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, len(names))
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return out, nil
	case raw[0] == '[':
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, invalidParams("%v", err)
		}
		if len(list) > len(names) {
			return nil, invalidParams("%d parameters, want at most %d", len(list), len(names))
		}
		copy(out, list)
	default:
		var object map[string]json.RawMessage
		if err := json.Unmarshal(raw, &object); err != nil {
			return nil, invalidParams("%v", err)
		}
		for i, name := range names {
			out[i] = object[name]
			delete(object, name)
		}
		for name := range object {
			return nil, invalidParams("unknown parameter %q", name)
		}
	}
	for i := range out {
		if string(out[i]) == "null" {
			out[i] = nil
		}
	}
	return out, nil
}

func invalidParams(format string, args ...any) *Error {
	return &Error{Code: CodeInvalidParams, Message: "invalid params: " + fmt.Sprintf(format, args...)}
}

package jsonrpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/internal/jsonrpc"
)

func echo(_ context.Context, method string, params json.RawMessage) (any, error) {
	switch method {
	case "echo":
		return params, nil
	case "null":
		return nil, nil
	case "refuse":
		return nil, &jsonrpc.Error{Code: 12, Message: "null round", Data: json.RawMessage("7")}
	}
	return nil, errors.New("broken")
}

func client(h http.Handler) *jsonrpc.Client {
	return jsonrpc.NewClient("http://node.invalid/secret-key", &http.Client{Transport: jsonrpc.InProcess(h)})
}

func TestCall(t *testing.T) {
	c := client(jsonrpc.Handler(echo))
	var got []any
	require.NoError(t, c.CallContext(t.Context(), &got, "echo", "a", 1))
	require.Equal(t, []any{"a", 1.0}, got)
	require.NoError(t, c.CallContext(t.Context(), nil, "echo"))

	var null *int
	require.NoError(t, c.CallContext(t.Context(), &null, "null"), "null is a result")
	require.Nil(t, null)

	err := c.CallContext(t.Context(), &got, "refuse")
	var rpcErr *jsonrpc.Error
	require.ErrorAs(t, err, &rpcErr)
	require.Equal(t, 12, rpcErr.ErrorCode())
	require.JSONEq(t, "7", string(rpcErr.Data))

	require.ErrorAs(t, c.CallContext(t.Context(), &got, "other"), &rpcErr)
	require.Equal(t, jsonrpc.CodeInternal, rpcErr.Code)

	var wrong map[string]int
	require.ErrorIs(t, c.CallContext(t.Context(), &wrong, "echo", 1), jsonrpc.ErrBadResponse)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = c.CallContext(ctx, nil, "echo")
	require.ErrorIs(t, err, context.Canceled)
	require.NotContains(t, err.Error(), "secret-key")
}

func TestCallBrokenEndpoint(t *testing.T) {
	for name, tt := range map[string]struct {
		status   int
		body     string
		answered bool
	}{
		"not json":            {200, "<html>", false},
		"empty":               {200, "", false},
		"other id":            {200, `{"jsonrpc":"2.0","id":99,"result":1}`, false},
		"neither result":      {200, `{"jsonrpc":"2.0","id":1}`, false},
		"array":               {200, `[]`, false},
		"too many requests":   {429, "slow down", true},
		"bad gateway in html": {502, "<html>", true},
	} {
		t.Run(name, func(t *testing.T) {
			c := client(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			}))
			err := c.CallContext(t.Context(), nil, "x")
			if tt.answered {
				var status *jsonrpc.StatusError
				require.ErrorAs(t, err, &status)
				require.Equal(t, tt.status, status.Status)
				return
			}
			require.ErrorIs(t, err, jsonrpc.ErrBadResponse)
		})
	}
}

func TestServer(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"call":                {`{"jsonrpc":"2.0","id":"a","method":"echo","params":[1]}`, `{"jsonrpc":"2.0","id":"a","result":[1]}`},
		"null result":         {`{"jsonrpc":"2.0","id":1,"method":"null"}`, `{"jsonrpc":"2.0","id":1,"result":null}`},
		"error data":          {`{"jsonrpc":"2.0","id":1,"method":"refuse"}`, `{"jsonrpc":"2.0","id":1,"error":{"code":12,"message":"null round","data":7}}`},
		"batch":               {`[{"id":1,"method":"null"},{"id":2,"method":"null"}]`, `[{"jsonrpc":"2.0","id":1,"result":null},{"jsonrpc":"2.0","id":2,"result":null}]`},
		"notification":        {`{"method":"null"}`, ``},
		"batch of notices":    {`[{"method":"null"}]`, ``},
		"not json":            {`{`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}`},
		"empty batch":         {`[]`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch of 0 calls: want 1 to 1000"}}`},
		"no method":           {`{"id":1}`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request"}}`},
		"a number for a call": {`5`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tt.want, string(jsonrpc.Handler(echo).Answer(t.Context(), []byte(tt.in))))
		})
	}
	hc := &http.Client{Transport: jsonrpc.InProcess(jsonrpc.Handler(echo))}
	resp, err := hc.Get("http://node.invalid")
	require.NoError(t, err)
	require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
	resp, err = hc.Post("http://node.invalid", "application/json", strings.NewReader(strings.Repeat(" ", jsonrpc.MaxRequest+1)))
	require.NoError(t, err)
	require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
}

func TestParams(t *testing.T) {
	for name, tt := range map[string]struct {
		in   string
		want []string
	}{
		"array":         {`[1,"b"]`, []string{"1", `"b"`}},
		"short array":   {`[1]`, []string{"1", ""}},
		"null item":     {`[null,2]`, []string{"", "2"}},
		"object":        {`{"b":2,"a":1}`, []string{"1", "2"}},
		"absent":        {``, []string{"", ""}},
		"null":          {`null`, []string{"", ""}},
		"long array":    {`[1,2,3]`, nil},
		"unknown name":  {`{"c":1}`, nil},
		"a bare number": {`1`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := jsonrpc.Params(json.RawMessage(tt.in), "a", "b")
			if tt.want == nil {
				var rpcErr *jsonrpc.Error
				require.ErrorAs(t, err, &rpcErr)
				require.Equal(t, jsonrpc.CodeInvalidParams, rpcErr.Code)
				return
			}
			require.NoError(t, err)
			for i, want := range tt.want {
				require.Equal(t, want, string(got[i]))
			}
		})
	}
}

// FuzzSplit: what the quick way takes apart, encoding/json takes apart as well,
// into the same parts.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{
		`{"jsonrpc":"2.0","id":1,"result":[{"data":"0x00","n":1},{}]}`, ` { "result" : "a\"}]," , "id":2 } `, `{"id":1,"result":null}`,
		`{"id":1,"error":{"code":1,"message":"x"}}`, `{"result":[}`, `{"result":1,"result":2}`, `{"result":"\\"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		id, result, ok := jsonrpc.Split(raw)
		if !ok || !json.Valid(raw) {
			return
		}
		var want struct{ ID, Result json.RawMessage }
		require.NoError(t, json.Unmarshal(raw, &want))
		require.Equal(t, string(want.ID), string(id))
		require.Equal(t, string(want.Result), string(result))
	})
}

package wsrpc_test

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/internal/wsrpc"
)

// noLeak fails the test if a goroutine outlives it.
func noLeak(t *testing.T) {
	running := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, running) })
}

// frame returns a masked frame: RFC 6455, section 5.2. The mask is zero.
func frame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// claim returns the head of a frame that says it is so long.
func claim(first byte, length uint64) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, length), 0, 0, 0, 0)
}

func TestHostileFrames(t *testing.T) {
	const fin, more, text, binaryData, closing, ping = 0x80, 0, 1, 2, 8, 9
	for name, tt := range map[string]struct {
		sent []byte
		code int
	}{
		"no mask":                           {[]byte{fin | text, 2, '{', '}'}, websocket.CloseProtocolError},
		"a reserved bit":                    {frame(fin|0x40|text, "{}"), websocket.CloseProtocolError},
		"an unknown opcode":                 {frame(fin|3, "{}"), websocket.CloseProtocolError},
		"an unknown control opcode":         {frame(fin|11, ""), websocket.CloseProtocolError},
		"a continuation of nothing":         {frame(fin, "{}"), websocket.CloseProtocolError},
		"a message within another":          {append(frame(more|text, "{"), frame(fin|text, "}")...), websocket.CloseProtocolError},
		"a ping in pieces":                  {frame(more|ping, ""), websocket.CloseProtocolError},
		"a ping of 126 bytes":               {frame(fin|ping, strings.Repeat("x", 126)), websocket.CloseProtocolError},
		"a close with an impossible code":   {frame(fin|closing, "\x03\xed"), websocket.CloseProtocolError},
		"a close that is not UTF-8":         {frame(fin|closing, "\x03\xe8\xff"), websocket.CloseProtocolError},
		"one byte more than a request":      {claim(fin|text, jsonrpc.MaxRequest+1), websocket.CloseMessageTooBig},
		"2^63-1 bytes claimed":              {claim(fin|text, 1<<63-1), websocket.CloseMessageTooBig},
		"2^64-1 bytes claimed":              {claim(fin|text, 1<<64-1), websocket.CloseAbnormalClosure},
		"too long in pieces":                {append(frame(more|text, "{"), claim(fin, jsonrpc.MaxRequest)...), websocket.CloseMessageTooBig},
		"too long and binary":               {claim(fin|binaryData, jsonrpc.MaxRequest+1), websocket.CloseMessageTooBig},
		"a close in order":                  {frame(fin|closing, "\x03\xe8bye"), websocket.CloseNormalClosure},
		"a call, then a broken frame of it": {append(frame(fin|text, `{"id":1,"method":"echo"}`), 0xff, 0xff), websocket.CloseProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			n := newNode(t)
			other, c := n.dial(), n.dial()
			go c.NetConn().Write(tt.sent) // the server may close before it has read all
			require.Equal(t, tt.code, c.closed())
			other.call("echo", `["still here"]`)
			require.Contains(t, other.next(), "still here")
			require.Eventually(t, func() bool { return len(n.sockets()) == 1 }, wait, tick, "the broken one has ended")
		})
	}
}

func TestHostileMessages(t *testing.T) {
	noLeak(t)
	n := newNode(t)
	c := n.dial()
	for name, tt := range map[string]struct{ sent, want string }{
		"nothing":            {"", `"code":-32700`},
		"no JSON":            {"{", `"code":-32700`},
		"not UTF-8":          {"\xff\xfe", `"code":-32700`},
		"no call":            {"[1]", `"code":-32600`},
		"no method":          {`{"id":1}`, `"code":-32600`},
		"an unknown method":  {`{"id":1,"method":"x"}`, `"code":-32601`},
		"an empty batch":     {"[]", `"code":-32600`},
		"1,001 calls":        {"[" + strings.Repeat("1,", jsonrpc.MaxBatch) + "1]", `"code":-32600`},
		"deep":               {strings.Repeat("[", 1_000_000), `"code":-32700`},
		"a batch of calls":   {`[{"id":1,"method":"echo","params":[5]},{"id":2,"method":"x"}]`, `[5]`},
		"a call with 16 MiB": {`{"id":1,"method":"x"}` + strings.Repeat(" ", jsonrpc.MaxRequest-21), `"code":-32601`},
	} {
		require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte(tt.sent)))
		require.Contains(t, c.next(), tt.want, name)
	}
	require.NoError(t, c.WriteMessage(websocket.BinaryMessage, []byte(`{"id":1,"method":"echo"}`)))
	require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte(`{"method":"echo"}`)))
	c.call("echo", `["next"]`)
	require.Contains(t, c.next(), "next", "neither a binary message nor a call without an id is answered")
}

func TestPing(t *testing.T) {
	noLeak(t)
	c := newNode(t).dial()
	var pongs []string
	c.SetPongHandler(func(data string) error { pongs = append(pongs, data); return nil })
	for _, data := range []string{"", "again", strings.Repeat("x", 125)} {
		var writer sync.WaitGroup
		writer.Go(func() { // the pong waits for the reader below
			c.WriteMessage(websocket.PingMessage, []byte(data))
			c.WriteMessage(websocket.TextMessage, []byte(`{"id":1,"method":"echo"}`))
		})
		c.next()
		writer.Wait()
		require.Equal(t, data, pongs[len(pongs)-1])
	}
}

func TestUpgradeRefused(t *testing.T) {
	noLeak(t)
	n := newNode(t)
	server := httptest.NewServer(n)
	defer server.Close()
	url := "ws" + strings.TrimPrefix(server.URL, "http")
	for origin, status := range map[string]int{
		"":                            http.StatusSwitchingProtocols,
		"http://localhost:5173":       http.StatusSwitchingProtocols,
		"http://127.8.9.1":            http.StatusSwitchingProtocols,
		"http://[::1]:80":             http.StatusSwitchingProtocols,
		"https://evil.example":        http.StatusForbidden,
		"http://localhost.evil":       http.StatusForbidden,
		"http://127.0.0.1.evil":       http.StatusForbidden,
		"http://10.0.0.1":             http.StatusForbidden,
		"null":                        http.StatusForbidden,
		"http://%zz":                  http.StatusForbidden,
		"http://localhost@evil.local": http.StatusForbidden,
	} {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		conn, resp, _ := websocket.DefaultDialer.DialContext(t.Context(), url, header)
		require.NotNil(t, resp, origin)
		require.Equal(t, status, resp.StatusCode, origin)
		if conn != nil {
			conn.Close()
		}
	}
	resp, err := http.Get(server.URL)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusBadRequest, resp.StatusCode, "no upgrade")

	rec := httptest.NewRecorder()
	n.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", &bytes.Reader{}))
	require.Equal(t, http.StatusNotImplemented, rec.Code, "no connection behind the writer")
}

func TestTooManySockets(t *testing.T) {
	noLeak(t)
	n := newNode(t)
	first := n.dial()
	for range wsrpc.MaxSockets - 1 {
		n.dial()
	}
	require.Equal(t, websocket.CloseTryAgainLater, n.connect().closed())
	require.Equal(t, wsrpc.MaxSockets, n.opened, "the one too many was not opened")
	first.Close()
	require.Eventually(t, func() bool { return len(n.sockets()) < wsrpc.MaxSockets }, wait, tick)
	// The place is free a moment after its end is told.
	require.Eventually(t, func() bool {
		c := n.connect()
		c.call("echo", `[]`)
		_, _, err := c.ReadMessage()
		return err == nil
	}, wait, tick, "there is room again")
}

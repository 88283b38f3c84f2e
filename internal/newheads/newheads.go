// Package newheads is the subscription to new blocks that the followers of both
// chains take as a hint: connected again whenever it ends, and nothing that it
// says is used but that it says something.
package newheads

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// maxMessage bounds one message: a header has less than 2 KiB.
	maxMessage = 1 << 20
	// silence is how long a connection may be without any message or pong,
	// pingTime how often a pong is asked for, ioTime what one write and the
	// handshake may take.
	silence  = time.Minute
	pingTime = 20 * time.Second
	ioTime   = 10 * time.Second
	// firstRetry and lastRetry are the wait before the next connection: doubled
	// each time, up to a fifth less at random, and the first again after a
	// connection that brought a block.
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// Heads is a subscription to new blocks. Make it with New and let Run run. It is
// safe for concurrent use; a wake goes to one of those that wait.
type Heads struct {
	url    string
	method string
	params []any
	log    *slog.Logger
	wake   chan struct{} // holds one wake that nobody has seen
}

// New returns a subscription at a URL that a method with these parameters makes.
// It opens no connection. The URL is not logged. log nil means nobody.
func New(url, method string, params []any, log *slog.Logger) *Heads {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Heads{url: url, method: method, params: params, log: log, wake: make(chan struct{}, 1)}
}

// Wait returns nil at the next message about a block, at once if there was one
// since the last Wait. When a connection is new it returns once, too: blocks may
// have been missed before. Else it returns the error of ctx.
func (h *Heads) Wait(ctx context.Context) error {
	select {
	case <-h.wake:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run keeps a connection until ctx ends and returns its error. It connects
// again after whatever ends a connection, after 1 second, doubled up to 1
// minute. Call it once.
func (h *Heads) Run(ctx context.Context) error {
	pause := firstRetry
	for {
		heard, err := h.listen(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		h.log.WarnContext(ctx, "subscription to new blocks ended", "error", err)
		if heard {
			pause = firstRetry
		}
		t := time.NewTimer(pause - rand.N(pause/5))
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
		pause = min(2*pause, lastRetry)
	}
}

// listen connects, subscribes and reads. heard says that there was a message
// about a block.
func (h *Heads) listen(ctx context.Context) (heard bool, err error) {
	dialer := websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: ioTime}
	conn, resp, err := dialer.DialContext(ctx, h.url, nil)
	if resp != nil {
		resp.Body.Close()
	}
	switch {
	case err != nil && resp != nil:
		return false, fmt.Errorf("heads: connect: http status %d", resp.StatusCode)
	case err != nil:
		return false, errors.New("heads: connect: " + cause(err))
	}
	// Closing is what ends a read; the pinger ends with the reader.
	reading, stop := context.WithCancel(ctx)
	pinged := make(chan struct{})
	go func() {
		defer close(pinged)
		defer conn.Close()
		ping(reading, conn)
	}()
	defer func() { <-pinged }()
	defer stop()

	conn.SetReadLimit(maxMessage)
	alive := func(string) error { return conn.SetReadDeadline(time.Now().Add(silence)) }
	conn.SetPongHandler(alive)
	if err := alive(""); err != nil {
		return false, fmt.Errorf("heads: %w", err)
	}
	conn.SetWriteDeadline(time.Now().Add(ioTime))
	if err := conn.WriteJSON(map[string]any{"jsonrpc": "2.0", "id": 1, "method": h.method, "params": h.params}); err != nil {
		return false, fmt.Errorf("heads: subscribe: %w", err)
	}
	for {
		_, raw, err := conn.ReadMessage()
		if err != nil {
			return heard, fmt.Errorf("heads: read: %w", err)
		}
		if err := alive(""); err != nil {
			return heard, fmt.Errorf("heads: %w", err)
		}
		var message struct {
			Method string          `json:"method"`
			ID     json.RawMessage `json:"id"`
			Error  *struct {
				Code    int    `json:"code"`
				Message string `json:"message"`
			} `json:"error"`
		}
		switch err := json.Unmarshal(raw, &message); {
		case err != nil:
			return heard, fmt.Errorf("heads: message of %d bytes that is no JSON-RPC", len(raw))
		case message.Error != nil:
			return heard, fmt.Errorf("heads: refused with code %d: %.100q", message.Error.Code, message.Error.Message)
		case message.Method != "":
			heard = true
		}
		select {
		case h.wake <- struct{}{}:
		default: // nobody has seen the last one
		}
	}
}

// ping asks for signs of life until ctx ends or the connection does.
func ping(ctx context.Context, conn *websocket.Conn) {
	t := time.NewTicker(pingTime)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(ioTime)) != nil {
				return
			}
		}
	}
}

// cause is the text of an error of the dialer without the URL, which can hold
// an access key.
func cause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

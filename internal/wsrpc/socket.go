package wsrpc

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// writeTime is what the writing of one message may take.
const writeTime = 10 * time.Second

// A Socket is one WebSocket connection to a [Server]. Messages leave in the order
// of Notify; those that come while a request is answered follow the answer, so
// that a client knows the id of a subscription before its first message. It is
// safe for concurrent use, also after its end: then messages go nowhere.
type Socket struct {
	conn        *websocket.Conn
	maxMessages int
	maxBytes    int

	mu        sync.Mutex
	queue     [][]byte
	held      [][]byte
	messages  int // in queue and held, and those that are being written
	bytes     int // of the same
	answering bool
	wake      chan struct{} // one token: the queue is not empty
}

// Notify queues a JSON-RPC notification and waits for nobody. A socket on which
// more messages or bytes wait than its [Server] allows is disconnected. An error
// means that params cannot be encoded.
func (s *Socket) Notify(method string, params any) error {
	message, err := json.Marshal(struct {
		Version string `json:"jsonrpc"`
		Method  string `json:"method"`
		Params  any    `json:"params"`
	}{"2.0", method, params})
	if err != nil {
		return err
	}
	s.send(message)
	return nil
}

func (s *Socket) send(message []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count(message)
	if s.maxMessages > 0 && s.messages > s.maxMessages || s.maxBytes > 0 && s.bytes > s.maxBytes {
		s.queue, s.held = nil, nil
		s.conn.Close() // ends the reader, and that ends the rest
		return
	}
	if s.answering {
		s.held = append(s.held, message)
		return
	}
	s.enqueue(message)
}

// count needs the lock.
func (s *Socket) count(message []byte) {
	s.messages++
	s.bytes += len(message)
}

// enqueue needs the lock.
func (s *Socket) enqueue(messages ...[]byte) {
	s.queue = append(s.queue, messages...)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Socket) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answering = true
}

func (s *Socket) end(answer []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(answer) > 0 {
		s.count(answer)
		s.enqueue(answer)
	}
	s.enqueue(s.held...)
	s.answering, s.held = false, nil
}

// write sends what is queued until ctx ends or the connection breaks.
func (s *Socket) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		s.mu.Lock()
		batch := s.queue
		s.queue = nil
		s.mu.Unlock()
		for _, message := range batch {
			s.conn.SetWriteDeadline(time.Now().Add(writeTime))
			if err := s.conn.WriteMessage(websocket.TextMessage, message); err != nil {
				s.conn.Close()
				return
			}
			s.mu.Lock()
			s.messages--
			s.bytes -= len(message)
			s.mu.Unlock()
		}
	}
}

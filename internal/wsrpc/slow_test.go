package wsrpc_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// wait and tick are for what the other side of a connection does.
const (
	wait = 10 * time.Second
	tick = time.Millisecond
)

// A client must know the id of a subscription before the first message of it.
func TestNotificationsFollowTheAnswer(t *testing.T) {
	noLeak(t)
	n := newNode(t)
	c := n.dial()
	for range 20 {
		c.call("tell", `[50]`)
		require.JSONEq(t, `{"jsonrpc":"2.0","id":7,"result":0}`, c.next())
		for i := range 50 {
			require.Equal(t, fmt.Sprintf(`{"jsonrpc":"2.0","method":"told","params":%d}`, i), c.next())
		}
	}
	require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte(`{"method":"tell","params":[2]}`)))
	require.Contains(t, c.next(), `"params":0`, "without an answer, too")
	require.Contains(t, c.next(), `"params":1`)
}

func TestNotifyWhatIsNoJSON(t *testing.T) {
	n := newNode(t)
	c := n.dial()
	require.Error(t, n.only().Notify("told", func() {}))
	n.tell("next")
	require.Contains(t, c.next(), "next")
}

func TestNotifyFromMany(t *testing.T) {
	noLeak(t)
	n := newNode(t)
	c := n.dial()
	var tellers sync.WaitGroup
	for who := range 8 {
		tellers.Go(func() {
			for i := range 100 {
				n.tell([]int{who, i})
			}
		})
	}
	next := [8]int{}
	for range 800 {
		var who, i int
		_, err := fmt.Sscanf(c.next(), `{"jsonrpc":"2.0","method":"told","params":[%d,%d]}`, &who, &i)
		require.NoError(t, err)
		require.Equal(t, next[who], i, "in the order of each")
		next[who]++
	}
	tellers.Wait()
}

// Who reads nothing is cut off by the first message over the limit, at once and
// without a word, and only it.
func TestSlowReader(t *testing.T) {
	for name, tt := range map[string]struct {
		messages, bytes int
		size            int
		most            int // messages that may wait
	}{
		"too many messages":       {messages: 10, size: 1, most: 10},
		"too many bytes":          {bytes: 10_000, size: 1000 - len(`{"jsonrpc":"2.0","method":"told","params":""}`), most: 10},
		"one byte too many":       {bytes: 9_999, size: 1000 - len(`{"jsonrpc":"2.0","method":"told","params":""}`), most: 9},
		"messages before bytes":   {messages: 5, bytes: 1 << 20, size: 1, most: 5},
		"one message is too long": {bytes: 100, size: 1000, most: 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t)
				n.MaxMessages, n.MaxBytes = tt.messages, tt.bytes
				slow := n.dial()
				synctest.Wait() // its answer is written
				told, start := strings.Repeat("x", tt.size), time.Now()
				for range tt.most {
					n.tell(told)
					synctest.Wait()
					require.Len(t, n.sockets(), 1)
				}
				n.tell(told)
				synctest.Wait()
				require.Empty(t, n.sockets())
				require.Zero(t, time.Since(start), "nobody waited")
				require.Equal(t, websocket.CloseAbnormalClosure, slow.closed())
			})
		})
	}
}

func TestNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t)
		c := n.dial()
		for i := range 30_000 {
			n.tell(i)
		}
		for i := range 30_000 {
			require.Equal(t, fmt.Sprintf(`{"jsonrpc":"2.0","method":"told","params":%d}`, i), c.next())
		}
	})
}

// What was read no longer counts.
func TestReaderThatKeepsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t)
		n.MaxMessages, n.MaxBytes = 10, 1000
		c := n.dial()
		synctest.Wait() // its answer is written
		for i := range 100 {
			for range 10 {
				n.tell(i)
			}
			for range 10 {
				c.next()
			}
			synctest.Wait()
		}
		c.call("tell", `[9]`) // with the answer as many as may wait
		synctest.Wait()
		require.Len(t, n.sockets(), 1)
	})
}

func TestTooManyMessagesInOneAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t)
		n.MaxMessages = 10
		c := n.dial()
		synctest.Wait()
		c.call("tell", `[11]`)
		synctest.Wait()
		require.Empty(t, n.sockets())
		require.Equal(t, websocket.CloseAbnormalClosure, c.closed())
	})
}

func TestReaderThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t)
		n.dial()
		start := time.Now()
		n.tell(1)
		time.Sleep(10*time.Second - time.Nanosecond)
		synctest.Wait()
		require.Len(t, n.sockets(), 1, "it has ten seconds")
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.Empty(t, n.sockets())
		require.Equal(t, 10*time.Second, time.Since(start))
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t)
		clients := make(chan int)
		for range 5 {
			c := n.dial()
			go func() { clients <- c.closed() }()
		}
		stale := n.sockets()
		n.Close()
		n.Close()
		require.Empty(t, n.sockets(), "Close has waited")
		for range 5 {
			require.Equal(t, websocket.CloseGoingAway, <-clients)
		}
		require.Equal(t, websocket.CloseTryAgainLater, n.connect().closed())
		require.Equal(t, 5, n.opened)
		for _, s := range stale {
			require.NoError(t, s.Notify("told", 1), "messages go nowhere")
		}
	})
}

// Writers that hang in the middle of a message, and readers that do not take the
// close, share the 100 ms.
func TestCloseDuringWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t)
		for range 20 {
			n.dial()
		}
		n.tell(strings.Repeat("x", 1<<20))
		synctest.Wait()
		require.Len(t, n.sockets(), 20)
		start := time.Now()
		n.Close()
		require.Equal(t, 100*time.Millisecond, time.Since(start))
		require.Empty(t, n.sockets())
	})
}

func TestCloseWhileMessagesCome(t *testing.T) {
	noLeak(t)
	n := newNode(t)
	var busy sync.WaitGroup
	for range 4 {
		c := n.dial()
		busy.Go(func() {
			for {
				if c.WriteMessage(websocket.TextMessage, []byte(`{"id":1,"method":"tell","params":[3]}`)) != nil {
					return
				}
			}
		})
		busy.Go(func() { c.closed() })
	}
	for range 4 {
		busy.Go(func() {
			for range 200 {
				n.tell("x")
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	n.Close()
	busy.Wait()
	require.Empty(t, n.sockets())
}

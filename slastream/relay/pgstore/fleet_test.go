package pgstore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream/relay/pgstore"
)

// A chain takes transactions and notes what it sees. Like a node it holds those
// with a nonce that is too high until the ones before are there.
type chain struct {
	mu     sync.Mutex
	taken  map[uint64]string // hash by nonce
	wrong  []string          // nonces with two transactions
	next   uint64
	sends  []send
	fenced int
}

// A send is a transaction that the chain had not seen.
type send struct {
	owner, stored string // who sent it, who stored it
	nonce         uint64
	at            time.Time
}

func (c *chain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := r.URL.Query()
	switch r.URL.Path {
	case "/nonce":
		fmt.Fprint(w, c.next)
	case "/fenced":
		c.fenced++
	case "/send":
		nonce, _ := strconv.ParseUint(q.Get("nonce"), 10, 64)
		hash, ok := c.taken[nonce]
		if ok && hash != q.Get("hash") {
			c.wrong = append(c.wrong, fmt.Sprintf("%d by %s", nonce, q.Get("owner")))
		}
		if ok {
			return
		}
		c.taken[nonce] = q.Get("hash")
		c.sends = append(c.sends, send{q.Get("owner"), q.Get("stored"), nonce, time.Now()})
		for c.taken[c.next] != "" {
			c.next++
		}
	}
}

func (c *chain) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sends)
}

// since returns the first transaction after a time that another process than the
// owner stored.
func (c *chain) since(at time.Time, owner string) (send, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.sends, func(s send) bool { return s.at.After(at) && s.stored != owner })
	if i < 0 {
		return send{}, false
	}
	return c.sends[i], true
}

// A member is a process of a fleet.
type member struct {
	*os.Process
	ended <-chan struct{}
}

// A fleet is processes that share an account.
type fleet struct {
	t      *testing.T
	pool   *pgxpool.Pool
	setup  setup
	chain  *chain
	alive  map[string]member
	number int
}

func newFleet(t *testing.T, url string, n int, lease time.Duration) *fleet {
	c := &chain{taken: map[uint64]string{}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	f := &fleet{t: t, pool: connect(t, url), chain: c, alive: map[string]member{}}
	f.setup = setup{Database: url, Schema: fmt.Sprintf("test_%d", time.Now().UnixNano()), Chain: server.URL, Lease: lease}
	_, err := pgstore.Open(t.Context(), f.pool, f.setup.Schema)
	require.NoError(t, err)
	t.Cleanup(func() {
		for owner := range f.alive {
			f.signal(owner, syscall.SIGKILL)
		}
		_, err := f.pool.Exec(context.Background(), "DROP SCHEMA "+f.setup.Schema+" CASCADE")
		require.NoError(t, err)
	})
	for range n {
		f.start()
	}
	require.Eventually(t, func() bool { return c.count() > 20 }, 20*time.Second, 10*time.Millisecond, "nobody sends")
	return f
}

func (f *fleet) start() {
	f.number++
	s := f.setup
	s.Owner = fmt.Sprint("process ", f.number)
	text, err := json.Marshal(s)
	require.NoError(f.t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), processEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(f.t, err)
	require.NoError(f.t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
		_ = stdin.Close() // not before: a process ends when its parent is gone
	}()
	f.alive[s.Owner] = member{cmd.Process, ended}
}

// signal sends a signal, and waits for the end of a process that cannot survive
// it.
func (f *fleet) signal(owner string, s syscall.Signal) {
	m := f.alive[owner]
	require.NoError(f.t, m.Signal(s))
	if s == syscall.SIGKILL || s == syscall.SIGTERM {
		delete(f.alive, owner)
		<-m.ended
	}
}

// holder is the process that has the lease.
func (f *fleet) holder() (owner string) {
	require.Eventually(f.t, func() bool {
		err := f.pool.QueryRow(context.Background(), "SELECT convert_from(owner, 'UTF8') FROM "+f.setup.Schema+".lease WHERE until > now()").Scan(&owner)
		return err == nil && f.alive[owner].Process != nil
	}, 20*time.Second, time.Millisecond, "nobody has the lease")
	return owner
}

// takeover waits until another process stores and sends, and returns how long
// that took.
func (f *fleet) takeover(from time.Time, owner string) time.Duration {
	var first send
	require.Eventually(f.t, func() (ok bool) {
		first, ok = f.chain.since(from, owner)
		return ok
	}, 10*f.setup.Lease, time.Millisecond, "nobody takes over from %s", owner)
	return first.at.Sub(from)
}

// drain waits until the chain has no gap, ends all processes, and looks whether
// every nonce is there once.
func (f *fleet) drain() {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		f.chain.mu.Lock()
		defer f.chain.mu.Unlock()
		return f.chain.next == uint64(len(f.chain.taken))
	}, 5*f.setup.Lease, 10*time.Millisecond, "there are gaps")
	for owner := range f.alive {
		f.signal(owner, syscall.SIGTERM)
	}
	f.chain.mu.Lock()
	defer f.chain.mu.Unlock()
	require.Empty(f.t, f.chain.wrong, "nonces that were used twice")
	require.Equal(f.t, uint64(len(f.chain.taken)), f.chain.next)
	var left uint64
	require.NoError(f.t, f.pool.QueryRow(context.Background(), "SELECT count(*) FROM "+f.setup.Schema+".tx WHERE nonce >= $1", f.chain.next).Scan(&left))
	require.LessOrEqual(f.t, left, uint64(1), "more than the last one is stored and was never sent")
}

// kills is how many processes are killed: a few, or SLASTREAM_KILLS.
func kills(t *testing.T, few int) int {
	text := os.Getenv("SLASTREAM_KILLS")
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// TestKilledProcesses kills one of three processes again and again, most often
// the one that sends. SLASTREAM_KILLS says how often.
func TestKilledProcesses(t *testing.T) {
	const lease = time.Second
	f := newFleet(t, serverURL(t), 3, lease)
	var took []time.Duration
	for range kills(t, 6) {
		time.Sleep(time.Duration(rand.Int64N(int64(lease / 2))))
		owner := f.holder()
		if rand.IntN(4) == 0 {
			for other := range f.alive {
				owner = other
			}
		}
		holds := f.holder() == owner
		at := time.Now()
		f.signal(owner, syscall.SIGKILL)
		if holds {
			took = append(took, f.takeover(at, owner))
		}
		f.start()
	}
	f.drain()
	slices.Sort(took)
	t.Logf("%d transactions of %d processes, %d kills of the one that sends: another sends after %v at most, %v in the middle, lease %v",
		f.chain.count(), f.number, len(took), slices.Max(took), took[len(took)/2], lease)
	require.LessOrEqual(t, slices.Max(took), lease+500*time.Millisecond)
}

// TestPausedProcess stops the process that sends for longer than its lease. When
// it goes on, it still believes that it has it.
func TestPausedProcess(t *testing.T) {
	const lease = time.Second
	f := newFleet(t, serverURL(t), 2, lease)
	fenced := func() int {
		f.chain.mu.Lock()
		defer f.chain.mu.Unlock()
		return f.chain.fenced
	}
	// It may be paused between two turns, and take the lease again when it goes on.
	for try := 0; fenced() == 0; try++ {
		require.Less(t, try, 10, "a paused process was never fenced")
		owner := f.holder()
		at := time.Now()
		f.signal(owner, syscall.SIGSTOP)
		f.takeover(at, owner)
		f.signal(owner, syscall.SIGCONT)
		time.Sleep(lease / 2)
	}
	f.drain()
}

// TestStoppedProcess ends the one that sends as an operator does: nobody waits
// for its lease.
func TestStoppedProcess(t *testing.T) {
	const lease = 6 * time.Second
	f := newFleet(t, serverURL(t), 2, lease)
	owner := f.holder()
	at := time.Now()
	f.signal(owner, syscall.SIGTERM)
	took := f.takeover(at, owner)
	require.Less(t, took, lease/2)
	t.Logf("another sends after %v, lease %v", took, lease)
	f.drain()
}

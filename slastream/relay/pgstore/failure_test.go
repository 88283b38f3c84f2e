package pgstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/pgstore"
)

// TestManyOwners lets stores of their own fight for a lease that is shorter than
// what they do under it.
func TestManyOwners(t *testing.T) {
	schema := newSchema(t)
	var mu sync.Mutex
	type stored struct{ nonce, token uint64 }
	var list []stored
	var fenced, denied int
	var wg sync.WaitGroup
	end := time.Now().Add(3 * time.Second)
	for i := range 4 {
		store, err := pgstore.Open(t.Context(), connect(t, serverURL(t)), schema)
		require.NoError(t, err)
		wg.Go(func() {
			for time.Now().Before(end) {
				lease, err := store.Lease(t.Context(), account.String(), fmt.Sprint("owner ", i), 20*time.Millisecond)
				if errors.Is(err, relay.ErrLease) {
					mu.Lock()
					denied++
					mu.Unlock()
					time.Sleep(time.Millisecond)
					continue
				}
				if !noError(t, err) {
					return
				}
				var next uint64
				for tx, err := range store.Transactions(t.Context(), account, 0) {
					if !noError(t, err) {
						return
					}
					next = tx.Nonce + 1
				}
				time.Sleep(rand.N(40 * time.Millisecond))
				hash := attestation.WordFromUint64(rand.Uint64())
				err = store.Commit(t.Context(), relay.Change{Lease: lease, Put: []relay.Transaction{{
					TxID: relay.TxID{Sender: account, Nonce: next}, Signed: []slastream.SignedTx{{Hash: hash}},
				}}})
				mu.Lock()
				switch {
				case errors.Is(err, relay.ErrLease):
					fenced++
				case noError(t, err):
					list = append(list, stored{next, lease.Token})
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.NotEmpty(t, list)
	require.Positive(t, fenced, "no lease was ever lost")
	require.Positive(t, denied, "no lease was ever refused")
	slices.SortFunc(list, func(a, b stored) int { return int(a.nonce) - int(b.nonce) })
	for i, s := range list {
		require.Equal(t, uint64(i), s.nonce, "a nonce is missing, or there twice")
		if i > 0 {
			require.GreaterOrEqual(t, s.token, list[i-1].token, "an old owner stored after a new one")
		}
	}
	t.Logf("%d stored, %d fenced, %d denied", len(list), fenced, denied)
}

// noError is require.NoError for goroutines.
func noError(t *testing.T, err error) bool {
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

// TestNextOwnerWaits shows that a change and a new owner of its lease come one
// after the other: who takes the lease waits for a change that has passed the
// check.
func TestNextOwnerWaits(t *testing.T) {
	store, pool, schema := openStore(t)
	// The first nonce takes a while to store.
	_, err := pool.Exec(t.Context(), fmt.Sprintf(`
		CREATE FUNCTION %[1]s.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN new; END $$;
		CREATE TRIGGER wait BEFORE INSERT ON %[1]s.tx FOR EACH ROW EXECUTE FUNCTION %[1]s.wait()`, schema))
	require.NoError(t, err)
	lease, err := store.Lease(t.Context(), "a", "first", time.Millisecond)
	require.NoError(t, err)
	change := relay.Change{Lease: lease, Put: []relay.Transaction{{TxID: relay.TxID{Sender: account}, Signed: []slastream.SignedTx{{}}}}}
	committed := make(chan struct{})
	go func() {
		noError(t, store.Commit(t.Context(), change))
		close(committed)
	}()
	time.Sleep(200 * time.Millisecond)
	next, err := store.Lease(t.Context(), "a", "second", time.Hour)
	require.NoError(t, err)
	require.Equal(t, lease.Token+1, next.Token)
	count := 0
	for _, err := range store.Transactions(t.Context(), account, 0) {
		require.NoError(t, err)
		count++
	}
	require.Equal(t, 1, count, "the new owner does not see what the old one stored")
	<-committed
	require.ErrorIs(t, store.Commit(t.Context(), change), relay.ErrLease)
}

// TestUndoneIsTriedAgain has the server undo the first two tries.
func TestUndoneIsTriedAgain(t *testing.T) {
	for _, code := range []string{"serialization_failure", "deadlock_detected"} {
		t.Run(code, func(t *testing.T) {
			store, pool, schema := openStore(t)
			trigger := func(times int) {
				_, err := pool.Exec(t.Context(), fmt.Sprintf(`
					CREATE SEQUENCE %[1]s.tries;
					CREATE FUNCTION %[1]s.undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
						IF nextval('%[1]s.tries') <= %[2]d THEN RAISE %[3]s; END IF;
						RETURN new;
					END $$;
					CREATE TRIGGER undo BEFORE UPDATE ON %[1]s.progress FOR EACH ROW EXECUTE FUNCTION %[1]s.undo()`, schema, times, code))
				require.NoError(t, err)
			}
			trigger(2)
			require.NoError(t, store.Observe(t.Context(), relay.Observation{Next: 5}))
			cursor, err := store.Cursor(t.Context())
			require.NoError(t, err)
			require.Equal(t, uint64(5), cursor)

			_, err = pool.Exec(t.Context(), fmt.Sprintf(`DROP SEQUENCE %[1]s.tries; DROP FUNCTION %[1]s.undo CASCADE`, schema))
			require.NoError(t, err)
			trigger(1000)
			err = store.Observe(t.Context(), relay.Observation{From: 5, Next: 6})
			require.ErrorContains(t, err, "pgstore: ")
			require.NotErrorIs(t, err, relay.ErrConflict)
		})
	}
}

// TestCommitWithoutAnswer cuts the connection when the server has committed. The
// store does not know, says so, and does not try again.
func TestCommitWithoutAnswer(t *testing.T) {
	url := serverURL(t)
	schema := newSchema(t)
	good, err := pgstore.Open(t.Context(), connect(t, url), schema)
	require.NoError(t, err)

	p := newProxy(t, url)
	store, err := pgstore.Open(t.Context(), p.connect(t, url), schema)
	require.NoError(t, err)

	track := relay.Track{Binding: relay.Binding{Deal: attestation.Word{1}, Set: attestation.Word{2}}}
	require.NoError(t, store.Bind(t.Context(), track))
	track.Version = 1
	p.cut.Store(true)
	err = store.Commit(t.Context(), relay.Change{Tracks: []relay.Track{track}})
	p.cut.Store(false)
	require.ErrorContains(t, err, "pgstore: ")
	require.NotErrorIs(t, err, relay.ErrConflict, "it was tried again")
	require.Equal(t, int64(1), p.cuts.Load())
	for now, err := range good.Tracks(t.Context(), relay.TrackQuery{}) {
		require.NoError(t, err)
		require.Equal(t, uint64(2), now.Version, "it was not stored, or twice")
	}
	require.ErrorIs(t, store.Commit(t.Context(), relay.Change{Tracks: []relay.Track{track}}), relay.ErrConflict)
}

// TestStalledProcess has a process stop in the middle of a change: it has the
// row of its lease. The server does not wait for it longer than the others can.
func TestStalledProcess(t *testing.T) {
	url := serverURL(t)
	schema := newSchema(t)
	other, err := pgstore.Open(t.Context(), connect(t, url), schema)
	require.NoError(t, err)
	p := newProxy(t, url)
	store, err := pgstore.Open(t.Context(), p.connect(t, url), schema)
	require.NoError(t, err)
	lease, err := store.Lease(t.Context(), "a", "first", 100*time.Millisecond)
	require.NoError(t, err)
	require.NoError(t, store.Commit(t.Context(), relay.Change{Lease: lease})) // the statement is prepared

	ctx, cancel := context.WithCancel(t.Context())
	p.stall.Store(2) // BEGIN and the lock
	failed := make(chan error)
	go func() { failed <- store.Commit(ctx, relay.Change{Lease: lease}) }()
	time.Sleep(200 * time.Millisecond)
	at := time.Now()
	patience, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	next, err := other.Lease(patience, "a", "second", time.Hour)
	require.NoError(t, err)
	require.Equal(t, lease.Token+1, next.Token)
	require.Greater(t, time.Since(at), time.Second, "it did not have the row")
	require.Less(t, time.Since(at), 4*time.Second)
	cancel()
	require.ErrorContains(t, <-failed, "pgstore: ")
}

// A proxy passes on what client and server say. If cut is set it keeps the
// answer to a commit for itself and hangs up. After stall more messages of a
// client it passes on no more answers.
type proxy struct {
	addr  string
	cut   atomic.Bool
	cuts  atomic.Int64
	stall atomic.Int64
}

// connect opens a pool whose connections go through the proxy.
func (p *proxy) connect(t *testing.T, url string) *pgxpool.Pool {
	return poolWith(t, url, func(c *pgxpool.Config) {
		c.ConnConfig.TLSConfig, c.ConnConfig.Fallbacks = nil, nil
		c.ConnConfig.DialFunc = func(context.Context, string, string) (net.Conn, error) { return net.Dial("tcp", p.addr) }
	})
}

func newProxy(t *testing.T, url string) *proxy {
	config, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	network, address := "tcp", net.JoinHostPort(config.ConnConfig.Host, fmt.Sprint(config.ConnConfig.Port))
	if strings.HasPrefix(config.ConnConfig.Host, "/") {
		network, address = "unix", fmt.Sprintf("%s/.s.PGSQL.%d", config.ConnConfig.Host, config.ConnConfig.Port)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	p := &proxy{addr: l.Addr().String()}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(network, address)
			if err != nil {
				_ = client.Close()
				continue
			}
			go p.pass(client, server)
		}
	}()
	return p
}

func (p *proxy) pass(client, server net.Conn) {
	defer client.Close()
	defer server.Close()
	var cutting, stalled atomic.Bool
	go func() {
		defer server.Close()
		buf := make([]byte, 1<<16)
		for {
			n, err := client.Read(buf)
			if err != nil {
				return
			}
			if p.cut.Load() && bytes.Contains(bytes.ToLower(buf[:n]), []byte("commit\x00")) {
				cutting.Store(true)
			}
			if p.stall.Load() > 0 && p.stall.Add(-1) == 0 {
				stalled.Store(true)
			}
			if _, err := server.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 1<<16)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		if stalled.Load() {
			continue
		}
		if cutting.Load() {
			p.cuts.Add(1)
			return
		}
		if _, err := io.Copy(client, bytes.NewReader(buf[:n])); err != nil {
			return
		}
	}
}

// TestServerGoesAway restarts the server under three processes without a word,
// and cuts all connections.
func TestServerGoesAway(t *testing.T) {
	serverURL(t)
	if server.own == nil {
		t.Skip("the server of SLASTREAM_POSTGRES is not ours to restart")
	}
	f := newFleet(t, server.url, 3, time.Second)
	for range 2 {
		time.Sleep(300 * time.Millisecond)
		require.NoError(t, server.own.control("restart", "-m", "immediate"))
		f.goesOn()
		time.Sleep(300 * time.Millisecond)
		_, err := connect(t, server.url).Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		require.NoError(t, err)
		f.goesOn()
	}
	f.drain()
}

// goesOn waits for more transactions, and for all processes to be alive.
func (f *fleet) goesOn() {
	f.t.Helper()
	count := f.chain.count()
	require.Eventually(f.t, func() bool { return f.chain.count() > count+20 }, 20*time.Second, 10*time.Millisecond, "nothing is sent any more")
	for owner, m := range f.alive {
		select {
		case <-m.ended:
			f.t.Fatalf("%s has ended", owner)
		default:
		}
	}
}

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// database returns the URL of the PostgreSQL that SLASTREAM_POSTGRES names, and a
// schema of this test's own. Without one the test is skipped, or fails where
// SLASTREAM_REQUIRE holds "postgres".
func database(t *testing.T) (url, schema string) {
	t.Helper()
	url = os.Getenv("SLASTREAM_POSTGRES")
	if url == "" {
		const missing = "SLASTREAM_POSTGRES is not set: want the URL of a PostgreSQL, such as postgres://user@127.0.0.1/test"
		if slices.Contains(strings.Split(os.Getenv("SLASTREAM_REQUIRE"), ","), "postgres") {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	schema = fmt.Sprintf("relay_daemon_%d", time.Now().UnixNano())
	t.Cleanup(func() {
		pool, err := pgxpool.New(context.Background(), url)
		require.NoError(t, err)
		defer pool.Close()
		_, err = pool.Exec(context.Background(), "drop schema if exists "+schema+" cascade")
		require.NoError(t, err)
	})
	return url, schema
}

// freePort returns a port that nobody listens on at the moment.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// TestCrashPostgres runs three built daemons on one database and one account,
// and kills at random one of them, or the one that sends.
func TestCrashPostgres(t *testing.T) {
	url, schema := database(t)
	kills, rnd := campaign(t, 4)
	const lease = 2 * time.Second
	w := newWorld(t)
	sent := w.watchSends()
	deals, bindings := w.open(3, uint64(kills)*60+20)
	var paths, hosts [3]string
	for i := range paths {
		hosts[i] = freePort(t)
		paths[i] = w.write(w.config(map[string]any{
			"store": url, "schema": schema, "http": hosts[i], "name": fmt.Sprintf("relay-%d", i), "lease": lease.String(), "poll": "1s",
			"journal": fmt.Sprintf("%s/%d.journal", w.dir, i), "checkpoint": fmt.Sprintf("%s/%d.proofs", w.dir, i), "bindings": bindings,
		}))
	}
	var children [3]*child
	for i := range children {
		children[i] = spawn(t, paths[i])
	}
	defer func() {
		for _, c := range children {
			c.kill()
		}
	}()
	leader := func(except int) int {
		for i, host := range hosts {
			if i == except {
				continue
			}
			var health struct{ Lease bool }
			(&process{t: t, url: "http://" + host}).try("/readyz", &health)
			if health.Lease {
				return i
			}
		}
		return -1
	}
	waitLeader := func(except int) (int, time.Duration) {
		began, found := time.Now(), -1
		waitFor(t, func() bool { found = leader(except); return found >= 0 }, children[(except+1)%3].log.String)
		return found, time.Since(began)
	}
	at, _ := waitLeader(-1)
	p := w.proveOn(rnd, len(deals), uint64(kills)*60+20)
	var longest time.Duration
	for range kills {
		time.Sleep(time.Duration(rnd.IntN(700)) * time.Millisecond)
		victim := rnd.IntN(len(children))
		if rnd.IntN(2) == 0 {
			victim = at
		}
		children[victim].kill()
		if victim == at {
			next, took := waitLeader(victim)
			at, longest = next, max(longest, took)
		}
		children[victim] = spawn(t, paths[victim])
	}
	t.Logf("longest failover %v, lease %v", longest, lease)
	// What is left of the lease, and the turn that shows it.
	require.LessOrEqual(t, longest, lease+1500*time.Millisecond)
	p.end(w)
	w.judge(deals, p, kills, func() string {
		return children[0].log.String() + children[1].log.String() + children[2].log.String()
	})
	require.Empty(t, sent.twice(), "nonces that were used for different calls")
}

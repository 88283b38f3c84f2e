//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// database returns the URL of the PostgreSQL that SLASTREAM_POSTGRES names, or of
// one that it starts with the programs that it finds, and a schema of this test's
// own. Without either the test is skipped, or fails where SLASTREAM_REQUIRE holds
// "postgres".
func database(t *testing.T) (url, schema string) {
	t.Helper()
	url = os.Getenv("SLASTREAM_POSTGRES")
	if url == "" {
		bin, err := programs()
		if err != nil {
			if slices.Contains(strings.Split(os.Getenv("SLASTREAM_REQUIRE"), ","), "postgres") {
				t.Fatal(err)
			}
			t.Skip(err)
		}
		url = startCluster(t, bin)
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

// A fleet is several built daemons on one database and one account.
type fleet struct {
	t        *testing.T
	pool     *pgxpool.Pool
	schema   string
	paths    [3]string
	children [3]*child
}

func (f *fleet) log() (text string) {
	for _, c := range f.children {
		text += c.log.String()
	}
	return text
}

func name(i int) string { return fmt.Sprintf("relay-%d", i) }

// leader is who has the lease, as the database knows it, -1 for nobody.
func (f *fleet) leader() int {
	f.t.Helper()
	var owner []byte
	err := f.pool.QueryRow(context.Background(), "select owner from "+f.schema+".lease where until > clock_timestamp()").Scan(&owner)
	if errors.Is(err, pgx.ErrNoRows) {
		return -1
	}
	require.NoError(f.t, err)
	for i := range f.children {
		if string(owner) == name(i) {
			return i
		}
	}
	f.t.Fatalf("the lease is of %q", owner)
	return -1
}

// waitLeader waits until another than except has the lease, and returns when.
func (f *fleet) waitLeader(except int) (found int, at time.Time) {
	f.t.Helper()
	waitFor(f.t, func() bool { found = f.leader(); return found >= 0 && found != except }, f.log)
	return found, time.Now()
}

// TestCrashPostgres runs three built daemons on one database and one account,
// and kills at random one of them, or the one that sends. Another one sends
// after no more than the lease.
func TestCrashPostgres(t *testing.T) {
	url, schema := database(t)
	kills, rnd := campaign(t, 4)
	const lease = 2 * time.Second
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	defer pool.Close()
	w := newWorld(t)
	sent := w.watchSends()
	deals, bindings := w.open(3, uint64(kills)*60+20)
	f := &fleet{t: t, pool: pool, schema: schema}
	for i := range f.paths {
		f.paths[i] = w.write(w.config(map[string]any{
			"store": url, "schema": schema, "http": "127.0.0.1:0", "name": name(i), "lease": lease.String(), "poll": "200ms",
			"journal": fmt.Sprintf("%s/%d.journal", w.dir, i), "checkpoint": fmt.Sprintf("%s/%d.proofs", w.dir, i), "bindings": bindings,
		}))
		f.children[i] = spawn(t, f.paths[i])
	}
	defer func() {
		for _, c := range f.children {
			c.kill()
		}
	}()
	// The tables are there then, and those that stand by have read what is final.
	waitFor(t, func() bool { return strings.Count(f.log(), "caught up") == len(f.children) }, f.log)
	f.waitLeader(-1)
	p := w.proveOn(rnd, len(deals), uint64(kills)*60+20)
	var took []time.Duration
	for range kills {
		time.Sleep(time.Duration(rnd.IntN(700)) * time.Millisecond)
		before := f.leader()
		victim := rnd.IntN(len(f.children))
		if before >= 0 && rnd.IntN(2) == 0 {
			victim = before
		}
		killed := time.Now()
		f.children[victim].kill()
		if victim == before {
			_, at := f.waitLeader(victim)
			took = append(took, at.Sub(killed))
		}
		f.children[victim] = spawn(t, f.paths[victim])
	}
	if len(took) > 0 {
		slices.Sort(took)
		t.Logf("%d failovers, the longest %v, half of them within %v, lease %v", len(took), took[len(took)-1], took[len(took)/2], lease)
		require.LessOrEqual(t, took[len(took)-1], lease)
	}
	p.end(w)
	w.judge(deals, p, kills, f.log)
	require.Empty(t, sent.twice(), "nonces that were used for different calls")
}

package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream/relay/pgstore"
)

// The server of all tests: SLASTREAM_POSTGRES, the URL of one, or one that
// TestMain starts with the programs that it finds.
var server struct {
	url     string
	own     *cluster
	missing string
}

func TestMain(m *testing.M) {
	if os.Getenv(processEnv) != "" {
		runProcess()
		return
	}
	code, err := withServer(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withServer(m *testing.M) (int, error) {
	if url := os.Getenv("SLASTREAM_POSTGRES"); url != "" {
		server.url = url
		return m.Run(), nil
	}
	bin, err := programs()
	if err != nil {
		server.missing = err.Error()
		return m.Run(), nil
	}
	c, err := startCluster(bin)
	if err != nil {
		return 1, err
	}
	defer c.remove()
	server.url, server.own = c.url, c
	return m.Run(), nil
}

// programs returns the directory of pg_ctl and initdb.
func programs() (string, error) {
	for _, dir := range slices.Concat(filepath.SplitList(os.Getenv("PATH")), debianDirs()) {
		if _, err := exec.LookPath(filepath.Join(dir, "initdb")); err != nil {
			continue
		}
		// Programs beside a link do not find their library.
		path, err := filepath.EvalSymlinks(filepath.Join(dir, "initdb"))
		if err == nil {
			return filepath.Dir(path), nil
		}
	}
	return "", errors.New("SLASTREAM_POSTGRES is not set, and there is no initdb of PostgreSQL")
}

func debianDirs() []string {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	return dirs
}

// A cluster is a PostgreSQL server of the tests in a temporary directory.
type cluster struct {
	bin, dir, url string
	credential    *syscall.Credential // PostgreSQL does not run as root
	guard         *exec.Cmd
	alive         io.Closer // the guard waits for its end
}

func startCluster(bin string) (*cluster, error) {
	dir, err := os.MkdirTemp("", "pgstore")
	if err != nil {
		return nil, err
	}
	c := &cluster{bin: bin, dir: dir}
	if err := c.start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return c, nil
}

func (c *cluster) start() error {
	if os.Getuid() == 0 {
		if err := c.unprivileged(); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return err
	}
	if err := c.command("initdb", "-D", c.data(), "-U", "slastream", "-A", "trust", "--locale=C.UTF-8", "-N").Run(); err != nil {
		return fmt.Errorf("initdb: %w", err)
	}
	settings := fmt.Sprintf("listen_addresses = ''\nunix_socket_directories = '%s'\nport = %d\nmax_connections = 200\n", c.dir, port)
	f, err := os.OpenFile(filepath.Join(c.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(settings); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	c.url = fmt.Sprintf("postgres://slastream@/postgres?host=%s&port=%d", c.dir, port)
	if err := c.watch(); err != nil {
		return err
	}
	return c.control("start")
}

// watch has a shell stop the server and remove the directory when this process
// is gone, however it ends.
func (c *cluster) watch() (err error) {
	const script = `cat; "$0/pg_ctl" stop -m immediate -D "$1/data"; cd /; rm -rf "$1"`
	c.guard = c.command("/bin/sh", "-c", script, c.bin, c.dir)
	c.guard.SysProcAttr.Setsid = true // a signal to the tests is not for it
	c.alive, err = c.guard.StdinPipe()
	return errors.Join(err, c.guard.Start())
}

// unprivileged has the server run as a user that is not root.
func (c *cluster) unprivileged() error {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		c.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return os.Chown(c.dir, uid, gid)
	}
	return errors.New("root starts no PostgreSQL, and there is no user postgres or nobody")
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *cluster) command(program string, args ...string) *exec.Cmd {
	if !filepath.IsAbs(program) {
		program = filepath.Join(c.bin, program)
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = c.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.credential}
	return cmd
}

// control runs pg_ctl: start, stop, restart.
func (c *cluster) control(verb string, flags ...string) error {
	cmd := c.command("pg_ctl", append([]string{verb, "-w", "-t", "30", "-D", c.data(), "-l", filepath.Join(c.dir, "log")}, flags...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pg_ctl %s: %w: %s", verb, err, out)
	}
	return nil
}

func (c *cluster) remove() {
	_ = c.alive.Close()
	_ = c.guard.Wait()
}

// serverURL skips the test without a server, or fails it where SLASTREAM_REQUIRE
// holds "postgres".
func serverURL(t testing.TB) string {
	if server.url == "" {
		if strings.Contains(os.Getenv("SLASTREAM_REQUIRE"), "postgres") {
			t.Fatal(server.missing)
		}
		t.Skip(server.missing)
	}
	return server.url
}

// connect opens a pool until the test ends.
func connect(t testing.TB, url string) *pgxpool.Pool {
	return poolWith(t, url, func(*pgxpool.Config) {})
}

func poolWith(t testing.TB, url string, change func(*pgxpool.Config)) *pgxpool.Pool {
	config, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	config.MaxConns = 10
	change(config)
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// newSchema is the name of a schema that is dropped when the test ends.
func newSchema(t testing.TB) string {
	schema := fmt.Sprintf("test_%d", time.Now().UnixNano())
	pool := connect(t, serverURL(t))
	t.Cleanup(func() {
		_, err := pool.Exec(context.Background(), "DROP SCHEMA IF EXISTS "+schema+" CASCADE")
		require.NoError(t, err)
	})
	return schema
}

// openStore opens a store on a schema of its own.
func openStore(t testing.TB) (store *pgstore.Store, pool *pgxpool.Pool, schema string) {
	schema = newSchema(t)
	pool = connect(t, serverURL(t))
	store, err := pgstore.Open(context.Background(), pool, schema)
	require.NoError(t, err)
	return store, pool, schema
}

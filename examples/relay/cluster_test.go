//go:build unix

package main

import (
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
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// programs returns the directory of pg_ctl and initdb.
func programs() (string, error) {
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	for _, dir := range slices.Concat(filepath.SplitList(os.Getenv("PATH")), debian) {
		if _, err := exec.LookPath(filepath.Join(dir, "initdb")); err != nil {
			continue
		}
		// Programs beside a link do not find their library.
		if path, err := filepath.EvalSymlinks(filepath.Join(dir, "initdb")); err == nil {
			return filepath.Dir(path), nil
		}
	}
	return "", errors.New("SLASTREAM_POSTGRES is not set, and there is no initdb of PostgreSQL")
}

// A cluster is a PostgreSQL server of one test, in a directory of its own.
type cluster struct {
	bin, dir   string
	credential *syscall.Credential // PostgreSQL does not run as root
}

// startCluster starts a server that ends with the test, or with this process
// however that ends, and returns its URL.
func startCluster(t *testing.T, bin string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "slastream-relay-postgres") // short: a socket has its path in it
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // the guard may have been faster
	c := &cluster{bin: bin, dir: dir}
	if os.Getuid() == 0 {
		require.NoError(t, c.unprivileged())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	c.run(t, "initdb", "-D", c.data(), "-U", "slastream", "-A", "trust", "--locale=C.UTF-8", "-N")
	f, err := os.OpenFile(filepath.Join(c.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = fmt.Fprintf(f, "listen_addresses = ''\nunix_socket_directories = '%s'\nport = %d\nmax_connections = 200\n", dir, port)
	require.NoError(t, errors.Join(err, f.Close()))
	c.guard(t)
	c.run(t, "pg_ctl", "start", "-w", "-t", "30", "-D", c.data(), "-l", filepath.Join(dir, "log"))
	return fmt.Sprintf("postgres://slastream@/postgres?host=%s&port=%d", dir, port)
}

// guard has a shell stop the server and remove the directory when its input ends:
// with the test, or with this process.
func (c *cluster) guard(t *testing.T) {
	const script = `cat; "$0/pg_ctl" stop -m immediate -D "$1/data"; cd /; rm -rf "$1"`
	cmd := c.command("/bin/sh", "-c", script, c.bin, c.dir)
	cmd.SysProcAttr.Setsid = true // a signal to the tests is not for it
	alive, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { end(alive, cmd) })
}

func end(alive io.Closer, cmd *exec.Cmd) {
	_ = alive.Close()
	_ = cmd.Wait()
}

// unprivileged has the server run as a user that is not root.
func (c *cluster) unprivileged() error {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		c.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return os.Chown(c.dir, int(uid), int(gid))
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

// run runs a program to its end. What it prints goes to files: the server keeps
// the output of pg_ctl open.
func (c *cluster) run(t *testing.T, program string, args ...string) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), program))
	require.NoError(t, err)
	defer out.Close()
	cmd := c.command(program, args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(out.Name())
		t.Fatalf("%s: %v: %s", program, err, text)
	}
}

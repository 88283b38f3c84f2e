package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream/watch"
)

// TestSIGTERM stops the built daemon as systemd does.
func TestSIGTERM(t *testing.T) {
	w := newWorld(t)
	id := w.deal(3)
	w.prove(1)
	path := w.write(w.config(map[string]any{"bindings": []map[string]any{{"deal": "1", "set": "1"}}, "log": "json"}))
	c := spawn(t, path)
	defer c.kill()
	w.released(nil, id, 1)
	require.NoError(t, c.cmd.Process.Signal(syscall.SIGTERM))
	began := time.Now()
	require.NoError(t, c.cmd.Wait(), "%s", c.log)
	require.Less(t, time.Since(began), 5*time.Second)
	var last map[string]any
	lines := strings.Split(strings.TrimSpace(c.log.String()), "\n")
	for _, line := range lines {
		require.NoError(t, json.Unmarshal([]byte(line), &last), line)
	}
	require.Equal(t, "stopped", last["msg"])
}

// TestExitCode starts the built daemon with what it refuses.
func TestExitCode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.json")
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(smallest, `"relay": {}`, `"relay": {"polll": "1s"}`, 1)), 0o600))
	c := spawn(t, path)
	require.Error(t, c.cmd.Wait())
	require.Equal(t, 1, c.cmd.ProcessState.ExitCode())
	require.Equal(t, "relay: "+path+": unknown key relay.polll: did you mean relay.poll?\n", c.log.String())
}

// TestCheckpoint loses what is written beside the store.
func TestCheckpoint(t *testing.T) {
	for name, change := range map[string]func(*testing.T, string){
		"kept":    func(*testing.T, string) {},
		"lost":    func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
		"damaged": func(t *testing.T, path string) { damage(t, path) },
		"cut off": func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 100)) },
		"other rules": func(t *testing.T, path string) {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			b = bytes.Replace(b, []byte(`{"policy":"`), []byte(`{"policy":"x`), 1)
			require.NoError(t, os.WriteFile(path, b, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id := w.deal(4)
			w.prove(1)
			config := w.write(w.config(map[string]any{"bindings": []map[string]any{{"deal": "1", "set": "1"}}}))
			p := start(t, config)
			w.released(p, id, 1)
			eventually(t, p, func() bool { return strings.Contains(p.log.String(), "caught up") })
			require.NoError(t, p.end())
			change(t, filepath.Join(w.dir, "relay.db.proofs"))
			w.prove(1)
			p = start(t, config)
			w.released(p, id, 2)
			require.NoError(t, p.end())
			require.Equal(t, name == "kept", strings.Contains(p.log.String(), "going on from the checkpoint"), p.log)
			nonce, err := w.nonce(0)
			require.NoError(t, err)
			require.Equal(t, uint64(2), nonce)
		})
	}
}

// damage makes the checkpoint say that an epoch was read that was not.
func damage(t *testing.T, path string) {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	next := regexp.MustCompile(`"next":\d+`)
	require.Len(t, next.FindAll(b, -1), 1)
	b = next.ReplaceAll(b, []byte("${0}0")) // ten times as many epochs
	require.NoError(t, os.WriteFile(path, b, 0o600))
}

// TestLostStore loses the store, and keeps the journal: the same map is found
// again, and nothing is paid twice.
func TestLostStore(t *testing.T) {
	w := newWorld(t)
	id := w.deal(4)
	w.prove(1)
	w.prove(1)
	config := w.write(w.config(map[string]any{"bindings": []map[string]any{{"deal": "1", "set": "1"}}, "multicall": 5}))
	p := start(t, config)
	w.released(p, id, 2)
	require.NoError(t, p.end())
	require.NoError(t, os.Remove(filepath.Join(w.dir, "relay.db")))
	w.prove(1)
	p = start(t, config)
	w.released(p, id, 3)
	require.NoError(t, p.end())
	nonce, err := w.nonce(0)
	require.NoError(t, err)
	require.LessOrEqual(t, nonce, uint64(3))
}

// TestWatchtower lets a deal run out: the tower beside the relay slashes it, and
// the webhook hears of it.
func TestWatchtower(t *testing.T) {
	secret := []byte("0123456789abcdef")
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, append(secret, '\n'), 0o600))
	heard := make(chan watch.Alert, 20)
	hook := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		_, err := body.ReadFrom(r.Body)
		var a watch.Alert
		if err == nil {
			err = watch.VerifyWebhook(secret, r.Header.Get(watch.SignatureHeader), body.Bytes(), time.Now(), time.Minute)
		}
		if err == nil {
			err = json.Unmarshal(body.Bytes(), &a)
		}
		if err != nil {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		select {
		case heard <- a:
		default:
		}
	}))
	defer hook.Close()
	w := newWorld(t)
	id := w.deal(3)
	p := start(t, w.write(w.config(map[string]any{
		"watch": map[string]any{"mode": "slash", "account": 2, "webhook": hook.URL, "secret_file": path, "store": filepath.Join(w.dir, "tower")},
	})))
	w.starknet.IncreaseTime(1_000_001)
	eventually(t, p, func() bool {
		deal, err := w.client.Deal(t.Context(), id)
		return err == nil && deal.Slashed
	})
	deadline := time.After(20 * time.Second)
	for {
		select {
		case a := <-heard:
			if a.Kind == watch.KindSlashed {
				require.Equal(t, id, a.DealID)
				require.NoError(t, p.end())
				return
			}
		case <-deadline:
			t.Fatalf("the webhook did not hear of the slash\n%s", p.log)
		}
	}
}

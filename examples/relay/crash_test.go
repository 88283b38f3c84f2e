package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/audit"
)

// binary builds the daemon once. It is what an operator runs.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(binaryDir, "relay")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return path, nil
})

var binaryDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "slastream-relay")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binaryDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// A child is the daemon in a process of its own.
type child struct {
	cmd *exec.Cmd
	log *logBuffer
}

func spawn(t testing.TB, path string) *child {
	t.Helper()
	bin, err := binary()
	require.NoError(t, err)
	c := &child{cmd: exec.Command(bin, "-config", path), log: new(logBuffer)}
	c.cmd.Stderr = c.log
	require.NoError(t, c.cmd.Start())
	return c
}

// kill is SIGKILL, and waits until the process is gone.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // it may have ended
	_ = c.cmd.Wait()
}

// sends notes the transactions that arrive at a node.
type sends struct {
	inner http.Handler

	mu     sync.Mutex
	hashes map[uint64]map[string]bool // by nonce: the calldata that was sent
}

func (s *sends) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var in struct {
		Method string `json:"method"`
		Params []struct {
			Nonce    string          `json:"nonce"`
			Calldata json.RawMessage `json:"calldata"`
		} `json:"params"`
	}
	if json.Unmarshal(body, &in) == nil && in.Method == "starknet_addInvokeTransaction" && len(in.Params) == 1 {
		if nonce, err := strconv.ParseUint(in.Params[0].Nonce, 0, 64); err == nil {
			s.mu.Lock()
			if s.hashes[nonce] == nil {
				s.hashes[nonce] = map[string]bool{}
			}
			s.hashes[nonce][string(in.Params[0].Calldata)] = true
			s.mu.Unlock()
		}
	}
	s.inner.ServeHTTP(w, r)
}

// twice returns the nonces for which different calls were sent.
func (s *sends) twice() []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []uint64
	for nonce, calls := range s.hashes {
		if len(calls) > 1 {
			list = append(list, nonce)
		}
	}
	return list
}

// watchSends puts a recorder before the Starknet node of the world, for what the
// daemon sends.
func (w *world) watchSends() *sends {
	s := &sends{inner: w.starknet, hashes: map[uint64]map[string]bool{}}
	server := httptest.NewServer(s)
	w.t.Cleanup(server.Close)
	w.starknetURL = server.URL + "/rpc"
	return s
}

// campaign says how many kills, and the seed of when they come.
func campaign(t *testing.T, kills int) (int, *rand.Rand) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	for name, set := range map[string]func(uint64){
		"SLASTREAM_KILLS": func(n uint64) { kills = int(n) }, "SLASTREAM_SEED": func(n uint64) { seed = n },
	} {
		if text := os.Getenv(name); text != "" {
			n, err := strconv.ParseUint(text, 0, 64)
			require.NoError(t, err, name)
			set(n)
		}
	}
	t.Logf("SLASTREAM_SEED=%d SLASTREAM_KILLS=%d", seed, kills)
	return kills, rand.New(rand.NewPCG(seed, 0))
}

// A prover proves periods of the data sets 1 to sets at random moments, until it
// is stopped.
type prover struct {
	stop   context.CancelFunc
	done   chan struct{}
	proved []uint64 // by data set; read after done
}

func (w *world) proveOn(rnd *rand.Rand, sets int, most uint64) *prover {
	ctx, stop := context.WithCancel(context.Background())
	p := &prover{stop: stop, done: make(chan struct{}), proved: make([]uint64, sets+1)}
	seed := rnd.Uint64()
	go func() {
		defer close(p.done)
		rnd := rand.New(rand.NewPCG(seed, 1))
		for ctx.Err() == nil {
			set := 1 + rnd.IntN(sets)
			if p.proved[set] < most {
				if _, err := w.fevm.Prove(context.Background(), uint64(set)); err != nil {
					w.t.Errorf("prove: %v", err)
					return
				}
				p.proved[set]++
			}
			time.Sleep(time.Duration(rnd.IntN(150)) * time.Millisecond)
		}
	}()
	w.t.Cleanup(func() { stop(); <-p.done })
	return p
}

// end stops the prover and makes what it proved final.
func (p *prover) end(w *world) {
	p.stop()
	<-p.done
	_, err := w.fevm.Mine(10)
	require.NoError(w.t, err)
}

// judge waits until every period is paid, and looks that it was paid once: the
// deals, the money, the events and the nonces say the same.
func (w *world) judge(deals []attestation.Word, p *prover, kills int, logs func() string) {
	w.t.Helper()
	total := uint64(0)
	for i, id := range deals {
		total += p.proved[i+1]
		waitFor(w.t, func() bool {
			deal, err := w.client.Deal(context.Background(), id)
			return err == nil && deal.Released >= p.proved[i+1]
		}, logs)
	}
	time.Sleep(300 * time.Millisecond) // for what is too much
	paid := map[string]bool{}
	head, err := w.client.Head(w.t.Context())
	require.NoError(w.t, err)
	for e, err := range w.client.Events(w.t.Context(), 0, head) {
		require.NoError(w.t, err)
		if r, ok := e.Event.(slastream.ChunkReleased); ok {
			key := fmt.Sprintf("%s/%d", r.DealID.Big(), r.ChunkIndex)
			require.False(w.t, paid[key], "chunk %s was paid twice", key)
			paid[key] = true
		}
	}
	require.Len(w.t, paid, int(total))
	for i, id := range deals {
		deal, err := w.client.Deal(w.t.Context(), id)
		require.NoError(w.t, err)
		require.Equal(w.t, p.proved[i+1], deal.Released, "deal %d", i+1)
	}
	nonce, err := w.nonce(0)
	require.NoError(w.t, err)
	require.LessOrEqual(w.t, nonce, total+uint64(kills/100), "wasted transactions")
	w.t.Logf("%d periods paid with %d transactions", total, nonce)
}

// nonce is how many transactions of an account are in blocks.
func (w *world) nonce(account int) (uint64, error) {
	a := w.starknet.Accounts()[account]
	return newAccount(w, a.Address).Nonce(context.Background())
}

// TestCrashKill9 kills the built daemon at random moments while proofs keep
// coming. SLASTREAM_KILLS=200 is the campaign.
func TestCrashKill9(t *testing.T) {
	kills, rnd := campaign(t, 5)
	w := newWorld(t)
	sent := w.watchSends()
	deals, bindings := w.open(3, uint64(kills)*10+20)
	auditFile := filepath.Join(w.dir, "audit.jsonl")
	path := w.write(w.config(map[string]any{"bindings": bindings, "audit": auditFile, "settle_after": "1s"}))
	p := w.proveOn(rnd, len(deals), uint64(kills)*10+20)
	began := time.Now()
	for range kills {
		c := spawn(t, path)
		time.Sleep(20*time.Millisecond + time.Duration(rnd.IntN(500))*time.Millisecond)
		c.kill()
		require.NotContains(t, c.log.String(), "panic")
	}
	t.Logf("%d kills in %v", kills, time.Since(began).Round(time.Millisecond))
	p.end(w)
	c := spawn(t, path)
	defer c.kill()
	w.judge(deals, p, kills, c.log.String)
	require.Empty(t, sent.twice(), "nonces that were used for different calls")
	require.NoError(t, c.cmd.Process.Signal(os.Interrupt))
	require.NoError(t, c.cmd.Wait(), "%s", c.log)

	f, err := os.Open(auditFile)
	require.NoError(t, err)
	defer f.Close()
	report, err := audit.Verify(t.Context(), f, audit.Options{})
	require.NoError(t, err)
	require.Empty(t, report.Findings)
}

// open opens deals of so many chunks, each bound to the data set of its number.
func (w *world) open(n int, chunks uint64) (deals []attestation.Word, bindings []map[string]any) {
	for i := range n {
		deals = append(deals, w.deal(chunks))
		bindings = append(bindings, map[string]any{"deal": strconv.Itoa(i + 1), "set": strconv.Itoa(i + 1)})
	}
	return deals, bindings
}

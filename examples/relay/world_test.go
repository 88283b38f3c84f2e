package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	fevmsim "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	starknetsim "github.com/slastream/slastream-go/starknet/simulated"
)

// A world is what localnet serves, in this process: both chains on ports, and
// the file that describes them.
type world struct {
	t                    testing.TB
	dir                  string
	starknet             *starknetsim.Node
	fevm                 *fevmsim.Node
	starknetURL, fevmURL string
	client               *starknet.Escrow // as the account that opens deals
	token                *starknet.ERC20
	caller               *rpc.Client
	provider             slastream.Address
}

// A gate answers 503 while it is shut.
type gate struct {
	mu    sync.Mutex
	shut  bool
	inner http.Handler
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	g.inner.ServeHTTP(w, r)
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
}

var attester = [32]byte{31: 42}

func newWorld(t testing.TB) *world { return newWorldOf(t, nil) }

// newWorldOf lets a test put a gate before the Filecoin node.
func newWorldOf(t testing.TB, g *gate) *world {
	t.Helper()
	key, err := signer.NewLocal(attester)
	require.NoError(t, err)
	w := &world{
		t: t, dir: t.TempDir(),
		starknet: starknetsim.New(starknetsim.Options{Key: key.PublicKey()}),
		fevm:     fevmsim.New(fevmsim.WithStart(fevmsim.EpochAt(uint64(time.Now().Unix())))),
	}
	var filecoin http.Handler = w.fevm
	if g != nil {
		g.inner = filecoin
		filecoin = g
	}
	a, b := httptest.NewServer(w.starknet), httptest.NewServer(filecoin)
	t.Cleanup(func() { w.starknet.Close(); a.Close(); b.Close() })
	w.starknetURL, w.fevmURL = a.URL+"/rpc", b.URL+"/"
	caller, err := rpc.DialOptions(t.Context(), w.starknetURL)
	require.NoError(t, err)
	t.Cleanup(caller.Close)
	w.caller = caller
	accounts := w.starknet.Accounts()
	w.provider = accounts[3].Address
	stark, err := starknet.NewLocalKey(accounts[1].PrivateKey)
	require.NoError(t, err)
	as := starknet.NewAccount(caller, w.starknet.Domain().ChainID, accounts[1].Address, stark, starknet.WithPoll(10*time.Millisecond))
	w.client = starknet.NewEscrow(caller, w.starknet.Escrow(), starknet.WithAccount(as))
	w.token = starknet.NewERC20(caller, w.starknet.Token())
	return w
}

// deal opens a deal of chunks of one token.
func (w *world) deal(chunks uint64) attestation.Word {
	w.t.Helper()
	id, err := w.client.CreateDeal(w.t.Context(), slastream.Terms{
		Provider: w.provider, Chunks: chunks, ChunkAmount: whole18(1), Collateral: whole18(2), Duration: 1_000_000,
	})
	require.NoError(w.t, err)
	return id
}

func whole18(n uint64) slastream.Amount {
	a, err := slastream.ParseAmount(fmt.Sprint(n), 18)
	if err != nil {
		panic(err)
	}
	return a
}

// prove lets the provider prove one period, and makes it final.
func (w *world) prove(set uint64) {
	w.t.Helper()
	_, err := w.fevm.Prove(context.WithoutCancel(w.t.Context()), set)
	require.NoError(w.t, err)
	_, err = w.fevm.Mine(10)
	require.NoError(w.t, err)
}

// config is what localnet prints, with "relay".
func (w *world) config(relay map[string]any) map[string]any {
	key, err := signer.NewLocal(attester)
	require.NoError(w.t, err)
	var accounts, filecoin []map[string]any
	for _, a := range w.starknet.Accounts() {
		accounts = append(accounts, map[string]any{"address": a.Address, "private_key": a.PrivateKey, "public_key": a.PublicKey})
	}
	for _, a := range w.fevm.Accounts() {
		filecoin = append(filecoin, map[string]any{"address": a.Address().Hex(), "private_key": attestation.Word(crypto.FromECDSA(a.PrivateKey()))})
	}
	c := map[string]any{
		"starknet": map[string]any{
			"rpc": w.starknetURL, "ws": "", "chain_id": fmt.Sprintf("%#x", w.starknet.Domain().ChainID.Big()), "escrow": w.starknet.Escrow(),
			"token": w.starknet.Token(), "owner": w.starknet.Accounts()[0].Address, "accounts": accounts,
		},
		"fevm": map[string]any{
			"rpc": w.fevmURL, "chain_id": fevmsim.ChainID, "pdp_verifier": w.fevm.Verifier().Hex(),
			"mock_verifier": w.fevm.MockVerifier().Hex(), "accounts": filecoin,
		},
		"attester": map[string]any{"private_key": attestation.Word(attester), "public_key": key.PublicKey().String()},
	}
	if relay != nil {
		all := map[string]any{"store": filepath.Join(w.dir, "relay.db"), "poll": "20ms", "http": "127.0.0.1:0", "from_block": w.fevm.Head() - min(w.fevm.Head(), 3000)}
		for k, v := range relay {
			all[k] = v
		}
		c["relay"] = all
	}
	return c
}

// write writes a configuration and returns its path.
func (w *world) write(c map[string]any) string {
	w.t.Helper()
	b, err := json.Marshal(c)
	require.NoError(w.t, err)
	path := filepath.Join(w.t.TempDir(), "config.json")
	require.NoError(w.t, os.WriteFile(path, b, 0o600))
	return path
}

// A process is a daemon that runs in this process.
type process struct {
	t    testing.TB
	stop context.CancelFunc
	done chan error
	log  *logBuffer
	url  string
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// start runs the daemon until the test ends or end is called, and waits until it
// serves HTTP.
func start(t testing.TB, path string) *process {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := &process{t: t, stop: stop, done: make(chan error, 1), log: &logBuffer{}}
	go func() { p.done <- run(ctx, []string{"-config", path}, io.Discard, p.log) }()
	t.Cleanup(stop)
	waitFor(t, func() bool {
		select {
		case err := <-p.done:
			t.Fatalf("the daemon has ended: %v\n%s", err, p.log)
		default:
		}
		_, rest, ok := strings.Cut(p.log.String(), " http=")
		if ok {
			host, _, _ := strings.Cut(rest, " ")
			p.url = "http://" + host
		}
		return ok
	}, p.log.String)
	return p
}

// end stops the daemon and returns what run returned.
func (p *process) end() error {
	p.stop()
	select {
	case err := <-p.done:
		return err
	case <-time.After(20 * time.Second):
		p.t.Fatal("the daemon does not end")
		return nil
	}
}

// get asks the daemon.
func (p *process) get(path string, into any) int { return p.ask("GET", path, "", "", into) }

func (p *process) ask(method, path, token, body string, into any) int {
	p.t.Helper()
	request, err := http.NewRequest(method, p.url+path, bytes.NewReader([]byte(body)))
	require.NoError(p.t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	switch into := into.(type) {
	case nil:
	case *string:
		*into = string(b)
	default:
		require.NoError(p.t, json.Unmarshal(b, into), "%s", b)
	}
	return response.StatusCode
}

// released waits until the escrow has paid so many chunks of a deal.
func (w *world) released(p *process, id attestation.Word, n uint64) {
	w.t.Helper()
	waitFor(w.t, func() bool {
		deal, err := w.client.Deal(context.Background(), id)
		return err == nil && deal.Released == n
	}, func() string { return logOf(p) })
}

// waitFor waits until f is true, and fails after 60 seconds with the end of a log.
func waitFor(t testing.TB, f func() bool, log func() string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			text := log()
			t.Fatalf("waited for a minute\n%s", text[max(len(text)-6000, 0):])
		}
	}
}

func logOf(p *process) string {
	if p == nil {
		return ""
	}
	return p.log.String()
}

// newAccount is an account without a key, for questions.
func newAccount(w *world, address slastream.Address) *starknet.Account {
	return starknet.NewAccount(w.caller, w.starknet.Domain().ChainID, address, nil)
}

// fevmCaller is a client of the Filecoin node.
func (w *world) fevmCaller() *rpc.Client {
	w.t.Helper()
	c, err := rpc.DialOptions(context.Background(), w.fevmURL)
	require.NoError(w.t, err)
	w.t.Cleanup(c.Close)
	return c
}

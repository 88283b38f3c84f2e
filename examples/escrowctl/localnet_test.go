package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/starknet"
	starknetsim "github.com/slastream/slastream-go/starknet/simulated"
)

// A localnet is the Starknet half of what examples/localnet serves, and the file
// that describes it.
type localnet struct {
	t      *testing.T
	node   *starknetsim.Node
	file   map[string]any // "starknet" of the file
	path   string
	signer signer.Signer
	escrow *starknet.Escrow // as the second account
	sent   *atomic.Int64    // transactions
	onSend func()           // called when something is asked after one was sent; may be nil
}

func newLocalnet(t *testing.T) *localnet {
	key, err := signer.NewLocal([32]byte{31: 42})
	require.NoError(t, err)
	l := &localnet{t: t, node: starknetsim.New(starknetsim.Options{Key: key.PublicKey()}), path: filepath.Join(t.TempDir(), "localnet.json"), sent: new(atomic.Int64)}
	l.signer, err = signer.New(key)
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(l.serve))
	t.Cleanup(func() { l.node.Close(); server.Close() })
	accounts := l.node.Accounts()
	var list []map[string]any
	for _, a := range accounts {
		list = append(list, map[string]any{"address": a.Address, "private_key": a.PrivateKey, "public_key": a.PublicKey})
	}
	l.file = map[string]any{
		"rpc": server.URL + "/rpc", "ws": "", "chain_id": fmt.Sprintf("%#x", l.node.Domain().ChainID.Big()),
		"escrow": l.node.Escrow(), "token": l.node.Token(), "owner": accounts[0].Address, "accounts": list,
	}
	l.write()
	caller := jsonrpc.NewClient(server.URL+"/rpc", nil)
	stark, err := starknet.NewLocalKey(accounts[1].PrivateKey)
	require.NoError(t, err)
	as := starknet.NewAccount(caller, l.node.Domain().ChainID, accounts[1].Address, stark, starknet.WithPoll(poll))
	l.escrow = starknet.NewEscrow(caller, l.node.Escrow(), starknet.WithAccount(as))
	return l
}

// serve counts the transactions.
func (l *localnet) serve(w http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	if _, err := body.ReadFrom(r.Body); err != nil {
		return
	}
	if bytes.Contains(body.Bytes(), []byte("starknet_addInvokeTransaction")) {
		l.sent.Add(1)
	} else if l.onSend != nil && l.sent.Load() > 0 {
		l.onSend()
	}
	r.Body = io.NopCloser(&body)
	l.node.ServeHTTP(w, r)
}

// with is the same chain with another file.
func (l *localnet) with(t *testing.T, over map[string]any) *localnet {
	other := *l
	other.t, other.path, other.file = t, filepath.Join(t.TempDir(), "localnet.json"), maps.Clone(l.file)
	maps.Copy(other.file, over)
	other.write()
	return &other
}

// write writes the file, with parts that escrowctl has no use for.
func (l *localnet) write() {
	l.t.Helper()
	b, err := json.Marshal(map[string]any{
		"starknet": l.file, "fevm": map[string]any{"rpc": []string{"http://127.0.0.1:1"}}, "relay": map[string]any{"poll": "1s"},
	})
	require.NoError(l.t, err)
	require.NoError(l.t, os.WriteFile(l.path, b, 0o600))
}

// run runs a command with -config, and looks that no key is printed.
func (l *localnet) run(command string, args ...string) (stdout string, err error) {
	l.t.Helper()
	var out, errs bytes.Buffer
	err = run(l.t.Context(), append([]string{command, "-config", l.path}, args...), &out, &errs)
	all := out.String() + errs.String()
	if err != nil {
		all += err.Error()
	}
	for _, a := range l.node.Accounts() {
		require.NotContains(l.t, all, strings.TrimLeft(a.PrivateKey.String()[2:], "0"), "a key is printed")
	}
	return out.String(), err
}

func (l *localnet) json(into any, command string, args ...string) {
	l.t.Helper()
	out, err := l.run(command, append(args, "-json")...)
	require.NoError(l.t, err)
	require.Equal(l.t, 1, strings.Count(out, "\n"), "one line, for sed and grep: %s", out)
	require.NoError(l.t, json.Unmarshal([]byte(out), into))
}

// release pays chunks of a deal.
func (l *localnet) release(deal uint64, chunks ...uint64) {
	l.t.Helper()
	var items []attestation.Signed
	for _, chunk := range chunks {
		signed, err := l.signer.Attest(l.t.Context(), signer.Request{
			Attestation: attestation.Attestation{DealID: attestation.WordFromUint64(deal), ChunkIndex: chunk},
			Domain:      l.node.Domain(),
		})
		require.NoError(l.t, err)
		items = append(items, signed)
	}
	for _, r := range l.escrow.ReleaseAll(l.t.Context(), items) {
		require.NoError(l.t, r.Err)
	}
}

package simulated_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet/cairo"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// A side is one of the two nodes that the script runs on. Both have the same
// accounts, so that what is sent is the same too, down to the signature.
type side struct {
	testing.TB
	client   *http.Client
	url      string
	version  string // of the RPC: "0.9.0" or "0.10.2"
	accounts []simulated.Account
	token    slastream.Address
	escrows  []*deployment
	at       *deployment // escrow in turn
	base     uint64      // number of the first block of the script
	clock    uint64      // where it was set last

	signed map[string]map[string]any    // transactions, by what is in them; common to both sides
	nonces map[slastream.Address]uint64 // of the next transaction
	fees   map[slastream.Address]*felt.Felt
	names  map[string]string // of felts that may differ, by their shortest form
	log    []exchange
	steps  map[string]bool // in log
}

// A deployment is one escrow.
type deployment struct {
	name    string
	class   cairo.Class
	address slastream.Address
	batches bool // has release_batch

	created, released, reverted string // transactions of deals
}

// An exchange is one step of the script and the answer.
type exchange struct {
	step   string
	answer any // JSON as decoded with numbers
}

// A reply is the whole answer to a request, as it came.
type reply struct {
	Result json.RawMessage
	Error  json.RawMessage
}

// post sends a body and returns the answer, decoded in two ways.
func (s *side) post(body []byte) (reply, any) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.url, bytes.NewReader(body))
	require.NoError(s, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	require.NoError(s, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(s, err)
	whole := map[string]any{"status": json.Number(fmt.Sprint(resp.StatusCode)), "body": decode(raw)}
	var r reply
	_ = json.Unmarshal(raw, &r) // an answer to a batch has no such members
	return r, whole
}

// decode reads JSON and keeps numbers exact. What is no JSON is a string.
func decode(raw []byte) any {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return "no JSON: " + string(raw)
	}
	return v
}

// send makes a request that is no step.
func (s *side) send(method string, params any) (reply, any) {
	s.Helper()
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
	require.NoError(s, err)
	return s.post(body)
}

// must makes a request that is no step and must succeed.
func (s *side) must(into any, method string, params ...any) {
	s.Helper()
	r, whole := s.send(method, slices.Concat([]any{}, params))
	require.NotEmpty(s, r.Result, "%s: %v", method, whole)
	require.NoError(s, json.Unmarshal(r.Result, into), method)
}

// record adds a step.
func (s *side) record(step string, answer any) {
	s.Helper()
	if s.steps[step] {
		s.Fatalf("two steps are %q", step)
	}
	s.steps[step] = true
	s.log = append(s.log, exchange{step, answer})
}

// ask is a step: a request with positional parameters.
func (s *side) ask(step, method string, params ...any) reply {
	s.Helper()
	if names, ok := flagged[method]; ok && len(params) == len(names) {
		named := make(map[string]any)
		for i, name := range names {
			named[name] = params[i]
		}
		return s.askWith(step, method, named)
	}
	return s.askWith(step, method, slices.Concat([]any{}, params))
}

// flagged are the methods with a last parameter that may be absent. In an array
// starknet-devnet 0.10.1 wants it all the same, so that these are asked by name.
var flagged = map[string][]string{
	"starknet_getBlockWithTxs":                 {"block_id"},
	"starknet_getBlockWithReceipts":            {"block_id"},
	"starknet_getStateUpdate":                  {"block_id"},
	"starknet_getTransactionByHash":            {"transaction_hash"},
	"starknet_getTransactionByBlockIdAndIndex": {"block_id", "index"},
	"starknet_getStorageAt":                    {"contract_address", "key", "block_id"},
}

// askWith is like ask with any parameters.
func (s *side) askWith(step, method string, params any) reply {
	s.Helper()
	r, whole := s.send(method, params)
	s.record(step, whole)
	return r
}

// name gives a felt a name that the answers are compared with.
func (s *side) name(f, name string) {
	short := shortest(f)
	if old, ok := s.names[short]; ok && old != name {
		s.Errorf("%s is %s and %s", short, old, name)
	}
	s.names[short] = name
}

// shortest is a felt without leading zeros.
func shortest(f string) string {
	digits := strings.TrimLeft(strings.TrimPrefix(strings.ToLower(f), "0x"), "0")
	return "0x" + max(digits, "0")
}

// simulatedSide returns the node of this package.
func simulatedSide(t testing.TB, path string) *side {
	n := simulated.New(worldOptions())
	return newSide(t, n.Client(), "http://in.process"+path)
}

// devnetSide returns a starknet-devnet that runs until the test ends.
func devnetSide(t testing.TB, program string, flags ...string) *side {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	host, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	cmd := exec.Command(program, append([]string{"--host", host, "--port", port, "--seed", "1"}, flags...)...)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	url := "http://" + net.JoinHostPort(host, port) + "/rpc"
	require.Eventually(t, func() bool {
		resp, err := http.Post(url, "application/json", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"starknet_chainId"}`))
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	}, 30*time.Second, 50*time.Millisecond, "%s does not start", program)
	return newSide(t, http.DefaultClient, url)
}

func newSide(t testing.TB, client *http.Client, url string) *side {
	s := &side{
		TB: t, client: client, url: url,
		nonces: make(map[slastream.Address]uint64),
		fees:   make(map[slastream.Address]*felt.Felt),
		names:  make(map[string]string),
		steps:  make(map[string]bool),
	}
	s.must(&s.version, "starknet_specVersion")
	return s
}

// devnets are the programs of SLASTREAM_DEVNET, a list separated by colons.
// Without any the test is skipped, or fails where SLASTREAM_REQUIRE holds
// "devnet".
func devnets(t testing.TB) []string {
	programs := filepath.SplitList(os.Getenv("SLASTREAM_DEVNET"))
	if len(programs) == 0 {
		const missing = "SLASTREAM_DEVNET names no starknet-devnet program"
		if slices.Contains(strings.Split(os.Getenv("SLASTREAM_REQUIRE"), ","), "devnet") {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	return programs
}

// build signs a transaction with the account's next nonce. Its signature is
// made once for both sides: two signatures of one hash differ.
func (s *side) build(from simulated.Account, change func(*rpc.InvokeTxnV3), calls ...rpc.InvokeFunctionCall) map[string]any {
	s.Helper()
	return s.buildAt(from, s.nonces[from.Address], change, calls...)
}

func (s *side) buildAt(from simulated.Account, nonce uint64, change func(*rpc.InvokeTxnV3), calls ...rpc.InvokeFunctionCall) map[string]any {
	s.Helper()
	return s.once((&chain{TB: s.TB}).build(from, nonce, calls, change))
}

// once returns the transaction that is signed already, if the other side sent
// the same, and else this one.
func (s *side) once(tx map[string]any) map[string]any {
	s.Helper()
	key := maps.Clone(tx)
	delete(key, "signature")
	raw, err := json.Marshal(key)
	require.NoError(s, err)
	if same, ok := s.signed[string(raw)]; ok {
		return maps.Clone(same)
	}
	s.signed[string(raw)] = tx
	return maps.Clone(tx)
}

// execute is two steps: a transaction of calls, and its receipt, if it was
// taken. It returns the transaction's hash.
func (s *side) execute(step string, from simulated.Account, calls ...rpc.InvokeFunctionCall) string {
	s.Helper()
	return s.add(step, s.build(from, nil, calls...))
}

// add is like execute with a transaction that is built already.
func (s *side) add(step string, tx map[string]any) string {
	s.Helper()
	text, _ := tx["sender_address"].(string)
	sender, _ := slastream.ParseAddress(text) // none is not taken
	return s.submit(step, "starknet_addInvokeTransaction", sender, tx)
}

// submit is like add for any transaction.
func (s *side) submit(step, method string, sender slastream.Address, tx map[string]any) string {
	s.Helper()
	r := s.ask(step, method, tx)
	var sent struct {
		Hash string `json:"transaction_hash"`
	}
	if r.Result == nil || json.Unmarshal(r.Result, &sent) != nil {
		return ""
	}
	s.nonces[sender]++
	r = s.ask(step+": receipt", "starknet_getTransactionReceipt", sent.Hash)
	var got receipt
	require.NoError(s, json.Unmarshal(r.Result, &got))
	fee := felts(s, got.Fee.Amount)[0]
	s.names[shortest(got.Fee.Amount)] = "fee"
	if s.fees[sender] == nil {
		s.fees[sender] = new(felt.Felt)
	}
	s.fees[sender].Add(s.fees[sender], fee)
	return sent.Hash
}

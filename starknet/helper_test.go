package starknet_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/hash"
	snrpc "github.com/NethermindEth/starknet.go/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

func load(t testing.TB, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, into))
}

func feltOf(t testing.TB, s string) *felt.Felt {
	t.Helper()
	f, err := starknet.ParseFelt(s)
	require.NoError(t, err)
	return f
}

func feltsOf(t testing.TB, list []string) []*felt.Felt {
	t.Helper()
	out := []*felt.Felt{}
	for _, s := range list {
		out = append(out, feltOf(t, s))
	}
	return out
}

func hexes(list []*felt.Felt) []string {
	out := []string{}
	for _, f := range list {
		out = append(out, f.String())
	}
	return out
}

func wordOf(t testing.TB, s string) attestation.Word {
	t.Helper()
	w, err := attestation.ParseWord(s)
	require.NoError(t, err)
	return w
}

func addressOf(t testing.TB, s string) slastream.Address {
	t.Helper()
	a, err := slastream.ParseAddress(s)
	require.NoError(t, err)
	return a
}

func amountOf(t testing.TB, s string) slastream.Amount {
	t.Helper()
	return slastream.AmountFromWord(wordOf(t, s))
}

func uint64Of(t testing.TB, s string) uint64 {
	t.Helper()
	v, ok := wordOf(t, s).Uint64()
	require.True(t, ok, s)
	return v
}

// A script is a node whose answers a test writes: one function a method.
// Everything it is asked is kept.
type script struct {
	t       testing.TB
	mu      sync.Mutex
	methods map[string]func(params []json.RawMessage) (any, error)
	asked   []request                   // but for the version
	version int                         // how often it was asked for the version
	broken  func(r *http.Request) error // failure of the transport
}

type request struct {
	Method string
	Params []json.RawMessage
}

func newScript(t testing.TB) *script {
	s := &script{t: t, methods: make(map[string]func([]json.RawMessage) (any, error))}
	s.answer("starknet_chainId", "0x534e5f5345504f4c4941")
	s.answer("starknet_specVersion", "0.9.0")
	return s
}

func (s *script) answer(method string, result any) {
	s.on(method, func([]json.RawMessage) (any, error) { return result, nil })
}

func (s *script) on(method string, f func(params []json.RawMessage) (any, error)) {
	s.methods[method] = f
}

func (s *script) fail(method string, code int, message string, data string) {
	s.on(method, func([]json.RawMessage) (any, error) {
		return nil, &jsonrpc.Error{Code: code, Message: message, Data: json.RawMessage(data)}
	})
}

func (s *script) count(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.asked {
		if r.Method == method {
			n++
		}
	}
	return n
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.broken != nil {
		if err := s.broken(r); err != nil {
			return nil, err
		}
	}
	return jsonrpc.InProcess(jsonrpc.Handler(s.handle)).RoundTrip(r)
}

func (s *script) handle(_ context.Context, method string, raw json.RawMessage) (any, error) {
	var params []json.RawMessage
	if len(raw) > 0 { // no-argument methods may have none
		if err := json.Unmarshal(raw, &params); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	if method == "starknet_specVersion" {
		s.version++
	} else {
		s.asked = append(s.asked, request{method, params})
	}
	f := s.methods[method]
	s.mu.Unlock()
	if f == nil {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeNoMethod, Message: "Method not found"}
	}
	return f(params)
}

func (s *script) client() *jsonrpc.Client {
	return jsonrpc.NewClient("http://in.process", &http.Client{Transport: s})
}

type ctx = context.Context

var errDeadline = context.DeadlineExceeded

func timeout(t testing.TB, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

func nonceError() error {
	return &jsonrpc.Error{Code: 41, Message: "Transaction execution error", Data: json.RawMessage(`{"transaction_index":0,"execution_error":"Account transaction nonce is invalid."}`)}
}

func unknownHash() error { return &jsonrpc.Error{Code: 29, Message: "Transaction hash not found"} }

// hashOf is the hash of a transaction as starknet.go computes it.
func hashOf(t testing.TB, body json.RawMessage) string {
	t.Helper()
	var tx snrpc.InvokeTxnV3
	require.NoError(t, json.Unmarshal(body, &tx))
	h, err := hash.TransactionHashInvokeV3(&tx, new(felt.Felt).SetBytes([]byte("SN_SEPOLIA")))
	require.NoError(t, err)
	return h.String()
}

// mutex guards what test nodes count.
var mutex sync.Mutex

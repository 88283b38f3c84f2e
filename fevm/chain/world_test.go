package chain_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// A world is a simulated node whose mock verifier emits logs on demand.
type world struct {
	*simulated.Node
	caller *jsonrpc.Client
	set    byte
}

func newWorld(opts ...simulated.Option) *world {
	n := simulated.New(append([]simulated.Option{simulated.WithStart(10_000), simulated.WithManualMining()}, opts...)...)
	return &world{Node: n, caller: jsonrpc.NewClient("http://fevm.test/", n.Client())}
}

func (w *world) address() attestation.EthereumAddress {
	return attestation.EthereumAddress(w.MockVerifier())
}

// emit sends n transactions that emit a log each, all different, for the next tipset.
func (w *world) emit(t testing.TB, n int) {
	t.Helper()
	account := w.Accounts()[2]
	var nonce hexutil.Uint64
	require.NoError(t, w.caller.CallContext(t.Context(), &nonce, "eth_getTransactionCount", account.Address(), "pending"))
	for i := range n {
		w.set++
		input := hexutil.MustDecode("0xbc96e205")
		for _, b := range []byte{w.set, 64, 0} {
			input = append(input, common.LeftPadBytes([]byte{b}, 32)...)
		}
		to := w.MockVerifier()
		tx, err := types.SignNewTx(account.PrivateKey(), types.LatestSignerForChainID(big.NewInt(314159)), &types.DynamicFeeTx{
			ChainID: big.NewInt(314159), Nonce: uint64(nonce) + uint64(i), To: &to, Gas: 10_000_000,
			GasFeeCap: big.NewInt(1_000_000_000), GasTipCap: big.NewInt(1), Data: input,
		})
		require.NoError(t, err)
		raw, err := tx.MarshalBinary()
		require.NoError(t, err)
		require.NoError(t, w.caller.CallContext(t.Context(), nil, "eth_sendRawTransaction", hexutil.Bytes(raw)))
	}
}

func (w *world) mine(t testing.TB, n uint64) {
	t.Helper()
	_, err := w.Mine(n)
	require.NoError(t, err)
}

// logs are those on the chain now up to an epoch.
func (w *world) logs(t testing.TB, to uint64) map[string]int {
	t.Helper()
	client, err := chain.New(w.caller, chain.Config{ChainID: 314159, Head: chain.Latest})
	require.NoError(t, err)
	out := make(map[string]int)
	for l, err := range client.Logs(t.Context(), w.address(), 10_000, min(to, w.Head())) {
		require.NoError(t, err)
		out[name(l)]++
	}
	return out
}

// name is what a log of the world is told apart by.
func name(l types.Log) string { return fmt.Sprintf("%d %x %x", l.BlockNumber, l.BlockHash, l.TxHash) }

// A ledger holds what a follower's updates add up to.
type ledger struct {
	mu        sync.Mutex
	logs      map[string]int
	byID      map[attestation.Word]string
	cursor    chain.Cursor
	head      uint64
	retracted int
	progress  int
	faults    []string
}

func newLedger() *ledger {
	return &ledger{logs: map[string]int{}, byID: map[attestation.Word]string{}}
}

func (l *ledger) take(u chain.Update) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cursor, l.head = u.Cursor, u.Head
	n := name(u.Log)
	switch u.Kind {
	case chain.Observed:
		if l.logs[n]++; l.logs[n] != 1 {
			l.faults = append(l.faults, "twice: "+n)
		}
		l.byID[u.ID] = n
	case chain.Retracted:
		l.retracted++
		if l.byID[u.ID] != n || l.logs[n] != 1 || !u.Log.Removed {
			l.faults = append(l.faults, "retracted, never seen: "+n)
		}
		delete(l.logs, n)
	case chain.Progress:
		l.progress++
	}
}

func (l *ledger) snapshot() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[string]int, len(l.logs))
	for k, v := range l.logs {
		out[k] = v
	}
	return out
}

// run follows into the ledger, from its cursor, until ctx ends.
func (l *ledger) run(ctx context.Context, f *chain.Follower) error {
	l.mu.Lock()
	cursor := l.cursor
	l.mu.Unlock()
	for u, err := range f.Follow(ctx, cursor) {
		if err != nil {
			return err
		}
		l.take(u)
	}
	return nil
}

// faults are what a node does wrong, each with a probability.
type faults struct {
	fail  float64 // no answer
	drop  float64 // a log is left out
	stale float64 // an older head, and no logs above it
	lie   float64 // a made-up answer
}

// A faulty caller is a node between the client and the world. It makes its
// errors from a seed.
type faulty struct {
	chain.Caller
	faults
	mu  sync.Mutex
	rng *rand.Rand
}

func (f *faulty) roll(p float64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rng.Float64() < p
}

func (f *faulty) number(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rng.IntN(n)
}

func (f *faulty) CallContext(ctx context.Context, result any, method string, params ...any) error {
	time.Sleep(10 * time.Millisecond)
	if f.roll(f.fail) {
		return []error{errors.New("connection reset"), &jsonrpc.StatusError{Status: 503}, &jsonrpc.StatusError{Status: 429},
			&jsonrpc.Error{Code: -32603, Message: "internal error"}}[f.number(4)]
	}
	var raw json.RawMessage
	if err := f.Caller.CallContext(ctx, &raw, method, params...); err != nil {
		return err
	}
	switch method {
	case "eth_getLogs":
		var logs []types.Log
		if err := json.Unmarshal(raw, &logs); err != nil {
			return err
		}
		raw, _ = json.Marshal(f.change(logs))
	case "eth_blockNumber":
		if f.roll(f.stale) {
			var n hexutil.Uint64
			_ = json.Unmarshal(raw, &n)
			raw, _ = json.Marshal(n - hexutil.Uint64(1+f.number(5)))
		}
	case "eth_getBlockByNumber":
		if f.roll(f.lie) {
			var block map[string]any
			_ = json.Unmarshal(raw, &block)
			block["hash"] = common.Hash{byte(f.number(256)), 7}
			raw, _ = json.Marshal(block)
		}
	}
	return json.Unmarshal(raw, result)
}

func (f *faulty) change(logs []types.Log) []types.Log {
	out := []types.Log{}
	cut := uint64(1 << 63)
	if len(logs) > 0 && f.roll(f.stale) {
		cut = logs[len(logs)-1].BlockNumber
	}
	for _, l := range logs {
		if l.BlockNumber < cut && !f.roll(f.drop) {
			out = append(out, l)
		}
	}
	if len(out) > 0 && f.roll(f.lie) {
		l := &out[f.number(len(out))]
		switch f.number(3) {
		case 0:
			l.TxHash[0] ^= 1 // an event that never was
		case 1:
			l.Topics = []common.Hash{l.Topics[0], {31: 99}}
		case 2:
			l.BlockHash[5] ^= 1
		}
	}
	return out
}

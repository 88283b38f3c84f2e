package simulated_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/fevm/simulated"
)

// through asks an endpoint and returns the HTTP status and the body.
func through(t *testing.T, e *simulated.FaultyNode, method, params string) (int, string) {
	t.Helper()
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params)
	resp, err := e.Client().Post("http://node.invalid/", "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(bytes.TrimSpace(raw))
}

func resultOf[T any](t *testing.T, body string) (v T) {
	t.Helper()
	var a struct {
		Result T
		Error  *struct{ Message string }
	}
	require.NoError(t, json.Unmarshal([]byte(body), &a), body)
	require.Nil(t, a.Error, body)
	return a.Result
}

type wireLog struct {
	BlockHash, TransactionHash common.Hash
	Topics                     []common.Hash
}

const allLogs = `[{"fromBlock":"0x325aa0","toBlock":"latest"}]`

// busy is a node with fifty logs of the mock in an epoch each.
func busy(t *testing.T) *simulated.Node {
	n := simulated.New()
	sets := make([]byte, 50)
	for i := range sets {
		sets[i] = byte(i)
	}
	emit(t, n, dial(t, n), sets...)
	return n
}

func TestFaults(t *testing.T) {
	n := busy(t)
	latest := blockAt(t, dial(t, n), "latest")
	tx := fmt.Sprintf(`[%q]`, latest.Transactions[0])
	honest := resultOf[[]wireLog](t, func() string { _, b := through(t, n.Faulty(simulated.Faults{}), "eth_getLogs", allLogs); return b }())
	require.Len(t, honest, 50)
	receipt := func(f simulated.Faults) map[string]any {
		_, body := through(t, n.Faulty(f), "eth_getTransactionReceipt", tx)
		return resultOf[map[string]any](t, body)
	}
	require.Len(t, receipt(simulated.Faults{})["logs"], 1)

	t.Run("unavailable", func(t *testing.T) {
		e := n.Faulty(simulated.Faults{Unavailable: 1})
		seen := map[int]bool{}
		for range 50 {
			status, _ := through(t, e, "eth_blockNumber", "[]")
			seen[status] = true
		}
		require.Equal(t, map[int]bool{429: true, 502: true, 503: true}, seen)
		e.Set(simulated.Faults{})
		status, _ := through(t, e, "eth_blockNumber", "[]")
		require.Equal(t, http.StatusOK, status, "changed while it runs")
	})
	t.Run("fail", func(t *testing.T) {
		_, body := through(t, n.Faulty(simulated.Faults{Fail: 1}), "eth_blockNumber", "[]")
		require.Contains(t, body, `"error"`)
	})
	t.Run("stale", func(t *testing.T) {
		e := n.Faulty(simulated.Faults{Stale: 1})
		for range 20 {
			_, body := through(t, e, "eth_blockNumber", "[]")
			behind := n.Head() - uint64(resultOf[hexutil.Uint64](t, body))
			require.True(t, behind >= 1 && behind <= 5, behind)
		}
		_, body := through(t, e, "eth_getLogs", allLogs)
		require.Less(t, len(resultOf[[]wireLog](t, body)), 50)
	})
	t.Run("dropped logs", func(t *testing.T) {
		_, body := through(t, n.Faulty(simulated.Faults{DropLogs: 0.2}), "eth_getLogs", allLogs)
		got := len(resultOf[[]wireLog](t, body))
		require.True(t, got > 30 && got < 50, got)
	})
	t.Run("lie", func(t *testing.T) {
		e := n.Faulty(simulated.Faults{Lie: 1})
		for range 10 {
			_, body := through(t, e, "eth_getLogs", allLogs)
			require.NotEqual(t, honest, resultOf[[]wireLog](t, body))
		}
		_, body := through(t, e, "eth_getBlockByNumber", `["latest",false]`)
		require.NotEqual(t, latest.Hash, resultOf[rawBlock](t, body).Hash)
		require.Equal(t, latest.Hash, blockAt(t, dial(t, n), "latest").Hash, "the node itself is honest")
		next := fmt.Sprintf(`[{"to":%q,"input":"0x%x"},"latest"]`, n.Verifier(), selector("getNextDataSetId()"))
		_, body = through(t, e, "eth_call", next)
		require.Equal(t, "0x"+strings.Repeat("0", 64), resultOf[string](t, body), "it is 1")
	})
	t.Run("replaced", func(t *testing.T) {
		r := receipt(simulated.Faults{Replaced: 1})
		require.NotEqual(t, latest.Transactions[0], r["transactionHash"])
		require.Empty(t, r["logs"])
	})
	t.Run("empty, then late", func(t *testing.T) {
		require.Empty(t, receipt(simulated.Faults{EmptyReceipts: 1})["logs"])
		require.Nil(t, receipt(simulated.Faults{LateReceipts: 1}))
		e := n.Faulty(simulated.Faults{LateReceipts: 1})
		_, body := through(t, e, "eth_getBlockReceipts", `["latest"]`)
		require.Empty(t, resultOf[[]any](t, body))
		_, err := n.Mine(1)
		require.NoError(t, err)
		require.Len(t, receipt(simulated.Faults{EmptyReceipts: 1})["logs"], 1, "an epoch later")
		require.NotNil(t, receipt(simulated.Faults{LateReceipts: 1}))
	})
	t.Run("no index of hashes", func(t *testing.T) {
		filter := fmt.Sprintf(`[{"blockHash":%q}]`, latest.Hash)
		_, body := through(t, n.Faulty(simulated.Faults{NoHashIndex: true}), "eth_getLogs", filter)
		require.Empty(t, resultOf[[]any](t, body))
		_, body = through(t, n.Faulty(simulated.Faults{}), "eth_getLogs", filter)
		require.Len(t, resultOf[[]any](t, body), 1)
	})
}

// TestFaultsDeterministic makes the same requests with the same seed, and
// another.
func TestFaultsDeterministic(t *testing.T) {
	n := busy(t)
	run := func(seed uint64) (out []string) {
		e := n.Faulty(simulated.Faults{Seed: seed, Unavailable: 0.1, Fail: 0.2, Stale: 0.1, DropLogs: 0.1, Lie: 0.1, Replaced: 0.1})
		for range 30 {
			_, body := through(t, e, "eth_getLogs", allLogs)
			out = append(out, body)
		}
		return out
	}
	require.Equal(t, run(1), run(1))
	require.NotEqual(t, run(1), run(2))
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulated.New()
		e := n.Faulty(simulated.Faults{Latency: time.Minute})
		began := time.Now()
		for range 20 {
			through(t, e, "eth_blockNumber", "[]")
		}
		took := time.Since(began)
		require.True(t, took > 5*time.Minute && took < 15*time.Minute, took)
	})
}

// TestFaultyConcurrent is for the race detector.
func TestFaultyConcurrent(t *testing.T) {
	n := simulated.New(simulated.WithDeferredExecution())
	e := n.Faulty(simulated.Faults{Stale: 0.5, Lie: 0.5, DropLogs: 0.5})
	c := dial(t, n)
	filter := ask(t, c, "eth_newFilter", map[string]any{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 10 {
			if _, err := n.Prove(t.Context(), 1); err != nil {
				t.Error(err)
			}
			if _, err := n.Reorg(3); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range 3 {
		wg.Go(func() {
			for range 50 {
				resp, err := e.Client().Post("http://node.invalid", "application/json", strings.NewReader(`{"id":1,"method":"eth_getLogs","params":`+allLogs+`}`))
				if err != nil {
					t.Error(err)
					continue
				}
				resp.Body.Close()
				e.Set(simulated.Faults{Seed: uint64(i), DropLogs: 0.1, Stale: 0.9})
				var changes []any
				_ = c.Client().Call(&changes, "eth_getFilterChanges", filter) // it may have expired
			}
		})
	}
	wg.Wait()
}

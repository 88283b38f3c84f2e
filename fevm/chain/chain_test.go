package chain_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/internal/jsonrpc"
)

func collect(t testing.TB, seq iter.Seq2[types.Log, error]) []types.Log {
	t.Helper()
	var logs []types.Log
	for l, err := range seq {
		require.NoError(t, err)
		logs = append(logs, l)
	}
	return logs
}

// failure returns the error of a sequence and how many logs came before it.
func failure(t testing.TB, seq iter.Seq2[types.Log, error]) (n int, failed error) {
	t.Helper()
	for _, err := range seq {
		require.NoError(t, failed, "nothing after an error")
		if failed = err; err == nil {
			n++
		}
	}
	require.Error(t, failed)
	return n, failed
}

func TestNewRefuses(t *testing.T) {
	_, err := chain.New(nil, chain.Config{})
	require.ErrorContains(t, err, "ChainID")
	_, err = chain.New(nil, chain.Config{ChainID: 1, Head: "pending"})
	require.ErrorContains(t, err, `"pending"`)
}

func TestNothingIsAskedOfAnotherChain(t *testing.T) {
	n := newNode()
	n.chainID = 314
	client := n.client(t, chain.Config{})
	var wrong *chain.ChainIDError
	_, err := client.Head(t.Context())
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, &chain.ChainIDError{Want: 314159, Got: 314}, wrong)
	_, err = client.Call(t.Context(), verifier, nil, 1)
	require.ErrorAs(t, err, &wrong)
	_, err = failure(t, client.Logs(t.Context(), verifier, 1, 2))
	require.ErrorAs(t, err, &wrong)
	require.NotContains(t, n.calls, "eth_getLogs")

	n.chainID = 314159
	id, err := client.ChainID(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(314159), id)
	_, err = client.Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, "eth_getBlockByNumber", n.calls[len(n.calls)-1])
	require.Equal(t, "eth_chainId", n.calls[len(n.calls)-2], "asked once")
}

func TestHead(t *testing.T) {
	for _, tt := range []struct {
		config chain.Config
		want   uint64
	}{
		{chain.Config{}, 9000},
		{chain.Config{Head: chain.Safe}, 9010},
		{chain.Config{Head: chain.Latest}, 9020},
		{chain.Config{Head: chain.Latest, Depth: 900}, 8120},
		{chain.Config{Depth: 10000}, 0},
	} {
		head, err := newNode().client(t, tt.config).Head(t.Context())
		require.NoError(t, err)
		require.Equal(t, tt.want, head)
	}
}

func TestHeadNeverGoesBackwards(t *testing.T) {
	n := newNode()
	client := n.client(t, chain.Config{})
	for _, step := range [][2]uint64{{9000, 9000}, {8000, 9000}, {9001, 9001}} {
		n.heads["finalized"] = step[0]
		head, err := client.Head(t.Context())
		require.NoError(t, err)
		require.Equal(t, step[1], head)
	}
}

func TestBlock(t *testing.T) {
	n := newNode()
	n.nullRounds[77] = true
	client := n.client(t, chain.Config{})
	b, err := client.Block(t.Context(), 78)
	require.NoError(t, err)
	require.Equal(t, chain.Block{Number: 78, Hash: attestation.Word(blockHash(78)), ParentHash: attestation.Word(blockHash(77)), Timestamp: 1667326380 + 30*78}, b)

	_, err = client.Block(t.Context(), 77)
	require.ErrorIs(t, err, chain.ErrNullRound)

	n.reply = func(method string, _ []json.RawMessage) (any, error) {
		return nil, &jsonrpc.Error{Code: 1, Message: "requested epoch was a null round (77)"}
	}
	_, err = client.Block(t.Context(), 77)
	require.ErrorIs(t, err, chain.ErrNullRound, "Lotus before v1.31.0")

	n.reply = func(method string, _ []json.RawMessage) (any, error) {
		return nil, &jsonrpc.Error{Code: 1, Message: "requested a future epoch (beyond 'latest')"}
	}
	_, err = client.Block(t.Context(), 99999)
	require.Error(t, err)
	require.NotErrorIs(t, err, chain.ErrNullRound)

	for name, answer := range map[string]any{
		"the tipset before": map[string]any{"number": "0x4c", "hash": blockHash(76)}, // Forest at a null round
		"no block":          json.RawMessage("null"),
		"no number":         map[string]any{"hash": blockHash(77)},
		"no hash":           map[string]any{"number": "0x4d"},
	} {
		n.reply = func(string, []json.RawMessage) (any, error) { return answer, nil }
		_, err = client.Block(t.Context(), 77)
		require.ErrorIs(t, err, chain.ErrBadAnswer, name)
	}
}

func TestCall(t *testing.T) {
	n := newNode()
	client := n.client(t, chain.Config{})
	var sent []json.RawMessage
	n.reply = func(method string, params []json.RawMessage) (any, error) {
		if method != "eth_call" {
			return nil, nil
		}
		sent = params
		return hexutil.Bytes{5, 6}, nil
	}
	ret, err := client.Call(t.Context(), verifier, []byte{1, 2}, 300)
	require.NoError(t, err)
	require.Equal(t, []byte{5, 6}, ret)
	require.JSONEq(t, `{"to":"0x0102030000000000000000000000000000000000","data":"0x0102"}`, string(sent[0]))
	require.Equal(t, `"0x12c"`, string(sent[1]))

	n.reply = func(string, []json.RawMessage) (any, error) {
		return nil, &jsonrpc.Error{Code: 3, Message: "message execution failed", Data: json.RawMessage(`"0x5d946944"`)}
	}
	_, err = client.Call(t.Context(), verifier, nil, 300)
	var revert *chain.RevertError
	require.ErrorAs(t, err, &revert)
	require.Equal(t, []byte{0x5d, 0x94, 0x69, 0x44}, revert.Data)

	n.reply = func(string, []json.RawMessage) (any, error) {
		return nil, &jsonrpc.Error{Code: -32002, Message: "required historical state unavailable"}
	}
	_, err = client.Call(t.Context(), verifier, nil, 300)
	require.NotErrorAs(t, err, &revert)
	require.ErrorContains(t, err, "required historical state unavailable")
}

func TestLogsSplitsLongRanges(t *testing.T) {
	n := newNode()
	var want []types.Log
	for epoch := uint64(0); epoch <= 9000; epoch += 7 {
		want = append(want, n.emit(epoch, 0), n.emit(epoch, 3))
	}
	require.Equal(t, want, collect(t, n.client(t, chain.Config{}).Logs(t.Context(), verifier, 0, 9000)))
	require.Equal(t, [][2]uint64{{0, 2880}, {2881, 5761}, {5762, 8642}, {8643, 9000}}, n.ranges)
}

func TestLogsHalvesWhatIsTooMuch(t *testing.T) {
	for name, rangeError := range map[string]*jsonrpc.Error{
		"today": {Code: -32005, Message: "block range exceeds maximum of 100 (got 2880)"},
		"old":   {Code: 1, Message: "invalid epoch range: from block is too far in the past (maximum: 100)"},
		"older": {Code: 1, Message: "invalid epoch range: range between to and from blocks is too large (maximum: 100)"},
		"other": {Code: -32005, Message: "query timeout exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode()
			n.maxRange, n.maxResults, n.rangeError = 100, 5, rangeError
			var want []types.Log
			for epoch := uint64(5); epoch <= 1000; epoch += 11 {
				want = append(want, n.emit(epoch, 0))
			}
			require.Equal(t, want, collect(t, n.client(t, chain.Config{}).Logs(t.Context(), verifier, 5, 1000)))
		})
	}
}

func TestLogsGivesUp(t *testing.T) {
	n := newNode()
	n.emit(500, 0)
	n.emit(500, 1)
	n.emit(1, 0)
	n.maxResults = 1
	got, err := failure(t, n.client(t, chain.Config{}).Logs(t.Context(), verifier, 0, 1000))
	require.ErrorContains(t, err, "in epochs 500 to 500", "one epoch cannot be halved")
	require.Equal(t, 1, got)

	for name, refusal := range map[string]*jsonrpc.Error{
		"a quota":    {Code: -32005, Message: "daily request count exceeded, request rate limited"},
		"old epochs": {Code: 1, Message: "bad tipset height: lookbacks of more than 16h40m0s are disallowed"},
	} {
		n.ranges, n.maxRange, n.rangeError = nil, 0, refusal
		_, err = failure(t, n.client(t, chain.Config{}).Logs(t.Context(), verifier, 0, 1000))
		require.ErrorContains(t, err, refusal.Message, name)
		require.Len(t, n.ranges, 1, name)
	}
}

func TestLogsDropsRemovedAndSorts(t *testing.T) {
	n := newNode()
	first, second, third := n.emit(10, 0), n.emit(10, 1), n.emit(11, 0)
	n.tamper = func(logs []types.Log) any {
		gone := logs[0]
		gone.Removed = true
		return []types.Log{logs[2], gone, logs[1], logs[0]}
	}
	require.Equal(t, []types.Log{first, second, third}, collect(t, n.client(t, chain.Config{}).Logs(t.Context(), verifier, 0, 100)))
}

func TestLogsOfAnEmptyRange(t *testing.T) {
	n := newNode()
	require.Empty(t, collect(t, n.client(t, chain.Config{}).Logs(t.Context(), verifier, 5, 4)))
	require.Empty(t, n.calls)
	n.heads["latest"] = 1<<64 - 1
	n.emit(1<<64-1, 0)
	require.Len(t, collect(t, n.client(t, chain.Config{}).Logs(t.Context(), verifier, 1<<64-1, 1<<64-1)), 1)
}

func TestLogsStopsWhenItsReaderStops(t *testing.T) {
	n := newNode()
	n.emit(1, 0)
	n.emit(5000, 0)
	for range n.client(t, chain.Config{}).Logs(t.Context(), verifier, 0, 9000) {
		break
	}
	require.Len(t, n.ranges, 1)
}

func TestQueryTopics(t *testing.T) {
	n := newNode()
	n.emit(10, 0)
	want := n.emit(10, 1)
	q := chain.Query{Address: verifier, Topics: [][]common.Hash{{{1}}}, To: 100}
	require.Equal(t, []types.Log{want}, collect(t, n.client(t, chain.Config{}).Query(t.Context(), q)))

	q.Topics = [][]common.Hash{{}, {{9}}}
	require.Len(t, collect(t, n.client(t, chain.Config{}).Query(t.Context(), q)), 2)

	q.Topics = [][]common.Hash{{}, {{8}}}
	_, err := failure(t, n.client(t, chain.Config{}).Query(t.Context(), q))
	require.ErrorIs(t, err, chain.ErrBadAnswer, "the node ignored the second topic")

	q.Topics = make([][]common.Hash, 5)
	_, err = failure(t, n.client(t, chain.Config{}).Query(t.Context(), q))
	require.ErrorContains(t, err, "5 topics")
}

func TestLogsRefusesBadAnswers(t *testing.T) {
	for name, tamper := range map[string]func(l []types.Log) any{
		"another address":     func(l []types.Log) any { l[1].Address[0]++; return l },
		"an earlier epoch":    func(l []types.Log) any { l[1].BlockNumber = 9; return l },
		"a later epoch":       func(l []types.Log) any { l[1].BlockNumber = 101; return l },
		"no block hash":       func(l []types.Log) any { l[1].BlockHash = common.Hash{}; return l },
		"no transaction hash": func(l []types.Log) any { l[1].TxHash = common.Hash{}; return l },
		"the same log twice":  func(l []types.Log) any { return append(l, l[0]) },
		"two blocks in one epoch": func(l []types.Log) any {
			l[1].BlockHash[0]++
			return l
		},
		"null": func([]types.Log) any { return json.RawMessage("null") },
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode()
			n.emit(10, 0)
			n.emit(10, 1)
			n.tamper = tamper
			got, err := failure(t, n.client(t, chain.Config{}).Logs(t.Context(), verifier, 10, 100))
			require.ErrorIs(t, err, chain.ErrBadAnswer)
			require.Zero(t, got, "nothing of a bad answer")
		})
	}
}

func TestLogsRefusesOtherJSON(t *testing.T) {
	n := newNode()
	client := n.client(t, chain.Config{})
	for name, answer := range map[string]any{
		"a string":           "0x",
		"a log without data": []any{map[string]any{"address": verifier, "topics": []string{}, "transactionHash": blockHash(1)}},
		"a negative epoch":   []any{map[string]any{"address": verifier, "topics": []string{}, "data": "0x", "transactionHash": blockHash(1), "blockNumber": "-0x1"}},
	} {
		n.tamper = func([]types.Log) any { return answer }
		_, err := failure(t, client.Logs(t.Context(), verifier, 10, 100))
		require.Error(t, err, name)
	}
	n.reply = func(string, []json.RawMessage) (any, error) { return nil, errors.New("broken") }
	_, err := client.Head(t.Context())
	require.Error(t, err)
}

func TestHeadWithoutTheTag(t *testing.T) {
	for _, tt := range []struct {
		config chain.Config
		want   uint64
	}{
		{chain.Config{}, 8120},
		{chain.Config{Head: chain.Safe}, 8820},
		{chain.Config{Depth: 1000}, 8020},
	} {
		n := newNode()
		n.reply = func(method string, params []json.RawMessage) (any, error) {
			if method == "eth_getBlockByNumber" && string(params[0]) != `"latest"` {
				return nil, &jsonrpc.Error{Code: 1, Message: "cannot parse block number: finalized"}
			}
			return nil, nil
		}
		head, err := n.client(t, tt.config).Head(t.Context())
		require.NoError(t, err)
		require.Equal(t, tt.want, head)
	}
}

// TestFailures has the texts that nodes and gateways send.
func TestFailures(t *testing.T) {
	for text, want := range map[string]error{
		"requested epoch was a null round (77)":                                                     chain.ErrNullRound,
		"requested a future epoch (beyond 'latest')":                                                chain.ErrBehind,
		"events for the requested block are not yet available":                                      chain.ErrBehind,
		"tipset height in future":                                                                   chain.ErrBehind,
		"bad tipset height: lookbacks of more than 16h40m0s are disallowed":                         chain.ErrNoHistory,
		"required historical state unavailable: cannot make call without triggering expensive fork": chain.ErrNoHistory,
	} {
		n := newNode()
		n.reply = func(method string, _ []json.RawMessage) (any, error) {
			if method == "eth_chainId" {
				return nil, nil
			}
			return nil, &jsonrpc.Error{Code: 1, Message: text}
		}
		_, err := n.client(t, chain.Config{}).Block(t.Context(), 77)
		require.ErrorIs(t, err, want)
	}
}

// TestLogsAboveTheHead is Forest's trap: it answers such a question with none.
func TestLogsAboveTheHead(t *testing.T) {
	n := newNode()
	for _, err := range n.client(t, chain.Config{}).Logs(t.Context(), verifier, 9000, 9021) {
		require.ErrorIs(t, err, chain.ErrBehind)
	}
	require.Empty(t, n.ranges)
}

func TestTransactionInput(t *testing.T) {
	w := newWorld()
	w.emit(t, 1)
	w.mine(t, 1)
	one := client(t, w.caller, chain.Latest)
	var hash attestation.Word
	for l, err := range one.Logs(t.Context(), w.address(), 10_000, w.Head()) {
		require.NoError(t, err)
		hash = attestation.Word(l.TxHash)
	}
	both, err := chain.NewNodes(2, one, client(t, w.caller, chain.Latest))
	require.NoError(t, err)
	for _, read := range []func(context.Context, attestation.Word) ([]byte, error){one.TransactionInput, both.TransactionInput} {
		input, err := read(t.Context(), hash)
		require.NoError(t, err)
		require.Equal(t, []byte{0xbc, 0x96, 0xe2, 0x05}, input[:4])
		_, err = read(t.Context(), attestation.Word{1})
		require.ErrorIs(t, err, chain.ErrNotFound)
	}
	n := newNode()
	n.reply = func(method string, _ []json.RawMessage) (any, error) {
		if method == "eth_getTransactionByHash" {
			return map[string]any{"hash": common.Hash{9}, "input": "0x01"}, nil
		}
		return nil, nil
	}
	_, err = n.client(t, chain.Config{}).TransactionInput(t.Context(), hash)
	require.ErrorIs(t, err, chain.ErrBadAnswer, "the transaction that replaced it")
}

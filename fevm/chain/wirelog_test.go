package chain_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// FuzzReadLogs: what the direct reader accepts, go-ethereum's decoder accepts, as
// the same logs.
func FuzzReadLogs(f *testing.F) {
	f.Add([]byte(`[]`))
	f.Add([]byte(` [ { "address" : "0x0102030000000000000000000000000000000000","topics":[],"data":"0x","transactionHash":"0x0100000000000000000000000000000000000000000000000000000000000000","removed":false } ] `))
	raw, err := json.Marshal([]types.Log{{Topics: []common.Hash{{1}, {2}}, Data: []byte{1, 2, 3}, BlockNumber: 77, Index: 3, Removed: true}})
	require.NoError(f, err)
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		logs, direct := chain.ReadLogs(raw)
		if !direct {
			return
		}
		var want []types.Log
		require.NoError(t, json.Unmarshal(raw, &want))
		require.Equal(t, len(want), len(logs))
		for i := range want {
			require.Equal(t, want[i].Address, logs[i].Address)
			require.Equal(t, len(want[i].Topics), len(logs[i].Topics))
			a, err := json.Marshal(want[i])
			require.NoError(t, err)
			b, err := json.Marshal(logs[i])
			require.NoError(t, err)
			require.JSONEq(t, string(a), string(b))
		}
	})
}

// TestReadLogsDirectly: what the simulated node answers needs no other decoder.
func TestReadLogsDirectly(t *testing.T) {
	w := newWorld()
	w.emit(t, 3)
	w.mine(t, 1)
	var raw json.RawMessage
	require.NoError(t, w.caller.CallContext(t.Context(), &raw, "eth_getLogs", map[string]any{"fromBlock": "0x2710", "toBlock": "0x2711"}))
	logs, direct := chain.ReadLogs(raw)
	require.True(t, direct, "%s", raw)
	require.Len(t, logs, 3)
}

// BenchmarkBackfill reads and decodes 100,000 possession proofs of one server,
// in ranges of a day.
func BenchmarkBackfill(b *testing.B) {
	const perEpoch, epochs = 5, 20_000
	event := common.HexToHash("0x1acf7df9f0c1b0208c23be6178950c0273f89b766805a2c0bd1e53d25c700e50")
	word := func(v uint64) []byte { w := attestation.WordFromUint64(v); return w[:] }
	data := bytes.Join([][]byte{word(32), word(5), word(1), word(7), word(2), word(9), word(3), word(11), word(4), word(2), word(5), word(2000)}, nil)
	pages := make(map[uint64][]byte)
	for epoch := uint64(0); epoch < epochs; epoch += chain.MaxRange + 1 {
		var logs []types.Log
		for e := epoch; e <= min(epoch+chain.MaxRange, epochs-1); e++ {
			for i := range uint(perEpoch) {
				logs = append(logs, types.Log{Address: common.Address(verifier), Topics: []common.Hash{event, {31: byte(i)}}, Data: data,
					BlockNumber: e, BlockHash: blockHash(e), TxHash: common.Hash{byte(e), byte(e >> 8), byte(i), 1}, TxIndex: i, Index: i})
			}
		}
		raw, err := json.Marshal(logs)
		require.NoError(b, err)
		pages[epoch] = raw
	}
	// The server writes what it has: its own work must not hide the clients'.
	server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			ID     json.RawMessage
			Method string
			Params []json.RawMessage
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var result []byte
		switch q.Method {
		case "eth_chainId":
			result = []byte(`"0x4cb2f"`)
		case "eth_blockNumber":
			result = fmt.Appendf(nil, `"0x%x"`, epochs)
		default:
			var filter struct{ FromBlock hexutil.Uint64 }
			if err := json.Unmarshal(q.Params[0], &filter); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			result = pages[uint64(filter.FromBlock)]
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":`, q.ID)
		_, _ = w.Write(append(result[:len(result):len(result)], '}'))
	})
	hc := &http.Client{Transport: jsonrpc.InProcess(server)}
	b.Run("slastream", func(b *testing.B) {
		b.ReportAllocs()
		c, err := chain.New(jsonrpc.NewClient("http://node.test/", hc), chain.Config{ChainID: 314159})
		require.NoError(b, err)
		for b.Loop() {
			found := 0
			for l, err := range c.Logs(b.Context(), verifier, 0, epochs-1) {
				if err != nil {
					b.Fatal(err)
				}
				if _, err := fevm.ParseLog(&l); err != nil {
					b.Fatal(err)
				}
				found++
			}
			require.Equal(b, perEpoch*epochs, found)
		}
	})
	b.Run("go-ethereum", func(b *testing.B) {
		b.ReportAllocs()
		rc, err := rpc.DialOptions(b.Context(), "http://node.test/", rpc.WithHTTPClient(hc))
		require.NoError(b, err)
		c := ethclient.NewClient(rc)
		challenge, err := abi.NewType("tuple[]", "", []abi.ArgumentMarshaling{{Name: "pieceId", Type: "uint256"}, {Name: "offset", Type: "uint256"}})
		require.NoError(b, err)
		args := abi.Arguments{{Type: challenge}}
		for b.Loop() {
			found := 0
			for from := int64(0); from < epochs; from += chain.MaxRange + 1 {
				logs, err := c.FilterLogs(b.Context(), ethereum.FilterQuery{Addresses: []common.Address{common.Address(verifier)},
					FromBlock: big.NewInt(from), ToBlock: big.NewInt(min(from+chain.MaxRange, epochs-1))})
				if err != nil {
					b.Fatal(err)
				}
				for _, l := range logs {
					if _, err := args.Unpack(l.Data); err != nil {
						b.Fatal(err)
					}
					found++
				}
			}
			require.Equal(b, perEpoch*epochs, found)
		}
	})
}

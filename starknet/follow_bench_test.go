package starknet_test

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// BenchmarkFollow reads 100,000 transfers in 2,000 blocks from a simulated
// node, and reports the events a second and the most heap that a hundred
// samples saw in use beyond what the node has.
func BenchmarkFollow(b *testing.B) {
	const events, blocks = 100_000, 2000
	node := simulated.New(simulated.Options{Accounts: 1, Clock: func() uint64 { return 1_800_000_000 }})
	sender := node.Accounts()[0]
	key, err := starknet.NewLocalKey(sender.PrivateKey)
	require.NoError(b, err)
	rpc := jsonrpc.NewClient("http://in.process/rpc", node.Client())
	account := starknet.NewAccount(rpc, starknet.Sepolia, sender.Address, key, starknet.WithPoll(time.Millisecond))
	to, err := starknet.FeltFromWord(attestation.WordFromUint64(7))
	require.NoError(b, err)
	transfer := starknet.NewCall(node.Token(), "transfer", to, new(felt.Felt).SetUint64(1), new(felt.Felt))
	for range blocks { // one more event is the fee
		_, err := account.Execute(b.Context(), slices.Repeat([]starknet.Call{transfer}, events/blocks-1)...)
		require.NoError(b, err)
	}
	for _, path := range rpcPaths {
		b.Run(path[len("/rpc/"):], func(b *testing.B) {
			history := starknet.NewERC20(jsonrpc.NewClient("http://in.process"+path, node.Client()), node.Token()).History()
			var before, now runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			most := uint64(0)
			for b.Loop() {
				n := 0
				for _, err := range history.Follow(context.Background(), starknet.Cursor{}) {
					require.NoError(b, err)
					if n++; n%(events/100) == 0 {
						b.StopTimer()
						runtime.GC()
						runtime.ReadMemStats(&now)
						if now.HeapAlloc > before.HeapAlloc {
							most = max(most, now.HeapAlloc-before.HeapAlloc)
						}
						b.StartTimer()
					}
					if n == events {
						break
					}
				}
			}
			b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(most)/(1<<20), "MiB-held")
		})
	}
}

package simulated_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/starknet/simulated"
)

// BenchmarkReleaseChunk is one release_chunk a transaction and a block, both
// signatures checked, over JSON-RPC in process. Its rival is starknet-devnet
// 0.6.1: about 10 ms each.
func BenchmarkReleaseChunk(b *testing.B) {
	const batch = 2000
	var c *chain
	var requests []string
	client := &http.Client{}
	next := 0
	for b.Loop() {
		if next == len(requests) {
			b.StopTimer()
			c = newChain(b, simulated.Options{Key: attesterKey()})
			client = c.Client()
			me, relay := c.Accounts()[1], c.Accounts()[2]
			c.sent(me, c.create(me.Address, batch, 10, 1, 60)...)
			requests, next = make([]string, batch), 0
			for i := range requests {
				tx := c.build(relay, uint64(i), []rpc.InvokeFunctionCall{c.release(attest(1, uint64(i)))}, nil)
				body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "starknet_addInvokeTransaction", "params": []any{tx}})
				require.NoError(b, err)
				requests[i] = string(body)
			}
			b.StartTimer()
		}
		resp, err := client.Post("http://in.process/rpc", "application/json", strings.NewReader(requests[next]))
		if err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
		next++
	}
	b.StopTimer()
	if got := get[uint64](c, "starknet_blockNumber"); got != uint64(next)+1 {
		b.Fatalf("%d blocks, want %d: a transaction was refused", got, next+1)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
}

// BenchmarkNew is the start of a node.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		simulated.New(simulated.Options{Key: attesterKey()})
	}
}

// BenchmarkRelease sends release_chunk, one a transaction and a block, both
// signatures checked, to this node and to the programs of SLASTREAM_DEVNET, one
// core for each: GOMAXPROCS=1 and -cpu 1 for this one, devnet has one thread that
// executes.
func BenchmarkRelease(b *testing.B) {
	run := func(s *side) {
		b := s.TB.(*testing.B)
		s.signed = make(map[string]map[string]any)
		s.prepare(s.predeployed(9), s.url != "http://in.process/rpc/v0_9")
		s.at = s.escrows[0]
		const batch = 400
		relay := s.accounts[3]
		var requests [][]byte
		for b.Loop() {
			if len(requests) == 0 {
				b.StopTimer()
				deal := uint64(len(s.log)/2 + 1)
				s.create(s.step("deal %d", deal), batch, 10, 5, 900_000)
				for i := range uint64(batch) {
					tx := s.build(relay, nil, s.release(attest(deal, i)))
					s.nonces[relay.Address]++
					body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "starknet_addInvokeTransaction", "params": []any{tx}})
					require.NoError(b, err)
					requests = append(requests, body)
				}
				b.StartTimer()
			}
			r, _ := s.post(requests[0])
			if r.Error != nil {
				b.Fatalf("%s", r.Error)
			}
			requests = requests[1:]
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
	}
	b.Run("slastream", func(b *testing.B) { run(simulatedSide(b, "/rpc/v0_9")) })
	for _, program := range devnets(b) {
		b.Run(filepath.Base(program), func(b *testing.B) { run(devnetSide(b, program)) })
	}
}

package escrow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// BenchmarkReleaseChunk measures one release with its signature check. The
// rival is a node: starknet-devnet 0.6.1 needs about 10 ms for one. The part
// called check is the signature alone.
func BenchmarkReleaseChunk(b *testing.B) {
	const many = 256
	c := openDeal(b, testParams, many)
	opened, funds := c.Snapshot(), c.host.Snapshot()
	var signed []attestation.Signed
	for index := range uint64(many) {
		signed = append(signed, sign(b, testSecret, chunkOf(1, index)))
	}
	b.Run("slastream", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if i%many == 0 {
				c.Revert(opened)
				c.host.Revert(funds)
				funds = c.host.Snapshot()
			}
			if err := c.ReleaseChunk(escrow.Call{}, signed[i%many]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		v := attestation.NewVerifier(testParams.Rules, testParams.Key)
		for i := 0; b.Loop(); i++ {
			if err := v.Verify(signed[i%many]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCreateDeal measures what the model costs without a signature, with
// an ever longer history.
func BenchmarkCreateDeal(b *testing.B) {
	h, ledger := newHost()
	c := newChain(testParams, h)
	require.NoError(b, ledger.Mint(client, maxAmount))
	require.NoError(b, ledger.Approve(client, escrowAddr, maxAmount))
	terms := slastream.Terms{Provider: provider, Chunks: 3, ChunkAmount: amount(100), Duration: 60}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.CreateDeal(escrow.Call{From: client}, terms); err != nil {
			b.Fatal(err)
		}
		h.log = h.log[:0]
	}
}

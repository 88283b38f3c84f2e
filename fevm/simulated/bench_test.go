package simulated_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/fevm/simulated"
)

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		simulated.New()
	}
}

// BenchmarkProve is one whole sim_prove: a period, its tipsets, a proof, two
// signed transactions over JSON-RPC.
func BenchmarkProve(b *testing.B) {
	n := simulated.New()
	for b.Loop() {
		if _, err := n.Prove(b.Context(), 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMine(b *testing.B) {
	for b.Loop() {
		head, err := simulated.New(simulated.WithStart(0)).Mine(100_000)
		require.NoError(b, err)
		require.EqualValues(b, 100_000, head)
	}
}

package simulated_test

import (
	"strings"
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

// BenchmarkPeriod is one honest proving period under the strict service:
// nextProvingPeriod, a hundred tipsets, provePossession.
func BenchmarkPeriod(b *testing.B) {
	n := simulated.New(simulated.WithProvingPeriod(100, 10))
	sp := n.Provider(n.Accounts()[1])
	set, err := sp.CreateDataSet(b.Context(), n.Service())
	require.NoError(b, err)
	_, err = sp.AddPieces(b.Context(), set, []byte(strings.Repeat("possession", 300)))
	require.NoError(b, err)
	for b.Loop() {
		p, err := n.Play(b.Context(), sp, set, simulated.Behaviour{})
		if err != nil || len(p.Proofs) != 1 {
			b.Fatal(err, p)
		}
	}
}

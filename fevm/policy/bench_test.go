package policy_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/fevm/policy"
)

// BenchmarkNewProofs asks for the newest epochs, with ten new proofs, on a
// verifier of so many data sets: All, and Proofs of each set.
func BenchmarkNewProofs(b *testing.B) {
	for _, sets := range []uint64{100, 10_000} {
		logs := many(sets, 3).logs
		last := new(script).at(50)
		for set := range uint64(10) {
			last.open(set+1, 55, 8)
		}
		last.at(55)
		for set := range uint64(10) {
			last.prove(set+1, 0, 3, 5)
		}
		logs = append(logs, last.logs...)
		fresh := func() *policy.Source {
			source, err := policy.NewSource(&reader{logs: logs, head: 100}, config(5))
			require.NoError(b, err)
			require.Len(b, collect(b, source.All(b.Context(), 0, 100)), int(3*sets+10))
			return source
		}
		b.Run(fmt.Sprintf("All/%d data sets", sets), func(b *testing.B) {
			source := fresh()
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for range source.All(b.Context(), 46, 100) {
					n++
				}
				require.Equal(b, 10, n)
			}
		})
		b.Run(fmt.Sprintf("Proofs/%d data sets", sets), func(b *testing.B) {
			source := fresh()
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for set := range sets {
					for range source.Proofs(b.Context(), number(set+1), 46, 100) {
						n++
					}
				}
				require.Equal(b, 10, n)
			}
		})
	}
}

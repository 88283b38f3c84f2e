package attestation_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
)

// Goroutines share a verifier while it passes from recovering to its tables.
func TestVerifierIsSafeForConcurrentUse(t *testing.T) {
	items, key := manySigned(t, 40)
	want := make([]string, len(items))
	for i := range items {
		switch i % 4 {
		case 1:
			items[i].Signature.V ^= 1
		case 2:
			items[i].Attestation.Timestamp++
		case 3:
			items[i].Signature.S = attestation.Word{}
		}
		want[i] = reason(t, items[i].Verify(attestation.RulesLowS, key))
		require.Equal(t, i%4 == 0, want[i] == "")
	}
	v := attestation.NewVerifier(attestation.RulesLowS, key)
	got := make([][]error, 8)
	var all sync.WaitGroup
	for g := range got {
		all.Go(func() {
			for range 4 {
				got[g] = append(got[g], v.VerifyBatch(items)...)
				for _, item := range items {
					got[g] = append(got[g], v.Verify(item))
				}
			}
		})
	}
	all.Wait()
	for _, verdicts := range got {
		for i, err := range verdicts {
			require.Equal(t, want[i%len(want)], reason(t, err), "item %d", i)
		}
	}
}

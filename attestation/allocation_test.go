//go:build !race

package attestation_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
)

// The race detector makes pools forget, so this runs without it.
func TestVerdictsAllocateNothing(t *testing.T) {
	items, key := manySigned(t, 1024)
	v := attestation.NewVerifier(attestation.RulesLowS, key).WithWindow(8)
	v.VerifyBatch(items) // makes the tables
	item := items[0]
	d := item.Attestation.Digest()
	for name, f := range map[string]func(){
		"Digest":          func() { item.Attestation.Digest() },
		"Recover":         func() { _, _ = attestation.Recover(attestation.RulesLowS, d, item.Signature) },
		"Verifier.Verify": func() { _ = v.Verify(item) },
	} {
		require.Zero(t, testing.AllocsPerRun(200, f), name)
	}
	require.LessOrEqual(t, testing.AllocsPerRun(20, func() { v.VerifyBatch(items) }), 2.0, "VerifyBatch of %d", len(items))
}

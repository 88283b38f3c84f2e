package lit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
)

// The action signs exactly the requests that the relay's policy makes.
func TestActionSignsWhatThePolicyPays(t *testing.T) {
	w := newWorld(t)
	for range 4 {
		w.proveNext()
	}
	history := w.memory()
	s := w.signer(history)
	requests := w.requests()
	require.Len(t, requests, 4)
	for _, req := range requests {
		signed, err := s.Attest(t.Context(), req)
		require.NoError(t, err)
		require.Equal(t, req.Attestation, signed.Attestation)
		require.NoError(t, signed.Verify(attestation.RulesLowS, s.PublicKey()))
		require.LessOrEqual(t, w.requestsSent(), 50)
		history.Add(signed)
		require.NoError(t, w.escrow(w.starknet.Accounts()[3]).Release(t.Context(), signed))
	}
}

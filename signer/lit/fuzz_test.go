package lit_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/lit"
)

// Whatever an executor answers, nothing panics, and what comes out as signed is
// signed by the pinned key for the request.
func FuzzActionAnswer(f *testing.F) {
	action, err := lit.NewAction(pinned)
	require.NoError(f, err)
	public := publicKey(action.CID())
	history := new(lit.Memory)
	history.Bind(lit.Binding{DealID: number(1), SetID: number(7), StartEpoch: 1})
	req := signer.Request{
		Attestation: attestation.Attestation{DealID: number(1), ProofSetID: number(7), Timestamp: 1598306430},
		Domain:      action.Domain(public),
		Evidence:    attestation.Evidence{ChainID: 314, Verifier: pinned.Verifier, SetID: number(7), Period: 1, BlockNumber: 1},
	}
	var sent map[string]any
	_, _, _ = lit.NewKey(executor(func(_ string, params any) (json.RawMessage, error) {
		return nil, json.Unmarshal(mustJSON(params), &sent)
	}), action, public, history).SignRequest(f.Context(), req)
	good := map[string]any{
		"ok": true, "v": "1", "attestation": sent["attestation"], "domain": sent["domain"], "evidence": sent["evidence"],
		"digest": req.Attestation.Digest().String(), "signature": signatureBy(f, actionKey(action.CID()), req.Attestation),
	}
	f.Add([]byte(mustJSON(good)))
	f.Add([]byte(`null`))
	f.Add([]byte(`"text"`))
	f.Add([]byte(`{"ok":true,"v":"1","signature":{"r":1}}`))
	f.Add([]byte(`{"ok":false,"error":"no"}`))

	var answer []byte
	s, err := signer.NewAction(lit.NewKey(executor(func(string, any) (json.RawMessage, error) { return answer, nil }), action, public, history))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, b []byte) {
		answer = b
		signed, err := s.Attest(t.Context(), req)
		if err != nil {
			require.Zero(t, signed)
			require.Less(t, len(err.Error()), 2500)
			return
		}
		require.Equal(t, req.Attestation, signed.Attestation)
		require.NoError(t, signed.Verify(attestation.RulesLowS, public))
	})
}

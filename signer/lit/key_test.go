package lit_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/lit"
	"github.com/slastream/slastream-go/signer/signertest"
)

// live is the world behind the fake service, and the client that reaches it.
func live(t *testing.T, w *world) (*service, *lit.Client) {
	t.Helper()
	s := &service{runtime: w.runtime, allowed: map[string]bool{w.action.CID(): true}}
	return s, s.client(t)
}

func TestConformance(t *testing.T) {
	w := newWorld(t)
	proofs, rounds := uint64(40), 3
	if whole() {
		proofs, rounds = 150, 16
	}
	for range proofs {
		w.proveNext()
	}
	requests := w.requests()
	require.Len(t, requests, int(proofs))
	history := w.memory()
	for _, req := range requests {
		history.Add(w.sign(req.Attestation))
	}
	_, client := live(t, w)
	signertest.Run(t, func(t *testing.T) signer.Signer {
		s, err := signer.NewAction(lit.NewKey(client, w.action, publicKey(w.action.CID()), history))
		require.NoError(t, err)
		return s
	}, signertest.Rounds(rounds), signertest.Deterministic(), signertest.Secrets(apiKey), signertest.Requests(func(n uint64) signer.Request {
		return requests[n%proofs]
	}))
}

// With a guard around it, its journal is the history.
func TestLedgerCarriesADealOn(t *testing.T) {
	w := newWorld(t)
	w.proveNext()
	w.proveNext()
	w.proveNext()
	requests := w.requests()
	public := publicKey(w.action.CID())
	journal := signer.NewMemoryJournal()
	ledger := lit.Ledger{Journal: journal, Key: public, Domain: w.action.Domain(public), Bindings: map[attestation.Word]lit.Binding{w.deal: w.binding}}
	inner := w.signer(ledger)
	s := signer.Guard(inner, journal)

	_, err := s.Attest(t.Context(), requests[1])
	require.ErrorContains(t, err, "chunk 0 of deal")
	for _, req := range requests {
		signed, err := s.Attest(t.Context(), req)
		require.NoError(t, err)
		require.NoError(t, signed.Verify(attestation.RulesLowS, public))
	}
	other := requests[0]
	other.Attestation.DealID = number(9)
	_, err = inner.Attest(t.Context(), other)
	require.ErrorContains(t, err, "has no binding")
	broken := ledger
	broken.Journal = brokenJournal{}
	_, err = w.signer(broken).Attest(t.Context(), requests[1])
	require.ErrorContains(t, err, "disk is full")
}

type brokenJournal struct{}

func (brokenJournal) BySlot(context.Context, signer.Slot) (rec signer.Record, ok bool, err error) {
	return rec, false, errors.New("disk is full")
}

func TestMemoryKnowsWhatItWasTold(t *testing.T) {
	var m lit.Memory
	_, err := m.Binding(t.Context(), number(1))
	require.ErrorContains(t, err, "no binding")
	_, err = m.Signed(t.Context(), number(1), 0)
	require.ErrorContains(t, err, "not known as signed")
}

func TestEvidenceOfAnotherSetDoesNotLeave(t *testing.T) {
	w, req, _ := proven(t)
	w.requestsSent()
	req.Evidence.SetID = number(9)
	_, err := w.signer(w.memory()).Attest(t.Context(), req)
	require.ErrorIs(t, err, signer.ErrEvidence)
	require.Zero(t, w.requestsSent())
}

// A run that was cut off is tried again, and begins with another node.
func TestNextTryBeginsWithAnotherNode(t *testing.T) {
	w := newWorld(t)
	w.proveNext()
	req := w.requests()[0]
	s := w.signer(w.memory())
	var first []string
	for range 3 {
		w.requestsSent()
		_, err := s.Attest(t.Context(), req)
		require.NoError(t, err)
		first = append(first, w.seen[0])
	}
	require.Equal(t, []string{"fevm1.test eth_chainId", "fevm2.test eth_chainId", "fevm3.test eth_chainId"}, first)
}

func TestKeyWithoutTheRightToRunTheAction(t *testing.T) {
	w, req, _ := proven(t)
	service, client := live(t, w)
	service.allowed = map[string]bool{}
	s, err := signer.NewAction(lit.NewKey(client, w.action, publicKey(w.action.CID()), w.memory()))
	require.NoError(t, err)
	_, err = s.Attest(t.Context(), req)
	require.ErrorContains(t, err, "not authorized")
	require.False(t, signer.Retryable(err))

	server := httptest.NewServer(service)
	defer server.Close()
	nobody, err := lit.NewClient(lit.ClientConfig{BaseURL: server.URL, Pause: time.Millisecond})
	require.NoError(t, err)
	_, err = nobody.Execute(t.Context(), echo, nil)
	require.ErrorContains(t, err, "status 401")
}

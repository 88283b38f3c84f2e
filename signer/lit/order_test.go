package lit_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer/lit"
)

// Whatever a provider does, the action counts chunks as the relay's policy does,
// from the chain alone, and refuses each other index for each proof.
func TestActionCountsChunksAsThePolicy(t *testing.T) {
	seeds := uint64(2)
	if whole() {
		seeds = 4
	}
	for seed := range seeds {
		random := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t)
		w.openPeriod()
		for range 12 {
			switch random.IntN(6) {
			case 0:
				w.openPeriod() // the period before may stay unproven
			case 1:
				w.proveNext()
			case 2:
				w.proveWith(5) // perhaps a duplicate
			case 3:
				w.proveWith(1) // too few: the period is lost, or a duplicate
			case 4:
				w.mine(random.Uint64N(3000))
			case 5:
				w.proveNext()
				w.proveWith(5)
				w.proveWith(1)
			}
		}
		if seed%2 == 1 { // the deal begins in the middle
			w.binding = w.bind(w.client, w.deal, w.set, firstEpoch+1+random.Uint64N(w.fevm.Head()-firstEpoch))
		}
		requests := w.requests()
		history := w.memory()
		s := w.signer(history)
		for i, req := range requests {
			signed, err := s.Attest(t.Context(), req)
			require.NoError(t, err, "seed %d, proof %d of %d", seed, i, len(requests))
			require.Equal(t, req.Attestation, signed.Attestation)
			for _, j := range []int{i - 1, i + 1} { // its neighbours' index is refused
				if j < 0 || j >= len(requests) {
					continue
				}
				other := req
				other.Attestation.ChunkIndex = uint64(j)
				if j > 0 {
					history.Add(w.sign(requests[j-1].Attestation))
				}
				_, err := s.Attest(t.Context(), other)
				refusal := new(lit.ActionError)
				require.ErrorAs(t, err, &refusal)
				require.Equal(t, "order", refusal.Code, "seed %d, proof %d as %d: %s", seed, i, j, refusal.Message)
			}
			history.Add(signed)
		}
	}
}

func TestOnlyTheFirstProofOfAPeriodIsSigned(t *testing.T) {
	w := newWorld(t)
	first := w.proveNext()
	again := w.proveWith(5)
	w.openPeriod()
	few := w.proveWith(4)
	after := w.proveWith(5)
	requests := w.requests()
	require.Len(t, requests, 1)
	require.Equal(t, attestation.Word(first.TxHash), requests[0].Evidence.TxHash)
	params := w.params(requests[0], w.memory())
	for tx, why := range map[common.Hash]string{again.TxHash: "already proven", few.TxHash: "4 challenges, want 5", after.TxHash: "already proven"} {
		w.refuses("proof", why, set(params, "evidence.txHash", tx.Hex()))
	}
}

// Two proofs of one transaction or epoch are one: the first.
func TestEvidenceIsCompared(t *testing.T) {
	w, _, params := proven(t)
	w.refuses("mismatch", "the proving period", set(params, "evidence.period", "1"))
	w.refuses("mismatch", "the epoch", set(params, "evidence.blockNumber", "1"))
	w.refuses("mismatch", "the block", set(params, "evidence.blockHash", attestation.Word{1}.String()))
	w.refuses("mismatch", "the Filecoin chain", set(params, "evidence.chainId", "314"))
}

func TestInputInAnotherForm(t *testing.T) {
	w, _, params := proven(t)
	w.requestsSent()
	for path, values := range map[string][]any{
		"v":                      {1, "2", nil},
		"first":                  {0, "-1", "x", nil, "18446744073709551616"},
		"domain":                 {nil, "x", 5},
		"evidence":               {nil},
		"attestation":            {nil},
		"attestation.dealId":     {1, "1", "0x1", nil, map[string]any{}, "0x" + "0X"},
		"attestation.chunkIndex": {0, "00", "0x0", "1e3", "-0", "18446744073709551616", nil, []any{"0"}},
		"attestation.timestamp":  {1.5, "", " 1", nil},
		"evidence.txHash":        {"", "0x", nil, []any{}},
		"evidence.verifier":      {nil, "0x0", 1},
	} {
		for _, v := range values {
			w.refuses("input", "", set(params, path, v))
		}
	}
	for path, values := range map[string][]any{
		"binding":            {nil, "x"},
		"binding.startEpoch": {nil, "0", 7},
		"binding.signature":  {nil, "x", []any{1}, []any{"0x00"}, make([]any, 65)},
	} {
		for _, v := range values {
			w.refuses("input", "", set(params, path, v))
		}
	}
	for _, v := range []any{nil, "x", 1, []any{}} {
		b, err := w.runtime.run(w.action.CID(), w.action.Code(), mustJSON(v))
		require.ErrorContains(t, err, "slastream[input]")
		require.Nil(t, b)
	}
}

func TestPreviousInAnotherForm(t *testing.T) {
	w := newWorld(t)
	w.proveNext()
	w.proveNext()
	requests := w.requests()
	params := w.params(requests[1], w.memory(requests[0].Attestation))
	for path, values := range map[string][]any{
		"previous":           {nil, "x"},
		"previous.r":         {nil, "0x1"},
		"previous.v":         {27, "27", nil, "2"},
		"previous.timestamp": {nil, "-1"},
	} {
		for _, v := range values {
			w.refuses("input", "", set(params, path, v))
		}
	}
	for path, v := range map[string]any{
		"previous.r":         attestation.Word{}.String(),
		"previous.s":         attestation.Word{31: 1}.String(),
		"previous.timestamp": "1",
		"previous.rootCid":   attestation.Word{}.String(),
	} {
		w.refuses("previous", "not signed by this action", set(params, path, v))
	}
}

// Nodes that number logs in their own ways agree all the same.
func TestLogIndexIsTheNodesOwn(t *testing.T) {
	w, _, params := proven(t)
	for i, host := range fevmNodes {
		w.tamper(func(method string, _ []json.RawMessage, answer map[string]any) {
			logs, ok := answer["result"].([]any)
			if receipt, is := answer["result"].(map[string]any); is && method == "eth_getTransactionReceipt" {
				logs, ok = receipt["logs"].([]any)
			}
			for j, l := range logs {
				if ok && method != "eth_getBlockByNumber" {
					l.(map[string]any)["logIndex"] = hexOf(uint64(10*i + j))
				}
			}
		}, host)
	}
	_, err := w.Execute(t.Context(), w.action.Code(), params)
	require.NoError(t, err)
}

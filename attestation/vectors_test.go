package attestation_test

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
)

func readVectors[T any](t testing.TB, name string) []T {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	var rows []T
	require.NoError(t, json.Unmarshal(raw, &rows))
	return rows
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimPrefix(s, "0x"))
	require.NoError(t, err)
	return b
}

// TestEthers compares encoding, digest, recovery and public keys with what
// ethers.js 5.7.2 made.
func TestEthers(t *testing.T) {
	rows := readVectors[struct {
		DealID     attestation.Word   `json:"deal_id"`
		ChunkIndex uint64             `json:"chunk_index,string"`
		ProofSetID attestation.Word   `json:"proof_set_id"`
		RootCID    attestation.Word   `json:"root_cid"`
		Timestamp  uint64             `json:"timestamp,string"`
		Preimage   string             `json:"preimage"`
		Digest     attestation.Digest `json:"digest"`
		R          attestation.Word   `json:"r"`
		S          attestation.Word   `json:"s"`
		V          uint32             `json:"v"`
		PubX       attestation.Word   `json:"pub_x"`
		PubY       attestation.Word   `json:"pub_y"`
	}](t, "ethers5.json")
	require.Len(t, rows, 40)
	for _, row := range rows {
		a := attestation.Attestation{DealID: row.DealID, ChunkIndex: row.ChunkIndex, ProofSetID: row.ProofSetID, RootCID: row.RootCID, Timestamp: row.Timestamp}
		enc := a.Bytes()
		require.Equal(t, unhex(t, row.Preimage), enc[:])
		require.Equal(t, row.Digest, a.Digest())
		back, err := attestation.Parse(enc[:])
		require.NoError(t, err)
		require.Equal(t, a, back)

		key := attestation.PublicKey{X: row.PubX, Y: row.PubY}
		sig := attestation.Signature{R: row.R, S: row.S, V: row.V}
		signed := attestation.Signed{Attestation: a, Signature: sig}
		for _, rules := range []attestation.Rules{attestation.RulesLowS, attestation.RulesLegacy} {
			got, err := attestation.Recover(rules, row.Digest, sig)
			require.NoError(t, err)
			require.Equal(t, key, got)
			require.NoError(t, signed.Verify(rules, key))
		}
		require.Equal(t, sig, sig.Normalize())
		parsed, err := attestation.ParsePublicKey(append(append([]byte{4}, row.PubX[:]...), row.PubY[:]...))
		require.NoError(t, err)
		require.Equal(t, key, parsed)
	}
}

// TestCairoEdges compares the verdict with the real escrow's on a real node,
// for every row of the signature table and both corelibs.
func TestCairoEdges(t *testing.T) {
	for file, rules := range map[string]attestation.Rules{
		"edges_lows.json":   attestation.RulesLowS,
		"edges_legacy.json": attestation.RulesLegacy,
	} {
		rows := readVectors[struct {
			Name    string           `json:"name"`
			KeyX    attestation.Word `json:"key_x"`
			KeyY    attestation.Word `json:"key_y"`
			Deal    attestation.Word `json:"deal"`
			Chunk   json.Number      `json:"chunk"`
			Set     attestation.Word `json:"pset"`
			Root    attestation.Word `json:"root"`
			TS      attestation.Word `json:"ts"`
			Z       attestation.Word `json:"z"`
			R       attestation.Word `json:"r"`
			S       attestation.Word `json:"s"`
			V       uint32           `json:"v"`
			Outcome string           `json:"outcome"`
			Texts   []string         `json:"texts"`
			Felts   []string         `json:"felts"`
		}](t, file)
		require.Len(t, rows, 127)
		for _, row := range rows {
			t.Run(rules.String()+"/"+row.Name, func(t *testing.T) {
				ts, ok := row.TS.Uint64()
				require.True(t, ok)
				chunk, err := strconv.ParseUint(row.Chunk.String(), 10, 64)
				if err != nil {
					// The recorder's JSON rounded 2^64−1; the digest below tells.
					require.Equal(t, "18446744073709552000", row.Chunk.String())
					chunk = math.MaxUint64
				}
				signed := attestation.Signed{
					Attestation: attestation.Attestation{DealID: row.Deal, ChunkIndex: chunk, ProofSetID: row.Set, RootCID: row.Root, Timestamp: ts},
					Signature:   attestation.Signature{R: row.R, S: row.S, V: row.V},
				}
				require.Equal(t, attestation.Digest(row.Z), signed.Attestation.Digest())
				key := attestation.PublicKey{X: row.KeyX, Y: row.KeyY}
				err = attestation.NewVerifier(rules, key).Verify(signed)
				batch := attestation.NewVerifier(rules, key).VerifyBatch([]attestation.Signed{signed, {}, signed})
				require.Len(t, batch, 3)
				require.Equal(t, err, batch[0])
				require.Equal(t, err, batch[2])
				if row.Outcome == "ok" {
					require.NoError(t, err)
					return
				}
				reason := string(unhex(t, row.Felts[0]))
				if reason == "Deal not active" || reason == "chunk_index out of bounds" {
					require.Error(t, err, "the escrow's state speaks first; the signature is wrong as well")
					return
				}
				var verify *attestation.VerifyError
				require.ErrorAs(t, err, &verify)
				require.Equal(t, reason, verify.Reason)
			})
		}
	}
}

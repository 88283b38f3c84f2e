package attestation_test

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/attestation/vectors"
	"github.com/slastream/slastream-go/internal/wasmcairo"
)

//go:embed testdata/recover.cairo
var recoverCairo string

// openCairo returns the real Cairo 2.8.2, or skips the test where there is
// none.
func openCairo(t *testing.T) *wasmcairo.Cairo {
	t.Helper()
	cairo, err := wasmcairo.Open()
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("SLASTREAM_REQUIRE"), ","), "wasm-cairo") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return cairo
}

// A recovery is one input of recover_public_key.
type recovery struct {
	digest    attestation.Digest
	signature attestation.Signature
}

// TestCairo asks the corelib itself: for every row of the recorded answers and
// for inputs made of the numbers where a range ends, recover_public_key of Cairo
// 2.8.2 returns what Recover does under RulesLegacy, and the escrow's digest is
// Digest.
func TestCairo(t *testing.T) {
	cairo := openCairo(t)
	attestations, recoveries := recorded(t)
	recoveries = append(recoveries, boundaries()...)
	t.Logf("%d digests, %d recoveries", len(attestations), len(recoveries))

	// The compiler has a limit on what one file may hold.
	const perFile = 150
	for part := range slices.Chunk(recoveries, perFile) {
		result, err := cairo.Test(t.Context(), recoverCairo+recoveryTests(part))
		require.NoError(t, err)
		require.Empty(t, result.Failed)
		require.NotZero(t, result.Passed)
	}
	result, err := cairo.Test(t.Context(), recoverCairo+digestTests(attestations))
	require.NoError(t, err)
	require.Empty(t, result.Failed)
	require.NotZero(t, result.Passed)
}

// TestCairoRefuses shows that TestCairo can fail: one wrong word of each kind
// and Cairo says so.
func TestCairoRefuses(t *testing.T) {
	cairo := openCairo(t)
	attestations, recoveries := recorded(t)
	z, sig := recoveries[0].digest, recoveries[0].signature
	pub, err := attestation.Recover(attestation.RulesLegacy, z, sig)
	require.NoError(t, err)
	wrong := pub
	wrong.Y[31] ^= 1
	noPoint := attestation.Signature{S: sig.S}
	a := attestations[0]
	sum := a.Digest()
	sum[0] ^= 1

	source := recoverCairo +
		cairoTest("right_key", "", keyCall(z, sig, pub)) +
		cairoTest("wrong_key", "", keyCall(z, sig, wrong)) +
		cairoTest("key_where_none_is", "", keyCall(z, noPoint, pub)) +
		cairoTest("panic_where_key_is", "Option::unwrap failed.", noneCall(z, sig)) +
		cairoTest("wrong_digest", "", digestCall(a, sum))
	result, err := cairo.Test(t.Context(), source)
	require.NoError(t, err)
	require.Equal(t, wasmcairo.Result{
		Passed: 1,
		Failed: []string{"wrong_key", "key_where_none_is", "panic_where_key_is", "wrong_digest"},
	}, result)
}

// recorded returns what the recorded rows hash and recover.
func recorded(t *testing.T) ([]attestation.Attestation, []recovery) {
	var attestations []attestation.Attestation
	var recoveries []recovery
	for _, row := range readVectors[struct {
		Deal  attestation.Word `json:"deal"`
		Chunk json.Number      `json:"chunk"`
		Set   attestation.Word `json:"pset"`
		Root  attestation.Word `json:"root"`
		TS    attestation.Word `json:"ts"`
		Z     attestation.Word `json:"z"`
		R     attestation.Word `json:"r"`
		S     attestation.Word `json:"s"`
		V     uint32           `json:"v"`
	}](t, "edges_legacy.json") {
		ts, ok := row.TS.Uint64()
		require.True(t, ok)
		chunk, err := strconv.ParseUint(row.Chunk.String(), 10, 64)
		if err != nil {
			chunk = math.MaxUint64 // the recorder's JSON rounded it
		}
		attestations = append(attestations, attestation.Attestation{DealID: row.Deal, ChunkIndex: chunk, ProofSetID: row.Set, RootCID: row.Root, Timestamp: ts})
		recoveries = append(recoveries, recovery{attestation.Digest(row.Z), attestation.Signature{R: row.R, S: row.S, V: row.V}})
	}
	for _, row := range readVectors[struct {
		DealID     attestation.Word   `json:"deal_id"`
		ChunkIndex uint64             `json:"chunk_index,string"`
		ProofSetID attestation.Word   `json:"proof_set_id"`
		RootCID    attestation.Word   `json:"root_cid"`
		Timestamp  uint64             `json:"timestamp,string"`
		Digest     attestation.Digest `json:"digest"`
		R          attestation.Word   `json:"r"`
		S          attestation.Word   `json:"s"`
		V          uint32             `json:"v"`
	}](t, "ethers5.json") {
		attestations = append(attestations, attestation.Attestation{DealID: row.DealID, ChunkIndex: row.ChunkIndex, ProofSetID: row.ProofSetID, RootCID: row.RootCID, Timestamp: row.Timestamp})
		recoveries = append(recoveries, recovery{row.Digest, attestation.Signature{R: row.R, S: row.S, V: row.V}})
	}
	all, err := vectors.Load()
	require.NoError(t, err)
	for _, v := range all {
		if v.Kind == vectors.Release {
			signed := v.Signed()
			attestations = append(attestations, signed.Attestation)
			recoveries = append(recoveries, recovery{signed.Attestation.Digest(), signed.Signature})
		}
	}
	return attestations, recoveries
}

// boundaries returns recoveries whose numbers are those around which the rules
// change: 0, n, n/2, p and 2^256.
func boundaries() []recovery {
	var edge []attestation.Word
	for _, s := range []string{
		"0x0", "0x1", "0x2", "0x3",
		"0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0",
		"0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1",
		"0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140",
		"0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
		"0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364142",
		"0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364143",
		"0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2c",
		"0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2e",
		"0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f",
		"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	} {
		w, err := attestation.ParseWord(s)
		if err != nil {
			panic(err)
		}
		edge = append(edge, w)
	}
	rng := rand.New(rand.NewPCG(4, 2026))
	pick := func() attestation.Word {
		if rng.IntN(2) == 0 {
			return edge[rng.IntN(len(edge))]
		}
		var w attestation.Word
		for i := range w {
			w[i] = byte(rng.Uint32())
		}
		return w
	}
	parities := []uint32{0, 1, 2, 27, 28, math.MaxUint32}
	var out []recovery
	for range 150 {
		out = append(out, recovery{
			attestation.Digest(pick()),
			attestation.Signature{R: pick(), S: pick(), V: parities[rng.IntN(len(parities))]},
		})
	}
	return out
}

// recoveryTests writes a test for the recoveries that return, and one for each
// that panics.
func recoveryTests(list []recovery) string {
	var tests strings.Builder
	var calls []string
	for i, r := range list {
		key, err := attestation.Recover(attestation.RulesLegacy, r.digest, r.signature)
		if err == nil {
			calls = append(calls, keyCall(r.digest, r.signature, key))
			continue
		}
		switch reason := err.(*attestation.VerifyError).Reason; reason {
		case "Signature recovery failed": // the escrow's words for None
			calls = append(calls, noneCall(r.digest, r.signature))
		case "Invalid argument": // the node's words; this runner has its own
			tests.WriteString(cairoTest(fmt.Sprintf("panic_%d", i), "Coordinates out of range", noneCall(r.digest, r.signature)))
		default:
			tests.WriteString(cairoTest(fmt.Sprintf("panic_%d", i), reason, noneCall(r.digest, r.signature)))
		}
	}
	return cairoTests("recoveries", calls) + tests.String()
}

func digestTests(list []attestation.Attestation) string {
	var calls []string
	for _, a := range list {
		calls = append(calls, digestCall(a, a.Digest()))
	}
	return cairoTests("digests", calls)
}

// cairoTests spreads calls over tests, because a long function stops the
// compiler with no word.
func cairoTests(name string, calls []string) string {
	var tests strings.Builder
	for part := range slices.Chunk(calls, 16) {
		tests.WriteString(cairoTest(fmt.Sprintf("%s_%d", name, tests.Len()), "", strings.Join(part, "")))
	}
	return tests.String()
}

// cairoTest returns a Cairo test with that body, which must panic with that
// felt unless it is empty.
func cairoTest(name, panics, body string) string {
	if panics != "" {
		panics = fmt.Sprintf("#[should_panic(expected: ('%s',))]\n", panics)
	}
	return fmt.Sprintf("\n#[test]\n%sfn %s() {\n%s}\n", panics, name, body)
}

func keyCall(z attestation.Digest, sig attestation.Signature, key attestation.PublicKey) string {
	return fmt.Sprintf("    key(%s, %s, %s, %d, %s, %s);\n", attestation.Word(z), sig.R, sig.S, sig.V, key.X, key.Y)
}

func noneCall(z attestation.Digest, sig attestation.Signature) string {
	return fmt.Sprintf("    none(%s, %s, %s, %d);\n", attestation.Word(z), sig.R, sig.S, sig.V)
}

func digestCall(a attestation.Attestation, want attestation.Digest) string {
	return fmt.Sprintf("    assert(digest(%s, %d, %s, %s, %d) == %s, 'another digest');\n",
		a.DealID, a.ChunkIndex, a.ProofSetID, a.RootCID, a.Timestamp, attestation.Word(want))
}

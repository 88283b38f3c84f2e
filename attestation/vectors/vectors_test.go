package vectors_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/attestation/vectors"
	"github.com/slastream/slastream-go/attestation/vectors/internal/scenarios"
)

func load(t testing.TB) []vectors.Vector {
	t.Helper()
	all, err := vectors.Load()
	require.NoError(t, err)
	require.Greater(t, len(all), 100)
	return all
}

// TestGenerated makes all files again and compares them with those here.
func TestGenerated(t *testing.T) {
	want, err := scenarios.Files(os.DirFS("../testdata"))
	require.NoError(t, err)
	paths, err := filepath.Glob("*.json")
	require.NoError(t, err)
	require.Equal(t, slices.Sorted(maps.Keys(want)), paths, "run go generate")
	for name, content := range want {
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, string(content), string(got), "%s: run go generate", name)
	}
}

// TestEncoding holds encoding, digest and parsing to the vectors.
func TestEncoding(t *testing.T) {
	seen := map[vectors.Kind]int{}
	for _, v := range load(t) {
		seen[v.Kind]++
		t.Run(v.Name, func(t *testing.T) {
			switch v.Kind {
			case vectors.Release, vectors.Encoding:
				a := attestation.Attestation(*v.Attestation)
				enc := a.Bytes()
				require.Equal(t, []byte(v.Preimage), enc[:])
				require.Equal(t, *v.Digest, a.Digest())
				back, err := attestation.Parse(v.Preimage)
				require.NoError(t, err)
				require.Equal(t, a, back)
			case vectors.Malformed:
				_, err := attestation.Parse(v.Preimage)
				require.ErrorIs(t, err, attestation.ErrMalformed)
			case vectors.Batch:
				require.Equal(t, []byte(v.Preimage), v.Batch().Bytes())
				require.Equal(t, *v.Digest, v.Batch().Digest())
			}
		})
	}
	require.Len(t, seen, 5)
}

// TestVerdicts holds every way to a verdict to the vectors.
func TestVerdicts(t *testing.T) {
	for _, v := range load(t) {
		if v.Expect == nil {
			continue
		}
		for _, rules := range []attestation.Rules{attestation.RulesLowS, attestation.RulesLegacy} {
			t.Run(v.Name+"/"+rules.String(), func(t *testing.T) {
				want := v.Expect.Under(rules)
				recovered, err := attestation.Recover(rules, *v.Digest, *v.Signature)
				if want.Recovered != nil {
					require.NoError(t, err)
					require.Equal(t, *want.Recovered, recovered)
				} else {
					require.Equal(t, want.Verdict, verdict(err))
				}
				if v.Kind != vectors.Release {
					return
				}
				signed := v.Signed()
				require.Equal(t, want.Verdict, verdict(signed.Verify(rules, *v.Key)))
				for _, bits := range []int{0, 5} {
					verifier := attestation.NewVerifier(rules, *v.Key).WithWindow(bits)
					// A verifier makes its tables when it has seen some hundred
					// signatures. With r beyond p these need no arithmetic.
					worthless := attestation.Signed{Signature: attestation.Signature{R: attestation.Word(slices.Repeat([]byte{0xff}, 32))}}
					if bits != 0 {
						verifier.VerifyBatch(slices.Repeat([]attestation.Signed{worthless}, 1024))
					}
					require.Equal(t, want.Verdict, verdict(verifier.Verify(signed)))
					for _, size := range []int{1, 5, 20} {
						items := append(slices.Repeat([]attestation.Signed{signed}, size), worthless)
						items[0], items[size] = items[size], items[0]
						verdicts := verifier.VerifyBatch(items)
						require.Error(t, verdicts[0])
						for i, err := range verdicts[1:] {
							require.Equal(t, want.Verdict, verdict(err), "%d of %d", i, size)
						}
					}
				}
			})
		}
	}
}

// verdict is what a vector calls an error.
func verdict(err error) string {
	if err == nil {
		return vectors.Accept
	}
	if refused, ok := err.(*attestation.VerifyError); ok {
		return refused.Reason
	}
	return fmt.Sprintf("no verdict: %v", err)
}

// TestNames: what a name says about the verdict is so.
func TestNames(t *testing.T) {
	reasons := map[string]bool{}
	sourced := 0
	for _, v := range load(t) {
		require.NotEmpty(t, v.Description, v.Name)
		if v.Expect == nil {
			continue
		}
		reasons["lows: "+v.Expect.LowS.Verdict] = true
		reasons["legacy: "+v.Expect.Legacy.Verdict] = true
		if v.Source != "" {
			sourced++
		}
		if strings.HasPrefix(v.Name, "valid-") {
			require.Equal(t, vectors.Accept, v.Expect.LowS.Verdict, v.Name)
		}
		if strings.HasPrefix(v.Name, "valid-") || strings.HasSuffix(v.Name, "-fits-key") || strings.Contains(v.Name, "-for-zero-key") {
			require.Equal(t, vectors.Accept, v.Expect.Legacy.Verdict, v.Name)
		}
	}
	require.Greater(t, sourced, 70)
	require.Equal(t, []string{
		"legacy: Invalid argument", "legacy: Option::unwrap failed.", "legacy: PKP key X mismatch",
		"legacy: PKP key Y mismatch", "legacy: Signature recovery failed", "legacy: accept",
		"lows: PKP key X mismatch", "lows: PKP key Y mismatch", "lows: Signature recovery failed", "lows: accept",
	}, slices.Sorted(maps.Keys(reasons)))
}

// TestDocument: VECTORS.md says what each kind and each verdict is.
func TestDocument(t *testing.T) {
	document, err := os.ReadFile("VECTORS.md")
	require.NoError(t, err)
	for _, v := range load(t) {
		words := []string{string(v.Kind)}
		if v.Expect != nil {
			words = append(words, v.Expect.LowS.Verdict, v.Expect.Legacy.Verdict)
		}
		for _, word := range words {
			require.Contains(t, string(document), "`"+word+"`")
		}
	}
}

// TestForm: text that is no vector is an error, and members of other kinds are
// zero values.
func TestForm(t *testing.T) {
	const zero = "0x0000000000000000000000000000000000000000000000000000000000000000"
	for name, in := range map[string]string{
		"chunk index of 65 bits": `{"attestation":{"chunkIndex":"0x10000000000000000","timestamp":"` + zero + `"}}`,
		"timestamp of 65 bits":   `{"attestation":{"chunkIndex":"` + zero + `","timestamp":"0x10000000000000000"}}`,
		"chunk index a number":   `{"attestation":{"chunkIndex":1}}`,
		"preimage without 0x":    `{"preimage":"00"}`,
		"preimage of half bytes": `{"preimage":"0x000"}`,
	} {
		var v vectors.Vector
		require.Error(t, json.Unmarshal([]byte(in), &v), name)
	}
	var v vectors.Vector
	require.Zero(t, v.Signed())
	require.Zero(t, v.Batch())
}

package attestation_test

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// page returns docs/attestation.md and its code blocks of one language.
func page(t *testing.T, language string) (text string, blocks []string) {
	t.Helper()
	raw, err := os.ReadFile("../docs/attestation.md")
	require.NoError(t, err)
	for _, block := range strings.Split(string(raw), "```"+language+"\n")[1:] {
		code, _, closed := strings.Cut(block, "```")
		require.True(t, closed)
		blocks = append(blocks, code)
	}
	require.NotEmpty(t, blocks)
	return string(raw), blocks
}

// TestPageShowsCodeThatRuns: the Go code of the page is ExampleAttestation_Digest
// to the letter.
func TestPageShowsCodeThatRuns(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	_, blocks := page(t, "go")
	for _, block := range blocks {
		require.Contains(t, string(source), block)
	}
}

// TestPageHasOneDigest: every 32-byte number of the page is the root or the
// digest of the one attestation that all its snippets are about.
func TestPageHasOneDigest(t *testing.T) {
	a := fixedSigned(t).Attestation
	text, _ := page(t, "ts")
	count := map[string]int{}
	for _, number := range regexp.MustCompile(`0x[0-9a-f]{64}`).FindAllString(text, -1) {
		count[number]++
	}
	require.Equal(t, map[string]int{
		a.RootCID.String():  4, // Go, ethers, viem, Cairo
		a.Digest().String(): 2, // the text, Cairo
	}, count)
}

// TestPageCairo runs the Cairo of the page, with its own assertion, in the real
// compiler, and its function on a second attestation. The runner cannot take a
// file with one digest alone: it says "Vector capacity exceeded".
func TestPageCairo(t *testing.T) {
	_, blocks := page(t, "cairo")
	require.Len(t, blocks, 1)
	a := fixedSigned(t).Attestation
	a.ChunkIndex, a.Timestamp = math.MaxUint64, math.MaxUint64
	second := fmt.Sprintf("#[test]\nfn second() {\n    assert(digest(%v, %d, %v, %v, %d) == %v, 'another digest');\n}\n",
		a.DealID, a.ChunkIndex, a.ProofSetID, a.RootCID, a.Timestamp, a.Digest())
	result, err := openCairo(t).Test(t.Context(), blocks[0]+second)
	require.NoError(t, err)
	require.Empty(t, result.Failed)
	require.Equal(t, 2, result.Passed)
}

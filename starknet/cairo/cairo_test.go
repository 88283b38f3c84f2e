package cairo_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
	"github.com/slastream/slastream-go/starknet/cairo/internal/crate"
)

// TestClasses compiles the sources again and wants the embedded classes.
func TestClasses(t *testing.T) {
	compiler, sierra := openCairo(t), sierraCompiler(t)
	for _, c := range []cairo.Class{cairo.Compatible, cairo.Extended, cairo.MockERC20} {
		t.Run(c.String(), func(t *testing.T) {
			built, err := crate.Compile(t.Context(), compiler, sierra, "src", c.String())
			require.NoError(t, err)
			require.Equal(t, c.Hash(), attestation.Word(built.Hash.Bytes()), "run go generate ./starknet/cairo")
			require.Equal(t, c.CompiledHash(), attestation.Word(built.Compiled.Bytes()))
			require.Equal(t, c.CompiledHashV2(), attestation.Word(built.CompiledV2.Bytes()))
			require.JSONEq(t, string(c.JSON()), string(built.JSON))
		})
	}
}

// TestClass looks at the embedded classes without a compiler.
func TestClass(t *testing.T) {
	for _, c := range []cairo.Class{cairo.Compatible, cairo.Extended, cairo.MockERC20} {
		require.True(t, c.Valid())
		require.True(t, json.Valid(c.JSON()), c.String())
		hashes := map[attestation.Word]bool{{}: true}
		for _, h := range []attestation.Word{c.Hash(), c.CompiledHash(), c.CompiledHashV2()} {
			require.False(t, hashes[h])
			hashes[h] = true
			_, err := starknet.FeltFromWord(h)
			require.NoError(t, err)
		}
	}
	for _, c := range []cairo.Class{0, 4, 255} {
		require.False(t, c.Valid())
		require.Nil(t, c.JSON())
		require.Zero(t, c.Hash())
		require.Zero(t, c.CompiledHash())
		require.Zero(t, c.CompiledHashV2())
		require.Equal(t, fmt.Sprintf("Class(%d)", uint8(c)), c.String())
	}
}

// TestCairo runs the tests in Cairo. They are in several files, because one
// large source stops the compiler with no word.
func TestCairo(t *testing.T) {
	compiler := openCairo(t)
	for name, modules := range map[string][]string{
		"compatible flow": {"flow_test"},
		"compatible only": {"compatible_test"},
		"extended flow":   {"flow_test"},
		"extended create": {"create_test"},
		"extended guards": {"extended_test"},
		"extended batch":  {"batch_world", "batch_test"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			class, _, _ := strings.Cut(name, " ")
			source, err := crate.Source("src", "escrow", "signature", class, "mock_erc20")
			require.NoError(t, err)
			tests, err := crate.Source("tests", append([]string{"setup_" + class, "signed", "world"}, modules...)...)
			require.NoError(t, err)
			source += strings.Replace(tests, "mod setup_"+class, "mod setup", 1)
			result, err := compiler.Test(t.Context(), source)
			require.NoError(t, err)
			require.Empty(t, result.Failed)
			t.Logf("%d tests in Cairo", result.Passed)
		})
	}
}

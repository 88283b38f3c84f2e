package wasmcairo_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/internal/wasmcairo"
)

func TestOpenNamesWhatIsMissing(t *testing.T) {
	t.Setenv(wasmcairo.Env, "")
	_, err := wasmcairo.Open()
	require.ErrorIs(t, err, wasmcairo.ErrMissing)
	require.ErrorContains(t, err, wasmcairo.Env)

	dir := t.TempDir()
	t.Setenv(wasmcairo.Env, dir)
	_, err = wasmcairo.Open()
	require.ErrorIs(t, err, wasmcairo.ErrMissing)

	t.Setenv("PATH", dir)
	_, err = wasmcairo.Open()
	require.ErrorIs(t, err, wasmcairo.ErrMissing)
	require.ErrorContains(t, err, "node")
}

func TestOpenWantsTheVersion(t *testing.T) {
	dir := t.TempDir()
	node := filepath.Join(dir, "node")
	require.NoError(t, os.WriteFile(node, []byte("#!/bin/sh\n"), 0o755))
	t.Setenv("PATH", dir)
	pkg := filepath.Join(dir, "node_modules", "wasm-cairo")
	require.NoError(t, os.MkdirAll(pkg, 0o755))
	t.Setenv(wasmcairo.Env, dir)
	manifest := filepath.Join(pkg, "package.json")
	require.NoError(t, os.WriteFile(manifest, []byte(`{"version": "0.10.1"}`), 0o600))
	_, err := wasmcairo.Open()
	require.ErrorIs(t, err, wasmcairo.ErrMissing)
	require.ErrorContains(t, err, wasmcairo.Version)
	require.NoError(t, os.WriteFile(manifest, []byte(`{"version": "0.10.2"}`), 0o600))
	_, err = wasmcairo.Open()
	require.NoError(t, err)
}

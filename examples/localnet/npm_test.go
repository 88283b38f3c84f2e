package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// npmEnv names the environment variable that holds the directory in which the
// packages of testdata/package.json were installed, the one with node_modules:
//
//	cp testdata/package*.json DIR && npm ci --no-audit --no-fund --ignore-scripts --prefix DIR
//
// The tests of the JavaScript clients are skipped without it, and fail if
// SLASTREAM_REQUIRE holds "npm".
const npmEnv = "SLASTREAM_NPM"

// runScript runs testdata/NAME/flow.mjs on Node with the line of localnet and
// more arguments, and decodes its last line into result.
func runScript(t *testing.T, result any, name string, line []byte, args ...string) {
	t.Helper()
	node, modules, err := openNPM()
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("SLASTREAM_REQUIRE"), ","), "npm") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	// Node looks for packages beside the script and above it.
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata")))
	require.NoError(t, os.Symlink(modules, filepath.Join(dir, "node_modules")))
	config := filepath.Join(dir, "localnet.json")
	require.NoError(t, os.WriteFile(config, line, 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // they take seconds
	defer cancel()
	cmd := exec.CommandContext(ctx, node, append([]string{filepath.Join(dir, name, "flow.mjs"), config}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	require.NoError(t, err, "%s\n%s", stdout, &stderr)
	lines := bytes.Split(bytes.TrimSpace(stdout), []byte("\n"))
	d := json.NewDecoder(bytes.NewReader(lines[len(lines)-1]))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(result), "%s", stdout)
}

// openNPM finds node, and the packages in the versions of testdata/package.json.
func openNPM() (node, modules string, err error) {
	dir := os.Getenv(npmEnv)
	if dir == "" {
		return "", "", fmt.Errorf("%s names no directory with the packages of examples/localnet/testdata/package.json", npmEnv)
	}
	if node, err = exec.LookPath("node"); err != nil {
		return "", "", fmt.Errorf("node (Node.js 20 or later): %w", err)
	}
	if modules, err = filepath.Abs(filepath.Join(dir, "node_modules")); err != nil {
		return "", "", err
	}
	var wanted struct{ Dependencies map[string]string }
	if err := readJSON(filepath.Join("testdata", "package.json"), &wanted); err != nil {
		return "", "", err
	}
	for name, version := range wanted.Dependencies {
		var installed struct{ Version string }
		if err := readJSON(filepath.Join(modules, name, "package.json"), &installed); err != nil {
			return "", "", fmt.Errorf("%s: %w", npmEnv, err)
		}
		if installed.Version != version {
			return "", "", fmt.Errorf("%s: %s is version %s, want %s", npmEnv, name, installed.Version, version)
		}
	}
	return node, modules, nil
}

func readJSON(path string, v any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

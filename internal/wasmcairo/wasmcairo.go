// Package wasmcairo runs the real Cairo 2.8.2 compiler, corelib and test
// runner from Go: the npm package wasm-cairo 0.10.2, which carries them as one
// WebAssembly file, on Node. Tests use it as an oracle and starknet/cairo uses
// it to build its classes; nothing that a user imports does.
//
//	npm install --ignore-scripts --prefix DIR wasm-cairo@0.10.2
//	SLASTREAM_WASM_CAIRO=DIR go test ./attestation ./starknet/cairo
//
// Each job is a new Node process, because the compiler's memory only grows:
// 4 s for a small test file, half a minute and up to 0.9 GB for a contract. A
// source is one file and one crate. In a test neither println! nor the data of
// a failed assertion is kept, so what is expected stands in the assertions.
package wasmcairo

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// Env names the environment variable that holds the directory in which
// wasm-cairo was installed, the one with node_modules.
const Env = "SLASTREAM_WASM_CAIRO"

// Version is the version of the npm package. No other is accepted: class
// hashes depend on the compiler.
const Version = "0.10.2"

// ErrMissing is returned by [Open] when Node or the package is not there.
var ErrMissing = errors.New("wasmcairo: missing")

// A CompileError is what the compiler has against a source.
type CompileError struct {
	Diagnostics string
}

// Error returns the diagnostics.
func (e *CompileError) Error() string {
	return "wasmcairo: the source does not compile:\n" + e.Diagnostics
}

//go:embed run.mjs
var script string

// A Cairo runs jobs. It is safe for concurrent use, at 1 GB of memory a job.
type Cairo struct {
	node, dir string
}

// Open finds node in PATH and the package under the directory that [Env]
// names. The error is [ErrMissing] with what is missing.
func Open() (*Cairo, error) {
	root := os.Getenv(Env)
	if root == "" {
		return nil, fmt.Errorf("%w: %s names no directory with the npm package wasm-cairo@%s", ErrMissing, Env, Version)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("%w: node: %w", ErrMissing, err)
	}
	dir, err := filepath.Abs(filepath.Join(root, "node_modules", "wasm-cairo"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	var manifest struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return nil, fmt.Errorf("wasmcairo: %s: %w", filepath.Join(dir, "package.json"), err)
	}
	if manifest.Version != Version {
		return nil, fmt.Errorf("%w: wasm-cairo is %q in %s, need %s", ErrMissing, manifest.Version, root, Version)
	}
	return &Cairo{node: node, dir: dir}, nil
}

// request and reply are what run.mjs reads and writes.
type request struct {
	Job    string `json:"job"`
	Source string `json:"source"`
	Filter string `json:"filter"`
}

type reply struct {
	Output      string `json:"output"`
	Diagnostics string `json:"diagnostics"`
	Error       string `json:"error"`
}

func (c *Cairo) run(ctx context.Context, job request) (string, error) {
	in, err := json.Marshal(job)
	if err != nil {
		return "", fmt.Errorf("wasmcairo: %w", err)
	}
	cmd := exec.CommandContext(ctx, c.node, "--input-type=module", "--eval", script, "--", c.dir)
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("wasmcairo: node: %w: %.2000s", err, stderr.Bytes())
	}
	var r reply
	if err := json.Unmarshal(out, &r); err != nil {
		return "", fmt.Errorf("wasmcairo: answer %.200q: %w", out, err)
	}
	switch {
	case r.Error != "":
		return "", fmt.Errorf("wasmcairo: %s: %.2000s", r.Error, stderr.Bytes())
	case r.Diagnostics != "":
		return "", &CompileError{Diagnostics: r.Diagnostics}
	}
	return r.Output, nil
}

// A Result is the outcome of the tests of one source.
type Result struct {
	Passed int
	Failed []string // their names, in the order of the source
}

var (
	testName = regexp.MustCompile(`(?s)#\[test\]\s*(?:#\[.*?\]\s*)?fn (\w+)`)
	summary  = regexp.MustCompile(`(?m)^test result: (?:ok|FAILED)\. (\d+) passed; (\d+) failed; (\d+) ignored`)
)

// Test compiles a Cairo source and runs every function marked #[test] in it.
// When some fail it runs them again one by one to learn which, so a failure
// costs a compilation for each test. An error is a source that does not
// compile ([CompileError]) or a run whose outcome is not clear, never a failed
// test.
func (c *Cairo) Test(ctx context.Context, source string) (Result, error) {
	names := testName.FindAllStringSubmatch(source, -1)
	passed, failed, err := c.test(ctx, source, "")
	if err != nil {
		return Result{}, err
	}
	if passed+failed != len(names) {
		return Result{}, fmt.Errorf("wasmcairo: %d tests ran and the source has %d", passed+failed, len(names))
	}
	result := Result{Passed: passed}
	if failed == 0 {
		return result, nil
	}
	for _, name := range names {
		switch _, n, err := c.test(ctx, source, "::"+name[1]); {
		case err != nil:
			return Result{}, err
		case n > 0:
			result.Failed = append(result.Failed, name[1])
		}
	}
	return result, nil
}

// test runs the tests whose path holds the filter and counts them.
func (c *Cairo) test(ctx context.Context, source, filter string) (passed, failed int, err error) {
	out, err := c.run(ctx, request{Job: "test", Source: source, Filter: filter})
	if err != nil {
		return 0, 0, err
	}
	m := summary.FindStringSubmatch(out)
	if m == nil {
		return 0, 0, fmt.Errorf("wasmcairo: the test runner says %.500q", out)
	}
	if _, err := fmt.Sscan(m[1]+" "+m[2], &passed, &failed); err != nil {
		return 0, 0, fmt.Errorf("wasmcairo: %.500q: %w", out, err)
	}
	return passed, failed, nil
}

// Package crate turns the Cairo sources of starknet/cairo into what the
// single-file compiler takes, and into classes with their hashes.
package crate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/contracts"
	"github.com/NethermindEth/starknet.go/hash"

	"github.com/slastream/slastream-go/internal/wasmcairo"
)

// modules lists what each contract needs. A file holds at most one contract,
// and the compiler wants exactly one.
var modules = map[string][]string{
	"compatible": {"escrow", "signature", "compatible"},
	"extended":   {"escrow", "signature", "extended"},
	"mock_erc20": {"mock_erc20"},
}

// Contracts returns the names of the contracts.
func Contracts() []string { return []string{"compatible", "extended", "mock_erc20"} }

// Source returns the modules of dir as one file: what the compiler makes of
// "mod name;" for each of them, since a module is its file between braces.
func Source(dir string, modules ...string) (string, error) {
	var out strings.Builder
	for _, m := range modules {
		text, err := os.ReadFile(filepath.Join(dir, m+".cairo"))
		if err != nil {
			return "", fmt.Errorf("crate: %w", err)
		}
		fmt.Fprintf(&out, "mod %s {\n%s}\n", m, text)
	}
	return out.String(), nil
}

// A Class is a compiled contract.
type Class struct {
	JSON         []byte     // as starknet_addDeclareTransaction takes it
	Hash         *felt.Felt // class hash
	Compiled     *felt.Felt // Poseidon hash of the CASM: Starknet up to 0.14.0
	CompiledV2   *felt.Felt // Blake2s hash of the CASM: Starknet from 0.14.1
	BytecodeSize int        // felts of CASM
}

// Compile builds a contract. sierraCompiler is the path of
// universal-sierra-compiler.
func Compile(ctx context.Context, cairo *wasmcairo.Cairo, sierraCompiler, dir, contract string) (*Class, error) {
	source, err := Source(dir, modules[contract]...)
	if err != nil {
		return nil, err
	}
	sierra, err := cairo.Compile(ctx, source)
	if err != nil {
		return nil, err
	}
	return Build(ctx, sierraCompiler, sierra)
}

// Build makes a class of Sierra.
func Build(ctx context.Context, sierraCompiler string, sierra []byte) (*Class, error) {
	casm, err := lower(ctx, sierraCompiler, sierra)
	if err != nil {
		return nil, err
	}
	return seal(sierra, casm)
}

// lower compiles Sierra to CASM.
func lower(ctx context.Context, compiler string, sierra []byte) ([]byte, error) {
	dir, err := os.MkdirTemp("", "crate")
	if err != nil {
		return nil, fmt.Errorf("crate: %w", err)
	}
	defer os.RemoveAll(dir)
	in, out := filepath.Join(dir, "sierra.json"), filepath.Join(dir, "casm.json")
	if err := os.WriteFile(in, sierra, 0o600); err != nil {
		return nil, fmt.Errorf("crate: %w", err)
	}
	cmd := exec.CommandContext(ctx, compiler, "compile-contract", "--sierra-path", in, "--output-path", out)
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("crate: %s: %w: %.2000s", compiler, err, text)
	}
	casm, err := os.ReadFile(out)
	if err != nil {
		return nil, fmt.Errorf("crate: %w", err)
	}
	return casm, nil
}

// seal writes the class in the form in which it is declared, the ABI being a
// string, and hashes it. The class hash covers that string, and some nodes
// write it anew before they hash it, so it has the spaces that they write.
func seal(sierra, casm []byte) (*Class, error) {
	var parts struct {
		Program     json.RawMessage `json:"sierra_program"`
		Version     string          `json:"contract_class_version"`
		EntryPoints json.RawMessage `json:"entry_points_by_type"`
		ABI         json.RawMessage `json:"abi"`
	}
	if err := json.Unmarshal(sierra, &parts); err != nil {
		return nil, fmt.Errorf("crate: Sierra: %w", err)
	}
	var abi bytes.Buffer
	if err := json.Compact(&abi, parts.ABI); err != nil {
		return nil, fmt.Errorf("crate: ABI: %w", err)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(struct {
		Program     json.RawMessage `json:"sierra_program"`
		Version     string          `json:"contract_class_version"`
		EntryPoints json.RawMessage `json:"entry_points_by_type"`
		ABI         string          `json:"abi"`
	}{parts.Program, parts.Version, parts.EntryPoints, spaced(abi.Bytes())}); err != nil {
		return nil, fmt.Errorf("crate: %w", err)
	}

	var class contracts.ContractClass
	if err := json.Unmarshal(out.Bytes(), &class); err != nil {
		return nil, fmt.Errorf("crate: class: %w", err)
	}
	var compiled contracts.CasmClass
	if err := json.Unmarshal(casm, &compiled); err != nil {
		return nil, fmt.Errorf("crate: CASM: %w", err)
	}
	poseidon, err := hash.CompiledClassHash(&compiled)
	if err != nil {
		return nil, fmt.Errorf("crate: compiled class hash: %w", err)
	}
	blake2s, err := hash.CompiledClassHashV2(&compiled)
	if err != nil {
		return nil, fmt.Errorf("crate: compiled class hash: %w", err)
	}
	return &Class{out.Bytes(), hash.ClassHash(&class), poseidon, blake2s, len(compiled.ByteCode)}, nil
}

// spaced writes compact JSON with a space after each comma and colon between
// values, as Python does.
func spaced(compact []byte) string {
	var out strings.Builder
	inString, escaped := false, false
	for _, c := range compact {
		out.WriteByte(c)
		switch {
		case escaped:
			escaped = false
		case inString && c == '\\':
			escaped = true
		case c == '"':
			inString = !inString
		case !inString && (c == ',' || c == ':'):
			out.WriteByte(' ')
		}
	}
	return out.String()
}

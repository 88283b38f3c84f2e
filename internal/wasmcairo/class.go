package wasmcairo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
)

// The branch target "fallthrough" of a Sierra statement is the largest usize.
// wasm-cairo is a 32-bit program and writes 2^32−1; nodes and compilers read
// 2^64−1.
const (
	fallthrough32 = "0xffffffff"
	fallthrough64 = "0xffffffffffffffff"
)

// Compile compiles a source with exactly one contract to a Sierra class: the
// JSON object with sierra_program, contract_class_version,
// entry_points_by_type and abi, without debug information, with the
// fallthrough target as nodes want it. The error is a [CompileError] when the
// source is at fault.
func (c *Cairo) Compile(ctx context.Context, source string) ([]byte, error) {
	out, err := c.run(ctx, request{Job: "compile", Source: source})
	if err != nil {
		return nil, err
	}
	return correct([]byte(out))
}

// correct drops the debug information and replaces the 32-bit fallthrough
// target.
func correct(class []byte) ([]byte, error) {
	var c struct {
		Program     []string        `json:"sierra_program"`
		Version     string          `json:"contract_class_version"`
		EntryPoints json.RawMessage `json:"entry_points_by_type"`
		ABI         json.RawMessage `json:"abi"`
	}
	if err := json.Unmarshal(class, &c); err != nil {
		return nil, fmt.Errorf("wasmcairo: the compiler's class: %w: %.200q", err, class)
	}
	n := 0
	for i, f := range c.Program {
		if f == fallthrough32 {
			c.Program[i] = fallthrough64
			n++
		}
	}
	if n != 1 {
		return nil, fmt.Errorf("wasmcairo: the class holds %s %d times, not once: cannot tell the fallthrough target", fallthrough32, n)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // the ABI is full of :: and <>
	if err := enc.Encode(c); err != nil {
		return nil, fmt.Errorf("wasmcairo: %w", err)
	}
	return out.Bytes(), nil
}

package cairo

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"io"

	"github.com/slastream/slastream-go/attestation"
)

// A Class is one of the contract classes in this package. The zero value is
// none of them.
type Class uint8

// The classes. All are compiled with Cairo 2.8.2 (Sierra 1.6.0).
const (
	Compatible Class = iota + 1 // the reference's behaviour: attestation.RulesLegacy
	Extended                    // guards and release_batch: attestation.RulesLowS
	MockERC20                   // a token for tests; never use it for anything of value
)

// classHashes holds the hashes of a class, 0x and 64 digits.
type classHashes struct {
	name, class, compiled, compiledV2 string
}

//go:embed classes
var files embed.FS

// Valid reports whether c is one of the classes.
func (c Class) Valid() bool { return c >= 1 && int(c) <= len(hashes) }

// String returns the name of the source file: "compatible", "extended" or
// "mock_erc20".
func (c Class) String() string {
	if !c.Valid() {
		return fmt.Sprintf("Class(%d)", uint8(c))
	}
	return hashes[c-1].name
}

// Hash returns the class hash, 0 if c is not valid. It is the same on every
// network.
func (c Class) Hash() attestation.Word {
	if !c.Valid() {
		return attestation.Word{}
	}
	return word(hashes[c-1].class)
}

// CompiledHash returns the hash of the class compiled to CASM in the form that
// Starknet up to 0.14.0 wants in a declaration (Poseidon), 0 if c is not valid.
func (c Class) CompiledHash() attestation.Word {
	if !c.Valid() {
		return attestation.Word{}
	}
	return word(hashes[c-1].compiled)
}

// CompiledHashV2 is like [Class.CompiledHash] in the form that Starknet wants
// from 0.14.1 on (Blake2s, SNIP-34).
func (c Class) CompiledHashV2() attestation.Word {
	if !c.Valid() {
		return attestation.Word{}
	}
	return word(hashes[c-1].compiledV2)
}

// word reads a generated constant.
func word(s string) attestation.Word {
	w, _ := attestation.ParseWord(s) // a test reads all of them
	return w
}

// JSON returns the class as starknet_addDeclareTransaction takes it: an object
// of sierra_program, contract_class_version, entry_points_by_type and abi, the
// ABI being a string. It is nil if c is not valid.
func (c Class) JSON() json.RawMessage {
	packed, err := files.ReadFile("classes/" + c.String() + ".json.gz")
	if err != nil {
		return nil
	}
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil
	}
	raw, err := io.ReadAll(zip)
	if err != nil {
		return nil
	}
	return bytes.TrimSpace(raw)
}

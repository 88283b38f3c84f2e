package simulated

import (
	"encoding/json"
	"fmt"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/starknet"
)

// Limits of the sequencer for a declared class: bytes of its JSON and felts of
// its program.
const (
	maxClassSize = 4_089_446
	maxProgram   = 81_920
)

var (
	errClassSize = &jsonrpc.Error{Code: 57, Message: "Contract class size is too large"}
	errDeclared  = &jsonrpc.Error{Code: 51, Message: "Class already declared"}
	errCompiled  = &jsonrpc.Error{Code: 60, Message: "the compiled class hash did not match the one supplied in the transaction"}
)

// A sierraClass is CONTRACT_CLASS as a DECLARE brings it.
type sierraClass struct {
	Program     []hexFelt    `json:"sierra_program"`
	Version     *string      `json:"contract_class_version"`
	EntryPoints *entryPoints `json:"entry_points_by_type"`
	ABI         string       `json:"abi"`
}

func readClass(raw json.RawMessage) (*sierraClass, error) {
	if len(raw) > maxClassSize {
		return nil, errClassSize
	}
	c := new(sierraClass)
	if err := json.Unmarshal(raw, c); err != nil {
		return nil, invalid("Invalid declare transaction v3: %v", err)
	}
	for _, p := range []part{
		{c.Program == nil, "sierra_program"},
		{c.Version == nil, "contract_class_version"},
		{c.EntryPoints == nil, "entry_points_by_type"},
	} {
		if p.missing {
			return nil, invalid("Invalid declare transaction v3: missing field `%s`", p.name)
		}
	}
	if len(c.Program) > maxProgram {
		return nil, errClassSize
	}
	return c, nil
}

// hash is the class hash: Poseidon of the entry points, of the ABI's
// sn_keccak and of the program. Whatever the class says of its version, the
// hash begins with that of 0.1.0, as nodes have it.
func (c *sierraClass) hash() hexFelt {
	points := func(list []entryPoint) hexFelt {
		flat := make([]hexFelt, 0, 2*len(list))
		for _, p := range list {
			flat = append(flat, p.Selector, number(p.Index))
		}
		return poseidon(flat)
	}
	return poseidon([]hexFelt{
		text("CONTRACT_CLASS_V0.1.0"),
		points(c.EntryPoints.External), points(c.EntryPoints.L1Handler), points(c.EntryPoints.Constructor),
		hexFelt(*starknet.Selector(c.ABI)),
		poseidon(c.Program),
	})
}

// runnable says why a class cannot be declared here. A real node compiles any
// class and looks whether that is what the sender meant; this one has to know
// it. Which compiled hash is meant depends on the version of Starknet: RPC 0.9
// speaks for 0.14.0, which wants Poseidon, RPC 0.10 for later ones, which want
// Blake2s.
func (t *transaction) runnable(v version) error {
	if t.class == nil {
		return unsupported("class %v: no Cairo runs here, so only the classes of package starknet/cairo, the reference escrow and OpenZeppelin's account can be declared", t.Class)
	}
	if want, ok := t.class.compiledHash(v); ok && *t.Compiled != want {
		return errCompiled
	}
	return nil
}

// compiledHash is the hash of the class compiled to CASM, if it is known.
func (c *class) compiledHash(v version) (hexFelt, bool) {
	switch {
	case !c.embedded.Valid():
		return hexFelt{}, false
	case v < v010:
		return word(c.embedded.CompiledHash()), true
	}
	return word(c.embedded.CompiledHashV2()), true
}

func (n *Node) addDeclareTransaction(v version, a args) (any, error) {
	t, err := n.read(a[0], typeDeclare)
	if err != nil {
		return nil, err
	}
	if err := t.runnable(v); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.addOnce(v, t); err != nil {
		return nil, err
	}
	return struct {
		Hash  hexFelt `json:"transaction_hash"`
		Class hexFelt `json:"class_hash"`
	}{t.hash, *t.Class}, nil
}

// alreadyDeclared is the blockifier's text.
func alreadyDeclared(class hexFelt) string {
	return fmt.Sprintf("Class with hash %s is already declared.", class.padded())
}

package simulated

import (
	"fmt"
	"strings"
)

const constructorFailed = "Contract constructor execution"

func (n *Node) addDeployAccountTransaction(v version, a args) (any, error) {
	t, err := n.read(a[0], typeDeployAccount)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.addOnce(v, t); err != nil {
		return nil, err
	}
	return struct {
		Hash    hexFelt `json:"transaction_hash"`
		Address hexFelt `json:"contract_address"`
	}{t.hash, word(t.sender)}, nil
}

// debug is how starknet-devnet prints the failed constructor of an account: as
// Rust shows its own types.
func (f *fault) debug() string {
	message := f.text
	returned := ""
	frames := f.frames
	if f.torn == 0 {
		message = fmt.Sprintf("%s [\"%v\"]", f.write(constructorFailed, frames, 0), text(f.reason))
		returned = text(f.reason).String()
		frames = []frame{frames[0], frames[0]}
	}
	out := "Message(\"" + strings.NewReplacer("\\", `\\`, "\n", `\n`, `"`, `\"`).Replace(message) + "\")"
	for i := range frames {
		fr := frames[len(frames)-1-i]
		out = fmt.Sprintf("Nested(InnerContractExecutionError { contract_address: ContractAddress(PatriciaKey(%v)), class_hash: %v, selector: %v, return_data: Retdata([%s]), error: %s })",
			fr.Address, fr.Class, fr.Selector, returned, out)
		returned = ""
	}
	return out
}

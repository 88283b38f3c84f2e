package simulated

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// A frame is one call on the stack of a failed call.
type frame struct {
	Address  hexFelt
	Class    hexFelt
	Selector hexFelt
}

func (f frame) String() string {
	return fmt.Sprintf("(contract address: %s, class hash: %s, selector: %s)", f.Address.padded(), f.Class.padded(), f.Selector.padded())
}

// missing says what a failed call did not find.
type missing uint8

const (
	nothingMissing missing = iota
	contractMissing
	entryMissing
)

// A fault is a failed call: the stack of called contracts, outermost first and
// without the account, and the felt that the innermost one panicked with.
type fault struct {
	frames  []frame
	reason  string // a short string; empty if the contract is missing
	missing missing
}

func (f *fault) last() frame { return f.frames[len(f.frames)-1] }

// notDeployed is the blockifier's text for a call to no contract.
func notDeployed(f frame) string {
	return fmt.Sprintf("Requested contract address %s is not deployed.\n", f.Address.padded())
}

var (
	selExecute  = selector("__execute__")
	selValidate = selector("__validate__")
)

// panicText is how the blockifier prints a panic of one felt.
func panicText(reason string) string {
	return fmt.Sprintf("%v ('%s').\n", text(reason), reason)
}

// accountTraceback is where OpenZeppelin's account makes its calls. The
// blockifier prints it when the called contract does not exist.
const accountTraceback = `Error at pc=0:7331:
Cairo traceback (most recent call last):
Unknown location (pc=0:188)
Unknown location (pc=0:2616)
Unknown location (pc=0:3553)
Unknown location (pc=0:4820)
Unknown location (pc=0:5564)
Unknown location (pc=0:6675)
`

// revertReason is revert_reason of the receipt, byte for byte as
// starknet-devnet prints it.
func (f *fault) revertReason(account frame) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Transaction execution has failed:\n0: Error in the called contract %v:\n", account)
	if f.missing == contractMissing {
		fmt.Fprintf(&b, "%s\n1: Error in the called contract %v:\n%s", accountTraceback, f.last(), notDeployed(f.last()))
		return b.String()
	}
	b.WriteString("Execution failed. Failure reason:\n")
	for _, fr := range append([]frame{account}, f.frames...) {
		fmt.Fprintf(&b, "Error in contract %v:\n", fr)
	}
	b.WriteString(panicText(f.reason))
	return b.String()
}

// A nested is CONTRACT_EXECUTION_ERROR_INNER.
type nested struct {
	Address  hexFelt `json:"contract_address"`
	Class    hexFelt `json:"class_hash"`
	Selector hexFelt `json:"selector"`
	Error    any     `json:"error"` // nested or string
}

// nest wraps leaf in the frames, the first outermost.
func nest(frames []frame, leaf string) any {
	var out any = leaf
	for i := len(frames) - 1; i >= 0; i-- {
		out = nested{frames[i].Address, frames[i].Class, frames[i].Selector, out}
	}
	return out
}

// callError is what starknet_call answers.
func (f *fault) callError() *jsonrpc.Error {
	switch {
	case f.missing == entryMissing:
		return errEntryPoint
	case f.missing == contractMissing:
		return errContract
	}
	return withData(errCall, struct {
		Error any `json:"revert_error"`
	}{nest(f.frames, f.returned())})
}

// returned is the return data of all frames, outermost first: each is the
// panic of the innermost and one ENTRYPOINT_FAILED for every frame below.
func (f *fault) returned() string {
	var list []hexFelt
	for below := len(f.frames) - 1; below >= 0; below-- {
		list = append(list, text(f.reason))
		for range below {
			list = append(list, text("ENTRYPOINT_FAILED"))
		}
	}
	out, _ := json.Marshal(list) // felts always encode
	return string(out)
}

// estimateError is what starknet_estimateFee answers for the transaction with
// that index.
func (f *fault) estimateError(index int, account frame) *jsonrpc.Error {
	frames := append([]frame{account, account}, f.frames...)
	leaf := fmt.Sprintf("%s [\"%v\"]", f.revertReason(account), text(f.reason))
	if f.missing == contractMissing {
		frames, leaf = append([]frame{account}, f.last()), notDeployed(f.last())
	}
	return executionError(index, nest(frames, leaf))
}

func executionError(index int, cause any) *jsonrpc.Error {
	return withData(errExecution, struct {
		Index int `json:"transaction_index"`
		Error any `json:"execution_error"`
	}{index, cause})
}

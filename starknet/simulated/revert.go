package simulated

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
)

// A frame is one call on the stack of a failed call.
type frame struct {
	Address  hexFelt
	Class    hexFelt
	Selector hexFelt

	class       *class // nil if there is none
	constructor bool
	index       int // which call of the account's multicall failed; of the account's frame only
}

func (f frame) String() string {
	selector := f.Selector.padded()
	if f.constructor && f.Selector == (hexFelt{}) {
		selector = "UNKNOWN" // it was not looked for
	}
	return fmt.Sprintf("(contract address: %s, class hash: %s, selector: %s)", f.Address.padded(), f.Class.padded(), selector)
}

// numbered is the line of the stack that introduces the frame.
func (f frame) numbered(i int) string {
	if f.constructor {
		return fmt.Sprintf("%d: Error in the contract class constructor %v:\n", i, f)
	}
	return fmt.Sprintf("%d: Error in the called contract %v:\n", i, f)
}

// traceback is where the frame made its call: program counters, which depend
// on the compiled class. Empty if they were never seen.
func (f frame) traceback() string {
	if f.class == nil {
		return ""
	}
	pc := f.class.traces[f.Selector]
	if len(pc) == 0 {
		return ""
	}
	if f.Selector == selExecute && f.index > 0 {
		// The account makes its calls recursively.
		pc = slices.Insert(slices.Clone(pc), len(pc)-1, slices.Repeat([]int{pcNextCall}, f.index)...)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Error at pc=0:%d:\nCairo traceback (most recent call last):\n", pc[0])
	for _, at := range pc[1:] {
		fmt.Fprintf(&b, "Unknown location (pc=0:%d)\n", at)
	}
	return b.String()
}

// missing says what a failed call did not find.
type missing uint8

const (
	nothingMissing missing = iota
	contractMissing
	entryMissing
)

// A fault is a failed call: the stack of called contracts, outermost first and
// without the account.
//
// A contract that panics gives its caller the panic to pass on. What no
// contract can catch tears down its callers instead: those are the torn frames,
// which come first. If all are, text says why; else the innermost frame
// panicked with reason.
type fault struct {
	frames  []frame
	torn    int
	reason  string // short string
	text    string
	missing missing
	own     bool   // of the code that returns it, not of a call that it made
	where   string // of the failure in the innermost frame, which only the stack says
	index   int    // which call of the transaction
}

// softFault is a panic.
func softFault(f frame, m missing, reason string) *fault {
	return &fault{frames: []frame{f}, reason: reason, missing: m}
}

// hardFault is what a contract cannot catch.
func hardFault(f frame, m missing, text string) *fault {
	return &fault{frames: []frame{f}, torn: 1, text: text, missing: m}
}

// from adds the frame of the caller. A constructor that panics tears down the
// deployer too.
func (f *fault) from(caller frame) *fault {
	out := *f
	out.own = false
	out.frames = append([]frame{caller}, f.frames...)
	if f.torn > 0 || len(f.frames) > 0 && f.frames[0].constructor {
		out.torn++
	}
	return &out
}

// Error is not shown to anybody: a fault goes through the models as the error
// of the token that they call.
func (f *fault) Error() string { return "simulated: call failed: " + f.reason + f.text }

// stack is the frames below an account.
func (f *fault) stack(account frame) (frames []frame, torn int) {
	account.index = f.index
	out := f.from(account)
	return out.frames, out.torn
}

// notDeployed is the blockifier's text for a call to no contract.
func notDeployed(at slastream.Address) string {
	return fmt.Sprintf("Requested contract address %s is not deployed.\n", word(at).padded())
}

var (
	selExecute         = selector("__execute__")
	selValidate        = selector("__validate__")
	selValidateDeclare = selector("__validate_declare__")
	selValidateDeploy  = selector("__validate_deploy__")
	selConstructor     = selector("constructor")
)

// panicText is how the blockifier prints a panic of one felt.
func panicText(reason string) string {
	return fmt.Sprintf("%v ('%s').\n", text(reason), reason)
}

// write prints the stack as the blockifier does, byte for byte.
func (f *fault) write(title string, frames []frame, torn int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s has failed:\n", title)
	for i, fr := range frames[:torn] {
		b.WriteString(fr.numbered(i))
		if i == len(frames)-1 {
			b.WriteString(f.where + f.text)
			return b.String()
		}
		b.WriteString(fr.traceback() + "\n")
	}
	b.WriteString(frames[torn].numbered(torn) + "Execution failed. Failure reason:\n")
	for _, fr := range frames[torn:] {
		fmt.Fprintf(&b, "Error in contract %v:\n", fr)
	}
	b.WriteString(panicText(f.reason))
	return b.String()
}

const executionFailed = "Transaction execution"

// revertReason is revert_reason of the receipt.
func (f *fault) revertReason(account frame) string {
	frames, torn := f.stack(account)
	return f.write(executionFailed, frames, torn)
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
	for _, f := range slices.Backward(frames) {
		out = nested{f.Address, f.Class, f.Selector, out}
	}
	return out
}

// object is CONTRACT_EXECUTION_ERROR: the outermost frame that panicked stands
// in it twice.
func (f *fault) object(title string, frames []frame, torn int) any {
	if torn == len(frames) {
		return nest(frames, f.text)
	}
	leaf := fmt.Sprintf("%s [\"%v\"]", f.write(title, frames, torn), text(f.reason))
	return nest(slices.Insert(slices.Clone(frames), torn, frames[torn]), leaf)
}

// callError is what starknet_call answers.
func (f *fault) callError() *jsonrpc.Error {
	switch {
	case f.missing == entryMissing:
		return errEntryPoint
	case f.missing == contractMissing && len(f.frames) == 1:
		return errContract
	}
	out := f.object(executionFailed, f.frames, f.torn)
	if f.torn == 0 {
		out = nest(f.frames, f.returned())
	}
	return withData(errCall, struct {
		Error any `json:"revert_error"`
	}{out})
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
	frames, torn := f.stack(account)
	return executionError(index, f.object(executionFailed, frames, torn))
}

func executionError(index int, cause any) *jsonrpc.Error {
	return withData(errExecution, struct {
		Index int `json:"transaction_index"`
		Error any `json:"execution_error"`
	}{index, cause})
}

package simulated

import (
	"bytes"
	_ "embed" // the contracts' ABIs
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"github.com/ethereum/go-ethereum/accounts/abi"

	"github.com/slastream/slastream-go/attestation"
)

// A RevertError is what a contract said when it refused a call or a
// transaction: a value of the contract, never a transport failure.
type RevertError struct {
	Reason string           // the text of Error(string), or a custom error as "DataSetNotLive()"; "" if there was no data
	Data   []byte           // the revert data
	TxHash attestation.Word // the transaction that reverted; 0 for a call
}

// Error quotes the reason.
func (e *RevertError) Error() string {
	if e.TxHash.IsZero() {
		return fmt.Sprintf("simulated: reverted: %q", e.Reason)
	}
	return fmt.Sprintf("simulated: transaction %v reverted: %q", e.TxHash, e.Reason)
}

// Is reports whether target is a *RevertError with the same reason.
func (e *RevertError) Is(target error) bool {
	t, ok := target.(*RevertError)
	return ok && t.Reason == e.Reason
}

// A revert is the failure of a contract in this process.
type revert struct{ data []byte }

func (r *revert) Error() string { return "reverted: " + revertReason(r.data) }

var (
	textType, _  = abi.NewType("string", "", nil)
	textSelector = []byte{0x08, 0xc3, 0x79, 0xa0} // Error(string)
	codeSelector = []byte{0x4e, 0x48, 0x7b, 0x71} // Panic(uint256)
)

// Codes of Solidity's Panic.
const (
	panicArithmetic = 0x11
	panicDivision   = 0x12
	panicMemory     = 0x41
)

func revertText(text string) error {
	return &revert{append(bytes.Clone(textSelector), mustPack(abi.Arguments{{Type: textType}}, text)...)}
}

func revertPanic(code uint64) error {
	w := attestation.WordFromUint64(code)
	return &revert{append(bytes.Clone(codeSelector), w[:]...)}
}

func revertCustom(name string, args ...any) error { return revertError(verifierABI(), name, args...) }

// revertError is a custom error of a contract.
func revertError(of *abi.ABI, name string, args ...any) error {
	e := of.Errors[name]
	return &revert{append(bytes.Clone(e.ID[:4]), mustPack(e.Inputs, args...)...)}
}

// revertReason says revert data in words; data of unknown errors stays
// hexadecimal.
func revertReason(data []byte) string {
	if len(data) < 4 {
		return ""
	}
	if bytes.Equal(data[:4], textSelector) || bytes.Equal(data[:4], codeSelector) {
		if text, err := abi.UnpackRevert(data); err == nil {
			return text
		}
	}
	e, err := verifierABI().ErrorByID([4]byte(data))
	if err != nil {
		e, err = serviceABI().ErrorByID([4]byte(data))
	}
	if err == nil {
		if args, err := e.Inputs.Unpack(data[4:]); err == nil {
			texts := make([]string, len(args))
			for i, a := range args {
				texts[i] = fmt.Sprint(a)
			}
			return e.Name + "(" + strings.Join(texts, ",") + ")"
		}
	}
	return "0x" + hex.EncodeToString(data[:min(len(data), 100)])
}

//go:embed abi/PDPVerifier.json
var verifierJSON string

//go:embed abi/PDPListener.json
var listenerJSON string

//go:embed abi/Service.json
var serviceJSON string

//go:embed abi/MockPDPVerifier.json
var mockJSON string

var (
	verifierABI = sync.OnceValue(func() *abi.ABI { return mustABI(verifierJSON) })
	listenerABI = sync.OnceValue(func() *abi.ABI { return mustABI(listenerJSON) })
	serviceABI  = sync.OnceValue(func() *abi.ABI { return mustABI(serviceJSON) })
	mockABI     = sync.OnceValue(func() *abi.ABI { return mustABI(mockJSON) })
)

func mustABI(text string) *abi.ABI {
	parsed, err := abi.JSON(strings.NewReader(text))
	if err != nil {
		panic(err)
	}
	return &parsed
}

// mustPack encodes values of this package's own, which fit the ABI whatever a
// caller sends.
func mustPack(args abi.Arguments, values ...any) []byte {
	out, err := args.Pack(values...)
	if err != nil {
		panic("simulated: " + err.Error())
	}
	return out
}

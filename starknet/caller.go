package starknet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A Caller makes JSON-RPC calls to a Starknet node with positional parameters.
// go-ethereum's *rpc.Client is one; [CallerFunc] makes one of starknet.go's
// client. Errors that the node answered must have the method ErrorCode() int
// and, for reverts to be recognized, ErrorData() any.
//
// The node must speak RPC 0.9 or 0.10, which a [Node] makes sure of: nothing in
// the interface of this package shows which of them answered. Earlier versions
// have no block tag pre_confirmed.
type Caller interface {
	CallContext(ctx context.Context, result any, method string, params ...any) error
}

// A CallerFunc is a function as a [Caller], for clients whose method has
// another name:
//
//	starknet.CallerFunc(client.CallContextWithSliceArgs) // client of starknet.go
type CallerFunc func(ctx context.Context, result any, method string, params ...any) error

// CallContext calls f.
func (f CallerFunc) CallContext(ctx context.Context, result any, method string, params ...any) error {
	return f(ctx, result, method, params...)
}

// Error codes of the specification of the RPC.
const (
	codeContractNotFound = 20
	codeNoEntryPoint     = 21 // of starknet_call; a transaction reverts instead
	codeTxHashNotFound   = 29
	codeContractError    = 40
	codeExecutionError   = 41
	codeInvalidNonce     = 52
	codeValidation       = 55
	codeDuplicateTx      = 59
	codeNoMethod         = -32601 // of JSON-RPC
	codeInvalidParams    = -32602 // of JSON-RPC
)

var (
	// ErrNonce marks a transaction that the node refuses for its nonce: already
	// used by another transaction, or too far ahead.
	ErrNonce = errors.New("starknet: invalid nonce")
	// ErrValidation marks a transaction that the account contract refuses, most
	// often because the key is not the account's. It is no revert: nothing was
	// executed.
	ErrValidation = errors.New("starknet: refused by the account")
	// ErrBadAnswer marks an answer of a node that is not what the specification
	// of the RPC promises.
	ErrBadAnswer = errors.New("starknet: bad answer of the node")
)

// A codedError is an error that the node answered.
type codedError interface {
	error
	ErrorCode() int
}

// code returns the code of an error that the node answered; ok is false for
// failures of the transport.
func code(err error) (code int, ok bool) {
	if e, found := errors.AsType[codedError](err); found {
		return e.ErrorCode(), true
	}
	return 0, false
}

// data returns the data of an error that the node answered as JSON.
func data(err error) json.RawMessage {
	e, ok := errors.AsType[interface {
		error
		ErrorData() any
	}](err)
	if !ok {
		return nil
	}
	switch d := e.ErrorData().(type) {
	case nil:
		return nil
	case json.RawMessage:
		return d
	default:
		raw, err := json.Marshal(d)
		if err != nil {
			return nil
		}
		return raw
	}
}

// An answer decodes into result, and refuses null: it is no answer of any
// method, and would pass for a zero.
type answer struct{ result any }

func (a *answer) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return fmt.Errorf("%w: null", ErrBadAnswer)
	}
	return json.Unmarshal(raw, a.result)
}

// call makes a call. Refusals by a contract become *slastream.RevertError,
// everything else keeps the caller's error as its cause.
func call(ctx context.Context, c Caller, result any, method string, params ...any) error {
	if _, raw := result.(*json.RawMessage); result != nil && !raw {
		result = &answer{result}
	}
	err := c.CallContext(ctx, result, method, params...)
	if err == nil {
		return nil
	}
	switch n, _ := code(err); n {
	case codeContractError:
		if revert := callRevert(data(err)); revert != nil {
			return revert
		}
	case codeExecutionError:
		return executionFailure(err)
	case codeInvalidNonce:
		return fmt.Errorf("%w: %w", ErrNonce, err)
	case codeValidation:
		var text string
		_ = json.Unmarshal(data(err), &text) // only to say more
		return fmt.Errorf("%w: %s: %w", ErrValidation, reason(text), err)
	}
	switch text := err.Error(); {
	case strings.HasPrefix(text, "starknet: "): // a Node's own
		return err
	case strings.HasPrefix(text, method):
		return fmt.Errorf("starknet: %w", err)
	}
	return fmt.Errorf("starknet: %s: %w", method, err)
}

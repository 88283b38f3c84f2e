package starknet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"

	"github.com/slastream/slastream-go/slastream"
)

// A Class says what to do about an error. The zero value is ClassUnknown.
type Class uint8

const (
	// ClassUnknown: a transaction was handed over and its outcome is open, or
	// the error is none that this package knows. Find out what happened, by the
	// transaction's hash, before anything else.
	ClassUnknown Class = iota
	// ClassRetry: nothing happened, and the same may succeed later. A
	// transaction is to be made anew: its nonce or its bounds may be what was
	// wrong.
	ClassRetry
	// ClassPermanent: nothing happened or the calls reverted, and trying again
	// ends the same way until somebody changes something.
	ClassPermanent
)

// String returns "unknown", "retry" or "permanent".
func (c Class) String() string {
	switch c {
	case ClassUnknown:
		return "unknown"
	case ClassRetry:
		return "retry"
	case ClassPermanent:
		return "permanent"
	}
	return fmt.Sprintf("Class(%d)", uint8(c))
}

// An UnsettledError says that a transaction was handed to the node and that it
// is open whether it arrived. It may be executed at any time as long as its
// nonce is not used: send the same bytes again, or ask [Account.Status].
type UnsettledError struct {
	Tx  slastream.SignedTx
	Err error // why nothing is known
}

func (e *UnsettledError) Error() string {
	return fmt.Sprintf("starknet: outcome of transaction %v is open: %v", e.Tx.Hash, e.Err)
}

// Unwrap returns the cause.
func (e *UnsettledError) Unwrap() error { return e.Err }

// Classify says what to do about an error of this package.
//
//   - Permanent are reverts, refusals by the account ([ErrValidation]), a node
//     of another chain ([ErrChain]) or version (*[VersionError]), *[FeeError],
//     *[SizeError], too little balance, and what the node cannot read or does
//     not know.
//   - Retry are failures of the transport, HTTP status 408, 429 and 5xx, ends of
//     a context, [ErrNonce], bounds below the present prices, what a node that is
//     busy or behind answers, and a broken answer ([ErrBadAnswer]): it says
//     nothing about the chain, and another node, or this one later, may do
//     better.
//   - Unknown is *[UnsettledError], whatever its cause, a transaction that the
//     node has already, and every error that is none of these.
//
// Codes are those of the Starknet RPC 0.9.0 and 0.10 and of JSON-RPC 2.0. An
// HTTP status is recognized in the text of the error, as go-ethereum's and
// starknet.go's clients write it, and so is "bad json-rpc response". There is no class of nil.
func Classify(err error) Class {
	if _, open := errors.AsType[*UnsettledError](err); open || err == nil {
		return ClassUnknown
	}
	if isPermanent(err) {
		return ClassPermanent
	}
	if errors.Is(err, ErrNonce) || errors.Is(err, ErrBadAnswer) {
		return ClassRetry
	}
	if n, ok := code(err); ok {
		return classOf(n)
	}
	if status, ok := httpStatus(err); ok {
		if status == 408 || status == 429 || status >= 500 {
			return ClassRetry
		}
		return ClassPermanent
	}
	if isTransport(err) {
		return ClassRetry
	}
	return ClassUnknown
}

func isPermanent(err error) bool {
	for _, target := range []error{ErrChain, ErrValidation, ErrMalformed, ErrUnknownEvent, ErrNoAccount, ErrNoKey} {
		if errors.Is(err, target) {
			return true
		}
	}
	_, revert := errors.AsType[*slastream.RevertError](err)
	_, fee := errors.AsType[*FeeError](err)
	_, out := errors.AsType[*RangeError](err)
	_, version := errors.AsType[*VersionError](err)
	_, size := errors.AsType[*SizeError](err)
	return revert || fee || out || version || size
}

// Codes of a refused transaction.
const (
	codeLowBounds  = 53 // resources do not cover validation or the minimal fee
	codeLowBalance = 54 // balance below what the bounds allow it to cost
	codeNoAccount  = 58 // the sender is no account
	codeVersion    = 61 // transaction version is not supported
	codeLowFee     = 65 // fee below minimum
)

// classOf is the class of an error code.
func classOf(n int) Class {
	switch n {
	case codeDuplicateTx:
		return ClassUnknown // it is on its way
	case 1, // failed to write transaction
		10,                 // no trace available, of a transaction that is not executed yet
		24,                 // block not found: the node may be behind
		codeTxHashNotFound, // 29
		32,                 // there are no blocks
		codeInvalidNonce,   // 52
		codeLowBounds,      // 53
		63,                 // unexpected error
		codeLowFee,         // 65
		408, 429,           // of an HTTP status, as some services answer it
		-32603: // internal error
		return ClassRetry
	case 20, 21, 27, 28, 31, 33, 34, codeContractError, codeExecutionError, 42, 50, 51, codeLowBalance, codeValidation, 56, 57, codeNoAccount, 60, codeVersion, 62,
		64, // replacement underpriced: see Account.Bump
		66, 67, 68, 69, 100,
		-1, // starknet-devnet's own refusals
		-32700, -32600, -32601, -32602:
		return ClassPermanent
	}
	if -32099 <= n && n <= -32000 || 500 <= n && n <= 599 { // server errors
		return ClassRetry
	}
	return ClassUnknown
}

// badResponse is in the text of an error of internal/jsonrpc about an answer
// that is none: this package works over any client and links none of them.
const badResponse = "bad json-rpc response"

// isTransport reports whether err comes from the way to the node and back.
func isTransport(err error) bool {
	for _, target := range []error{context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed} {
		if errors.Is(err, target) {
			return true
		}
	}
	_, network := errors.AsType[net.Error](err)
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, shape := errors.AsType[*json.UnmarshalTypeError](err)
	return network || syntax || shape || strings.Contains(err.Error(), badResponse)
}

// isVerdict reports whether a code is a refusal of one transaction, rather than
// of whatever is asked.
func isVerdict(n int) bool {
	switch n {
	case codeInvalidNonce, codeLowBounds, codeLowFee, codeLowBalance, codeValidation, codeNoAccount, codeVersion:
		return true
	}
	return false
}

// isDismissed reports whether an error of a send says that the node refuses the
// transaction for what it is, and not for its nonce.
func isDismissed(err error) bool {
	if _, open := errors.AsType[*UnsettledError](err); open {
		return false
	}
	n, ok := code(err)
	return ok && n != codeInvalidNonce && isVerdict(n)
}

// httpStatus reads the status from an error whose text begins with it:
// "429 Too Many Requests: …", "http status 429: …".
func httpStatus(err error) (status int, ok bool) {
	for ; err != nil; err = errors.Unwrap(err) {
		text := strings.TrimPrefix(err.Error(), "http status ")
		if len(text) < 3 || len(text) > 3 && text[3] != ' ' && text[3] != ':' {
			continue
		}
		if n, err := strconv.Atoi(text[:3]); err == nil && 400 <= n && n <= 599 {
			return n, true
		}
	}
	return 0, false
}

// isRefused reports whether an error of a send says for certain that the node
// did not take the transaction.
func isRefused(err error) bool {
	if n, ok := code(err); ok {
		switch class := classOf(n); {
		case n == 1 || n == 63 || n == -32603 || 500 <= n && n <= 599:
			return false // it may have failed after the transaction was passed on
		case -32099 <= n && n <= -32000:
			return n == -32005 // limit exceeded
		default:
			return class != ClassUnknown
		}
	}
	if status, ok := httpStatus(err); ok {
		return status < 500 && status != 408
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, noHost := errors.AsType[*net.DNSError](err)
	return noHost || errors.Is(err, syscall.ECONNREFUSED)
}

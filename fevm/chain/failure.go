package chain

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common/hexutil"
)

// Error codes of Lotus and Forest.
const (
	codeRevert    = 3      // execution reverted, with the revert data
	codeNullRound = 12     // requested epoch was a null round (Lotus since v1.31.0)
	codeLimit     = -32005 // block range exceeds maximum (Lotus since v1.35.1, Forest)
)

// A codedError is an error that a node answered.
type codedError interface {
	error
	ErrorCode() int
}

// A failure is what an error of a node means for the question.
type failure uint8

const (
	failureOther     failure = iota // refused for another reason
	failureTransport                // no answer, or one that is none
	failureNullRound
	failureBehind
	failureNoHistory
	failureRange // a smaller range could succeed
	failureBusy  // too many requests: ask later, or another node
	failureRevert
)

// failureTexts are what Lotus, Forest and the gateways in front of them say, in
// lower case. Codes differ between releases, so the text decides, but for the
// codes below.
var failureTexts = []struct {
	text string
	is   failure
}{
	{"was a null round", failureNullRound}, // Lotus before v1.31.0: code 1
	{"requested a future epoch", failureBehind},
	{"beyond 'latest'", failureBehind},
	{"tipset height in future", failureBehind},
	{"not yet available", failureBehind}, // events for the requested block
	{"lookbacks of more than", failureNoHistory},
	{"historical state unavailable", failureNoHistory},
	{"block range exceeds", failureRange},               // Lotus since v1.35.1, Forest
	{"from block is too far in the past", failureRange}, // Lotus before
	{"to block is too far in the future", failureRange}, // Lotus before, for an open range
	{"filter matches too many events", failureRange},    // Lotus and Forest, by number of results
	{"try a more restricted filter", failureRange},      // the same, as gateways shorten it
	{"blocks is too large", failureRange},               // old Lotus, both ends given
	{"rate limit", failureBusy},
	{"too many requests", failureBusy},
	{"server busy", failureBusy},
}

// failureOf sorts an error of a [Caller].
func failureOf(err error) failure {
	coded, ok := errors.AsType[codedError](err)
	if !ok {
		return failureTransport
	}
	text := strings.ToLower(coded.Error())
	for _, known := range failureTexts {
		if strings.Contains(text, known.text) {
			return known.is
		}
	}
	switch coded.ErrorCode() {
	case codeNullRound:
		return failureNullRound
	case codeRevert:
		return failureRevert
	case codeLimit: // other providers use it for quotas, which smaller queries make worse
		if strings.Contains(text, "rate") {
			return failureBusy
		}
		return failureRange
	}
	return failureOther
}

// named puts the sentinel of this package in front of an error that has one.
func named(err error) error {
	if err == nil {
		return nil
	}
	switch failureOf(err) {
	case failureNullRound:
		return fmt.Errorf("%w: %w", ErrNullRound, err)
	case failureBehind:
		return fmt.Errorf("%w: %w", ErrBehind, err)
	case failureNoHistory:
		return fmt.Errorf("%w: %w", ErrNoHistory, err)
	}
	return err
}

// A RevertError is a contract's refusal of a view call.
type RevertError struct {
	Message string // what the node said
	Data    []byte // the revert data, empty if there is none
}

// Error returns the message.
func (e *RevertError) Error() string { return "chain: reverted: " + e.Message }

func asRevert(err error) (*RevertError, bool) {
	coded, ok := errors.AsType[codedError](err)
	if !ok || coded.ErrorCode() != codeRevert {
		return nil, false
	}
	revert := &RevertError{Message: coded.Error()}
	if with, ok := errors.AsType[interface {
		error
		ErrorData() any
	}](err); ok {
		var text string
		switch data := with.ErrorData().(type) {
		case string:
			text = data
		case json.RawMessage:
			_ = json.Unmarshal(data, &text) // not a string: no data
		}
		if b, err := hexutil.Decode(text); err == nil {
			revert.Data = b
		}
	}
	return revert, true
}

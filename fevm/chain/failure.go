package chain

import (
	"encoding/json"
	"errors"
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

// isNullRound reports whether a node says that an epoch has no tipset. Lotus
// before v1.31.0 said it with code 1.
func isNullRound(err error) bool {
	coded, ok := errors.AsType[codedError](err)
	return ok && (coded.ErrorCode() == codeNullRound || strings.Contains(coded.Error(), "was a null round"))
}

// rangeTexts are what nodes say when a log query covers or finds too much.
var rangeTexts = []string{
	"block range exceeds",               // Lotus since v1.35.1, Forest
	"from block is too far in the past", // Lotus before
	"to block is too far in the future", // Lotus before, for an open range
	"filter matches too many events",    // Lotus and Forest, by number of results
	"try a more restricted filter",      // the same, as gateways shorten it
}

// isRangeTooLarge reports whether a smaller range could succeed.
func isRangeTooLarge(err error) bool {
	coded, ok := errors.AsType[codedError](err)
	if !ok {
		return false
	}
	text := coded.Error()
	for _, known := range rangeTexts {
		if strings.Contains(text, known) {
			return true
		}
	}
	// Other providers use the code for quotas, which smaller queries make worse.
	lower := strings.ToLower(text)
	return coded.ErrorCode() == codeLimit && !strings.Contains(lower, "rate") && !strings.Contains(lower, "too many requests")
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

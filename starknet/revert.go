package starknet

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/slastream"
)

// A node tells the reason of a revert in three forms:
//
//   - revert_reason of a receipt: lines of text, the last of them the panic data,
//     0x4e6f74206f776e6572 ('Not owner').
//   - error 40 of starknet_call: nested objects, one a called contract; the
//     innermost holds the return data of all failed frames as a JSON array,
//     outermost first
//   - error 41 of starknet_estimateFee: nested objects; the innermost holds
//     text as in a receipt, with the panic data as a JSON array after it
//
// In all of them the panic data of the innermost contract comes first in each
// list, followed by one ENTRYPOINT_FAILED for every contract that passed it on:
// so the first felt of the last list in the text is the reason.

// Limits on what is read of a node's text.
const (
	maxReason = 300 // bytes of a reason that is free text
	maxDepth  = 64  // nested frames
)

var selValidate = *Selector("__validate__")

// A nestedError is CONTRACT_EXECUTION_ERROR: text, or a frame around another.
type nestedError struct {
	text   string
	frames []felt.Felt // selectors of the frames, outermost first
}

func (e *nestedError) UnmarshalJSON(raw []byte) error {
	for len(e.frames) <= maxDepth {
		if err := json.Unmarshal(raw, &e.text); err == nil {
			return nil
		}
		var frame struct {
			Selector wireFelt        `json:"selector"`
			Error    json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal(raw, &frame); err != nil {
			return err
		}
		e.frames = append(e.frames, *frame.Selector.felt())
		raw = frame.Error
	}
	return ErrBadAnswer
}

// callRevert reads the data of error 40: nil if it is not what the
// specification says.
func callRevert(raw json.RawMessage) *slastream.RevertError {
	var d struct {
		Error *nestedError `json:"revert_error"`
	}
	if json.Unmarshal(raw, &d) != nil || d.Error == nil {
		return nil
	}
	return &slastream.RevertError{Reason: reason(d.Error.text)}
}

// executionFailure sorts error 41 by its data. Nested frames are a revert, if
// it is __execute__ that failed and not __validate__. Text without frames is a
// refusal by the node or by the account, unless it has the form of a receipt's.
func executionFailure(err error) error {
	var d struct {
		Error *nestedError `json:"execution_error"`
	}
	if json.Unmarshal(data(err), &d) != nil || d.Error == nil {
		return fmt.Errorf("starknet: %w", err)
	}
	text, frames := d.Error.text, d.Error.frames
	validate := len(frames) > 0 && frames[0] == selValidate
	switch {
	case validate, strings.HasPrefix(text, "Account validation failed"):
		return fmt.Errorf("%w: %s: %w", ErrValidation, reason(text), err)
	case len(frames) > 0, strings.HasPrefix(text, "Transaction execution has failed"):
		return &slastream.RevertError{Reason: reason(text)}
	case strings.Contains(strings.ToLower(text), "nonce"):
		return fmt.Errorf("%w: %w", ErrNonce, err)
	}
	return fmt.Errorf("starknet: %w", err)
}

// reason returns why a contract refused: the innermost panic's first felt as
// text, or as 0x-hexadecimal if it is none; without panic data, the last line
// of the text, such as "Insufficient max L2Gas: …".
func reason(text string) string {
	last := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		last = line
		if f, ok := panicFelt(line); ok {
			last = feltText(f)
		}
	}
	if len(last) > maxReason {
		last = strings.ToValidUTF8(last[:maxReason], "") + "…"
	}
	return last
}

// panicFelt returns the first felt of a line of panic data, which is one felt,
// a list of felts in parentheses or a JSON array of strings, each felt perhaps
// followed by its text.
func panicFelt(line string) (*felt.Felt, bool) {
	for _, label := range []string{"Failure reason: ", "panicked with: "} {
		if _, after, ok := strings.Cut(line, label); ok {
			line = after
		}
	}
	line = strings.TrimLeft(line, "([\" ")
	if !strings.HasPrefix(line, "0x") {
		return nil, false
	}
	end := 2
	for end < len(line) && isHex(line[end]) {
		end++
	}
	f, err := ParseFelt(line[:end])
	return f, err == nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// feltText returns a felt as the text of a short string, or in hexadecimal.
func feltText(f *felt.Felt) string {
	if s, ok := ShortStringText(f); ok && s != "" {
		return s
	}
	return f.String()
}

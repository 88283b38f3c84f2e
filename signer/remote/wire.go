package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

const (
	pathSign      = "/v1/attestations:sign"
	pathSignBatch = "/v1/batches:sign"
	pathKey       = "/v1/key"
)

type keyAnswer struct {
	PublicKey attestation.PublicKey `json:"publicKey"`
}

type errorAnswer struct {
	Error *wireError `json:"error"`
}

// wireError is a refusal as it travels.
type wireError struct {
	Code    string          `json:"code"`
	Message string          `json:"message"`
	Prev    *signer.Request `json:"prev,omitempty"`
	New     *signer.Request `json:"new,omitempty"`
}

// An Error is the answer of a server that will not sign, for a reason that
// package signer has no error for. It is final.
type Error struct {
	Status  int    // of HTTP
	Code    string // of this protocol, such as "refused"; empty from other servers
	Message string // of the server, at most 512 bytes
}

func (e *Error) Error() string {
	return fmt.Sprintf("remote: the server answers %d %s %q", e.Status, e.Code, e.Message)
}

const maxMessage = 512

func bounded(s string) string {
	if len(s) > maxMessage {
		return s[:maxMessage]
	}
	return s
}

// encodeError returns the answer to a request that the signer did not sign.
func encodeError(err error) (status int, answer wireError) {
	answer.Message = bounded(err.Error())
	if e, ok := errors.AsType[*signer.EquivocationError](err); ok {
		answer.Code, answer.Prev, answer.New = "equivocation", &e.Prev, &e.New
		return http.StatusConflict, answer
	}
	_, refused := errors.AsType[*signer.PolicyError](err)
	switch {
	case errors.Is(err, signer.ErrEvidence):
		status, answer.Code = http.StatusUnprocessableEntity, "evidence"
	case errors.Is(err, signer.ErrBadSignature):
		status, answer.Code = http.StatusBadGateway, "bad_signature"
	case errors.Is(err, errors.ErrUnsupported):
		status, answer.Code = http.StatusNotImplemented, "unsupported"
	case signer.Retryable(err) && errors.Is(err, signer.ErrUnavailable):
		status, answer.Code = http.StatusServiceUnavailable, "unavailable"
	case signer.Retryable(err), errors.Is(err, context.Canceled):
		status, answer.Code = http.StatusGatewayTimeout, "unknown"
	case refused:
		status, answer.Code = http.StatusForbidden, "refused"
	default:
		status, answer.Code = http.StatusInternalServerError, "failed"
	}
	return status, answer
}

// decodeError returns the error of an answer that is not 200. A status that does
// not come with this protocol's body is some proxy's, which may have passed the
// request on.
func decodeError(status int, body []byte) error {
	var answer errorAnswer
	if json.Unmarshal(body, &answer) != nil || answer.Error == nil {
		err := &Error{Status: status, Message: bounded(string(body))}
		switch {
		case status == http.StatusTooManyRequests:
			return fmt.Errorf("%w: %w", signer.ErrUnavailable, err)
		case status >= http.StatusInternalServerError:
			return fmt.Errorf("%w: %w", signer.ErrUnknownOutcome, err)
		}
		return err
	}
	e := answer.Error
	err := &Error{Status: status, Code: bounded(e.Code), Message: bounded(e.Message)}
	switch e.Code {
	case "equivocation":
		if e.Prev != nil && e.New != nil {
			return fmt.Errorf("remote: %w", &signer.EquivocationError{Prev: *e.Prev, New: *e.New})
		}
	case "evidence":
		return fmt.Errorf("%w: %w", signer.ErrEvidence, err)
	case "bad_signature":
		return fmt.Errorf("%w: %w", signer.ErrBadSignature, err)
	case "unsupported":
		return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	case "unknown":
		return fmt.Errorf("%w: %w", signer.ErrUnknownOutcome, err)
	case "unavailable":
		return fmt.Errorf("%w: %w", signer.ErrUnavailable, err)
	}
	return err
}

// decodeRequest reads one JSON value with exactly the members that v prints:
// encoding/json alone would take a missing number as 0, and members in any case.
func decodeRequest(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("remote: request: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("remote: request: more than one JSON value")
	}
	understood, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("remote: request: %w", err)
	}
	var got, want any
	if err := errors.Join(json.Unmarshal(body, &got), json.Unmarshal(understood, &want)); err != nil {
		return fmt.Errorf("remote: request: %w", err)
	}
	if at := difference(got, want); at != "" {
		return fmt.Errorf("remote: request: member %.100q is missing, or not as the protocol has it", at)
	}
	return nil
}

// difference names a member in which two JSON values differ in shape; "" if
// none.
func difference(got, want any) string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return "object"
		}
		for name, value := range want {
			inner, ok := got[name]
			if !ok {
				return name
			}
			if at := difference(inner, value); at != "" {
				return name + "." + at
			}
		}
		if len(got) != len(want) {
			return "too many"
		}
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			return "array"
		}
		for i, value := range want {
			if at := difference(got[i], value); at != "" {
				return at
			}
		}
	default:
		if got == nil && want != nil {
			return "null"
		}
	}
	return ""
}

package lit

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/slastream/slastream-go/signer"
)

// ErrMalformed marks an answer of the service that is not in the documented
// form, or too long. It may be another version, or not the service at all.
var ErrMalformed = errors.New("lit: malformed answer")

// A TransportError says that no answer came: whether the service ran the action
// is unknown. It matches signer.ErrUnknownOutcome.
type TransportError struct{ Err error }

func (e *TransportError) Error() string { return "lit: no answer: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *TransportError) Unwrap() error { return e.Err }

// Is reports whether target is signer.ErrUnknownOutcome.
func (e *TransportError) Is(target error) bool { return target == signer.ErrUnknownOutcome }

// A StatusError is a refusal of the service: 400 bad input, 401 no or unknown
// key, 402 no credit, 403 the key may not run this action, 429 overloaded, 500
// and more trouble of its own.
type StatusError struct {
	Status  int    // HTTP status
	Message string // what the service said, cut to 300 bytes
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("lit: status %d (%s): %q", e.Status, http.StatusText(e.Status), e.Message)
}

// Is reports whether target says what the status means for trying again:
// signer.ErrUnavailable after 429 and 503, signer.ErrUnknownOutcome after 502
// and 504, which a gateway gives that lost its answer.
func (e *StatusError) Is(target error) bool {
	switch e.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return target == signer.ErrUnavailable
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return target == signer.ErrUnknownOutcome
	}
	return false
}

// An ActionError is an exception of an action. Of the hardened action the code
// says which check refused:
//
//	rpc        nodes failed or disagree, or have not indexed a log yet
//	not-final  the transaction is not on the chain or its epoch not final
//	input      the parameters are not in the form expected
//	mismatch   what was asked for is not what the chains say
//	proof      the transaction holds no payable first proof of its period
//	chain      a node's answer contradicts itself
//	deal       the deal does not exist, pays no more or has no such chunk
//	binding    the deal's client did not sign for this data set
//	previous   the chunk before was not signed by this action
//	order      another proof earned this chunk
//	budget     the check needs more requests than Lit allows
//	key        the action's own signature does not verify
//
// Code is "" for exceptions of other actions, and of Lit's runtime (time-outs,
// limits).
type ActionError struct {
	Code    string
	Message string // cut to 300 bytes
}

func (e *ActionError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("lit: action failed: %q", e.Message)
	}
	return fmt.Sprintf("lit: action refused (%s): %q", e.Code, e.Message)
}

// Is reports whether target is signer.ErrUnavailable and the code one of those
// that can go away: "rpc" and "not-final".
func (e *ActionError) Is(target error) bool {
	return target == signer.ErrUnavailable && (e.Code == "rpc" || e.Code == "not-final")
}

// actionFailed begins the body of status 500 when an action threw.
const actionFailed = "Actions failed with"

var refusal = regexp.MustCompile(`slastream\[([a-z-]{1,20})\]: ([^\r\n]*)`)

// failure makes the error of an answer that is not 200.
func failure(status int, message string) error {
	if status != http.StatusInternalServerError || !strings.HasPrefix(message, actionFailed) {
		return &StatusError{Status: status, Message: cut(message)}
	}
	if m := refusal.FindStringSubmatch(message); m != nil {
		return &ActionError{Code: m[1], Message: cut(m[2])}
	}
	return &ActionError{Message: cut(strings.TrimLeft(strings.TrimPrefix(message, actionFailed), " :"))}
}

// cut bounds a foreign text.
func cut(s string) string {
	const limit = 300
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

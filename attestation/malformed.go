package attestation

import (
	"errors"
	"fmt"
)

// ErrMalformed is matched, with errors.Is, by every error of a parser of this
// package: the input is not in the form that the parser's comment states. The
// error's text quotes the input and says what was expected.
var ErrMalformed = errors.New("attestation: malformed input")

// A malformedError is an [ErrMalformed] with a text of its own.
type malformedError string

func malformed(format string, args ...any) error {
	return malformedError("attestation: " + fmt.Sprintf(format, args...))
}

func (e malformedError) Error() string { return string(e) }

// Is reports whether target is [ErrMalformed].
func (e malformedError) Is(target error) bool { return target == ErrMalformed }

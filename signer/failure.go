package signer

import (
	"context"
	"errors"
	"fmt"
)

// ErrBadSignature says that a key returned something that is no signature of
// the digest by the key's public key. Trying again does not help: the backend
// is broken or holds another key.
var ErrBadSignature = errors.New("signer: bad signature from the key")

// ErrUnavailable says that nothing was signed and that the same request can
// succeed later: the backend could not be reached, was busy or limits the rate,
// or a policy says "not now". Backends wrap it.
var ErrUnavailable = errors.New("signer: unavailable")

// ErrUnknownOutcome says that the request went out and no answer came: the
// backend may have signed. Only the identical request may be tried again, which
// a [Guard] sees to. Backends wrap it; [New] adds it where a key returns the
// error of an ended context.
var ErrUnknownOutcome = errors.New("signer: outcome unknown")

// ErrEvidence says that the evidence of a request is for another data set than
// its attestation.
var ErrEvidence = errors.New("signer: evidence does not fit the attestation")

// Retryable reports whether the identical request can succeed later without
// anyone changing anything: the error is an [ErrUnavailable], an
// [ErrUnknownOutcome] or a deadline that passed. A refusal never is:
// [*EquivocationError], [ErrEvidence], [ErrBadSignature] and every error that
// does not say.
func Retryable(err error) bool {
	if err == nil || errors.Is(err, ErrBadSignature) || errors.Is(err, ErrEvidence) {
		return false
	}
	if _, refused := errors.AsType[*EquivocationError](err); refused {
		return false
	}
	return errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnknownOutcome) || errors.Is(err, context.DeadlineExceeded)
}

// backendError passes an error of a backend on. A context that ended while the
// backend was at work leaves the outcome unknown.
func backendError(err error) error {
	ended := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	if ended && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrUnknownOutcome) {
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	return fmt.Errorf("signer: sign: %w", err)
}

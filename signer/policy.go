package signer

import (
	"context"
	"errors"
	"fmt"
)

// A Policy decides whether a [Guard] may sign a request at all. Package rule
// has the usual ones. Both functions are safe for concurrent use; either may be
// nil.
type Policy struct {
	// Name says in errors and verdicts which policy it was.
	Name string
	// Check returns nil if the request may be signed. It changes nothing, so that
	// [Explain] can ask it, and may be slow: it can read a chain. It is asked
	// every time, before anything is recorded.
	Check func(ctx context.Context, req Request) error
	// Take is for a policy that counts what it allows. It is asked last, once for
	// a chunk: directly before the chunk is recorded for the first time, one
	// request at a time. What it takes stays taken, even if signing fails later.
	// With commit false it says what it would say and counts nothing.
	Take func(ctx context.Context, req Request, commit bool) error
}

// A PolicyError says which policy refused. It wraps what the policy said;
// [Retryable] reports whether that can change by itself.
type PolicyError struct {
	Policy string
	Err    error
}

func (e *PolicyError) Error() string { return fmt.Sprintf("signer: policy %s: %v", e.Policy, e.Err) }

// Unwrap returns what the policy said.
func (e *PolicyError) Unwrap() error { return e.Err }

// A Verdict is what one rule says of a request: Err is nil if it may be signed.
type Verdict struct {
	Rule string // a policy's name, or "evidence" or "journal"
	Err  error
}

// Explain lists what every rule of a guard says of a request, and signs, records
// and counts nothing. A policy that counts is not asked about a chunk that it
// has counted. It fails with
// [errors.ErrUnsupported] if s is no [Guard]. A signer that wraps another
// passes the question on in a method
//
//	Explain(context.Context, Request) ([]Verdict, error)
//
// The verdicts are those of this moment; a backend may still refuse.
func Explain(ctx context.Context, s Signer, req Request) ([]Verdict, error) {
	e, ok := s.(interface {
		Explain(context.Context, Request) ([]Verdict, error)
	})
	if !ok {
		return nil, fmt.Errorf("signer: not a guard, nothing to explain: %w", errors.ErrUnsupported)
	}
	return e.Explain(ctx, req)
}

func (p Policy) check(ctx context.Context, req Request) error {
	if p.Check == nil {
		return nil
	}
	return p.refusal(p.Check(ctx, req))
}

func (p Policy) take(ctx context.Context, req Request, commit bool) error {
	if p.Take == nil {
		return nil
	}
	return p.refusal(p.Take(ctx, req, commit))
}

func (p Policy) refusal(err error) error {
	if err == nil {
		return nil
	}
	return &PolicyError{Policy: p.Name, Err: err}
}

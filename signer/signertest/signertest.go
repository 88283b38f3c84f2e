// Package signertest is the conformance suite for backends of package signer.
// A backend passes it in its own tests:
//
//	func TestConformance(t *testing.T) {
//		signertest.RunKey(t, func(t *testing.T) signer.Key { return open(t) })
//	}
//
// [RunKey] is for a signer.Key; it checks the key alone, then everything that
// [Run] checks of the signer that signer.New makes of it. [Run] is for any
// signer.Signer: signer.NewMessage or signer.NewAction of a backend, a client of
// a remote signer, a wrapper.
//
// The open function is called once for each subtest and must give the same key
// each time; cleaning up is left to t.Cleanup. The suite asks for different chunks
// with different proofs, so that a guard in between refuses none of them; where
// it repeats a request it is to the letter. A backend that derives what it signs
// from the evidence gives the suite requests that it will sign ([Requests]).
package signertest

import (
	"testing"

	"github.com/slastream/slastream-go/signer"
)

// An Option tells the suite what to expect of a backend.
type Option func(*suite)

// Deterministic expects the same signature for the same request: RFC 6979.
// Without it two signatures may be equal or not.
func Deterministic() Option { return func(s *suite) { s.deterministic = true } }

// Batches expects that the signer signs batches. Without it the suite accepts
// errors.ErrUnsupported.
func Batches() Option { return func(s *suite) { s.batches = true } }

// Secrets names what must not be printed: keys in hexadecimal, PINs, tokens,
// passwords. The suite looks for each, in either case, in every way of printing
// the signer and in every error it gets.
func Secrets(secrets ...string) Option {
	return func(s *suite) { s.secrets = append(s.secrets, secrets...) }
}

// Rounds sets how many signatures the longer subtests make, 64 if not set:
// enough to meet high s, short integers and both parities. Lower it for a slow
// backend, not below 16.
func Rounds(n int) Option { return func(s *suite) { s.rounds = max(n, 16) } }

// Requests replaces the requests of the suite: next(n) is the nth, the same for
// the same n, for another chunk and another proof for another n, all for one
// domain.
func Requests(next func(n uint64) signer.Request) Option {
	return func(s *suite) { s.next = next }
}

// Run checks a signer. open opens the same one each time.
func Run(t *testing.T, open func(t *testing.T) signer.Signer, options ...Option) {
	t.Helper()
	newSuite(open, options).run(t)
}

// RunKey checks a digest key, and the signer that signer.New makes of it.
func RunKey(t *testing.T, open func(t *testing.T) signer.Key, options ...Option) {
	t.Helper()
	newSuite(func(t *testing.T) signer.Signer {
		s, err := signer.New(open(t))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}, options).runKey(t, open)
}

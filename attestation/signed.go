package attestation

// A VerifyError says why the escrow refuses a signature. Reason is the felt
// the contract panics with, verbatim, such as "PKP key X mismatch".
type VerifyError struct{ Reason string }

func (e *VerifyError) Error() string { return "attestation: " + e.Reason }

// Is reports whether target is a *VerifyError with the same reason.
func (e *VerifyError) Is(target error) bool {
	t, ok := target.(*VerifyError)
	return ok && t.Reason == e.Reason
}

// Signed is an attestation with its signature: the arguments of release_chunk.
// The JSON form is an object of both; it will not change.
type Signed struct {
	Attestation Attestation `json:"attestation"`
	Signature   Signature   `json:"signature"`
}

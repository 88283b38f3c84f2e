package attestation

// A Verifier gives the escrow's verdict on attestations for one attestation
// key. It is immutable and safe for concurrent use.
type Verifier struct {
	rules Rules
	key   PublicKey
}

// NewVerifier returns a verifier for an escrow with that key. Any key is
// allowed, also (0, 0) and points off the curve: the contract checks nothing
// about its key, and for (0, 0) it accepts what recovers to infinity.
func NewVerifier(rules Rules, key PublicKey) *Verifier {
	return &Verifier{rules: rules, key: key}
}

// Verify returns nil if the escrow accepts the signature, else a *[VerifyError]
// with the felt it panics with. It looks at the signature alone: whether the
// deal is active and the chunk unpaid is the escrow's state (package
// slastream/escrow).
//
// Source: release_chunk of sla_escrow.cairo: recovery, then X, then Y.
func (v *Verifier) Verify(s Signed) error {
	got, err := Recover(v.rules, s.Attestation.Digest(), s.Signature)
	switch {
	case err != nil:
		return err
	case got.X != v.key.X:
		return &VerifyError{Reason: reasonKeyX}
	case got.Y != v.key.Y:
		return &VerifyError{Reason: reasonKeyY}
	}
	return nil
}

// VerifyBatch returns the verdict of [Verifier.Verify] on each item: a slice as
// long as items, nil where the escrow accepts.
func (v *Verifier) VerifyBatch(items []Signed) []error {
	errs := make([]error, len(items))
	for i, s := range items {
		errs[i] = v.Verify(s)
	}
	return errs
}

// Verify returns nil if an escrow with that key, under those rules, accepts the
// signature, else a *[VerifyError]. For many attestations of one key use
// [NewVerifier].
func (s Signed) Verify(rules Rules, key PublicKey) error {
	return NewVerifier(rules, key).Verify(s)
}

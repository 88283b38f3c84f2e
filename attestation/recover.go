package attestation

import "github.com/slastream/slastream-go/attestation/internal/secp256k1"

// Why the escrow refuses a signature: the felts of its panics, in the order in
// which they can happen. Compare with errors.Is. Each function returns its own
// *[VerifyError], so a caller that changes one changes nothing here.
const (
	reasonInvalidX  = "Invalid argument"          // r is no field element: secp256k1_get_point_from_x refuses it
	reasonNoInverse = "Option::unwrap failed."    // r is a multiple of the group order
	reasonNoPoint   = "Signature recovery failed" // recover_public_key returned None
	reasonKeyX      = "PKP key X mismatch"
	reasonKeyY      = "PKP key Y mismatch"
)

// Recover returns the public key that recover_public_key of the Cairo corelib
// finds for a digest and a signature, with y_parity = (sig.V == 1). It is not
// ECDSA verification as other libraries do it:
//
//   - The point at infinity is a legal result, with coordinates (0, 0).
//   - Under [RulesLegacy] nothing is range-checked: high s, s ≥ n and r in
//     (n, p) are reduced mod n and can succeed.
//   - V never adds n to r, as an Ethereum recovery id of 2 or 3 does.
//
// The error is a *[VerifyError] with the panic felt: "Signature recovery
// failed", and under RulesLegacy also "Invalid argument" (r ≥ p) and
// "Option::unwrap failed." (r = n).
//
// It is pure Go and takes about as long as go-ethereum's Ecrecover in C. The
// first call makes a table of 0.4 MiB, which takes some milliseconds. For many
// signatures of one key, [Verifier] is several times faster.
//
// Source: corelib/src/starknet/secp256_trait.cairo at v2.14.0 and v2.13.1, and
// the secp syscalls of the blockifier. All inputs are public, so nothing here
// runs in constant time.
func Recover(rules Rules, d Digest, sig Signature) (PublicKey, error) {
	if rules != RulesLegacy && !inStrictRange(sig) {
		return PublicKey{}, &VerifyError{Reason: reasonNoPoint}
	}
	point, reason := pointFromX(sig.R, sig.V == 1)
	if reason != "" {
		return PublicKey{}, &VerifyError{Reason: reason}
	}
	var r, s, z secp256k1.Scalar
	r.SetBytes((*[32]byte)(&sig.R))
	s.SetBytes((*[32]byte)(&sig.S))
	z.SetBytes((*[32]byte)(&d))
	if r.IsZero() {
		return PublicKey{}, &VerifyError{Reason: reasonNoInverse}
	}
	return publicKeyOf(secp256k1.Recover(&point, &r, &s, &z)), nil
}

// inStrictRange is the guard that corelib 2.14.0 put before recovery.
func inStrictRange(sig Signature) bool {
	return !sig.R.IsZero() && sig.R.Cmp(groupOrder()) < 0 &&
		!sig.S.IsZero() && sig.S.Cmp(halfGroupOrder()) <= 0
}

// pointFromX is the syscall secp256k1_get_point_from_x: the point with that x
// and that parity of y, or why there is none. x is not reduced.
func pointFromX(x Word, odd bool) (p secp256k1.Point, reason string) {
	var e secp256k1.Element
	if !e.SetBytes((*[32]byte)(&x)) {
		return p, reasonInvalidX
	}
	if !p.SetX(&e, odd) {
		return p, reasonNoPoint
	}
	return p, ""
}

// publicKeyOf returns the affine coordinates; infinity is (0, 0), as get_xy of
// the blockifier answers.
func publicKeyOf(p secp256k1.Point) PublicKey {
	return PublicKey{X: p.X.Bytes(), Y: p.Y.Bytes()}
}

// pointOf returns the point of a key, or false if the key is none: a
// coordinate of p and more, a point off the curve, or infinity.
func pointOf(k PublicKey) (p secp256k1.Point, ok bool) {
	return p, p.X.SetBytes((*[32]byte)(&k.X)) && p.Y.SetBytes((*[32]byte)(&k.Y)) && p.IsOnCurve()
}

// groupOrder returns n, the order of the group of secp256k1.
func groupOrder() Word {
	return Word{
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
		0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
	}
}

// halfGroupOrder returns ⌊n/2⌋, the greatest s that is not high.
func halfGroupOrder() Word {
	return Word{
		0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
	}
}

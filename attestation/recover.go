package attestation

import (
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/secp256k1"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fp"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fr"
)

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
	var r, s, z fr.Element
	r.SetBytes(sig.R[:])
	s.SetBytes(sig.S[:])
	z.SetBytes(d[:])
	if r.IsZero() {
		return PublicKey{}, &VerifyError{Reason: reasonNoInverse}
	}
	// Q = (−z/r)·G + (s/r)·R
	var inv, u1, u2 fr.Element
	inv.Inverse(&r)
	u1.Mul(&z, &inv)
	u1.Neg(&u1)
	u2.Mul(&s, &inv)
	return publicKeyOf(sumOfProducts(&u1, &point, &u2)), nil
}

// inStrictRange is the guard that corelib 2.14.0 put before recovery.
func inStrictRange(sig Signature) bool {
	return !sig.R.IsZero() && sig.R.Cmp(groupOrder()) < 0 &&
		!sig.S.IsZero() && sig.S.Cmp(halfGroupOrder()) <= 0
}

// pointFromX is the syscall secp256k1_get_point_from_x: the point with that x
// and that parity of y, or why there is none. x is not reduced.
func pointFromX(x Word, odd bool) (secp256k1.G1Affine, string) {
	var p secp256k1.G1Affine
	if err := p.X.SetBytesCanonical(x[:]); err != nil {
		return p, reasonInvalidX
	}
	var y2, seven fp.Element
	seven.SetUint64(7)
	y2.Square(&p.X)
	y2.Mul(&y2, &p.X)
	y2.Add(&y2, &seven)
	if p.Y.Sqrt(&y2) == nil {
		return p, reasonNoPoint
	}
	if isOdd(&p.Y) != odd {
		p.Y.Neg(&p.Y)
	}
	return p, ""
}

func isOdd(e *fp.Element) bool {
	b := e.Bytes()
	return b[31]&1 == 1
}

// sumOfProducts returns u1·G + u2·P. The two products are made apart: the
// joint methods of gnark-crypto are meant for verification, and the sum must
// be exact also where it is the point at infinity.
func sumOfProducts(u1 *fr.Element, p *secp256k1.G1Affine, u2 *fr.Element) secp256k1.G1Affine {
	var a, b secp256k1.G1Jac
	var k1, k2 big.Int
	a.ScalarMultiplicationBase(u1.BigInt(&k1))
	b.FromAffine(p)
	b.ScalarMultiplication(&b, u2.BigInt(&k2))
	a.AddAssign(&b)
	var sum secp256k1.G1Affine
	sum.FromJacobian(&a)
	return sum
}

// publicKeyOf returns the affine coordinates; infinity is (0, 0), as get_xy of
// the blockifier answers.
func publicKeyOf(p secp256k1.G1Affine) PublicKey {
	return PublicKey{X: p.X.Bytes(), Y: p.Y.Bytes()}
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

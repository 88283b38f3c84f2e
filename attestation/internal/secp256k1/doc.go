// Package secp256k1 is the arithmetic of the curve y² = x³ + 7 as package
// attestation needs it: sums of products u1·G + u2·Q, exact for every input,
// as fast as pure Go allows.
//
//   - [Recover] computes them for a point that is known only now: the
//     endomorphism halves the doublings.
//   - [Tables] computes them for a Q that stays: no doublings at all, and for
//     many sums at once no more than six multiplications an addition.
//
// Everything here is public, the key included: nothing runs in constant time.
// Never use this package with a secret.
//
// Why not gnark-crypto, whose scalars it uses: its field is generic, and its
// multiplication takes twice as long as one that knows the shape of p; see
// docs/performance.md. Sources: SEC 2 v2 §2.4.1; GLV, CRYPTO 2001, with the
// basis that Guide to Elliptic Curve Cryptography gives in example 3.78;
// Bernstein and Yang, "Fast constant-time gcd computation and modular
// inversion", 2019; the explicit-formulas database hyperelliptic.org/EFD.
package secp256k1

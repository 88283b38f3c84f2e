// Package naive is the escrow's verdict on a signature in the slowest and
// plainest way: an oracle that shares no line with the fast code that it
// checks. Tests use it, and the program that makes attestation/vectors.
//
// It follows the text of the rules and imports math/big alone: affine points by
// the formulas of a textbook, one inversion an addition, no tables, no
// endomorphism. One recovery takes some milliseconds.
//
// Integers are u256 unless said otherwise, in [0, 2^256). Nothing here changes
// its arguments, and everything is safe for concurrent use.
//
// Sources: SEC 1 v2 §2.2.1 and SEC 2 v2 §2.4.1 for the curve;
// corelib/src/starknet/secp256_trait.cairo at v2.13.1 and v2.14.0 and the secp
// syscalls of the blockifier for the rest.
package naive

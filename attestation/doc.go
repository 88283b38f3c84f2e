// Package attestation is the signed statement that pays one chunk of a deal:
// its 160-byte encoding, its Keccak-256 digest, the signature forms, and the
// verdict of the Cairo escrow on a signature, off chain and for free.
//
// A relay signs an [Attestation] (package signer), the escrow's release_chunk
// recovers the key and compares. To say beforehand what it will say:
//
//	err := signed.Verify(attestation.RulesLowS, key) // nil, or *VerifyError with the felt of the panic
//
// [Rules] name the two behaviours of Cairo's corelib that are deployed:
// RulesLowS since 2.14.0, RulesLegacy before. The zero value is the strict one,
// and a signature made by package signer passes under both.
//
// Integers are unsigned and big-endian: [Word] is a u256, chunk index and
// timestamp are u64 (Unix seconds). The single attestation carries no chain id
// and no escrow address: it is valid on every escrow with the same key and deal
// id, so use one key for one deployment. [Batch] does carry a [Domain].
//
// A [Signature] comes from many places. [ParseSignature] and [ParseCompact] read
// the forms that hold the parity of R; [ParseSignatureBy] (DER, r‖s) and
// [ParseLit] find it by recovering the key. docs/attestation.md of the module
// has the table of all forms, the encoding byte by byte, and code for the same
// digest in TypeScript and Cairo.
//
// Parsers fail with [ErrMalformed] and quote their input; verdicts are
// *[VerifyError].
// JSON and text forms are stable: a field may be added, none changes.
// Everything is safe for concurrent use and depends on no other package of the
// SDK.
package attestation

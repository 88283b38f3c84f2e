package attestation

import (
	"encoding/hex"
	"fmt"
)

// A Signature is exactly what release_chunk receives: r and s as u256, v as
// u32. Any values are representable, also those no signer would make. The
// escrow reads only V == 1 as "R has an odd y"; every other V means even.
type Signature struct {
	R Word   `json:"r"`
	S Word   `json:"s"`
	V uint32 `json:"v"`
}

// A PublicKey is a point of secp256k1 in affine coordinates, as the escrow
// stores it. The contract checks nothing about its key, so values off the
// curve and (0, 0) are representable; [ParsePublicKey] refuses them.
type PublicKey struct {
	X Word `json:"x"`
	Y Word `json:"y"`
}

// String returns k uncompressed: 0x04, X and Y, 130 hexadecimal digits.
func (k PublicKey) String() string {
	return "0x04" + hex.EncodeToString(k.X[:]) + hex.EncodeToString(k.Y[:])
}

// Rules selects which Cairo corelib the escrow class was compiled with: it
// decides which signatures recover_public_key accepts. The zero value is
// strict.
type Rules uint8

const (
	// RulesLowS is corelib 2.14.0 and later: r in [1, n) and s in [1, n/2].
	RulesLowS Rules = iota
	// RulesLegacy is corelib 2.13.1 and earlier: no range guard at all.
	RulesLegacy
)

// String returns "lows" or "legacy".
func (r Rules) String() string {
	switch r {
	case RulesLowS:
		return "lows"
	case RulesLegacy:
		return "legacy"
	}
	return fmt.Sprintf("Rules(%d)", uint8(r))
}

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
type Signed struct {
	Attestation Attestation `json:"attestation"`
	Signature   Signature   `json:"signature"`
}

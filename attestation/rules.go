package attestation

import "fmt"

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

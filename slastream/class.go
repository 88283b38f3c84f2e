package slastream

import "fmt"

// Class is which escrow class a contract was deployed from. The zero value is
// the compatible one.
type Class uint8

const (
	// ClassCompatible is the class of the reference contract, and the class
	// "compatible" of starknet/cairo, which adds only views.
	ClassCompatible Class = iota
	// ClassExtended is the class "extended" of starknet/cairo: guards, an owner
	// who can be changed, and release_batch.
	ClassExtended
)

// String returns the name of the class.
func (c Class) String() string {
	switch c {
	case ClassCompatible:
		return "compatible"
	case ClassExtended:
		return "extended"
	}
	return fmt.Sprintf("Class(%d)", uint8(c))
}

// MarshalText returns [Class.String], and an error for a class without a name.
func (c Class) MarshalText() ([]byte, error) {
	if c > ClassExtended {
		return nil, fmt.Errorf("slastream: class %d: want 0 (compatible) or 1 (extended)", uint8(c))
	}
	return []byte(c.String()), nil
}

// UnmarshalText reads "compatible" or "extended".
func (c *Class) UnmarshalText(b []byte) error {
	switch string(b) {
	case "compatible":
		*c = ClassCompatible
	case "extended":
		*c = ClassExtended
	default:
		return fmt.Errorf("slastream: class %q: want compatible or extended", excerpt(string(b)))
	}
	return nil
}

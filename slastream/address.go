package slastream

import (
	"fmt"

	"github.com/slastream/slastream-go/attestation"
)

// An Address is a Starknet contract or account address: a felt below 2^251, 32
// big-endian bytes. It is comparable; the zero value is the zero address.
type Address [32]byte

// ParseAddress reads 0x and 1 to 64 hexadecimal digits, a value below 2^251.
func ParseAddress(s string) (Address, error) {
	if len(s) < 2 || s[0] != '0' || (s[1] != 'x' && s[1] != 'X') {
		return Address{}, fmt.Errorf("slastream: address %q: want 0x and hexadecimal digits", excerpt(s))
	}
	w, err := attestation.ParseWord(s)
	if err != nil {
		return Address{}, fmt.Errorf("slastream: address %q: want 0x and 1 to 64 hexadecimal digits", excerpt(s))
	}
	return AddressFromWord(w)
}

// AddressFromWord returns w as an address. It fails if w is 2^251 or more.
func AddressFromWord(w attestation.Word) (Address, error) {
	if w[0] >= 0x08 {
		return Address{}, fmt.Errorf("slastream: address %v: not below 2^251", w)
	}
	return Address(w), nil
}

// Word returns a as an integer.
func (a Address) Word() attestation.Word { return attestation.Word(a) }

// IsZero reports whether a is the zero address.
func (a Address) IsZero() bool { return a == Address{} }

// String returns a as 0x and 64 lower-case hexadecimal digits.
func (a Address) String() string { return attestation.Word(a).String() }

// MarshalText returns [Address.String].
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what [ParseAddress] reads.
func (a *Address) UnmarshalText(b []byte) error {
	v, err := ParseAddress(string(b))
	if err != nil {
		return err
	}
	*a = v
	return nil
}

// excerpt keeps an error text short when the input it quotes is long.
func excerpt(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

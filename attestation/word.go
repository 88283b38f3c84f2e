package attestation

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"strings"
)

// A Word is an unsigned 256-bit integer in big-endian bytes: a Cairo or
// Solidity u256, or a 32-byte hash read as one. Words are comparable and can
// be map keys. The zero value is the number 0.
type Word [32]byte

// WordFromUint64 returns v as a Word.
func WordFromUint64(v uint64) Word {
	var w Word
	binary.BigEndian.PutUint64(w[24:], v)
	return w
}

// WordFromBig returns v as a Word. It fails if v is nil, negative or longer
// than 256 bits.
func WordFromBig(v *big.Int) (Word, error) {
	if v == nil {
		return Word{}, malformed("word: nil integer")
	}
	if v.Sign() < 0 || v.BitLen() > 256 {
		return Word{}, malformed("word %s: not in [0, 2^256)", excerpt(v.String()))
	}
	var w Word
	v.FillBytes(w[:])
	return w, nil
}

// ParseWord reads an unsigned integer below 2^256: hexadecimal after 0x (any
// number of digits from 1 to 64, either case), else decimal. Signs, spaces,
// underscores and empty strings are refused.
func ParseWord(s string) (Word, error) {
	if h, ok := cutHexPrefix(s); ok {
		return parseHexWord(s, h)
	}
	if s == "" {
		return Word{}, malformed(`word "": want decimal or 0x-hexadecimal digits`)
	}
	// 2^256 has 78 decimal digits; leading zeros are harmless but bounded.
	if len(s) > 80 {
		return Word{}, malformed("word %q: more than 80 decimal digits", excerpt(s))
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return Word{}, malformed("word %q: want decimal or 0x-hexadecimal digits", excerpt(s))
		}
	}
	v, _ := new(big.Int).SetString(s, 10)
	if v.BitLen() > 256 {
		return Word{}, malformed("word %q: not below 2^256", excerpt(s))
	}
	return WordFromBig(v)
}

func cutHexPrefix(s string) (string, bool) {
	if len(s) >= 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		return s[2:], true
	}
	return s, false
}

func parseHexWord(s, digits string) (Word, error) {
	if len(digits) == 0 || len(digits) > 64 {
		return Word{}, malformed("word %q: want 1 to 64 hexadecimal digits after 0x", excerpt(s))
	}
	var w Word
	padded := strings.Repeat("0", 64-len(digits)) + digits
	if _, err := hex.Decode(w[:], []byte(padded)); err != nil {
		return Word{}, malformed("word %q: want hexadecimal digits after 0x", excerpt(s))
	}
	return w, nil
}

// Big returns w as a new big.Int.
func (w Word) Big() *big.Int { return new(big.Int).SetBytes(w[:]) }

// Uint64 returns w as a uint64; ok is false, and v is 0, if it does not fit.
func (w Word) Uint64() (v uint64, ok bool) {
	for _, b := range w[:24] {
		if b != 0 {
			return 0, false
		}
	}
	return binary.BigEndian.Uint64(w[24:]), true
}

// IsZero reports whether w is 0.
func (w Word) IsZero() bool { return w == Word{} }

// Cmp compares w and o as integers: -1, 0 or +1.
func (w Word) Cmp(o Word) int {
	return bytes.Compare(w[:], o[:])
}

// String returns w as 0x and 64 lower-case hexadecimal digits.
func (w Word) String() string { return "0x" + hex.EncodeToString(w[:]) }

// MarshalText returns [Word.String].
func (w Word) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads what [ParseWord] reads.
func (w *Word) UnmarshalText(b []byte) error {
	v, err := ParseWord(string(b))
	if err != nil {
		return err
	}
	*w = v
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

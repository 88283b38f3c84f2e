package simulated

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// A hexFelt is a felt on the wire: 0x and hexadecimal digits without leading
// zeros. Reading is stricter than felt.Felt, which reduces what is too large
// and takes decimal numbers.
type hexFelt felt.Felt

func (f *hexFelt) felt() *felt.Felt { return (*felt.Felt)(f) }

// bytes returns f as 32 big-endian bytes.
func (f hexFelt) bytes() [32]byte { return (*felt.Felt)(&f).Bytes() }

// MarshalText writes 0x and the digits.
func (f hexFelt) MarshalText() ([]byte, error) {
	b := f.bytes()
	out := make([]byte, 2, 66)
	copy(out, "0x")
	out = hex.AppendEncode(out, b[:])
	digits := bytes.TrimLeft(out[2:], "0")
	if len(digits) == 0 {
		digits = out[len(out)-1:]
	}
	return append(out[:2], digits...), nil
}

func (f hexFelt) String() string {
	b, _ := f.MarshalText()
	return string(b)
}

// padded is 0x and 64 digits, as the texts of the blockifier print felts.
func (f hexFelt) padded() string {
	b := f.bytes()
	return "0x" + hex.EncodeToString(b[:])
}

// UnmarshalJSON reads what the specification calls a FELT: a string of 0x and
// 1 to 63 digits, below the field's prime. Leading zeros are tolerated.
func (f *hexFelt) UnmarshalJSON(raw []byte) error {
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return fmt.Errorf("invalid type: %s, expected a felt as a string", excerpt(raw))
	}
	digits, ok := bytes.CutPrefix(raw[1:len(raw)-1], []byte("0x"))
	if !ok {
		return fmt.Errorf("expected hex string to be prefixed by '0x'")
	}
	var b [32]byte
	if len(digits) == 0 || len(digits) > 64 {
		return fmt.Errorf("invalid felt %s: want 1 to 64 digits", excerpt(raw))
	}
	if err := decodeHex(&b, digits); err != nil {
		return fmt.Errorf("invalid felt %s: %w", excerpt(raw), err)
	}
	if err := f.felt().SetBytesCanonical(b[:]); err != nil {
		return fmt.Errorf("invalid felt %s: not below the prime", excerpt(raw))
	}
	return nil
}

// decodeHex reads digits, right-aligned, into b.
func decodeHex(b *[32]byte, digits []byte) error {
	at := len(b)*2 - len(digits)
	for i, c := range digits {
		var v byte
		switch {
		case '0' <= c && c <= '9':
			v = c - '0'
		case 'a' <= c && c <= 'f':
			v = c - 'a' + 10
		case 'A' <= c && c <= 'F':
			v = c - 'A' + 10
		default:
			return fmt.Errorf("invalid digit %q", c)
		}
		if (at+i)%2 == 0 {
			v <<= 4
		}
		b[(at+i)/2] |= v
	}
	return nil
}

// excerpt keeps an error text short when the input it quotes is long.
func excerpt[T string | []byte](s T) string {
	const most = 80
	if len(s) <= most {
		return string(s)
	}
	return string(s[:most]) + "…"
}

// word makes a felt of 32 bytes that are known to be below the prime: an
// address, a hash of ours, half of a u256.
func word[T ~[32]byte](w T) hexFelt {
	var f hexFelt
	b := [32]byte(w)
	f.felt().SetBytes(b[:])
	return f
}

// number makes a felt of a small integer.
func number(v uint64) hexFelt {
	var f hexFelt
	f.felt().SetUint64(v)
	return f
}

// text makes a felt of a short string of at most 31 bytes.
func text(s string) hexFelt {
	var f hexFelt
	f.felt().SetBytes([]byte(s))
	return f
}

// split returns the two felts of a u256, low half first.
func split(w attestation.Word) (low, high hexFelt) {
	low.felt().SetBytes(w[16:])
	high.felt().SetBytes(w[:16])
	return low, high
}

// amount returns the two felts of an amount.
func amount(a slastream.Amount) []hexFelt {
	low, high := split(a.Word())
	return []hexFelt{low, high}
}

// flag is a bool as Cairo serializes it.
func flag(b bool) hexFelt {
	if b {
		return number(1)
	}
	return hexFelt{}
}

// selector is sn_keccak of a name: the selector of an entry point, the first
// key of an event, the address of a storage variable.
func selector(name string) hexFelt { return hexFelt(*starknet.Selector(name)) }

// refs points at the felts of a list, as package starknet takes them.
func refs(list []hexFelt) []*felt.Felt {
	out := make([]*felt.Felt, len(list))
	for i := range list {
		out[i] = list[i].felt()
	}
	return out
}

// values copies what package starknet returns.
func values(list []*felt.Felt) []hexFelt {
	out := make([]hexFelt, len(list))
	for i, f := range list {
		out[i] = hexFelt(*f)
	}
	return out
}

package starknet

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A RangeError says that an integer does not fit the Cairo type that it stands
// for.
type RangeError struct {
	Type  string           // "felt", "u128", "u64", "u32", "bool" or "address"
	Value attestation.Word // the integer
}

func (e *RangeError) Error() string {
	return fmt.Sprintf("starknet: %v is out of range for %s", e.Value, e.Type)
}

// ParseFelt reads 0x and 1 to 64 hexadecimal digits, a value below the prime
// P = 2^251 + 17·2^192 + 1: a felt as nodes write it. It is stricter than
// felt.SetString, which takes "-1" for 1 and "0012" for octal. A value of P or
// more is a *[RangeError].
func ParseFelt(s string) (*felt.Felt, error) {
	if !strings.HasPrefix(s, "0x") && !strings.HasPrefix(s, "0X") {
		return nil, fmt.Errorf("starknet: felt %q: want 0x and hexadecimal digits", excerpt(s))
	}
	w, err := attestation.ParseWord(s)
	if err != nil {
		return nil, fmt.Errorf("starknet: felt %q: want 0x and 1 to 64 hexadecimal digits", excerpt(s))
	}
	return FeltFromWord(w)
}

// FeltFromWord returns w as a felt. Unlike felt.SetBytes it does not reduce: a
// value of the prime P or more is a *[RangeError].
func FeltFromWord(w attestation.Word) (*felt.Felt, error) {
	f := new(felt.Felt)
	if f.SetBytesCanonical(w[:]) != nil {
		return nil, &RangeError{"felt", w}
	}
	return f, nil
}

// WordFromFelt returns f as an integer.
func WordFromFelt(f *felt.Felt) attestation.Word { return f.Bytes() }

// AddressFromFelt returns f as an address. A value of 2^251 or more is a
// *[RangeError].
func AddressFromFelt(f *felt.Felt) (slastream.Address, error) {
	w := WordFromFelt(f)
	a, err := slastream.AddressFromWord(w)
	if err != nil {
		return slastream.Address{}, &RangeError{"address", w}
	}
	return a, nil
}

// SplitU256 returns a u256 as Cairo serializes it: the low 128 bits, then the
// high ones.
func SplitU256(w attestation.Word) (low, high *felt.Felt) {
	low, high = new(felt.Felt), new(felt.Felt)
	setLimb(low, w[16:])
	setLimb(high, w[:16])
	return low, high
}

// setLimb sets f to 16 big-endian bytes.
func setLimb(f *felt.Felt, limb []byte) {
	var b [32]byte
	copy(b[16:], limb)
	_ = f.SetBytesCanonical(b[:]) // below P
}

// JoinU256 returns the u256 of two limbs. A limb of 2^128 or more is a
// *[RangeError].
func JoinU256(low, high *felt.Felt) (attestation.Word, error) {
	l, h := low.Bytes(), high.Bytes()
	for _, limb := range [][32]byte{l, h} {
		if !fits(limb, 16) {
			return attestation.Word{}, &RangeError{"u128", limb}
		}
	}
	copy(l[:16], h[16:])
	return l, nil
}

// ShortString returns the Cairo short string of a text: its bytes as a
// big-endian integer. It fails unless s is at most 31 bytes of ASCII.
func ShortString(s string) (*felt.Felt, error) {
	if len(s) > 31 {
		return nil, fmt.Errorf("starknet: short string %q: want at most 31 bytes", excerpt(s))
	}
	for _, c := range []byte(s) {
		if c == 0 || c > 0x7f {
			return nil, fmt.Errorf("starknet: short string %q: want ASCII", s)
		}
	}
	return new(felt.Felt).SetBytes([]byte(s)), nil
}

// ShortStringText returns the text of a Cairo short string. ok is false unless
// f is one: at most 31 bytes, each of them printable ASCII. The felt 0 is the
// empty text.
func ShortStringText(f *felt.Felt) (text string, ok bool) {
	b := f.Bytes()
	s := strings.TrimLeft(string(b[:]), "\x00")
	if len(s) > 31 {
		return "", false
	}
	for _, c := range []byte(s) {
		if c < 0x20 || c > 0x7e {
			return "", false
		}
	}
	return s, true
}

// Chain ids of the public networks, as attestation.Domain and [NewAccount]
// take them: the network's name as a short string.
var (
	Mainnet = chainID("SN_MAIN")
	Sepolia = chainID("SN_SEPOLIA")
)

func chainID(name string) attestation.Word {
	var w attestation.Word
	copy(w[len(w)-len(name):], name)
	return w
}

// addressFelt returns the felt of an address. What is no address, 2^251 or
// more, becomes P − 1: no contract takes that for an address either, while
// reducing it would name somebody else.
func addressFelt(a slastream.Address) *felt.Felt {
	f := new(felt.Felt)
	setAddress(f, a)
	return f
}

func setAddress(f *felt.Felt, a slastream.Address) {
	if a[0] >= 0x08 {
		f.Neg(&felt.One)
		return
	}
	_ = f.SetBytesCanonical(a[:]) // below P
}

func uintFelt(v uint64) *felt.Felt { return new(felt.Felt).SetUint64(v) }

func boolFelt(v bool) *felt.Felt {
	if v {
		return uintFelt(1)
	}
	return new(felt.Felt)
}

// fits reports whether only the last size bytes of b are used.
func fits(b [32]byte, size int) bool {
	for _, c := range b[:32-size] {
		if c != 0 {
			return false
		}
	}
	return true
}

// A wireFelt is a felt in JSON: a string of 0x and hexadecimal digits.
type wireFelt felt.Felt

func wire(f *felt.Felt) wireFelt { return wireFelt(*f) }

func (f *wireFelt) felt() *felt.Felt { return (*felt.Felt)(f) }

// MarshalText writes 0x and the digits without leading zeros, as the
// specification of the RPC wants.
func (f wireFelt) MarshalText() ([]byte, error) {
	b := f.felt().Bytes()
	digits := strings.TrimLeft(hex.EncodeToString(b[:]), "0")
	if digits == "" {
		digits = "0"
	}
	return []byte("0x" + digits), nil
}

// UnmarshalText reads what [ParseFelt] reads.
func (f *wireFelt) UnmarshalText(b []byte) error {
	v, err := ParseFelt(string(b))
	if err != nil {
		return err
	}
	*f = wireFelt(*v)
	return nil
}

func wires(list []*felt.Felt) []wireFelt {
	out := make([]wireFelt, len(list))
	for i, f := range list {
		out[i] = wire(f)
	}
	return out
}

func felts(list []wireFelt) []*felt.Felt {
	out := make([]*felt.Felt, len(list))
	for i := range list {
		out[i] = list[i].felt()
	}
	return out
}

// errNil is the cause for a nil among felts.
var errNil = errors.New("starknet: nil felt")

// excerpt keeps an error text short when the input it quotes is long.
func excerpt(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

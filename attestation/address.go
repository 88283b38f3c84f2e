package attestation

import "encoding/hex"

// An EthereumAddress is a 20-byte account or contract address of an
// Ethereum-like chain, FEVM included. It is comparable.
type EthereumAddress [20]byte

// ParseEthereumAddress reads 0x and 40 hexadecimal digits. Mixed case must
// carry a correct EIP-55 checksum; all-lower and all-upper case carry none.
func ParseEthereumAddress(s string) (EthereumAddress, error) {
	digits, ok := cutHexPrefix(s)
	var a EthereumAddress
	if !ok || len(digits) != 40 {
		return a, malformed("address %q: want 0x and 40 hexadecimal digits", excerpt(s))
	}
	if _, err := hex.Decode(a[:], []byte(digits)); err != nil {
		return a, malformed("address %q: want 0x and 40 hexadecimal digits", excerpt(s))
	}
	if isMixedCase(digits) && a.String()[2:] != digits {
		return EthereumAddress{}, malformed("address %q: EIP-55 checksum says %s", s, a)
	}
	return a, nil
}

func isMixedCase(s string) bool {
	var lower, upper bool
	for _, c := range s {
		lower = lower || 'a' <= c && c <= 'f'
		upper = upper || 'A' <= c && c <= 'F'
	}
	return lower && upper
}

// String returns a with its EIP-55 checksum.
func (a EthereumAddress) String() string {
	text := []byte(hex.EncodeToString(a[:]))
	sum := keccak256(text)
	for i, c := range text {
		nibble := sum[i/2] >> 4
		if i%2 == 1 {
			nibble = sum[i/2] & 15
		}
		if c >= 'a' && nibble >= 8 {
			text[i] = c - 'a' + 'A'
		}
	}
	return "0x" + string(text)
}

// MarshalText returns [EthereumAddress.String].
func (a EthereumAddress) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what [ParseEthereumAddress] reads.
func (a *EthereumAddress) UnmarshalText(b []byte) error {
	v, err := ParseEthereumAddress(string(b))
	if err != nil {
		return err
	}
	*a = v
	return nil
}

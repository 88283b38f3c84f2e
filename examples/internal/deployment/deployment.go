// Package deployment holds what the example programs share: the files of an
// account that pays and of what escrowctl deployed, and the name of a chain.
package deployment

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// Limit is how many bytes of a file are read.
const Limit = 64 << 10

// A Secret is a private key. It does not print.
type Secret attestation.Word

// String returns a placeholder.
func (Secret) String() string { return "(secret)" }

// GoString returns a placeholder.
func (Secret) GoString() string { return "(secret)" }

// MarshalText writes the key, for a file that only its owner can read.
func (s Secret) MarshalText() ([]byte, error) { return attestation.Word(s).MarshalText() }

// UnmarshalText reads the key. Its errors do not quote what was read.
func (s *Secret) UnmarshalText(b []byte) error {
	if (*attestation.Word)(s).UnmarshalText(b) != nil {
		return errors.New("a private key is no number below 2^256")
	}
	return nil
}

// An Account is a Starknet account contract and the Stark key that signs for
// it.
type Account struct {
	Address    slastream.Address `json:"address"`
	PrivateKey Secret            `json:"privateKey"`
}

// A Deployment is an escrow on a chain.
type Deployment struct {
	ChainID   attestation.Word      `json:"chainId"`
	Class     string                `json:"class"` // compatible or extended
	ClassHash attestation.Word      `json:"classHash"`
	Escrow    slastream.Address     `json:"escrow"`
	Token     slastream.Address     `json:"token"`
	Owner     slastream.Address     `json:"owner"`
	Key       attestation.PublicKey `json:"key"`                // its signatures release chunks
	Attester  string                `json:"attester,omitempty"` // file with the secret of Key, if escrowctl made it
}

// An Attester is the file with the secret of an attestation key.
type Attester struct {
	PrivateKey Secret `json:"privateKey"`
}

// Read reads one of the files of this package. Members that it does not know
// are refused: a file of another kind is no empty one.
func Read(path string, into any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	dec := json.NewDecoder(io.LimitReader(f, Limit))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Write writes a file that only its owner can read. It never replaces one.
func Write(path string, from any) error {
	b, err := json.MarshalIndent(from, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(b, '\n')); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// Exists reports whether there is a file.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// ChainText is a Starknet chain id as text where it is one, such as SN_SEPOLIA.
func ChainText(id attestation.Word) string {
	if f, err := starknet.FeltFromWord(id); err == nil {
		if text, ok := starknet.ShortStringText(f); ok && text != "" {
			return text
		}
	}
	return id.String()
}

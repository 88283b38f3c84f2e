package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A duration is a time.Duration, as "15s".
type duration time.Duration

func (d *duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil || v < 0 {
		return errors.New("no duration")
	}
	*d = duration(v)
	return nil
}

func (duration) want() string { return `a duration in quotes, such as "15s", "5m" or "2h"` }

// tokens are an amount in whole tokens, as "1000.5". Which amount that is, the
// decimals of the token say.
type tokens string

func (t *tokens) UnmarshalText(b []byte) error {
	if _, err := slastream.ParseAmount(string(b), 18); err != nil {
		return err
	}
	*t = tokens(b)
	return nil
}

func (tokens) want() string { return `an amount in whole tokens in quotes, such as "1000.5"` }

// amount returns the base units; no text is 0.
func (t tokens) amount(decimals uint8) (slastream.Amount, error) {
	if t == "" {
		return slastream.Amount{}, nil
	}
	return slastream.ParseAmount(string(t), decimals)
}

// A secret is a private key. Nothing prints it.
type secret attestation.Word

func (s *secret) UnmarshalText(b []byte) error {
	if (*attestation.Word)(s).UnmarshalText(b) != nil {
		return errors.New("no private key")
	}
	return nil
}

// Format prints no part of the key, whatever the verb.
func (secret) Format(f fmt.State, _ rune) { io.WriteString(f, "[redacted]") }

// MarshalText writes no part of the key.
func (secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

func (secret) want() string { return "a private key: 0x and at most 64 hexadecimal digits in quotes" }
func (secret) secret()      {}

// urls are one URL or a list.
type urls []string

func (u *urls) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*u = urls{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(u))
}

func (urls) want() string { return "a URL in quotes, or a list of them" }
func (urls) secret()      {} // an access key may be a part of it

// An ethereum is an address of Filecoin's EVM.
type ethereum attestation.EthereumAddress

func (e *ethereum) UnmarshalText(b []byte) error {
	raw, err := hex.DecodeString(strings.TrimPrefix(string(b), "0x"))
	if err != nil || len(raw) != len(e) {
		return errors.New("no address")
	}
	copy(e[:], raw)
	return nil
}

func (ethereum) want() string { return "an address: 0x and 40 hexadecimal digits in quotes" }

// A publicKey is an attestation key in 33, 64 or 65 bytes.
type publicKey attestation.PublicKey

func (k *publicKey) UnmarshalText(b []byte) error {
	raw, err := hex.DecodeString(strings.TrimPrefix(string(b), "0x"))
	if err != nil {
		return errors.New("no hexadecimal digits")
	}
	key, err := attestation.ParsePublicKey(raw)
	*k = publicKey(key)
	return err
}

func (publicKey) want() string {
	return "a public key of secp256k1: 33, 64 or 65 bytes in hexadecimal in quotes"
}

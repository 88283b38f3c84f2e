package pkcs11

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/slastream/slastream-go/attestation"
)

var (
	// ErrCGORequired says that the program was built without cgo, so that it
	// cannot load a module.
	ErrCGORequired = errors.New("pkcs11: built without cgo, which a PKCS#11 module needs")
	// ErrPIN says that the token refused the PIN, that the PIN is locked, or that
	// one more wrong PIN would lock it. Trying again makes it worse.
	ErrPIN = errors.New("pkcs11: PIN refused")
	// ErrNotFound says that there is no such module, token or key.
	ErrNotFound = errors.New("pkcs11: not found")
	// ErrAmbiguous says that more than one token or key has the name.
	ErrAmbiguous = errors.New("pkcs11: more than one has this name")
	// ErrExists says that the token already has a key of the name to generate.
	ErrExists = errors.New("pkcs11: key exists")
	// ErrClosed says that the key was closed.
	ErrClosed = errors.New("pkcs11: closed")
)

// A PIN is the user PIN of a token. It prints as "[redacted]" in every format;
// string(pin) is the way to the digits.
type PIN string

const redacted = "[redacted]"

var _ slog.LogValuer = PIN("")

// Format prints no part of the PIN, whatever the verb.
func (PIN) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue prints no part of the PIN.
func (PIN) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText prints no part of the PIN.
func (PIN) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Config says where a key is.
type Config struct {
	// Module is the absolute path of the module, a shared library. Whoever can
	// write that file has the key, so no search path is used.
	Module string
	// Token is the label of the token, and Serial its serial number: both must
	// fit where both are set. One of them is needed.
	Token, Serial string
	// PIN is the token's user PIN. Empty means not to log in, for tokens that
	// need none or have a pad of their own.
	PIN PIN
	// Label is CKA_LABEL of the key pair, and ID its CKA_ID: both must fit where
	// both are set. One of them is needed, and it must name one key.
	Label string
	ID    []byte
	// Public is the point the key must have. The zero value takes the one that
	// the token names; a token that holds no public key object needs it.
	Public attestation.PublicKey
	// Sessions is how many signatures can be under way at once: 4 if 0, at most
	// 64. More calls wait for their turn.
	Sessions int
}

const maxSessions = 64

// check returns the config with its defaults.
func (c Config) check() (Config, error) {
	switch {
	case !filepath.IsAbs(c.Module):
		return c, fmt.Errorf("pkcs11: module %.200q is no absolute path", c.Module)
	case c.Token == "" && c.Serial == "":
		return c, errors.New("pkcs11: neither token label nor serial number")
	case c.Label == "" && len(c.ID) == 0:
		return c, errors.New("pkcs11: neither key label nor id")
	case c.Sessions < 0 || c.Sessions > maxSessions:
		return c, fmt.Errorf("pkcs11: %d sessions, want at most %d", c.Sessions, maxSessions)
	}
	if c.Sessions == 0 {
		c.Sessions = 4
	}
	return c, nil
}

// key names the key in errors.
func (c Config) key() string { return fmt.Sprintf("key %.64q, id %.32x", c.Label, c.ID) }

// token names the token in errors.
func (c Config) token() string { return fmt.Sprintf("token %.64q, serial %.32q", c.Token, c.Serial) }

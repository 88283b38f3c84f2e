package lit

import (
	"fmt"
	"log/slog"
	"strings"
)

const redacted = "REDACTED"

// An APIKey is a usage key of the Lit service. It cannot be printed: every verb
// of fmt, slog, JSON and text encoding give REDACTED. The zero value is no key.
type APIKey struct {
	reveal func() string // a function, so that not even reflection prints it
}

// NewAPIKey wraps the key that the service gave out. White space around it, as
// files have it, is cut off.
func NewAPIKey(secret string) APIKey {
	secret = strings.TrimSpace(secret)
	return APIKey{reveal: func() string { return secret }}
}

func (k APIKey) secret() string {
	if k.reveal == nil {
		return ""
	}
	return k.reveal()
}

// String returns REDACTED.
func (k APIKey) String() string { return redacted }

// Format prints REDACTED for every verb.
func (k APIKey) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(redacted)) }

// LogValue implements slog.LogValuer.
func (k APIKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns REDACTED.
func (k APIKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// scrub removes the key from text that came from elsewhere.
func (k APIKey) scrub(text string) string {
	if s := k.secret(); s != "" {
		return strings.ReplaceAll(text, s, redacted)
	}
	return text
}

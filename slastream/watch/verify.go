package watch

import (
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrSignature says that a request to a webhook must not be believed: it was not
// signed with the secret, was changed, is too old, or is from the future.
var ErrSignature = errors.New("watch: the request is not signed as it should be")

// maxSignatures bounds the v1 of one header.
const maxSignatures = 8

// VerifyWebhook says whether a request comes from a [Webhook] with that secret:
// nil or [ErrSignature] with the reason. header is the value of
// [SignatureHeader], body the request's as it came, now the receiver's time, and
// tolerance how far the time in the header may be from it; five minutes are
// usual. The comparison takes the same time whatever the signature.
//
// The header may hold several v1, one of which must fit, and names that are not
// known yet. A request that was recorded fits until it is too old, and an attempt
// that was not answered comes again, so the receiver also keeps the ids of the
// alerts that it has seen. To change the secret, let the receiver try both for a
// while.
func VerifyWebhook(secret []byte, header string, body []byte, now time.Time, tolerance time.Duration) error {
	if len(secret) < minSecret {
		return fmt.Errorf("watch: the secret of the webhook has %d bytes: want %d at least", len(secret), minSecret)
	}
	at, signatures, err := parseSignature(header)
	if err != nil {
		return err
	}
	want, fits := sign(secret, at, body), false
	for _, s := range signatures {
		fits = hmac.Equal(s, want) || fits
	}
	if !fits {
		return fmt.Errorf("%w: no v1 fits the body and the secret", ErrSignature)
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: its time is no number of seconds", ErrSignature)
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > tolerance || age < -tolerance {
		return fmt.Errorf("%w: it is %v old, more than the tolerance of %v", ErrSignature, age.Round(time.Second), tolerance)
	}
	return nil
}

// parseSignature reads the value of the header.
func parseSignature(header string) (at string, signatures [][]byte, err error) {
	for field := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "t":
			if at != "" {
				return "", nil, fmt.Errorf("%w: its header holds two times", ErrSignature)
			}
			at = value
		case "v1":
			s, err := hex.DecodeString(value)
			if err != nil || len(signatures) == maxSignatures {
				return "", nil, fmt.Errorf("%w: its header holds a v1 that is not hexadecimal, or more than %d", ErrSignature, maxSignatures)
			}
			signatures = append(signatures, s)
		}
	}
	if at == "" || len(signatures) == 0 {
		return "", nil, fmt.Errorf("%w: the header %s: want t=…,v1=…, got %.60q", ErrSignature, SignatureHeader, header)
	}
	return at, signatures, nil
}

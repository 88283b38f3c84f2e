package signertest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"reflect"
	"strings"
	"testing"
)

// prints prints a value in every way that a log could and looks for secrets.
func (s *suite) prints(t *testing.T, value any) {
	if len(s.secrets) == 0 {
		t.Skip("no signertest.Secrets to look for")
	}
	s.silent(t, "value", value)
	if v := reflect.ValueOf(value); v.Kind() == reflect.Pointer && !v.IsNil() && v.Elem().CanInterface() {
		s.silent(t, "value without its pointer", v.Elem().Interface())
	}
}

// silent requires that nothing printed of a value holds a secret.
func (s *suite) silent(t *testing.T, what string, value any) {
	t.Helper()
	for format, out := range printed(value) {
		out = strings.ToLower(out)
		for i, secret := range s.secrets {
			for _, needle := range looks(secret) {
				if strings.Contains(out, needle) {
					t.Errorf("secret %d is in the %s as %s prints it", i, what, format) // not quoted: this is a log too
				}
			}
		}
	}
}

func printed(value any) map[string]string {
	out := make(map[string]string)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%o", "%t"} {
		out[verb] = fmt.Sprintf(verb, value)
	}
	if b, err := json.Marshal(map[string]any{"value": value}); err == nil {
		out["JSON"] = string(b)
	} else {
		out["the error of JSON"] = err.Error()
	}
	var text, object bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("", "value", value)
	slog.New(slog.NewJSONHandler(&object, nil)).Info("", "value", value)
	out["a text log"], out["a JSON log"] = text.String(), object.String()
	return out
}

// looks returns how a secret can look in print, in lower case: itself and in
// hexadecimal, and if it is hexadecimal, its bytes in the ways that Go and JSON
// print them.
func looks(secret string) []string {
	if secret == "" {
		return nil
	}
	raw := []byte(secret)
	all := []string{secret, hex.EncodeToString(raw)}
	digits, _ := strings.CutPrefix(strings.ToLower(secret), "0x")
	if b, err := hex.DecodeString(digits); err == nil && len(b) >= 16 {
		raw = b
		all = append(all, digits, new(big.Int).SetBytes(b).String())
	}
	all = append(all, base64.StdEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(raw))
	for _, format := range []string{"%d", "%#x"} {
		var each []string
		for _, b := range raw {
			each = append(each, fmt.Sprintf(format, b))
		}
		all = append(all, strings.Join(each, " "), strings.Join(each, ", "), strings.Join(each, ","))
	}
	for i, look := range all {
		all[i] = strings.ToLower(look)
	}
	return all
}

package pkcs11_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/pkcs11"
)

func TestThePINPrintsNowhere(t *testing.T) {
	const digits = "73195508"
	config := pkcs11.Config{Module: "/lib/m.so", Token: "t", Label: "l", PIN: digits}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb, config, &config, config.PIN)
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("opening", "config", config, "pin", config.PIN)
	}
	b, err := json.Marshal(config)
	require.NoError(t, err)
	out.Write(b)
	require.Contains(t, out.String(), "[redacted]")
	require.NotContains(t, out.String(), digits)
	require.NotContains(t, out.String(), fmt.Sprintf("%x", digits))

	// The config can still be read from JSON.
	var read pkcs11.Config
	require.NoError(t, json.Unmarshal([]byte(`{"PIN":"73195508"}`), &read))
	require.Equal(t, digits, string(read.PIN))
}

// Example signs with a key in a token. It compiles without a module; the tests
// run the same against SoftHSM.
func Example() {
	ctx := context.Background()
	config := pkcs11.Config{
		Module: "/usr/lib/softhsm/libsofthsm2.so",
		Token:  "slastream",
		Label:  "attester",
		PIN:    pkcs11.PIN(os.Getenv("ATTESTER_PIN")),
	}
	public, err := pkcs11.Generate(ctx, config) // once; give the point to the escrow
	if err != nil {
		panic(err)
	}
	config.Public = public
	key, err := pkcs11.Open(ctx, config)
	if err != nil {
		panic(err)
	}
	defer key.Close()
	s, err := signer.New(key, signer.WithPublicKey(public))
	if err != nil {
		panic(err)
	}
	fmt.Println(s.PublicKey())
}

//go:build cgo

package pkcs11_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	miekg "github.com/miekg/pkcs11"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/pkcs11"
	"github.com/slastream/slastream-go/signer/signertest"
)

// open opens a key until the test ends.
func open(t testing.TB, config pkcs11.Config) *pkcs11.Key {
	t.Helper()
	key, err := pkcs11.Open(context.Background(), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, key.Close()) })
	return key
}

func TestConformance(t *testing.T) {
	config := token(t)
	_, err := pkcs11.Generate(t.Context(), config)
	require.NoError(t, err)
	signertest.RunKey(t, func(t *testing.T) signer.Key { return open(t, config) }, signertest.Secrets(userPIN))
}

func TestGenerateThenSign(t *testing.T) {
	config := token(t)
	want, err := pkcs11.Generate(t.Context(), config)
	require.NoError(t, err)
	_, err = pkcs11.Generate(t.Context(), config)
	require.ErrorIs(t, err, pkcs11.ErrExists)

	key := open(t, config)
	require.Equal(t, want, key.PublicKey())
	require.NoError(t, key.Ping(t.Context()))

	config.Public, config.Label = want, "" // the id is enough
	require.Equal(t, want, open(t, config).PublicKey())
}

// TestManyGoroutines makes 2,000 signatures from 8 goroutines over 3 sessions. A
// session in two goroutines at once ends the process in the module's C code.
func TestManyGoroutines(t *testing.T) {
	config := token(t)
	config.Sessions = 3
	_, err := pkcs11.Generate(t.Context(), config)
	require.NoError(t, err)
	key := open(t, config)

	const goroutines, each = 8, 250
	high := make([]int, goroutines)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				digest := attestation.Attestation{ChunkIndex: uint64(i), Timestamp: uint64(g)}.Digest()
				b, err := key.SignDigest(t.Context(), digest)
				if err != nil {
					t.Errorf("goroutine %d, signature %d: %v", g, i, err)
					return
				}
				sig, err := attestation.ParseSignatureBy(b, digest, key.PublicKey())
				if err != nil {
					t.Errorf("goroutine %d, signature %d: %v", g, i, err)
					return
				}
				if string(sig.S[:]) != string(b[32:]) {
					high[g]++
				}
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range high {
		total += n
	}
	require.Greater(t, total, 800, "SoftHSM gives a high s for half of the digests")
	require.Less(t, total, 1200)
}

func TestOpenRefuses(t *testing.T) {
	config := token(t)
	public, err := pkcs11.Generate(t.Context(), config)
	require.NoError(t, err)
	with := func(change func(*pkcs11.Config)) pkcs11.Config {
		c := config
		change(&c)
		return c
	}
	for _, c := range []struct {
		name   string
		config pkcs11.Config
		is     error
	}{
		{"no module", with(func(c *pkcs11.Config) { c.Module = "" }), nil},
		{"a module to search for", with(func(c *pkcs11.Config) { c.Module = "libsofthsm2.so" }), nil},
		{"a module that is not there", with(func(c *pkcs11.Config) { c.Module = "/nowhere/libsofthsm2.so" }), pkcs11.ErrNotFound},
		{"a module that is no library", with(func(c *pkcs11.Config) { c.Module = "/etc/passwd" }), pkcs11.ErrNotFound},
		{"no token named", with(func(c *pkcs11.Config) { c.Token = "" }), nil},
		{"a token that is not there", with(func(c *pkcs11.Config) { c.Token = "other" }), pkcs11.ErrNotFound},
		{"a token with another serial number", with(func(c *pkcs11.Config) { c.Serial = "0000" }), pkcs11.ErrNotFound},
		{"no key named", with(func(c *pkcs11.Config) { c.Label, c.ID = "", nil }), nil},
		{"a key that is not there", with(func(c *pkcs11.Config) { c.Label = "other" }), pkcs11.ErrNotFound},
		{"a key with another id", with(func(c *pkcs11.Config) { c.ID = []byte{9} }), pkcs11.ErrNotFound},
		{"a private key that is not seen without login", with(func(c *pkcs11.Config) { c.PIN = "" }), pkcs11.ErrNotFound},
		{"another public key", with(func(c *pkcs11.Config) { c.Public = public; c.Public.X[5] ^= 1 }), nil},
		{"sessions below zero", with(func(c *pkcs11.Config) { c.Sessions = -1 }), nil},
		{"too many sessions", with(func(c *pkcs11.Config) { c.Sessions = 65 }), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, err := pkcs11.Open(t.Context(), c.config)
			require.Error(t, err)
			require.Nil(t, key)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			require.False(t, signer.Retryable(err))
			require.NotContains(t, err.Error(), userPIN)
			open(t, config) // the module is in order
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = pkcs11.Open(ctx, config)
	require.ErrorIs(t, err, context.Canceled)
}

func TestTwoOfAName(t *testing.T) {
	t.Run("keys", func(t *testing.T) {
		config := token(t)
		addKey(t, config, pair{})
		addKey(t, config, pair{})
		_, err := pkcs11.Open(t.Context(), config)
		require.ErrorIs(t, err, pkcs11.ErrAmbiguous)
	})
	t.Run("keys that the id tells apart", func(t *testing.T) {
		config := token(t)
		addKey(t, config, pair{})
		addKey(t, config, pair{id: []byte{1}})
		first := open(t, config)
		second := config
		second.ID = append([]byte{1}, config.ID...)
		require.NotEqual(t, first.PublicKey(), open(t, second).PublicKey())
		config.ID = nil
		_, err := pkcs11.Open(t.Context(), config)
		require.ErrorIs(t, err, pkcs11.ErrAmbiguous)
	})
	t.Run("tokens", func(t *testing.T) {
		config := token(t)
		addToken(t, config.Module, config.Token)
		_, err := pkcs11.Open(t.Context(), config)
		require.ErrorIs(t, err, pkcs11.ErrAmbiguous)
	})
}

func TestKeysOfOtherTools(t *testing.T) {
	t.Run("on P-256", func(t *testing.T) {
		config := token(t)
		addKey(t, config, pair{curve: []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}})
		_, err := pkcs11.Open(t.Context(), config)
		require.ErrorContains(t, err, "another curve")
	})
	t.Run("without a public key object", func(t *testing.T) {
		config := token(t)
		addKey(t, config, pair{noPublic: true})
		_, err := pkcs11.Open(t.Context(), config)
		require.ErrorIs(t, err, pkcs11.ErrNotFound)
		require.ErrorContains(t, err, "Config.Public")

		other, err := signer.NewLocal([32]byte{31: 1})
		require.NoError(t, err)
		config.Public = other.PublicKey()
		_, err = pkcs11.Open(t.Context(), config)
		require.ErrorIs(t, err, signer.ErrBadSignature, "the first signature shows that it is another key's")
	})
}

// TestWrongPIN counts the logins that reach the module, with the spy of OpenSC
// in between: every wrong one counts towards locking the token.
func TestWrongPIN(t *testing.T) {
	config := token(t)
	_, err := pkcs11.Generate(t.Context(), config)
	require.NoError(t, err)
	spy := file("/usr/lib/x86_64-linux-gnu/pkcs11-spy.so", "/usr/lib/x86_64-linux-gnu/pkcs11/pkcs11-spy.so",
		"/usr/lib/aarch64-linux-gnu/pkcs11-spy.so", "/usr/lib64/pkcs11/pkcs11-spy.so", "/opt/homebrew/lib/pkcs11/pkcs11-spy.so")
	if spy == "" {
		missing(t, "no pkcs11-spy.so (apt-get install opensc)")
	}
	log := filepath.Join(t.TempDir(), "spy.log")
	t.Setenv("PKCS11SPY", config.Module)
	t.Setenv("PKCS11SPY_OUTPUT", log)
	config.Module = spy

	const wrong = "111122223333"
	bad := config
	bad.PIN = wrong
	for range 3 {
		_, err := pkcs11.Open(t.Context(), bad)
		require.ErrorIs(t, err, pkcs11.ErrPIN)
		require.False(t, signer.Retryable(err))
		require.NotContains(t, err.Error(), wrong)
	}
	key := open(t, config) // the right one still works
	require.NoError(t, key.Ping(t.Context()))
	b, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(string(b), ": C_Login\n"), "one wrong login and one right one")
}

func TestClose(t *testing.T) {
	config := token(t)
	config.Sessions = 2
	_, err := pkcs11.Generate(t.Context(), config)
	require.NoError(t, err)
	other := open(t, config)
	key, err := pkcs11.Open(t.Context(), config)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if _, err := key.SignDigest(t.Context(), attestation.Digest{1}); err != nil && !errors.Is(err, pkcs11.ErrClosed) {
					t.Error(err)
				}
			}
		})
	}
	require.NoError(t, key.Close())
	wg.Wait()
	_, err = key.SignDigest(t.Context(), attestation.Digest{1})
	require.ErrorIs(t, err, pkcs11.ErrClosed)
	require.NoError(t, key.Close())
	require.NoError(t, other.Ping(t.Context()), "another key of the module goes on")
}

// TestLostSessions closes all sessions behind the key's back, as a token that
// was taken out does.
func TestLostSessions(t *testing.T) {
	config := token(t)
	config.Sessions = 1
	_, err := pkcs11.Generate(t.Context(), config)
	require.NoError(t, err)
	key, err := pkcs11.Open(t.Context(), config)
	require.NoError(t, err)
	c := miekg.New(config.Module) // the same library, initialized already
	slots, err := c.GetSlotList(true)
	require.NoError(t, err)
	require.NoError(t, c.CloseAllSessions(slots[0]))

	_, err = key.SignDigest(t.Context(), attestation.Digest{1})
	require.ErrorIs(t, err, signer.ErrUnavailable, "the session is gone")
	_, err = key.SignDigest(t.Context(), attestation.Digest{1}) // in a new session
	require.Error(t, err)
	require.False(t, signer.Retryable(err), "the login is gone too: %v", err)
	_ = key.Close()
	require.NoError(t, open(t, config).Ping(t.Context()))
}

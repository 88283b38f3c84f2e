package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/remote"
)

// TestSigners pays one chunk with each kind of signer that needs no device.
func TestSigners(t *testing.T) {
	local, err := signer.NewLocal(attester)
	require.NoError(t, err)
	inner, err := signer.New(local)
	require.NoError(t, err)
	const password = "a-password-of-a-key"
	dir := t.TempDir()
	secretFile := filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(secretFile, []byte(password+"\n"), 0o600))
	host := httptest.NewServer(remote.NewHandler(signer.Guard(inner, signer.NewMemoryJournal()), remote.RequireToken(password)))
	defer host.Close()

	private, err := crypto.ToECDSA(attester[:])
	require.NoError(t, err)
	encrypted, err := keystore.EncryptKey(&keystore.Key{Id: [16]byte{1}, Address: crypto.PubkeyToAddress(private.PublicKey), PrivateKey: private},
		password, keystore.LightScryptN, keystore.LightScryptP)
	require.NoError(t, err)
	keyFile := filepath.Join(dir, "key.json")
	require.NoError(t, os.WriteFile(keyFile, encrypted, 0o600))

	for name, relay := range map[string]map[string]any{
		"keystore": {"signer": "keystore", "keystore": map[string]any{"file": keyFile, "password_file": secretFile}},
		"remote":   {"signer": "remote", "remote": map[string]any{"url": host.URL, "token_file": secretFile}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id := w.deal(3)
			w.prove(1)
			relay["bindings"] = []map[string]any{{"deal": "1", "set": "1"}}
			c := w.config(relay)
			delete(sub(c, "attester"), "private_key")
			p := start(t, w.write(c))
			w.released(p, id, 1)
			require.NoError(t, p.end())
			require.NotContains(t, p.log.String(), password)
		})
	}
	t.Run("wrong password", func(t *testing.T) {
		w := newWorld(t)
		wrong := filepath.Join(dir, "wrong")
		require.NoError(t, os.WriteFile(wrong, []byte("not "+password), 0o600))
		c := w.config(map[string]any{"signer": "keystore", "keystore": map[string]any{"file": keyFile, "password_file": wrong}})
		requireStart(t, c, w, "relay.keystore: keystore: wrong password, or the file was altered")
	})
}

// TestLimitHolds lets the governor hold back the second chunk of an hour.
func TestLimitHolds(t *testing.T) {
	w := newWorld(t)
	id := w.deal(3)
	w.prove(1)
	w.prove(1)
	p := start(t, w.write(w.config(map[string]any{
		"bindings": []map[string]any{{"deal": "1", "set": "1"}}, "limits": map[string]any{"hour": map[string]any{"all": "1"}},
	})))
	w.released(p, id, 1)
	var chunks struct{ Chunks []chunkView }
	eventually(t, p, func() bool {
		chunks.Chunks = nil
		require.Equal(t, 200, p.get("/v1/chunks?state=open", &chunks))
		return len(chunks.Chunks) == 1 && chunks.Chunks[0].Class == "held"
	})
	require.True(t, strings.HasPrefix(chunks.Chunks[0].Reason, "the limit of 1000000000000000000 in 1 h is reached"), chunks.Chunks[0].Reason)
	require.Equal(t, uint64(1), chunks.Chunks[0].Chunk)
	require.NoError(t, p.end())
}

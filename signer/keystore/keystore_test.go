package keystore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gethkeystore "github.com/ethereum/go-ethereum/accounts/keystore"
	gethcrypto "github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/keystore"
	"github.com/slastream/slastream-go/signer/signertest"
)

// The test vectors of the format's definition, both with this key.
const (
	definitionSecret   = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
	definitionPassword = "testpassword"
	definitionScrypt   = `{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"83dbcc02d8ccb40e466191a123791e0e"},
		"ciphertext":"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c","kdf":"scrypt",
		"kdfparams":{"dklen":32,"n":262144,"r":1,"p":8,"salt":"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"},
		"mac":"2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}`
)

// light is a file of geth with little work in it.
func light(t testing.TB, password string) (file []byte, secret string) {
	t.Helper()
	path, err := gethkeystore.StoreKey(t.TempDir(), password, 2, 1)
	require.NoError(t, err)
	file, err = os.ReadFile(path.URL.Path)
	require.NoError(t, err)
	key, err := gethkeystore.DecryptKey(file, password)
	require.NoError(t, err)
	return file, fmt.Sprintf("%x", gethcrypto.FromECDSA(key.PrivateKey))
}

func TestConformance(t *testing.T) {
	const password = "correct horse battery staple"
	file, secret := light(t, password)
	signertest.RunKey(t, func(t *testing.T) signer.Key {
		key, err := keystore.Decrypt(file, password)
		require.NoError(t, err)
		return key
	}, signertest.Deterministic(), signertest.Secrets(secret, password))
}

func TestDefinition(t *testing.T) {
	pbkdf2, err := os.ReadFile("testdata/definition.json")
	require.NoError(t, err)
	for name, file := range map[string][]byte{"pbkdf2": pbkdf2, "scrypt": []byte(definitionScrypt)} {
		t.Run(name, func(t *testing.T) {
			key, err := keystore.Decrypt(file, definitionPassword)
			require.NoError(t, err)
			want, err := gethcrypto.HexToECDSA(definitionSecret)
			require.NoError(t, err)
			require.Equal(t, gethcrypto.PubkeyToAddress(want.PublicKey).Hex(), key.PublicKey().EthereumAddress().String())
			_, err = keystore.Decrypt(file, definitionPassword+" ")
			require.ErrorIs(t, err, keystore.ErrPassword)
			require.False(t, signer.Retryable(err))
		})
	}
}

func TestOpen(t *testing.T) {
	file, _ := light(t, "x")
	path := filepath.Join(t.TempDir(), "key.json")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	_, err := keystore.Open(path, "x")
	require.NoError(t, err)
	_, err = keystore.Open(path+".no", "x")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, make([]byte, 64<<10+1), 0o600))
	_, err = keystore.Open(path, "x")
	require.ErrorIs(t, err, keystore.ErrMalformed)
}

// set returns the file with the member at a dotted path changed; nil removes it.
func set(t testing.TB, file []byte, path string, value any) []byte {
	t.Helper()
	var root map[string]any
	require.NoError(t, json.Unmarshal(file, &root))
	at, names := root, strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		at = at[name].(map[string]any)
	}
	last := names[len(names)-1]
	if value == nil {
		delete(at, last)
	} else {
		at[last] = value
	}
	out, err := json.Marshal(root)
	require.NoError(t, err)
	return out
}

func TestDecryptRefuses(t *testing.T) {
	const password = "hunter2hunter2"
	good, secret := light(t, password)
	_, err := keystore.Decrypt(good, password)
	require.NoError(t, err)
	pbkdf2, err := os.ReadFile("testdata/definition.json")
	require.NoError(t, err)

	zeros := strings.Repeat("00", 32)
	for _, c := range []struct {
		name  string
		file  []byte
		is    error
		holds string
	}{
		{"nothing", nil, keystore.ErrMalformed, ""},
		{"no JSON", []byte("hello"), keystore.ErrMalformed, ""},
		{"an array", []byte("[]"), keystore.ErrMalformed, ""},
		{"an empty object", []byte("{}"), keystore.ErrMalformed, "version"},
		{"version 1", set(t, good, "version", "1"), keystore.ErrMalformed, "version"},
		{"version 4", set(t, good, "version", 4), keystore.ErrMalformed, "version"},
		{"no crypto", set(t, good, "crypto", nil), keystore.ErrMalformed, "no crypto"},
		{"another cipher", set(t, good, "crypto.cipher", "aes-256-gcm"), keystore.ErrMalformed, "aes-128-ctr"},
		{"a short iv", set(t, good, "crypto.cipherparams.iv", "00"), keystore.ErrMalformed, "iv"},
		{"no iv", set(t, good, "crypto.cipherparams.iv", nil), keystore.ErrMalformed, "iv"},
		{"a short ciphertext", set(t, good, "crypto.ciphertext", zeros[2:]), keystore.ErrMalformed, "ciphertext"},
		{"a mac that is no hexadecimal", set(t, good, "crypto.mac", "zz"), keystore.ErrMalformed, "mac"},
		{"another mac", set(t, good, "crypto.mac", zeros), keystore.ErrPassword, ""},
		{"another ciphertext", set(t, good, "crypto.ciphertext", zeros), keystore.ErrPassword, ""},
		{"another kdf", set(t, good, "crypto.kdf", "argon2id"), keystore.ErrMalformed, "kdf"},
		{"no kdfparams", set(t, good, "crypto.kdfparams", nil), keystore.ErrMalformed, "wants n, r, p"},
		{"kdfparams as text", set(t, good, "crypto.kdfparams", "n=2"), keystore.ErrMalformed, "wants n, r, p"},
		{"no salt", set(t, good, "crypto.kdfparams.salt", nil), keystore.ErrMalformed, "salt"},
		{"an empty salt", set(t, good, "crypto.kdfparams.salt", ""), keystore.ErrMalformed, "salt"},
		{"no n", set(t, good, "crypto.kdfparams.n", nil), keystore.ErrMalformed, "n, r, p"},
		{"n as text", set(t, good, "crypto.kdfparams.n", "2"), keystore.ErrMalformed, "n, r, p"},
		{"n not a power of two", set(t, good, "crypto.kdfparams.n", 3), keystore.ErrMalformed, "n 3"},
		{"r of zero", set(t, good, "crypto.kdfparams.r", 0), keystore.ErrMalformed, "r 0"},
		{"a negative p", set(t, good, "crypto.kdfparams.p", -1), keystore.ErrMalformed, "n, r, p"},
		{"a short derived key", set(t, good, "crypto.kdfparams.dklen", 16), keystore.ErrMalformed, "dklen"},
		{"a gigabyte of memory", set(t, good, "crypto.kdfparams.n", 1<<20), keystore.ErrMalformed, "too much work"},
		{"all the memory there is", set(t, set(t, good, "crypto.kdfparams.n", 1<<31), "crypto.kdfparams.r", 1<<31), keystore.ErrMalformed, "too much work"},
		{"an hour of work", set(t, set(t, good, "crypto.kdfparams.n", 1<<18), "crypto.kdfparams.p", 1<<10), keystore.ErrMalformed, "too much work"},
		{"an unknown prf", set(t, pbkdf2, "crypto.kdfparams.prf", "hmac-md5"), keystore.ErrMalformed, "prf"},
		{"no prf", set(t, pbkdf2, "crypto.kdfparams.prf", nil), keystore.ErrMalformed, "prf"},
		{"no rounds", set(t, pbkdf2, "crypto.kdfparams.c", 0), keystore.ErrMalformed, "0 rounds"},
		{"a day of rounds", set(t, pbkdf2, "crypto.kdfparams.c", 1<<31), keystore.ErrMalformed, "rounds"},
		{"another address", set(t, good, "address", strings.Repeat("1", 40)), keystore.ErrMalformed, "holds the key of"},
		{"an address that is none", set(t, good, "address", "1234"), keystore.ErrMalformed, "address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := keystore.Decrypt(c.file, password)
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.holds)
			require.False(t, signer.Retryable(err))
			require.NotContains(t, err.Error(), password)
			require.NotContains(t, err.Error(), secret)
			require.Less(t, len(err.Error()), 200)
		})
	}
}

func TestDecryptWithoutAddress(t *testing.T) {
	file, _ := light(t, "x") // some wallets leave the address out, for privacy
	want, err := keystore.Decrypt(file, "x")
	require.NoError(t, err)
	for _, address := range []any{nil, ""} {
		got, err := keystore.Decrypt(set(t, file, "address", address), "x")
		require.NoError(t, err)
		require.Equal(t, want.PublicKey(), got.PublicKey())
	}
}

// FuzzDecrypt compares with go-ethereum wherever that one does not panic.
func FuzzDecrypt(f *testing.F) {
	file, _ := light(f, "x")
	f.Add(file)
	f.Add(set(f, file, "crypto.kdfparams.salt", 7))
	f.Add(set(f, file, "crypto.kdfparams.dklen", 1))
	f.Add([]byte(`{"version":3,"crypto":{"kdf":"scrypt"}}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		if strings.Contains(string(file), "000") || len(file) > 2000 {
			return // much work is not what is looked for
		}
		key, err := keystore.Decrypt(file, "x")
		if err != nil {
			require.True(t, errors.Is(err, keystore.ErrMalformed) || errors.Is(err, keystore.ErrPassword), err)
			return
		}
		theirs, err := gethkeystore.DecryptKey(file, "x")
		if err != nil {
			require.Contains(t, err.Error(), "UUID") // the id is theirs to look at
			return
		}
		require.Equal(t, theirs.Address.Hex(), key.PublicKey().EthereumAddress().String())
	})
}

func Example() {
	key, err := keystore.Open("testdata/definition.json", "testpassword")
	if err != nil {
		panic(err)
	}
	s, err := signer.New(key)
	if err != nil {
		panic(err)
	}
	a := attestation.Attestation{DealID: attestation.WordFromUint64(1), Timestamp: 1_700_000_000}
	signed, err := s.Attest(context.Background(), signer.Request{Attestation: a})
	if err != nil {
		panic(err)
	}
	fmt.Println(key, key.PublicKey().EthereumAddress(), signed.Verify(attestation.RulesLowS, s.PublicKey()))
	// Output: signer.Local [redacted] 0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b <nil>
}

package keystore

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/keystore"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

var (
	// ErrPassword says that the password is wrong or the file was altered: the
	// format cannot tell which. The same password will not do better.
	ErrPassword = errors.New("keystore: wrong password, or the file was altered")
	// ErrMalformed says that the input is no version 3 key file that this package
	// reads, or that opening it would take too much memory or time.
	ErrMalformed = errors.New("keystore: malformed key file")
)

const (
	maxFile   = 64 << 10
	maxMemory = 512 << 20 // bytes that scrypt takes: 128·N·r
	maxBlocks = 1 << 26   // blocks of 128 bytes that scrypt mixes: N·r·p; geth's defaults are 2^21
	maxRounds = 10 << 20  // PBKDF2; the defaults in the field are 2^18
)

// Open reads the file at path, of at most 64 KiB, and decrypts it as [Decrypt]
// does. Errors are those of os.Open and of Decrypt.
func Open(path, password string) (*signer.Local, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("keystore: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("keystore: %w", err)
	}
	return Decrypt(b, password)
}

// Decrypt returns the key in the JSON text of a version 3 key file. Ciphers are
// aes-128-ctr, key derivations scrypt and pbkdf2 with hmac-sha256. If the file
// names an address, the key must be that address's. It fails with [ErrPassword]
// or [ErrMalformed].
func Decrypt(file []byte, password string) (*signer.Local, error) {
	stored, address, err := parse(file)
	if err != nil {
		return nil, err
	}
	plain, err := keystore.DecryptDataV3(stored, password)
	if errors.Is(err, keystore.ErrDecrypt) {
		return nil, ErrPassword
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	defer clear(plain)
	if len(plain) != 32 {
		return nil, fmt.Errorf("%w: it holds %d bytes, want a key of 32", ErrMalformed, len(plain))
	}
	key, err := signer.NewLocal([32]byte(plain))
	if err != nil {
		return nil, fmt.Errorf("%w: its key is not in [1, n)", ErrMalformed)
	}
	if got := key.PublicKey().EthereumAddress(); address != nil && got != *address {
		return nil, fmt.Errorf("%w: it names address %v but holds the key of %v", ErrMalformed, address, got)
	}
	return key, nil
}

// scryptParams and pbkdf2Params are the kdfparams of the two derivations, as
// pointers so that a missing one is noticed.
type scryptParams struct {
	N, R, P, DKLen *uint32
	Salt           *string
}

type pbkdf2Params struct {
	C, DKLen  *uint32
	PRF, Salt *string
}

// parse reads the file as strictly as go-ethereum's decryption needs it.
func parse(file []byte) (keystore.CryptoJSON, *attestation.EthereumAddress, error) {
	var none keystore.CryptoJSON
	fail := func(format string, args ...any) (keystore.CryptoJSON, *attestation.EthereumAddress, error) {
		return none, nil, fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
	if len(file) > maxFile {
		return fail("longer than %d bytes", maxFile)
	}
	var outer struct {
		Address *string
		Version json.RawMessage
		Crypto  *struct {
			Cipher       string
			CipherText   string
			CipherParams struct{ IV string }
			KDF          string
			KDFParams    json.RawMessage
			MAC          string
		}
	}
	if err := json.Unmarshal(file, &outer); err != nil {
		return fail("no JSON object of the format")
	}
	c := outer.Crypto
	switch {
	case string(outer.Version) != "3":
		return fail("version %.20q, want 3", outer.Version)
	case c == nil:
		return fail("no crypto")
	case c.Cipher != "aes-128-ctr":
		return fail("cipher %.20q, want aes-128-ctr", c.Cipher)
	case !isHex(c.CipherText, 32), !isHex(c.CipherParams.IV, 16), !isHex(c.MAC, 32):
		return fail("ciphertext, iv or mac is not hexadecimal of 32, 16 and 32 bytes")
	}
	params, err := kdfParams(c.KDF, c.KDFParams)
	if err != nil {
		return none, nil, err
	}
	var address *attestation.EthereumAddress
	if outer.Address != nil && *outer.Address != "" {
		a, err := attestation.ParseEthereumAddress("0x" + strings.ToLower(strings.TrimPrefix(*outer.Address, "0x")))
		if err != nil {
			return fail("address %.50q", *outer.Address)
		}
		address = &a
	}
	stored := keystore.CryptoJSON{Cipher: c.Cipher, CipherText: c.CipherText, KDF: c.KDF, KDFParams: params, MAC: c.MAC}
	stored.CipherParams.IV = c.CipherParams.IV
	return stored, address, nil
}

// kdfParams checks the parameters of a key derivation and returns them with the
// Go types that go-ethereum asserts.
func kdfParams(kdf string, raw json.RawMessage) (map[string]any, error) {
	switch kdf {
	case "scrypt":
		var p scryptParams
		if json.Unmarshal(raw, &p) != nil || p.N == nil || p.R == nil || p.P == nil || p.DKLen == nil || p.Salt == nil {
			return nil, fmt.Errorf("%w: scrypt wants n, r, p, dklen and salt", ErrMalformed)
		}
		n, r, par := uint64(*p.N), uint64(*p.R), uint64(*p.P)
		switch {
		case *p.DKLen != 32 || !isSalt(*p.Salt):
			return nil, fmt.Errorf("%w: dklen is not 32, or salt not hexadecimal", ErrMalformed)
		case n < 2 || n&(n-1) != 0 || r == 0 || par == 0:
			return nil, fmt.Errorf("%w: scrypt with n %d, r %d, p %d", ErrMalformed, n, r, par)
		case r > 1<<10 || par > 1<<10 || 128*n*r > maxMemory || n*r*par > maxBlocks:
			return nil, fmt.Errorf("%w: scrypt with n %d, r %d, p %d is too much work", ErrMalformed, n, r, par)
		}
		return map[string]any{"n": int(n), "r": int(r), "p": int(par), "dklen": 32, "salt": *p.Salt}, nil
	case "pbkdf2":
		var p pbkdf2Params
		if json.Unmarshal(raw, &p) != nil || p.C == nil || p.DKLen == nil || p.PRF == nil || p.Salt == nil {
			return nil, fmt.Errorf("%w: pbkdf2 wants c, dklen, prf and salt", ErrMalformed)
		}
		switch {
		case *p.DKLen != 32 || !isSalt(*p.Salt):
			return nil, fmt.Errorf("%w: dklen is not 32, or salt not hexadecimal", ErrMalformed)
		case *p.PRF != "hmac-sha256":
			return nil, fmt.Errorf("%w: prf %.20q, want hmac-sha256", ErrMalformed, *p.PRF)
		case *p.C == 0 || *p.C > maxRounds:
			return nil, fmt.Errorf("%w: pbkdf2 with %d rounds", ErrMalformed, *p.C)
		}
		return map[string]any{"c": int(*p.C), "dklen": 32, "prf": *p.PRF, "salt": *p.Salt}, nil
	}
	return nil, fmt.Errorf("%w: kdf %.20q, want scrypt or pbkdf2", ErrMalformed, kdf)
}

// isHex reports whether s is hexadecimal of n bytes, without 0x.
func isHex(s string, n int) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == n
}

func isSalt(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) > 0
}

//go:build cgo

package pkcs11

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/miekg/pkcs11"

	"github.com/slastream/slastream-go/signer"
)

// modules are the libraries that this process has loaded, by path. PKCS#11 has
// one state for each library in a process, so there is one here too: its mutex
// also keeps opening and closing of keys apart.
var modules struct {
	sync.Mutex
	loaded  map[string]*module
	refused map[[32]byte]bool // hashes of token and PIN that the token refused
}

type module struct {
	*pkcs11.Ctx
	path  string
	users int
	ours  bool // this package initialized it, so it may finalize it
}

// load returns the module at path for one more user. modules is locked.
func load(path string) (*module, error) {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	if m := modules.loaded[path]; m != nil {
		m.users++
		return m, nil
	}
	ctx := pkcs11.New(path)
	if ctx == nil {
		return nil, fmt.Errorf("%w: no PKCS#11 module that loads at %.200q", ErrNotFound, path)
	}
	m := &module{Ctx: ctx, path: path, users: 1, ours: true}
	switch err := ctx.Initialize(); {
	case is(err, pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED):
		m.ours = false // another library of the process has
	case err != nil:
		ctx.Destroy()
		return nil, failed("C_Initialize", err)
	}
	if modules.loaded == nil {
		modules.loaded = make(map[string]*module)
	}
	modules.loaded[path] = m
	return m, nil
}

// release gives up one use. modules is locked.
func (m *module) release() error {
	m.users--
	if m.users > 0 {
		return nil
	}
	delete(modules.loaded, m.path)
	if !m.ours {
		return nil
	}
	err := m.Finalize()
	m.Destroy()
	return failed("C_Finalize", err)
}

// slot finds the one token of a config.
func (m *module) slot(c Config) (uint, error) {
	slots, err := m.GetSlotList(true)
	if err != nil {
		return 0, failed("C_GetSlotList", err)
	}
	var found []uint
	for _, slot := range slots {
		info, err := m.GetTokenInfo(slot)
		if err != nil {
			continue // another reader's token may be in trouble
		}
		if (c.Token == "" || info.Label == c.Token) && (c.Serial == "" || info.SerialNumber == c.Serial) {
			found = append(found, slot)
		}
	}
	switch len(found) {
	case 0:
		return 0, fmt.Errorf("%w: %s", ErrNotFound, c.token())
	case 1:
		return found[0], nil
	}
	return 0, fmt.Errorf("%w: %s", ErrAmbiguous, c.token())
}

// login logs the process in to the token of a session. modules is locked.
func (m *module) login(session pkcs11.SessionHandle, slot uint, pin PIN) error {
	if pin == "" {
		return nil
	}
	info, err := m.GetTokenInfo(slot)
	if err != nil {
		return failed("C_GetTokenInfo", err)
	}
	tried := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", info.SerialNumber, info.Label, string(pin)))
	switch {
	case modules.refused[tried]:
		return fmt.Errorf("%w: it was wrong before, in this process", ErrPIN)
	case info.Flags&pkcs11.CKF_USER_PIN_LOCKED != 0:
		return fmt.Errorf("%w: it is locked", ErrPIN)
	case info.Flags&pkcs11.CKF_USER_PIN_FINAL_TRY != 0:
		return fmt.Errorf("%w: one try is left; log in with the vendor's tool first", ErrPIN)
	}
	err = m.Login(session, pkcs11.CKU_USER, string(pin))
	switch {
	case err == nil, is(err, pkcs11.CKR_USER_ALREADY_LOGGED_IN):
		return nil
	case is(err, pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_INVALID, pkcs11.CKR_PIN_LEN_RANGE, pkcs11.CKR_PIN_EXPIRED, pkcs11.CKR_PIN_LOCKED):
		if modules.refused == nil {
			modules.refused = make(map[[32]byte]bool)
		}
		modules.refused[tried] = true
		return fmt.Errorf("%w: %w", ErrPIN, failed("C_Login", err))
	}
	return failed("C_Login", err)
}

// is reports whether err is one of those return values of a module.
func is(err error, codes ...uint) bool {
	got, ok := errors.AsType[pkcs11.Error](err)
	if !ok {
		return false
	}
	for _, code := range codes {
		if uint(got) == code {
			return true
		}
	}
	return false
}

// failed describes the error of a call that signs nothing. The device's and the
// session's troubles can pass.
func failed(call string, err error) error {
	switch {
	case err == nil:
		return nil
	case passing(err):
		return fmt.Errorf("%w: pkcs11: %s: %w", signer.ErrUnavailable, call, err)
	}
	return fmt.Errorf("pkcs11: %s: %w", call, err)
}

// passing reports whether an error can go away by itself.
func passing(err error) bool {
	return is(err, pkcs11.CKR_HOST_MEMORY, pkcs11.CKR_GENERAL_ERROR, pkcs11.CKR_FUNCTION_FAILED,
		pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_MEMORY, pkcs11.CKR_DEVICE_REMOVED,
		pkcs11.CKR_FUNCTION_CANCELED, pkcs11.CKR_OPERATION_ACTIVE, pkcs11.CKR_OPERATION_NOT_INITIALIZED,
		pkcs11.CKR_SESSION_CLOSED, pkcs11.CKR_SESSION_COUNT, pkcs11.CKR_SESSION_HANDLE_INVALID,
		pkcs11.CKR_TOKEN_NOT_PRESENT)
}

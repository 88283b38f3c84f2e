//go:build cgo

package pkcs11

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/miekg/pkcs11"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// Key is a key in a token. It is safe for concurrent use; [Key.Close] ends it.
type Key struct {
	*state
}

// state is behind a pointer so that a Key can be printed without being copied.
type state struct {
	module  *module
	slot    uint
	private pkcs11.ObjectHandle
	public  attestation.PublicKey
	login   pkcs11.SessionHandle // stays open and unused: the login lives as long as a session does
	turns   chan *session        // sessions that no call is using
	closing chan struct{}
	close   func() error
}

// A session belongs to the one call that took it from turns.
type session struct {
	handle pkcs11.SessionHandle
	open   bool
}

var (
	_ signer.Key     = (*Key)(nil)
	_ signer.Pinger  = (*Key)(nil)
	_ io.Closer      = (*Key)(nil)
	_ slog.LogValuer = Key{}
)

// Open loads the module, logs in and finds the key. It makes one signature, of
// a digest that is no attestation's, to see that the private key belongs to the
// public one. The PIN is not kept. The context is looked at between calls into
// the module, which cannot be interrupted.
//
// It fails with [ErrCGORequired], [ErrPIN], [ErrNotFound] or [ErrAmbiguous]; an
// error that wraps signer.ErrUnavailable may pass. A process logs in to a token
// once for all its keys: where it has, the PIN of a second Open is not looked at.
func Open(ctx context.Context, config Config) (*Key, error) {
	config, err := config.check()
	if err != nil {
		return nil, err
	}
	var k *Key
	err = enter(ctx, config, 0, func(m *module, slot uint, login pkcs11.SessionHandle) (keep bool, err error) {
		private, public, err := m.keyPair(login, config)
		if err != nil {
			return false, err
		}
		k = newKey(m, slot, private, public, login, config.Sessions)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	if err := k.Ping(ctx); err != nil {
		_ = k.Close()
		return nil, err
	}
	return k, nil
}

// Generate makes the key pair that the config names in the token, where it can
// be used but not read (CKA_SENSITIVE, not CKA_EXTRACTABLE), and returns its
// point: the attestation key to give to the escrow. It fails with [ErrExists] if
// the token has a key of that name, and as [Open] does. Public and Sessions of
// the config are not used. Two processes that generate one name at the same
// instant both succeed, and Open then refuses with [ErrAmbiguous].
func Generate(ctx context.Context, config Config) (attestation.PublicKey, error) {
	var public attestation.PublicKey
	config, err := config.check()
	if err != nil {
		return public, err
	}
	err = enter(ctx, config, pkcs11.CKF_RW_SESSION, func(m *module, _ uint, login pkcs11.SessionHandle) (bool, error) {
		public, err = m.generate(login, config)
		return false, err
	})
	return public, err
}

// enter calls do in a session that is logged in to the token of the config. If
// do keeps it, the module and the session stay open.
func enter(ctx context.Context, config Config, flags uint, do func(m *module, slot uint, login pkcs11.SessionHandle) (keep bool, err error)) error {
	modules.Lock()
	defer modules.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: pkcs11: %w", signer.ErrUnavailable, err)
	}
	m, err := load(config.Module)
	if err != nil {
		return err
	}
	slot, err := m.slot(config)
	if err != nil {
		_ = m.release() // the first error is the one to act on, and decides on retries
		return err
	}
	login, err := m.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|flags)
	if err != nil {
		_ = m.release()
		return failed("C_OpenSession", err)
	}
	if err = m.login(login, slot, config.PIN); err == nil {
		var keep bool
		if keep, err = do(m, slot, login); keep && err == nil {
			return nil
		}
	}
	closing := errors.Join(failed("C_CloseSession", m.CloseSession(login)), m.release())
	if err != nil {
		return err
	}
	return closing
}

func newKey(m *module, slot uint, private pkcs11.ObjectHandle, public attestation.PublicKey, login pkcs11.SessionHandle, sessions int) *Key {
	k := &Key{&state{
		module: m, slot: slot, private: private, public: public, login: login,
		turns: make(chan *session, sessions), closing: make(chan struct{}),
	}}
	for range sessions {
		k.turns <- &session{}
	}
	k.close = sync.OnceValue(k.end)
	return k
}

// PublicKey is the point that the token names.
func (k *Key) PublicKey() attestation.PublicKey { return k.public }

// SignDigest has the token sign and returns r‖s. It waits for a session until
// ctx is done, which is a signer.ErrUnavailable. If ctx is done while the module
// is at work it returns a signer.ErrUnknownOutcome at once, and the module goes
// on by itself. After an error a session is thrown away and replaced.
//
// A token that was taken out or logged out elsewhere needs a new [Open]: those
// errors are final, because logging in again could cost a try of the PIN.
func (k *Key) SignDigest(ctx context.Context, digest attestation.Digest) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: pkcs11: %w", signer.ErrUnavailable, err)
	}
	select {
	case <-k.closing:
		return nil, ErrClosed
	default:
	}
	var s *session
	select {
	case s = <-k.turns:
	case <-k.closing:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: pkcs11: waiting for a session: %w", signer.ErrUnavailable, ctx.Err())
	}
	type answer struct {
		sig []byte
		err error
	}
	answered := make(chan answer, 1)
	go func() {
		sig, err := k.sign(s, digest)
		k.turns <- s // Close waits for this
		answered <- answer{sig, err}
	}()
	select {
	case a := <-answered:
		return a.sig, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: pkcs11: the module is still at work: %w", signer.ErrUnknownOutcome, ctx.Err())
	}
}

// sign signs in a session of the caller's own.
func (k *state) sign(s *session, digest attestation.Digest) ([]byte, error) {
	if !s.open {
		handle, err := k.module.OpenSession(k.slot, pkcs11.CKF_SERIAL_SESSION)
		if err != nil {
			return nil, failed("C_OpenSession", err)
		}
		s.handle, s.open = handle, true
	}
	if err := k.module.SignInit(s.handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}, k.private); err != nil {
		k.discard(s)
		return nil, failed("C_SignInit", err)
	}
	sig, err := k.module.Sign(s.handle, digest[:])
	if err != nil {
		k.discard(s)
		if passing(err) {
			return nil, fmt.Errorf("%w: pkcs11: C_Sign: %w", signer.ErrUnknownOutcome, err)
		}
		return nil, fmt.Errorf("pkcs11: C_Sign: %w", err)
	}
	return sig, nil
}

// discard closes a session that may be in the middle of something.
func (k *state) discard(s *session) {
	_ = k.module.CloseSession(s.handle) // it may be gone already
	s.open = false
}

// probe is what Ping signs: no attestation hashes to it, because it is another
// hash of a text of another length.
var probe = attestation.Digest(sha256.Sum256([]byte("SLAStream PKCS#11 probe, no attestation")))

// Ping makes one signature, of a digest that is no attestation's, and checks it.
func (k *Key) Ping(ctx context.Context) error {
	sig, err := k.SignDigest(ctx, probe)
	if err != nil {
		return err
	}
	if _, err := attestation.ParseSignatureBy(sig, probe, k.public); err != nil {
		return fmt.Errorf("%w: pkcs11: the private key is not that of %v: %w", signer.ErrBadSignature, k.public, err)
	}
	return nil
}

// Close waits for the calls under way in the module, closes the sessions and,
// if no other key of this process uses the module, lets it go. Calls that come
// after it fail with [ErrClosed]; a second Close returns what the first did.
func (k *Key) Close() error { return k.close() }

func (k *state) end() error {
	close(k.closing)
	var errs []error
	for range cap(k.turns) {
		if s := <-k.turns; s.open {
			errs = append(errs, failed("C_CloseSession", k.module.CloseSession(s.handle)))
		}
	}
	modules.Lock()
	defer modules.Unlock()
	errs = append(errs, failed("C_CloseSession", k.module.CloseSession(k.login)), k.module.release())
	return errors.Join(errs...)
}

// String names the public key.
func (k Key) String() string { return "pkcs11.Key " + k.public.String() }

// Format prints [Key.String], whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// LogValue is [Key.String].
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText returns [Key.String].
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

package signertest_test

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/sha3"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/signertest"
)

// broken is a key with one fault.
type broken struct {
	*signer.Local
	sign  func(context.Context, attestation.Digest) ([]byte, error)
	close func() error
}

func (b broken) SignDigest(ctx context.Context, d attestation.Digest) ([]byte, error) {
	return b.sign(ctx, d)
}

func (b broken) Close() error {
	if b.close == nil {
		return nil
	}
	return b.close()
}

// leaky prints its secret.
type leaky struct {
	good   *signer.Local
	Secret [32]byte
}

func (l leaky) PublicKey() attestation.PublicKey { return l.good.PublicKey() }

func (l leaky) SignDigest(ctx context.Context, d attestation.Digest) ([]byte, error) {
	return l.good.SignDigest(ctx, d)
}

// faults are keys that the suite must refuse, by what is wrong with them.
var faults = map[string]func(t *testing.T, good *signer.Local) signer.Key{
	"hashes once more": func(_ *testing.T, good *signer.Local) signer.Key {
		return closable(good, func(ctx context.Context, d attestation.Digest) ([]byte, error) {
			hash := sha3.NewLegacyKeccak256()
			hash.Write(d[:])
			return good.SignDigest(ctx, attestation.Digest(hash.Sum(nil)))
		})
	},
	"signs with another key": func(t *testing.T, good *signer.Local) signer.Key {
		other, err := signer.NewLocal([32]byte{31: 77})
		require.NoError(t, err)
		return closable(good, other.SignDigest)
	},
	"fails on the digest zero": func(_ *testing.T, good *signer.Local) signer.Key {
		return closable(good, func(ctx context.Context, d attestation.Digest) ([]byte, error) {
			if d == (attestation.Digest{}) {
				return nil, errors.New("empty digest")
			}
			return good.SignDigest(ctx, d)
		})
	},
	"ignores the context": func(_ *testing.T, good *signer.Local) signer.Key {
		return closable(good, func(ctx context.Context, d attestation.Digest) ([]byte, error) {
			return good.SignDigest(context.WithoutCancel(ctx), d)
		})
	},
	"puts its secret into an error": func(_ *testing.T, good *signer.Local) signer.Key {
		return closable(good, func(ctx context.Context, d attestation.Digest) ([]byte, error) {
			raw, err := good.SignDigest(ctx, d)
			if err != nil {
				err = errors.Join(err, errors.New("key "+secret))
			}
			return raw, err
		})
	},
	"prints its secret": func(t *testing.T, good *signer.Local) signer.Key {
		return leaky{good: good, Secret: [32]byte(unhex(t, secret))}
	},
	"signs after Close": func(_ *testing.T, good *signer.Local) signer.Key {
		return broken{Local: good, sign: good.SignDigest}
	},
	"one call at a time": func(_ *testing.T, good *signer.Local) signer.Key {
		var busy atomic.Bool
		return closable(good, func(ctx context.Context, d attestation.Digest) ([]byte, error) {
			if !busy.CompareAndSwap(false, true) {
				return nil, errors.New("operation active")
			}
			defer busy.Store(false)
			return good.SignDigest(ctx, d)
		})
	},
}

// closable is a key that stops signing when it is closed.
func closable(good *signer.Local, sign func(context.Context, attestation.Digest) ([]byte, error)) signer.Key {
	var closed atomic.Bool
	return broken{Local: good, close: func() error { closed.Store(true); return nil },
		sign: func(ctx context.Context, d attestation.Digest) ([]byte, error) {
			if closed.Load() {
				return nil, os.ErrClosed
			}
			return sign(ctx, d)
		}}
}

// The suite must fail for each fault, so it runs in a process of its own. Without
// a fault the same key passes.
func TestTheSuiteFindsFaults(t *testing.T) {
	if name := os.Getenv("SIGNERTEST_FAULT"); name != "" {
		fault := faults[name]
		if name == "none" {
			fault = func(_ *testing.T, good *signer.Local) signer.Key { return closable(good, good.SignDigest) }
		}
		signertest.RunKey(t, func(t *testing.T) signer.Key { return fault(t, local(t)) }, signertest.Secrets(secret))
		return
	}
	run := func(name string) ([]byte, error) {
		cmd := exec.Command(os.Args[0], "-test.run=^TestTheSuiteFindsFaults$")
		cmd.Env = append(os.Environ(), "SIGNERTEST_FAULT="+name)
		return cmd.CombinedOutput()
	}
	out, err := run("none")
	require.NoError(t, err, "%s", out)
	for name := range faults {
		t.Run(name, func(t *testing.T) {
			out, err := run(name)
			var failed *exec.ExitError
			require.ErrorAs(t, err, &failed, "%s", out)
			require.NotContains(t, string(out), "panic")
			require.NotContains(t, string(out), hex.EncodeToString(unhex(t, secret)), "the suite prints no secret either")
		})
	}
}

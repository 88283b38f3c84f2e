package hsm_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"sync/atomic"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	dcrecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/hsm"
	"github.com/slastream/slastream-go/signer/signertest"
)

const secret = "11d5b7c6f2a1988776655443322110ffeeddccbbaa99887766554433221100aa"

// device is a crypto.Signer on secp256k1 that answers in DER, and fails if two
// calls overlap.
type device struct {
	Secret []byte // exported, as a careless driver has it: nothing may print it
	public crypto.PublicKey
	busy   *atomic.Bool
	err    error
}

func newDevice(t testing.TB) device {
	t.Helper()
	var b []byte
	_, err := fmt.Sscanf(secret, "%x", &b)
	require.NoError(t, err)
	return device{Secret: b, public: secp256k1.PrivKeyFromBytes(b).PubKey(), busy: new(atomic.Bool)}
}

func (d device) Public() crypto.PublicKey { return d.public }

func (d device) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if !d.busy.CompareAndSwap(false, true) {
		return nil, errors.New("two calls at once")
	}
	defer d.busy.Store(false)
	if opts.HashFunc().Size() != len(digest) {
		return nil, errors.New("digest of another length than its hash has")
	}
	if d.err != nil {
		return nil, d.err
	}
	return dcrecdsa.Sign(secp256k1.PrivKeyFromBytes(d.Secret), digest).Serialize(), nil
}

func TestConformance(t *testing.T) {
	signertest.RunKey(t, func(t *testing.T) signer.Key {
		key, err := hsm.New(newDevice(t))
		require.NoError(t, err)
		return key
	}, signertest.Deterministic(), signertest.Secrets(secret))
}

// onCurve is a public key as drivers make it by hand.
func onCurve(x, y *big.Int) *ecdsa.PublicKey {
	//lint:ignore SA1019 the successors of X and Y know the NIST curves only
	return &ecdsa.PublicKey{Curve: secp256k1.S256(), X: x, Y: y}
}

func TestNewReadsThePublicKeyOf(t *testing.T) {
	d := newDevice(t)
	point := d.public.(*secp256k1.PublicKey)
	want, err := attestation.ParsePublicKey(point.SerializeUncompressed())
	require.NoError(t, err)
	for name, public := range map[string]crypto.PublicKey{
		"decred":                point,
		"the standard library":  point.ToECDSA(),
		"a driver with a curve": onCurve(point.X(), point.Y()),
	} {
		t.Run(name, func(t *testing.T) {
			d.public = public
			key, err := hsm.New(d)
			require.NoError(t, err)
			require.Equal(t, want, key.PublicKey())
		})
	}
}

func TestNewRefuses(t *testing.T) {
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	for name, public := range map[string]crypto.PublicKey{
		"a key on P-256":         &p256.PublicKey,
		"an ed25519 key":         edwards,
		"no key":                 nil,
		"a key without a curve":  (*ecdsa.PublicKey)(nil),
		"no coordinates":         &ecdsa.PublicKey{Curve: secp256k1.S256()},
		"a negative coordinate":  onCurve(big.NewInt(-1), big.NewInt(1)),
		"a point off the curve":  onCurve(big.NewInt(1), big.NewInt(1)),
		"a coordinate too large": onCurve(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1)),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t)
			d.public = public
			_, err := hsm.New(d)
			require.ErrorIs(t, err, hsm.ErrPublicKey)
		})
	}
	_, err = hsm.New(nil)
	require.Error(t, err)
}

func TestErrorsOfTheDevice(t *testing.T) {
	d := newDevice(t)
	for _, c := range []struct {
		err       error
		retryable bool
	}{
		{errors.New("card removed"), false},
		{fmt.Errorf("busy: %w", signer.ErrUnavailable), true},
	} {
		d.err = c.err
		key, err := hsm.New(d)
		require.NoError(t, err)
		_, err = key.SignDigest(t.Context(), attestation.Digest{1})
		require.ErrorIs(t, err, c.err)
		require.Equal(t, c.retryable, signer.Retryable(err))
	}
}

// stuck is a device that answers when released.
type stuck struct {
	device
	entered, release chan struct{}
}

func (d stuck) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	d.entered <- struct{}{}
	<-d.release
	return d.device.Sign(r, digest, opts)
}

func TestWaitingForABusyDeviceEndsWithTheContext(t *testing.T) {
	d := stuck{newDevice(t), make(chan struct{}), make(chan struct{})}
	key, err := hsm.New(d)
	require.NoError(t, err)
	first := make(chan error)
	go func() {
		_, err := key.SignDigest(context.Background(), attestation.Digest{1})
		first <- err
	}()
	<-d.entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = key.SignDigest(ctx, attestation.Digest{2})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, signer.ErrUnavailable)
	close(d.release)
	require.NoError(t, <-first)
}

func Example() {
	var card crypto.Signer = exampleCard() // the driver of a card or module
	key, err := hsm.New(card)
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
	fmt.Println(signed.Verify(attestation.RulesLowS, s.PublicKey()))
	// Output: <nil>
}

func exampleCard() crypto.Signer {
	b := []byte{31: 7}
	return device{Secret: b, public: secp256k1.PrivKeyFromBytes(b).PubKey(), busy: new(atomic.Bool)}
}

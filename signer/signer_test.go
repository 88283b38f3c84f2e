package signer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

func local(t testing.TB, b byte) *signer.Local {
	t.Helper()
	key, err := signer.NewLocal([32]byte{31: b})
	require.NoError(t, err)
	return key
}

func request(chunk uint64) signer.Request {
	return signer.Request{
		Attestation: attestation.Attestation{DealID: attestation.WordFromUint64(1), ChunkIndex: chunk, ProofSetID: attestation.WordFromUint64(7), Timestamp: 1000},
		Domain:      attestation.Domain{ChainID: attestation.WordFromUint64(5)},
		Evidence:    attestation.Evidence{ChainID: 314, SetID: attestation.WordFromUint64(7), Period: 100 + chunk},
	}
}

// keyFunc is a key that answers what a test wants.
type keyFunc struct {
	*signer.Local
	sign func(attestation.Digest) ([]byte, error)
}

func (k keyFunc) SignDigest(_ context.Context, d attestation.Digest) ([]byte, error) {
	return k.sign(d)
}

func TestNewLocalRefuses(t *testing.T) {
	n := [32]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41}
	for _, secret := range [][32]byte{{}, n} {
		_, err := signer.NewLocal(secret)
		require.Error(t, err)
	}
}

func TestEveryFormBecomesOneSignature(t *testing.T) {
	key := local(t, 9)
	want, err := mustNew(t, key).Attest(t.Context(), request(0))
	require.NoError(t, err)
	require.NoError(t, want.Verify(attestation.RulesLowS, key.PublicKey()))
	require.NoError(t, want.Verify(attestation.RulesLegacy, key.PublicKey()))

	secret := secp256k1.PrivKeyFromBytes([]byte{9})
	for name, sign := range map[string]func(attestation.Digest) ([]byte, error){
		"r and s": func(d attestation.Digest) ([]byte, error) { return ecdsa.SignCompact(secret, d[:], false)[1:], nil },
		"a wrong v": func(d attestation.Digest) ([]byte, error) {
			return append(ecdsa.SignCompact(secret, d[:], false)[1:], 77), nil
		},
		"DER": func(d attestation.Digest) ([]byte, error) { return ecdsa.Sign(secret, d[:]).Serialize(), nil },
		"high s": func(d attestation.Digest) ([]byte, error) {
			b := ecdsa.SignCompact(secret, d[:], false)[1:]
			var s secp256k1.ModNScalar
			s.SetByteSlice(b[32:])
			s.Negate()
			neg := s.Bytes()
			return append(b[:32], neg[:]...), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := mustNew(t, keyFunc{key, sign}).Attest(t.Context(), request(0))
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

func mustNew(t testing.TB, key signer.Key) signer.Signer {
	t.Helper()
	s, err := signer.New(key)
	require.NoError(t, err)
	return s
}

func TestNewRefusesWhatAKeyMustNotAnswer(t *testing.T) {
	key := local(t, 9)
	down := errors.New("device is gone")
	for name, tt := range map[string]struct {
		raw  []byte
		err  error
		want error
	}{
		"nothing":          {nil, nil, signer.ErrBadSignature},
		"zeroes":           {make([]byte, 64), nil, signer.ErrBadSignature},
		"66 bytes":         {make([]byte, 66), nil, signer.ErrBadSignature},
		"truncated DER":    {[]byte{0x30, 6, 2, 1, 1, 2, 1}, nil, signer.ErrBadSignature},
		"another key":      {sigOf(t, local(t, 10)), nil, signer.ErrBadSignature},
		"the device fails": {nil, down, down},
	} {
		t.Run(name, func(t *testing.T) {
			s := mustNew(t, keyFunc{key, func(attestation.Digest) ([]byte, error) { return tt.raw, tt.err }})
			_, err := s.Attest(t.Context(), request(0))
			require.ErrorIs(t, err, tt.want)
		})
	}
	_, err := signer.New(key, signer.WithPublicKey(local(t, 10).PublicKey()))
	require.ErrorContains(t, err, "the backend holds key")
}

func sigOf(t testing.TB, key *signer.Local) []byte {
	t.Helper()
	b, err := key.SignDigest(t.Context(), request(0).Attestation.Digest())
	require.NoError(t, err)
	return b
}

func TestSecretNeverPrints(t *testing.T) {
	secret := [32]byte{0xab, 0xcd, 0xef, 0x12, 0x34, 0x56, 0x78, 0x9a}
	key, err := signer.NewLocal(secret)
	require.NoError(t, err)
	js, err := json.Marshal(struct{ K any }{key})
	require.NoError(t, err)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key)
	for _, out := range []string{fmt.Sprint(key), fmt.Sprintf("%v %+v %#v %x %d", key, key, key, *key, *key), string(js), log.String()} {
		require.Contains(t, out, "redacted")
		require.NotContains(t, strings.ToLower(out), "abcdef")
		require.NotContains(t, out, "171")
	}
}

func TestGuard(t *testing.T) {
	newGuard := func(t *testing.T) signer.Signer {
		return signer.Guard(mustNew(t, local(t, 9)), signer.NewMemoryJournal())
	}
	first := func(t *testing.T, g signer.Signer) attestation.Signed {
		signed, err := g.Attest(t.Context(), request(0))
		require.NoError(t, err)
		return signed
	}
	t.Run("the same request gets the same signature", func(t *testing.T) {
		g := newGuard(t)
		want := first(t, g)
		require.Equal(t, want, first(t, g))
	})
	t.Run("another timestamp gets the earlier statement", func(t *testing.T) {
		g := newGuard(t)
		want := first(t, g)
		req := request(0)
		req.Attestation.Timestamp, req.Evidence.BlockNumber = 2000, 9
		got, err := g.Attest(t.Context(), req)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
	for name, change := range map[string]func(*signer.Request){
		"another root for a signed chunk": func(r *signer.Request) { r.Attestation.RootCID = attestation.Word{1} },
		"another data set for a signed chunk": func(r *signer.Request) {
			r.Attestation.ProofSetID, r.Evidence.SetID = attestation.Word{1}, attestation.Word{1}
		},
		"another proof for a signed chunk": func(r *signer.Request) { r.Evidence.Period++ },
		"a used proof for another chunk":   func(r *signer.Request) { r.Attestation.ChunkIndex++ },
		"a used proof for another deal":    func(r *signer.Request) { r.Attestation.DealID = attestation.Word{9} },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuard(t)
			want := first(t, g)
			req := request(0)
			change(&req)
			_, err := g.Attest(t.Context(), req)
			var equivocation *signer.EquivocationError
			require.ErrorAs(t, err, &equivocation)
			require.Equal(t, request(0), equivocation.Prev)
			require.Equal(t, req, equivocation.New)
			require.Equal(t, want, first(t, g), "the refusal changed nothing")
		})
	}
	t.Run("evidence of another data set", func(t *testing.T) {
		req := request(0)
		req.Evidence.SetID = attestation.Word{1}
		_, err := newGuard(t).Attest(t.Context(), req)
		require.ErrorIs(t, err, signer.ErrEvidence)
	})
	t.Run("another escrow is another slot", func(t *testing.T) {
		g := newGuard(t)
		first(t, g)
		req := request(0)
		req.Domain.Escrow = attestation.Word{1}
		_, err := g.Attest(t.Context(), req)
		require.NoError(t, err)
	})
	t.Run("a policy speaks first", func(t *testing.T) {
		no := errors.New("no")
		journal := signer.NewMemoryJournal()
		g := signer.Guard(mustNew(t, local(t, 9)), journal, signer.Policy{Name: "closed", Check: func(context.Context, signer.Request) error { return no }})
		_, err := g.Attest(t.Context(), request(0))
		require.ErrorIs(t, err, no)
		_, ok, _ := journal.BySlot(t.Context(), signer.Slot{Key: g.PublicKey(), Domain: request(0).Domain, DealID: attestation.WordFromUint64(1)})
		require.False(t, ok)
	})
}

func TestGuardAfterAFailureSignsOnlyWhatBegan(t *testing.T) {
	fail := true
	key := local(t, 9)
	flaky := keyFunc{key, func(d attestation.Digest) ([]byte, error) {
		if fail {
			return nil, errors.New("timeout, perhaps signed")
		}
		return key.SignDigest(context.Background(), d)
	}}
	g := signer.Guard(mustNew(t, flaky), signer.NewMemoryJournal())
	_, err := g.Attest(t.Context(), request(0))
	require.ErrorContains(t, err, "perhaps signed")
	fail = false
	other := request(0)
	other.Attestation.RootCID = attestation.Word{1}
	_, err = g.Attest(t.Context(), other)
	require.ErrorAs(t, err, new(*signer.EquivocationError))
	later := request(0)
	later.Attestation.Timestamp = 5
	signed, err := g.Attest(t.Context(), later)
	require.NoError(t, err)
	require.Equal(t, request(0).Attestation, signed.Attestation, "the statement that began is the one that is signed")
}

func TestGuardRacing(t *testing.T) {
	g := signer.Guard(mustNew(t, local(t, 9)), signer.NewMemoryJournal())
	var mu sync.Mutex
	got := map[attestation.Signed]int{}
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			req := request(0)
			req.Attestation.RootCID = attestation.Word{byte(i)}
			signed, err := g.Attest(context.Background(), req)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				got[signed]++
			}
		})
	}
	wg.Wait()
	require.Len(t, got, 1, "exactly one root is ever signed")
}

func ExampleGuard() {
	key, err := signer.NewLocal([32]byte{31: 1})
	if err != nil {
		panic(err)
	}
	s, err := signer.New(key)
	if err != nil {
		panic(err)
	}
	s = signer.Guard(s, signer.NewMemoryJournal())
	set := attestation.WordFromUint64(7)
	req := signer.Request{
		Attestation: attestation.Attestation{DealID: attestation.WordFromUint64(1), ProofSetID: set},
		Evidence:    attestation.Evidence{ChainID: 314, SetID: set, Period: 6_000_000},
	}
	signed, err := s.Attest(context.Background(), req)
	fmt.Println(err, signed.Verify(attestation.RulesLowS, s.PublicKey()))

	req.Attestation.RootCID = attestation.WordFromUint64(2)
	_, err = s.Attest(context.Background(), req)
	var equivocation *signer.EquivocationError
	fmt.Println(errors.As(err, &equivocation))
	// Output:
	// <nil> <nil>
	// true
}

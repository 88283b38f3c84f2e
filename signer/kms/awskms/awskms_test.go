package awskms_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	dcrecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/kms"
	"github.com/slastream/slastream-go/signer/kms/awskms"
	"github.com/slastream/slastream-go/signer/signertest"
)

// open opens the key of the fake by its alias.
func open(t testing.TB, f *fake, tries int) *awskms.Key {
	t.Helper()
	key, err := awskms.Open(context.Background(), f.client(t, tries), "alias/attester")
	require.NoError(t, err)
	return key
}

func TestConformance(t *testing.T) {
	signertest.RunKey(t, func(t *testing.T) signer.Key { return open(t, newFake(), 3) },
		signertest.Deterministic(), signertest.Secrets(secretKey))
}

func TestOneCallForASignature(t *testing.T) {
	f := newFake()
	key := open(t, f, 3)
	for i := range 3 {
		_, err := key.SignDigest(t.Context(), attestation.Digest{byte(i)})
		require.NoError(t, err)
	}
	require.NoError(t, key.Ping(t.Context()))
	require.Equal(t, map[string]int{"GetPublicKey": 1, "Sign": 4}, f.calls)
	require.Equal(t, arn, key.ARN())
	for _, id := range f.keyIDs {
		require.Equal(t, arn, id, "the alias is followed once")
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		keyID  string
		change func(*fake)
		is     error
	}{
		{"a key on P-256", arn, func(f *fake) { f.spec = "ECC_NIST_P256" }, awskms.ErrUnsuitable},
		{"a key that encrypts", arn, func(f *fake) { f.usage = "ENCRYPT_DECRYPT" }, awskms.ErrUnsuitable},
		{"a key without the algorithm", arn, func(f *fake) { f.algs = nil }, awskms.ErrUnsuitable},
		{"a public key with another curve's name", arn, func(f *fake) { f.der = spki([]int{1, 2, 840, 10045, 3, 1, 7}, f.secret.PubKey()) }, kms.ErrPublicKey},
		{"a public key cut short", arn, func(f *fake) { f.der = f.der[:80] }, kms.ErrPublicKey},
		{"a key that is not there", "alias/other", func(*fake) {}, nil},
		{"no permission", arn, func(f *fake) { f.faults = []fault{{400, "AccessDeniedException"}} }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake()
			c.change(f)
			key, err := awskms.Open(t.Context(), f.client(t, 3), c.keyID)
			require.Error(t, err)
			require.Nil(t, key)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			require.False(t, signer.Retryable(err), err)
			require.NotContains(t, err.Error(), secretKey)
		})
	}
	t.Run("an answer that does not come", func(t *testing.T) {
		f := newFake()
		f.faults = []fault{{}, {}, {}}
		_, err := awskms.Open(t.Context(), f.client(t, 3), arn)
		require.ErrorIs(t, err, signer.ErrUnavailable)
		require.NotErrorIs(t, err, signer.ErrUnknownOutcome, "reading a key signs nothing")
		require.NotContains(t, err.Error(), "nil")
	})
}

func TestErrorsOfTheService(t *testing.T) {
	for _, c := range []struct {
		fault
		is    error // nil: final
		calls int   // with three tries allowed
	}{
		{fault{400, "ThrottlingException"}, signer.ErrUnavailable, 3},
		{fault{400, "LimitExceededException"}, signer.ErrUnavailable, 3},
		{fault{500, "KMSInternalException"}, signer.ErrUnavailable, 3},
		{fault{503, "DependencyTimeoutException"}, signer.ErrUnavailable, 3},
		{fault{500, "KeyUnavailableException"}, signer.ErrUnavailable, 3},
		{fault{503, "SomethingNew"}, signer.ErrUnavailable, 3},
		{fault{0, ""}, signer.ErrUnknownOutcome, 3},
		{fault{200, ""}, signer.ErrUnknownOutcome, 1},
		{fault{400, "AccessDeniedException"}, nil, 1},
		{fault{400, "DisabledException"}, nil, 1},
		{fault{400, "KMSInvalidStateException"}, nil, 1},
		{fault{400, "NotFoundException"}, nil, 1},
		{fault{400, "InvalidKeyUsageException"}, nil, 1},
		{fault{400, "ExpiredTokenException"}, nil, 1},
		{fault{400, "UnrecognizedClientException"}, nil, 1},
	} {
		t.Run(fmt.Sprintf("%d %s", c.status, c.code), func(t *testing.T) {
			f := newFake()
			key := open(t, f, 3)
			f.fail(c.fault, c.fault, c.fault)
			_, err := key.SignDigest(t.Context(), attestation.Digest{1})
			require.Error(t, err)
			require.Equal(t, c.is != nil, signer.Retryable(err), err)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			require.NotErrorIs(t, err, signer.ErrBadSignature)
			require.Equal(t, c.calls, f.count("Sign"))
			require.NotContains(t, err.Error(), secretKey)

			f.fail()
			_, err = key.SignDigest(t.Context(), attestation.Digest{1})
			require.NoError(t, err)
		})
	}
}

func TestThrottlingPassesWithinACall(t *testing.T) {
	f := newFake()
	key := open(t, f, 3)
	f.faults = []fault{{400, "ThrottlingException"}, {400, "ThrottlingException"}}
	_, err := key.SignDigest(t.Context(), attestation.Digest{1})
	require.NoError(t, err)
	require.Equal(t, 3, f.calls["Sign"])
}

func TestAnswersThatAreNoSignature(t *testing.T) {
	other := secp256k1.PrivKeyFromBytes([]byte{9})
	for name, answer := range map[string]func([]byte) []byte{
		"another key's":      func([]byte) []byte { d := attestation.Digest{1}; return dcrecdsa.Sign(other, d[:]).Serialize() },
		"a byte after it":    func(der []byte) []byte { return append(der, 0) },
		"cut short":          func(der []byte) []byte { return der[:len(der)-1] },
		"nothing":            func([]byte) []byte { return nil },
		"a megabyte of zero": func([]byte) []byte { return make([]byte, 1<<20) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			key := open(t, f, 3)
			f.answer = answer
			_, err := key.SignDigest(t.Context(), attestation.Digest{1})
			require.ErrorIs(t, err, signer.ErrBadSignature)
			require.False(t, signer.Retryable(err))
			require.Less(t, len(err.Error()), 1000)
			require.Equal(t, 1, f.calls["Sign"])
		})
	}
}

func TestPing(t *testing.T) {
	f := newFake()
	key := open(t, f, 1)
	require.NoError(t, key.Ping(t.Context()))
	f.faults = []fault{{400, "AccessDeniedException"}, {400, "ThrottlingException"}}
	err := key.Ping(t.Context())
	require.Error(t, err)
	require.False(t, signer.Retryable(err))
	require.ErrorIs(t, key.Ping(t.Context()), signer.ErrUnavailable)
}

func TestATimeoutAfterSendingIsUnknown(t *testing.T) {
	f := newFake()
	key := open(t, f, 1)
	f.delayed = make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := key.SignDigest(ctx, attestation.Digest{1})
	close(f.delayed)
	require.ErrorIs(t, err, signer.ErrUnknownOutcome)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestNobodyThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	url := server.URL
	server.Close()
	_, err := awskms.Open(t.Context(), clientOf(url, 1), arn)
	require.ErrorIs(t, err, signer.ErrUnavailable)
}

func TestAServerThatIsNotTrusted(t *testing.T) {
	server := httptest.NewUnstartedServer(newFake())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	_, err := awskms.Open(t.Context(), clientOf(server.URL, 1), arn)
	require.Error(t, err)
	require.False(t, signer.Retryable(err), err)
}

func TestTheSDKsErrorIsThere(t *testing.T) {
	f := newFake()
	key := open(t, f, 1)
	f.faults = []fault{{400, "DisabledException"}}
	_, err := key.SignDigest(t.Context(), attestation.Digest{1})
	_, ok := errors.AsType[*types.DisabledException](err)
	require.True(t, ok, err)
}

// Example signs with the SDK's own client, here against a stand-in for KMS.
func Example() {
	server := httptest.NewServer(newFake())
	defer server.Close()
	client := clientOf(server.URL, 3) // kms.NewFromConfig(cfg) of the AWS SDK

	ctx := context.Background()
	key, err := awskms.Open(ctx, client, "alias/attester")
	if err != nil {
		panic(err)
	}
	s, err := signer.New(key)
	if err != nil {
		panic(err)
	}
	a := attestation.Attestation{DealID: attestation.WordFromUint64(1), Timestamp: 1_700_000_000}
	signed, err := s.Attest(ctx, signer.Request{Attestation: a})
	if err != nil {
		panic(err)
	}
	fmt.Println(signed.Verify(attestation.RulesLowS, s.PublicKey()))
	// Output: <nil>
}

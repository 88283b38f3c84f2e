package signer_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/sha3"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/signertest"
)

// hasher signs messages as web3signer does.
type hasher struct{ *signer.Local }

func (h hasher) SignMessage(ctx context.Context, preimage []byte) ([]byte, error) {
	hash := sha3.NewLegacyKeccak256()
	hash.Write(preimage)
	return h.SignDigest(ctx, attestation.Digest(hash.Sum(nil)))
}

// action signs requests, and states a time of its own.
type action struct {
	*signer.Local
	change func(*attestation.Attestation)
}

func (a action) SignRequest(ctx context.Context, req signer.Request) (attestation.Attestation, []byte, error) {
	a.change(&req.Attestation)
	raw, err := a.SignDigest(ctx, req.Attestation.Digest())
	return req.Attestation, raw, err
}

func later(a *attestation.Attestation) { a.Timestamp += 30 }

func TestPorts(t *testing.T) {
	t.Run("message key", func(t *testing.T) {
		signertest.Run(t, func(t *testing.T) signer.Signer {
			s, err := signer.NewMessage(hasher{local(t, 9)})
			require.NoError(t, err)
			return s
		}, signertest.Deterministic(), signertest.Batches())
	})
	t.Run("action key behind a guard", func(t *testing.T) {
		signertest.Run(t, func(t *testing.T) signer.Signer {
			s, err := signer.NewAction(action{local(t, 9), later})
			require.NoError(t, err)
			return signer.Guard(s, signer.NewMemoryJournal())
		}, signertest.Deterministic())
	})
}

func TestAnActionMayChangeOnlyTheTimestamp(t *testing.T) {
	for name, change := range map[string]func(*attestation.Attestation){
		"deal":     func(a *attestation.Attestation) { a.DealID[0]++ },
		"chunk":    func(a *attestation.Attestation) { a.ChunkIndex++ },
		"data set": func(a *attestation.Attestation) { a.ProofSetID[0]++ },
		"root":     func(a *attestation.Attestation) { a.RootCID[0]++ },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := signer.NewAction(action{local(t, 9), change})
			require.NoError(t, err)
			_, err = s.Attest(t.Context(), request(0))
			require.ErrorIs(t, err, signer.ErrBadSignature)
		})
	}
	s, err := signer.NewAction(action{local(t, 9), later})
	require.NoError(t, err)
	_, err = s.(signer.BatchSigner).AttestBatch(t.Context(), batch(0))
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorIs(t, s.(signer.Pinger).Ping(t.Context()), errors.ErrUnsupported)

	g := signer.Guard(s, signer.NewMemoryJournal())
	first, err := g.Attest(t.Context(), request(0))
	require.NoError(t, err)
	require.Equal(t, request(0).Attestation.Timestamp+30, first.Attestation.Timestamp)
	again, err := g.Attest(t.Context(), request(0))
	require.NoError(t, err)
	require.Equal(t, first, again, "the guard keeps what was signed, not what was asked for")
}

func TestAMutatedSignatureIsRefused(t *testing.T) {
	key := local(t, 9)
	raw := sigOf(t, key)
	for at := range 64 {
		changed := append([]byte(nil), raw...)
		changed[at] ^= 1
		s := mustNew(t, keyFunc{key, func(attestation.Digest) ([]byte, error) { return changed, nil }})
		_, err := s.Attest(t.Context(), request(0))
		require.ErrorIs(t, err, signer.ErrBadSignature, "byte %d", at)
	}
	secret := secp256k1.PrivKeyFromBytes([]byte{9})
	hashedTwice := keyFunc{key, func(d attestation.Digest) ([]byte, error) {
		hash := sha3.NewLegacyKeccak256()
		hash.Write(d[:])
		return ecdsa.Sign(secret, hash.Sum(nil)).Serialize(), nil
	}}
	_, err := mustNew(t, hashedTwice).Attest(t.Context(), request(0))
	require.ErrorIs(t, err, signer.ErrBadSignature)
}

func TestRetryable(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("x"), false},
		{signer.ErrBadSignature, false},
		{signer.ErrEvidence, false},
		{&signer.EquivocationError{}, false},
		{context.Canceled, false},
		{context.DeadlineExceeded, true},
		{fmt.Errorf("hsm: %w", signer.ErrUnavailable), true},
		{fmt.Errorf("hsm: %w", signer.ErrUnknownOutcome), true},
		{&signer.PolicyError{Policy: "x", Err: errors.New("no")}, false},
		{&signer.PolicyError{Policy: "x", Err: signer.ErrUnavailable}, true},
		{errors.Join(signer.ErrUnavailable, &signer.EquivocationError{}), false},
		{fmt.Errorf("%w: %w", signer.ErrBadSignature, signer.ErrUnavailable), false},
	} {
		require.Equal(t, tt.want, signer.Retryable(tt.err), "%v", tt.err)
	}
}

func TestAContextThatEndsInTheBackendLeavesTheOutcomeUnknown(t *testing.T) {
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		s := mustNew(t, keyFunc{local(t, 9), func(attestation.Digest) ([]byte, error) { return nil, fmt.Errorf("http: %w", cause) }})
		_, err := s.Attest(t.Context(), request(0))
		require.ErrorIs(t, err, signer.ErrUnknownOutcome)
		require.ErrorIs(t, err, cause)
		require.True(t, signer.Retryable(err))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := mustNew(t, local(t, 9)).Attest(ctx, request(0))
	require.NotErrorIs(t, err, signer.ErrUnknownOutcome, "the backend was not asked")
}

package signer_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

func batch(chunks ...uint64) signer.BatchRequest {
	b := signer.BatchRequest{Domain: request(0).Domain}
	for _, chunk := range chunks {
		req := request(chunk)
		b.Items = append(b.Items, signer.BatchItem{Attestation: req.Attestation, Evidence: req.Evidence})
	}
	return b
}

func attestBatch(t *testing.T, s signer.Signer, req signer.BatchRequest) (signer.SignedBatch, error) {
	t.Helper()
	return s.(signer.BatchSigner).AttestBatch(t.Context(), req)
}

func TestGuardedBatch(t *testing.T) {
	newGuard := func(t *testing.T) (signer.Signer, *signer.MemoryJournal) {
		journal := signer.NewMemoryJournal()
		return signer.Guard(mustNew(t, local(t, 9)), journal), journal
	}
	t.Run("is signed and given again", func(t *testing.T) {
		g, _ := newGuard(t)
		want, err := attestBatch(t, g, batch(0, 1, 2))
		require.NoError(t, err)
		key, err := attestation.Recover(attestation.RulesLowS, batch(0, 1, 2).Batch().Digest(), want.Signature)
		require.NoError(t, err)
		require.Equal(t, g.PublicKey(), key)
		later := batch(0, 1, 2)
		later.Items[1].Attestation.Timestamp = 9
		got, err := attestBatch(t, g, later)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
	t.Run("its chunks can be signed alone, and the other way round", func(t *testing.T) {
		g, _ := newGuard(t)
		alone, err := g.Attest(t.Context(), request(1))
		require.NoError(t, err)
		_, err = attestBatch(t, g, batch(0, 1))
		require.NoError(t, err)
		for chunk := range uint64(2) {
			signed, err := g.Attest(t.Context(), request(chunk))
			require.NoError(t, err)
			require.NoError(t, signed.Verify(attestation.RulesLowS, g.PublicKey()))
			if chunk == 1 {
				require.Equal(t, alone, signed)
			}
		}
	})
	for name, change := range map[string]func(*signer.BatchRequest){
		"another root for a signed chunk": func(b *signer.BatchRequest) { b.Items[1].Attestation.RootCID[0] = 1 },
		"a used proof for another chunk":  func(b *signer.BatchRequest) { b.Items[1].Attestation.ChunkIndex = 50 },
		"two roots for one chunk in it": func(b *signer.BatchRequest) {
			b.Items[2] = b.Items[0]
			b.Items[2].Attestation.RootCID[0] = 1
		},
		"one proof for two chunks in it": func(b *signer.BatchRequest) { b.Items[2].Evidence.Period = b.Items[0].Evidence.Period },
	} {
		t.Run(name, func(t *testing.T) {
			g, journal := newGuard(t)
			_, err := g.Attest(t.Context(), request(1))
			require.NoError(t, err)
			req := batch(0, 1, 2)
			change(&req)
			_, err = attestBatch(t, g, req)
			require.ErrorAs(t, err, new(*signer.EquivocationError))
			_, ok, _ := journal.BySlot(t.Context(), signer.Record{Key: g.PublicKey(), Request: request(0)}.Slot())
			require.False(t, ok, "nothing of it is recorded")
		})
	}
	t.Run("refused whole", func(t *testing.T) {
		g, _ := newGuard(t)
		_, err := attestBatch(t, g, batch())
		require.Error(t, err)
		_, err = attestBatch(t, g, batch(0, 0))
		require.ErrorContains(t, err, "twice")
		wrong := batch(0, 1)
		wrong.Items[1].Evidence.SetID[0] = 1
		_, err = attestBatch(t, g, wrong)
		require.ErrorIs(t, err, signer.ErrEvidence)
	})
}

// A slow backend holds up its own chunk and no other.
func TestGuardSignsSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := local(t, 9)
		var calls atomic.Int32
		slow := keyFunc{key, func(d attestation.Digest) ([]byte, error) {
			calls.Add(1)
			time.Sleep(time.Second)
			return key.SignDigest(context.Background(), d)
		}}
		g := signer.Guard(mustNew(t, slow), signer.NewMemoryJournal())
		began := time.Now()
		var wg sync.WaitGroup
		for i := range uint64(10) {
			wg.Go(func() {
				_, err := g.Attest(t.Context(), request(i%5))
				require.NoError(t, err)
			})
		}
		wg.Wait()
		require.Equal(t, time.Second, time.Since(began))
		require.EqualValues(t, 5, calls.Load(), "the second request for a chunk gets the stored signature")

		wg.Go(func() { g.Attest(t.Context(), request(7)) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := g.Attest(ctx, request(7))
		require.ErrorIs(t, err, context.DeadlineExceeded, "waiting ends with the context")
		wg.Wait()
	})
}

// What the backend has signed is stored although the caller has gone.
func TestACallerThatGoesLosesNothing(t *testing.T) {
	key := local(t, 9)
	ctx, cancel := context.WithCancel(t.Context())
	journal := signer.NewMemoryJournal()
	g := signer.Guard(mustNew(t, keyFunc{key, func(d attestation.Digest) ([]byte, error) {
		defer cancel()
		return key.SignDigest(context.Background(), d)
	}}), journal)
	_, err := g.Attest(ctx, request(0))
	require.NoError(t, err)
	rec, ok, err := journal.BySlot(t.Context(), signer.Record{Key: key.PublicKey(), Request: request(0)}.Slot())
	require.NoError(t, err)
	require.True(t, ok && rec.Signed)
}

func TestExplain(t *testing.T) {
	no := errors.New("no")
	taken := 0
	g := signer.Guard(mustNew(t, local(t, 9)), signer.NewMemoryJournal(),
		signer.Policy{Name: "odd", Check: func(_ context.Context, req signer.Request) error {
			if req.Attestation.ChunkIndex%2 == 1 {
				return no
			}
			return nil
		}},
		signer.Policy{Name: "count", Take: func(_ context.Context, _ signer.Request, commit bool) error {
			if commit {
				taken++
			}
			return nil
		}})
	rules := func(req signer.Request) (failed []string) {
		verdicts, err := signer.Explain(t.Context(), g, req)
		require.NoError(t, err)
		require.Len(t, verdicts, 4)
		for _, v := range verdicts {
			if v.Err != nil {
				failed = append(failed, v.Rule)
			}
		}
		return failed
	}
	require.Empty(t, rules(request(0)))
	require.Zero(t, taken)
	_, err := g.Attest(t.Context(), request(0))
	require.NoError(t, err)
	require.Equal(t, 1, taken)
	bad := request(0)
	bad.Attestation.ProofSetID[0] = 1
	require.Equal(t, []string{"evidence", "journal"}, rules(bad))
	require.Equal(t, []string{"odd"}, rules(request(1)))
	_, err = signer.Explain(t.Context(), mustNew(t, local(t, 9)), request(0))
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

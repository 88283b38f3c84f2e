package signertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// patience is how long a call may take whose context is over.
const patience = 10 * time.Second

type suite struct {
	open          func(t *testing.T) signer.Signer
	next          func(n uint64) signer.Request
	deterministic bool
	batches       bool
	secrets       []string
	rounds        int

	mu   sync.Mutex
	used uint64 // requests handed out so far, over all subtests
}

func newSuite(open func(t *testing.T) signer.Signer, options []Option) *suite {
	s := &suite{open: open, next: request, rounds: 64}
	for _, option := range options {
		option(s)
	}
	return s
}

// request is the nth request of the suite: words that are long, short and have
// the top bit set.
func request(n uint64) signer.Request {
	set := attestation.Word{0: 0x80, 31: byte(n)}
	var sepolia attestation.Word
	copy(sepolia[22:], "SN_SEPOLIA")
	return signer.Request{
		Attestation: attestation.Attestation{
			DealID:     attestation.WordFromUint64(1 + n%3),
			ChunkIndex: n,
			ProofSetID: set,
			RootCID:    attestation.Word{0: 0xff, 7: byte(n >> 8), 31: byte(n)},
			Timestamp:  1_700_000_000 + 30*n,
		},
		Domain: attestation.Domain{
			ChainID: sepolia,
			Escrow:  attestation.Word{0: 0x04, 31: 0x01},
		},
		Evidence: attestation.Evidence{
			ChainID: 314159, Verifier: attestation.EthereumAddress{19: 1}, SetID: set, Period: 1_000_000 + 240*n,
			TxHash: attestation.Word{31: byte(n)}, BlockHash: attestation.Word{30: byte(n)}, BlockNumber: 1_000_000 + 240*n, LogIndex: n % 5,
		},
	}
}

func (s *suite) fresh() signer.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used++
	return s.next(s.used)
}

func (s *suite) run(t *testing.T) {
	t.Run("the public key is one point of the curve", s.publicKey)
	t.Run("signatures are what the escrow takes", s.signs)
	t.Run("a request that is repeated", s.repeats)
	t.Run("many goroutines", s.concurrent)
	t.Run("a context that is over", s.contextOver)
	t.Run("a context that ends during the call", s.contextEnds)
	t.Run("batches", s.batch)
	t.Run("closing", func(t *testing.T) {
		signing := s.open(t)
		s.closing(t, signing, func() error {
			_, err := signing.Attest(t.Context(), s.fresh())
			return err
		})
	})
	t.Run("no secret is printed", func(t *testing.T) { s.prints(t, s.open(t)) })
}

func (s *suite) publicKey(t *testing.T) {
	signing := s.open(t)
	key := signing.PublicKey()
	if _, err := attestation.ParsePublicKey(append(bytes.Clone(key.X[:]), key.Y[:]...)); err != nil {
		t.Fatalf("public key: %v", err)
	}
	if again := signing.PublicKey(); again != key {
		t.Fatalf("public key changes: %v, then %v", key, again)
	}
	if reopened := s.open(t).PublicKey(); reopened != key {
		t.Fatalf("public key changes when it is opened again: %v, then %v", key, reopened)
	}
}

func (s *suite) signs(t *testing.T) {
	signing := s.open(t)
	for range s.rounds {
		s.sign(t, signing, s.fresh())
	}
}

// sign asks for one signature and checks all of it.
func (s *suite) sign(t *testing.T, signing signer.Signer, req signer.Request) attestation.Signed {
	t.Helper()
	signed, err := signing.Attest(t.Context(), req)
	if err != nil {
		t.Errorf("chunk %d: %v", req.Attestation.ChunkIndex, err)
		return attestation.Signed{}
	}
	want := req.Attestation
	want.Timestamp = signed.Attestation.Timestamp
	if signed.Attestation != want {
		t.Errorf("signed %+v, want %+v, the timestamp apart", signed.Attestation, want)
	}
	s.check(t, signed.Signature, signed.Attestation.Digest(), signing.PublicKey())
	return signed
}

// check requires the canonical form and a signature by the key.
func (s *suite) check(t *testing.T, sig attestation.Signature, digest attestation.Digest, key attestation.PublicKey) {
	t.Helper()
	if sig.V > 1 {
		t.Errorf("v is %d, want 0 or 1", sig.V)
	}
	if sig.Normalize() != sig {
		t.Errorf("signature is not normalized, s is high: %+v", sig)
	}
	for _, rules := range []attestation.Rules{attestation.RulesLowS, attestation.RulesLegacy} {
		got, err := attestation.Recover(rules, digest, sig)
		if err != nil {
			t.Errorf("recovery under rules %v: %v", rules, err)
		} else if got != key {
			t.Errorf("recovery under rules %v: key %v, want %v", rules, got, key)
		}
	}
}

func (s *suite) repeats(t *testing.T) {
	signing, req := s.open(t), s.fresh()
	first, second := s.sign(t, signing, req), s.sign(t, signing, req)
	if s.deterministic && first != second {
		t.Errorf("signatures differ, want one: %+v, then %+v", first, second)
	}
}

func (s *suite) concurrent(t *testing.T) {
	const goroutines = 8
	signing := s.open(t)
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range max(s.rounds/goroutines, 2) {
				s.sign(t, signing, s.fresh())
			}
		})
	}
	wg.Wait()
}

func (s *suite) contextOver(t *testing.T) {
	signing := s.open(t)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancelExpired := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancelExpired()
	for _, ctx := range []context.Context{canceled, expired} {
		began := time.Now()
		signed, err := signing.Attest(ctx, s.fresh())
		if err == nil {
			t.Errorf("signed although the context is over: %v", ctx.Err())
			continue
		}
		if !errors.Is(err, ctx.Err()) {
			t.Errorf("error %q does not wrap %q", err, ctx.Err())
		}
		if signed != (attestation.Signed{}) {
			t.Error("a signature comes with the error")
		}
		if took := time.Since(began); took > patience {
			t.Errorf("took %v", took)
		}
		s.silent(t, "error", err)
	}
	s.sign(t, signing, s.fresh()) // it still works
}

func (s *suite) contextEnds(t *testing.T) {
	signing := s.open(t)
	for i := range 8 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*100*time.Microsecond)
		began, req := time.Now(), s.fresh()
		signed, err := signing.Attest(ctx, req)
		cancel()
		if took := time.Since(began); took > patience {
			t.Errorf("took %v", took)
		}
		if err == nil {
			s.check(t, signed.Signature, signed.Attestation.Digest(), signing.PublicKey())
			continue
		}
		if !signer.Retryable(err) {
			t.Errorf("a deadline is over, so the identical request may be tried again, but Retryable says no: %v", err)
		}
		s.silent(t, "error", err)
		s.sign(t, signing, req)
	}
}

func (s *suite) batch(t *testing.T) {
	signing := s.open(t)
	batches, ok := signing.(signer.BatchSigner)
	if !ok {
		if s.batches {
			t.Fatal("no signer.BatchSigner")
		}
		t.Skip("no signer.BatchSigner")
	}
	for _, n := range []int{1, 2, 7} {
		var req signer.BatchRequest
		for range n {
			one := s.fresh()
			req.Domain = one.Domain
			req.Items = append(req.Items, signer.BatchItem{Attestation: one.Attestation, Evidence: one.Evidence})
		}
		signed, err := batches.AttestBatch(t.Context(), req)
		if errors.Is(err, errors.ErrUnsupported) && !s.batches {
			t.Skip("signs no batches")
		}
		if err != nil {
			t.Fatalf("batch of %d: %v", n, err)
		}
		if signed.Batch.Domain != req.Domain || len(signed.Batch.Items) != n {
			t.Fatalf("signed a batch of %d for %+v, want %d for %+v", len(signed.Batch.Items), signed.Batch.Domain, n, req.Domain)
		}
		for i, got := range signed.Batch.Items {
			want := req.Items[i].Attestation
			want.Timestamp = got.Timestamp
			if got != want {
				t.Errorf("item %d: signed %+v, want %+v, the timestamp apart", i, got, want)
			}
		}
		s.check(t, signed.Signature, signed.Batch.Digest(), signing.PublicKey())
	}
	if _, err := batches.AttestBatch(t.Context(), signer.BatchRequest{Domain: s.next(0).Domain}); err == nil {
		t.Error("signed a batch without items")
	}
}

// closing checks what has a Close method.
func (s *suite) closing(t *testing.T, opened any, sign func() error) {
	closer, ok := opened.(io.Closer)
	if !ok {
		t.Skip("nothing to close")
	}
	if err := closer.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	switch err := sign(); {
	case err == nil:
		t.Error("signs after Close")
	case signer.Retryable(err):
		t.Errorf("an error after Close is final, but Retryable says yes: %v", err)
	default:
		s.silent(t, "error", err)
	}
	if err := closer.Close(); err != nil {
		s.silent(t, "error", err) // a second Close may fail, but must not panic
	}
}

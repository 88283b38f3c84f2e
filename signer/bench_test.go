package signer_test

import (
	"context"
	"testing"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// fixed is a signer that costs nothing, so that what remains is the guard's.
type fixed struct{ key attestation.PublicKey }

func (f fixed) PublicKey() attestation.PublicKey { return f.key }

func (f fixed) Attest(_ context.Context, req signer.Request) (attestation.Signed, error) {
	return attestation.Signed{Attestation: req.Attestation}, nil
}

func BenchmarkGuard(b *testing.B) {
	key := local(b, 9).PublicKey()
	b.Run("new chunk", func(b *testing.B) {
		g := signer.Guard(fixed{key}, signer.NewMemoryJournal())
		var chunk uint64
		for b.Loop() {
			if _, err := g.Attest(b.Context(), request(chunk)); err != nil {
				b.Fatal(err)
			}
			chunk++
		}
	})
	b.Run("known chunk", func(b *testing.B) {
		g := signer.Guard(fixed{key}, signer.NewMemoryJournal())
		for b.Loop() {
			if _, err := g.Attest(b.Context(), request(0)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkNew(b *testing.B) {
	s := mustNew(b, local(b, 9))
	for b.Loop() {
		if _, err := s.Attest(b.Context(), request(0)); err != nil {
			b.Fatal(err)
		}
	}
}

package attestation_test

import (
	"math/rand/v2"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/sha3"

	"github.com/slastream/slastream-go/attestation"
)

// manySigned returns n attestations, all different, that one random key signed,
// with the key. docs/performance.md says how to run the benchmarks that need
// them beside their rivals, and what came out.
func manySigned(tb testing.TB, n int) ([]attestation.Signed, attestation.PublicKey) {
	tb.Helper()
	key, err := crypto.GenerateKey()
	require.NoError(tb, err)
	public, err := attestation.ParsePublicKey(crypto.FromECDSAPub(&key.PublicKey))
	require.NoError(tb, err)
	items := make([]attestation.Signed, n)
	for i := range items {
		a := attestation.Attestation{
			DealID:     attestation.WordFromUint64(rand.Uint64()),
			ChunkIndex: uint64(i),
			ProofSetID: attestation.WordFromUint64(rand.Uint64()),
			Timestamp:  rand.Uint64(),
		}
		d := a.Digest()
		b, err := crypto.Sign(d[:], key)
		require.NoError(tb, err)
		sig, err := attestation.ParseSignature(b)
		require.NoError(tb, err)
		items[i] = attestation.Signed{Attestation: a, Signature: sig}
	}
	return items, public
}

// ethereumForm returns what crypto.Ecrecover wants for an item.
func ethereumForm(s attestation.Signed) (digest [32]byte, sig [65]byte) {
	copy(sig[:], s.Signature.R[:])
	copy(sig[32:], s.Signature.S[:])
	sig[64] = byte(s.Signature.V)
	return s.Attestation.Digest(), sig
}

func BenchmarkDigest(b *testing.B) {
	items, _ := manySigned(b, 1)
	a := items[0].Attestation
	b.Run("slastream", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			a.Digest()
		}
	})
	b.Run("x-crypto", func(b *testing.B) {
		b.ReportAllocs()
		block := a.Bytes()
		h := sha3.NewLegacyKeccak256()
		var sum [32]byte
		for b.Loop() {
			h.Reset()
			h.Write(block[:])
			h.Sum(sum[:0])
		}
	})
}

func BenchmarkRecover(b *testing.B) {
	items, _ := manySigned(b, 256)
	b.Run("slastream", func(b *testing.B) {
		b.ReportAllocs()
		d := items[0].Attestation.Digest()
		for i := 0; b.Loop(); i++ {
			if _, err := attestation.Recover(attestation.RulesLowS, d, items[i%len(items)].Signature); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("go-ethereum", benchmarkEcrecover(items))
}

// benchmarkEcrecover measures go-ethereum's C library, or what stands for it
// where cgo is off. It gets the digests ready made, which Verify does not.
func benchmarkEcrecover(items []attestation.Signed) func(*testing.B) {
	return func(b *testing.B) {
		b.ReportAllocs()
		digests, sigs := make([][32]byte, len(items)), make([][65]byte, len(items))
		for i, item := range items {
			digests[i], sigs[i] = ethereumForm(item)
		}
		for i := 0; b.Loop(); i++ {
			j := i % len(items)
			if _, err := crypto.Ecrecover(digests[j][:], sigs[j][:]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	items, key := manySigned(b, 1024)
	b.Run("slastream", func(b *testing.B) {
		b.ReportAllocs()
		v := attestation.NewVerifier(attestation.RulesLowS, key)
		v.VerifyBatch(items) // makes the tables
		for i := 0; b.Loop(); i++ {
			if err := v.Verify(items[i%len(items)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("go-ethereum", benchmarkEcrecover(items))
}

// BenchmarkVerifyBatch takes 1,024 signatures an operation.
func BenchmarkVerifyBatch(b *testing.B) {
	items, key := manySigned(b, 1024)
	b.Run("slastream", func(b *testing.B) {
		b.ReportAllocs()
		v := attestation.NewVerifier(attestation.RulesLowS, key)
		v.VerifyBatch(items) // makes the tables
		for b.Loop() {
			for _, err := range v.VerifyBatch(items) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("go-ethereum", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, item := range items {
				digest, sig := ethereumForm(item)
				if _, err := crypto.Ecrecover(digest[:], sig[:]); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// BenchmarkNewVerifier measures what the first 256 signatures cost that a
// verifier sees one by one: calls of Recover, and then the tables.
func BenchmarkNewVerifier(b *testing.B) {
	items, key := manySigned(b, 256)
	for b.Loop() {
		v := attestation.NewVerifier(attestation.RulesLowS, key)
		for _, item := range items {
			if err := v.Verify(item); err != nil {
				b.Fatal(err)
			}
		}
	}
}

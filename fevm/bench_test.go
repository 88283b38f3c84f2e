package fevm_test

import (
	"crypto/sha256"
	"testing"

	"github.com/slastream/slastream-go/fevm"
)

// BenchmarkParseLog decodes the largest recorded log of each event, and lets
// go-ethereum's accounts/abi unpack the data of the same log.
func BenchmarkParseLog(b *testing.B) {
	for name, signature := range map[string]string{
		"PossessionProven": "PossessionProven(uint256,(uint256,uint256)[])",
		"PiecesAddedV2":    "PiecesAddedV2(uint256,uint256,(bytes32,bytes32)[])",
	} {
		var largest recordedLog
		for _, r := range recordedLogs(b, "v3.5.0.json") {
			if r.Signature == signature && len(r.Data) > len(largest.Data) {
				largest = r
			}
		}
		l := largest.log(b)
		b.Run(name+"/slastream", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := fevm.ParseLog(l); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/go-ethereum", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := gethArguments[signature].Unpack(l.Data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerify checks five Merkle proofs of a piece of 64 GiB, as a proof of
// the warm storage service has them, against the SHA-256 compressions alone that
// this needs.
func BenchmarkVerify(b *testing.B) {
	const height, proofs = 31, 5
	path := make([][32]byte, height)
	for i := range path {
		path[i] = [32]byte{byte(i), 1}
	}
	leaf := [32]byte{9}
	b.Run("slastream", func(b *testing.B) {
		proof := fevm.MerkleProof{Leaf: leaf, Path: path}
		for b.Loop() {
			for i := range uint64(proofs) {
				if proof.Root(i*12345) == ([32]byte{}) {
					b.Fatal("no root")
				}
			}
		}
	})
	b.Run("sha256", func(b *testing.B) {
		var pair [64]byte
		for b.Loop() {
			for range proofs * height {
				sum := sha256.Sum256(pair[:])
				copy(pair[:], sum[:])
			}
		}
	})
}

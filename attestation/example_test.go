package attestation_test

import (
	"encoding/hex"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
)

// The statement that a proof earned chunk 0 of deal 1, and what is signed. The
// same in TypeScript and Cairo is in docs/attestation.md.
func ExampleAttestation_Digest() {
	root, err := attestation.ParseWord("0xdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef")
	if err != nil {
		panic(err)
	}
	a := attestation.Attestation{
		DealID:     attestation.WordFromUint64(1),
		ChunkIndex: 0,
		ProofSetID: attestation.WordFromUint64(42),
		RootCID:    root,
		Timestamp:  1234,
	}
	fmt.Println(a.Digest())
	// Output:
	// 0xf7cb426d1b1bae17ec7f82f6aa45efcf23ad129aef5b2e60e35cd757ab0a94f7
}

// What the escrow would say about a signature that somebody malleated: the
// other half of the group order, the other parity.
func ExampleSigned_Verify() {
	word := func(s string) attestation.Word {
		w, err := attestation.ParseWord(s)
		if err != nil {
			panic(err)
		}
		return w
	}
	signed := attestation.Signed{
		Attestation: attestation.Attestation{
			DealID:     word("1"),
			ProofSetID: word("42"),
			RootCID:    word("0xdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef"),
			Timestamp:  1234,
		},
		Signature: attestation.Signature{
			R: word("0x31338a93ce893a3d1340fac987cfec9fe918d47e466dd9971970198ac963fcd7"),
			S: word("0xd61a848b6ef9143e8cc6e8ac5e3ea4d101cf307e7121c2ce79c851b315d8cd7c"),
			V: 1,
		},
	}
	key := attestation.PublicKey{
		X: word("0x8318535b54105d4a7aae60c08fc45f9687181b4fdfc625bd1a753fa7397fed75"),
		Y: word("0x3547f11ca8696646f2f3acb08e31016afac23e630c5d11f59f61fef57b0d2aa5"),
	}
	fmt.Println("legacy:", signed.Verify(attestation.RulesLegacy, key))
	fmt.Println("lows:  ", signed.Verify(attestation.RulesLowS, key))
	signed.Signature = signed.Signature.Normalize()
	fmt.Println("normal:", signed.Verify(attestation.RulesLowS, key))
	// Output:
	// legacy: <nil>
	// lows:   attestation: Signature recovery failed
	// normal: <nil>
}

// A cloud KMS answers in DER, without a parity and, half of the time, with a
// high s. The public key says which parity is right.
func ExampleParseSignatureBy() {
	fromKMS, err := hex.DecodeString("3045" +
		"022031338a93ce893a3d1340fac987cfec9fe918d47e466dd9971970198ac963fcd7" +
		"022100d61a848b6ef9143e8cc6e8ac5e3ea4d101cf307e7121c2ce79c851b315d8cd7c")
	if err != nil {
		panic(err)
	}
	compressed, err := hex.DecodeString("038318535b54105d4a7aae60c08fc45f9687181b4fdfc625bd1a753fa7397fed75")
	if err != nil {
		panic(err)
	}
	key, err := attestation.ParsePublicKey(compressed)
	if err != nil {
		panic(err)
	}
	var digest attestation.Digest
	if err := digest.UnmarshalText([]byte("0xf7cb426d1b1bae17ec7f82f6aa45efcf23ad129aef5b2e60e35cd757ab0a94f7")); err != nil {
		panic(err)
	}
	sig, err := attestation.ParseSignatureBy(fromKMS, digest, key)
	fmt.Println(sig.S, sig.V, err)
	fmt.Println(key.EthereumAddress())
	// Output:
	// 0x29e57b749106ebc173391753a1c15b2db8dfac683e26dd6d460a0cd9ba5d73c5 0 <nil>
	// 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266
}

package sdk_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
)

// verify says whether the escrow would accept a signature, without a chain:
// nil, or a *attestation.VerifyError with the reason the contract gives.
func verify(statement, signature, key []byte) error {
	a, err := attestation.Parse(statement) // 160 bytes
	if err != nil {
		return err
	}
	sig, err := attestation.ParseSignature(signature) // 65 bytes: r‖s‖v
	if err != nil {
		return err
	}
	pub, err := attestation.ParsePublicKey(key) // 33, 64 or 65 bytes
	if err != nil {
		return err
	}
	signed := attestation.Signed{Attestation: a, Signature: sig}
	return signed.Verify(attestation.RulesLowS, pub)
}

// The signature is one that ethers.js made (attestation/testdata/ethers5.json).
func Example_verifyOffline() {
	root, err := attestation.ParseWord("0xdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef")
	if err != nil {
		fmt.Println(err)
		return
	}
	statement := attestation.Attestation{
		DealID:     attestation.WordFromUint64(1),
		ChunkIndex: 0,
		ProofSetID: attestation.WordFromUint64(42),
		RootCID:    root,
		Timestamp:  1234,
	}.Bytes()
	signature, err := hex.DecodeString("31338a93ce893a3d1340fac987cfec9fe918d47e466dd9971970198ac963fcd7" +
		"29e57b749106ebc173391753a1c15b2db8dfac683e26dd6d460a0cd9ba5d73c5" + "1b")
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := hex.DecodeString("04" + "8318535b54105d4a7aae60c08fc45f9687181b4fdfc625bd1a753fa7397fed75" +
		"3547f11ca8696646f2f3acb08e31016afac23e630c5d11f59f61fef57b0d2aa5")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(verify(statement[:], signature, key))
	statement[63] = 7 // another chunk
	fmt.Println(verify(statement[:], signature, key))
	// Output:
	// <nil>
	// attestation: PKP key X mismatch
}

// The Go code in the README is the function above, to the letter.
func TestReadmeShowsCodeThatCompiles(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)
	blocks := strings.Split(string(readme), "```go\n")[1:]
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		code, _, closed := strings.Cut(block, "```")
		require.True(t, closed)
		require.Contains(t, string(source), code)
	}
}

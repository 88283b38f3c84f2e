package signertest_test

import (
	"testing"

	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/signertest"
)

// The test of a backend with a key of its own. Its secret must show nowhere, and
// it signs the same request with the same signature.
func Example() {
	// In the package's tests, this is func TestConformance(t *testing.T).
	testConformance := func(t *testing.T) {
		signertest.RunKey(t, func(t *testing.T) signer.Key {
			key, err := signer.NewLocal([32]byte{31: 1}) // your backend, the same key each time
			if err != nil {
				t.Fatal(err)
			}
			return key
		}, signertest.Deterministic(), signertest.Rounds(16))
	}
	_ = testConformance // go test calls it
}

//go:build !cgo

package pkcs11_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer/pkcs11"
)

func TestWithoutCGO(t *testing.T) {
	_, err := pkcs11.Open(t.Context(), pkcs11.Config{})
	require.ErrorIs(t, err, pkcs11.ErrCGORequired)
	_, err = pkcs11.Generate(t.Context(), pkcs11.Config{})
	require.ErrorIs(t, err, pkcs11.ErrCGORequired)
	_, err = new(pkcs11.Key).SignDigest(t.Context(), attestation.Digest{})
	require.ErrorIs(t, err, pkcs11.ErrCGORequired)
}

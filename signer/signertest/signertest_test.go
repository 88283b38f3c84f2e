package signertest_test

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/signertest"
)

const secret = "9a1f0c7711223344556677889900aabbccddeeff0123456789abcdef01234567"

func TestLocal(t *testing.T) {
	signertest.RunKey(t, func(t *testing.T) signer.Key { return local(t) },
		signertest.Deterministic(), signertest.Batches(), signertest.Secrets(secret))
}

func TestGuard(t *testing.T) {
	signertest.Run(t, func(t *testing.T) signer.Signer {
		s, err := signer.New(local(t))
		require.NoError(t, err)
		return signer.Guard(s, signer.NewMemoryJournal())
	}, signertest.Deterministic(), signertest.Secrets(secret))
}

func local(t *testing.T) *signer.Local {
	t.Helper()
	key, err := signer.NewLocal([32]byte(unhex(t, secret)))
	require.NoError(t, err)
	return key
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

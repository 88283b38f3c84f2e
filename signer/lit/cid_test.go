package lit_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/signer/lit"
)

// The identifiers are those that `ipfs add` prints.
func TestCIDIsThatOfIPFS(t *testing.T) {
	for text, want := range map[string]string{
		"":              "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH",
		"hello world\n": "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o",
		"hello world":   "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD",
	} {
		got, err := lit.CID(text)
		require.NoError(t, err)
		require.Equal(t, want, got, "%q", text)
	}
}

func TestCIDRefusesATextOfSeveralBlocks(t *testing.T) {
	_, err := lit.CID(strings.Repeat("x", 256<<10))
	require.NoError(t, err)
	_, err = lit.CID(strings.Repeat("x", 256<<10+1))
	require.ErrorContains(t, err, "262145 bytes")
}

package starknet_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/starknet"
)

func TestCursorJSON(t *testing.T) {
	hash, tx := attestation.WordFromUint64(0xb), attestation.WordFromUint64(0xa)
	for want, c := range map[string]starknet.Cursor{
		`{"block":0}`: {},
		`{"block":7}`: {Block: 7},
		`{"block":7,"hash":"` + hash.String() + `"}`:                                 {Block: 7, Hash: hash},
		`{"block":7,"hash":"` + hash.String() + `","event":"` + tx.String() + `:3"}`: {Block: 7, Hash: hash, Event: starknet.EventID{TxHash: tx, Index: 3}},
	} {
		raw, err := json.Marshal(c)
		require.NoError(t, err)
		require.Equal(t, want, string(raw))
		var back starknet.Cursor
		require.NoError(t, json.Unmarshal(raw, &back))
		require.Equal(t, c, back)
	}
}

func TestEventIDText(t *testing.T) {
	tx := attestation.WordFromUint64(0xa).String()
	var id starknet.EventID
	require.NoError(t, id.UnmarshalText([]byte(tx+":18446744073709551615")))
	for name, s := range map[string]string{
		"nothing":            "",
		"no index":           tx,
		"an empty index":     tx + ":",
		"a short hash":       "0xa:1",
		"a decimal hash":     "10:1",
		"a sign":             tx + ":+1",
		"a leading zero":     tx + ":01",
		"an index of 2^64":   tx + ":18446744073709551616",
		"two indexes":        tx + ":1:1",
		"upper-case digits":  "0X" + tx[2:] + ":1",
		"a space at the end": tx + ":1 ",
	} {
		require.ErrorContains(t, id.UnmarshalText([]byte(s)), "event id", name)
	}
}

func FuzzEventID(f *testing.F) {
	f.Add(attestation.WordFromUint64(0xa).String() + ":7")
	f.Add("0xa:1")
	f.Add(":")
	f.Fuzz(func(t *testing.T, s string) {
		var id starknet.EventID
		if id.UnmarshalText([]byte(s)) == nil {
			require.Equal(t, s, id.String())
		} else {
			require.Equal(t, starknet.EventID{}, id)
		}
	})
}

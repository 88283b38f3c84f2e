package slastream_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
)

func TestCursorJSON(t *testing.T) {
	id := slastream.EventID{TxHash: number(0xabc), Index: 7}
	for text, cursor := range map[string]slastream.Cursor{
		`{"block":0}`: {},
		`{"block":5}`: {Block: 5},
		`{"block":5,"hash":"` + number(1).String() + `"}`:                                                  {Block: 5, Hash: number(1)},
		`{"block":5,"hash":"` + number(1).String() + `","event":"0x` + strings.Repeat("0", 61) + `abc:7"}`: {Block: 5, Hash: number(1), Event: id},
	} {
		b, err := json.Marshal(cursor)
		require.NoError(t, err)
		require.Equal(t, text, string(b))
		var again slastream.Cursor
		require.NoError(t, json.Unmarshal(b, &again))
		require.Equal(t, cursor, again)
	}
}

func TestEventIDReadsOneForm(t *testing.T) {
	good := number(0xabc).String() + ":7"
	kept := slastream.EventID{TxHash: number(1), Index: 1}
	for _, bad := range []string{
		"", ":", "7", good[:66], good[:67], ":7", "0xabc:7", good + ":1", good + " ", strings.ToUpper(good), number(0xabc).String() + ":07",
		number(0xabc).String() + ":+7", number(0xabc).String() + ":-1", number(0xabc).String() + ":18446744073709551616", strings.Repeat("9", 10_000),
	} {
		id := kept
		err := id.UnmarshalText([]byte(bad))
		require.ErrorContains(t, err, "slastream: event id ", "%q", bad)
		require.Less(t, len(err.Error()), 300)
		require.Equal(t, kept, id)
	}
	var id slastream.EventID
	require.NoError(t, id.UnmarshalText([]byte(good)))
	require.Equal(t, good, id.String())
}

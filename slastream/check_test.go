package slastream_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
)

func TestDealRefund(t *testing.T) {
	d := monthDeal(10)
	got, err := d.Refund()
	require.NoError(t, err)
	require.Equal(t, units(20*100+50), got)
	got, err = monthDeal(30).Refund()
	require.NoError(t, err)
	require.Equal(t, units(50), got)
}

func TestTermsDeadline(t *testing.T) {
	terms := slastream.Terms{Duration: 10}
	at, err := terms.Deadline(math.MaxUint64 - 10)
	require.NoError(t, err)
	require.Equal(t, uint64(math.MaxUint64), at)
	_, err = terms.Deadline(math.MaxUint64 - 9)
	require.ErrorIs(t, err, slastream.ErrDeadlineOverflow)
}

func TestClassText(t *testing.T) {
	for class, text := range map[slastream.Class]string{slastream.ClassCompatible: `"compatible"`, slastream.ClassExtended: `"extended"`} {
		b, err := json.Marshal(class)
		require.NoError(t, err)
		require.Equal(t, text, string(b))
		var again slastream.Class
		require.NoError(t, json.Unmarshal(b, &again))
		require.Equal(t, class, again)
	}
	_, err := json.Marshal(slastream.Class(2))
	require.ErrorContains(t, err, "class 2: want 0 (compatible) or 1 (extended)")
	require.Equal(t, "Class(2)", slastream.Class(2).String())
	class := slastream.ClassExtended
	require.ErrorContains(t, class.UnmarshalText([]byte("extendet")), `class "extendet": want compatible or extended`)
	require.Equal(t, slastream.ClassExtended, class)
}

package fevm_test

import (
	"encoding/hex"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/fevm"
)

// TestParseRevert has selectors as they are published, not computed here.
func TestParseRevert(t *testing.T) {
	provider := common.LeftPadBytes(common.HexToAddress("0x8408502033C418E1bbC97cE9ac48E5528F371A9f").Bytes(), 32)
	for _, tt := range []struct {
		selector string
		args     []byte
		want     string
	}{
		{"b35a940f", w32(3), "PendingPieceDeletions(3)"},
		{"5d946944", nil, "DataSetNotLive()"},
		{"85a3808f", cat(w32(9), w32(10)), "InsufficientChallengeDelay(9,10)"},
		{"425335c3", w32(42), "ProofAlreadySubmitted(42)"},
		{"9514f828", cat(w32(42), w32(100), w32(101)), "ProvingPeriodPassed(42,100,101)"},
		{"c41d66e8", cat(w32(42), w32(100), w32(99)), "ChallengeWindowTooEarly(42,100,99)"},
		{"985bf88a", cat(w32(42), w32(5), w32(1)), "InvalidChallengeCount(42,5,1)"},
		{"28bb1a79", w32(42), "ProvingNotStarted(42)"},
		{"118cdaa7", provider, "OwnableUnauthorizedAccount(0x8408502033C418E1bbC97cE9ac48E5528F371A9f)"},
		{"4e487b71", w32(0x11), "Panic(17)"},
		{"08c379a0", cat(w32(32), w32(15), []byte("premature proof"), make([]byte, 17)), "premature proof"},
		{"08c379a0", cat(w32(32), w32(2), []byte{0xff, '\n'}, make([]byte, 30)), `"\xff\n"`},
	} {
		selector, err := hex.DecodeString(tt.selector)
		require.NoError(t, err)
		data := append(selector, tt.args...)
		e, err := fevm.ParseRevert(data)
		require.NoError(t, err)
		require.EqualError(t, e, "fevm: reverted: "+tt.want)
		if len(tt.args) > 0 {
			_, err = fevm.ParseRevert(data[:len(data)-32])
			require.ErrorIs(t, err, fevm.ErrMalformed, tt.want)
		}
	}
	long := cat([]byte{0x08, 0xc3, 0x79, 0xa0}, w32(32), w32(1000), make([]byte, 1000))
	e, err := fevm.ParseRevert(long)
	require.NoError(t, err)
	require.Less(t, len(e.Error()), 1000)

	for _, b := range [][]byte{nil, {1, 2, 3}, {1, 2, 3, 4}} {
		_, err := fevm.ParseRevert(b)
		require.ErrorIs(t, err, fevm.ErrUnknownRevert)
	}
	_, err = fevm.ParseRevert(cat([]byte{0x11, 0x8c, 0xda, 0xa7}, ones()))
	require.ErrorIs(t, err, fevm.ErrMalformed)
}

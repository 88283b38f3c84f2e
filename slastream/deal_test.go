package slastream_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

func TestTermsLocked(t *testing.T) {
	terms := slastream.Terms{Chunks: 3, ChunkAmount: slastream.AmountFromUint64(100), Collateral: slastream.AmountFromUint64(50)}
	total, err := terms.Total()
	require.NoError(t, err)
	require.Equal(t, slastream.AmountFromUint64(300), total)
	locked, err := terms.Locked()
	require.NoError(t, err)
	require.Equal(t, slastream.AmountFromUint64(350), locked)

	terms.Collateral = maxAmount(t)
	_, err = terms.Total()
	require.NoError(t, err)
	_, err = terms.Locked()
	require.ErrorIs(t, err, slastream.ErrAmountRange, "the sum overflows")

	terms.ChunkAmount = maxAmount(t)
	_, err = terms.Total()
	require.ErrorIs(t, err, slastream.ErrAmountRange, "the product overflows")
	_, err = terms.Locked()
	require.ErrorIs(t, err, slastream.ErrAmountRange)
}

func TestDealStates(t *testing.T) {
	for name, row := range map[string]struct {
		deal              slastream.Deal
		exists, completed bool
	}{
		"none":      {slastream.Deal{}, false, false},
		"new":       {slastream.Deal{Chunks: 2, Active: true}, true, false},
		"running":   {slastream.Deal{Chunks: 2, Released: 1, Active: true}, true, false},
		"completed": {slastream.Deal{Chunks: 2, Released: 2}, true, true},
		"slashed":   {slastream.Deal{Chunks: 2, Released: 1, Slashed: true}, true, false},
	} {
		require.Equal(t, row.exists, row.deal.Exists(), name)
		require.Equal(t, row.completed, row.deal.Completed(), name)
	}
}

func TestDealJSON(t *testing.T) {
	d := slastream.Deal{
		ID: attestation.WordFromUint64(1), Client: slastream.Address{31: 2}, Provider: slastream.Address{31: 3},
		Total: slastream.AmountFromUint64(20), ChunkAmount: slastream.AmountFromUint64(10), Chunks: 2,
		Collateral: maxAmount(t), Deadline: math.MaxUint64, Active: true,
	}
	b, err := json.Marshal(d)
	require.NoError(t, err)
	require.JSONEq(t, `{
		"id":"0x0000000000000000000000000000000000000000000000000000000000000001",
		"client":"0x0000000000000000000000000000000000000000000000000000000000000002",
		"provider":"0x0000000000000000000000000000000000000000000000000000000000000003",
		"total":"20","chunkAmount":"10","chunks":2,"released":0,
		"collateral":"`+maxDecimal+`","deadline":18446744073709551615,"active":true,"slashed":false}`, string(b))
	var back slastream.Deal
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, d, back)
}

func TestTxStateString(t *testing.T) {
	for state, want := range map[slastream.TxState]string{
		slastream.TxUnknown: "unknown", slastream.TxReceived: "received",
		slastream.TxAccepted: "accepted", slastream.TxSettled: "settled", 9: "TxState(9)",
	} {
		require.Equal(t, want, state.String())
	}
}

// The set of events is closed: this switch names them all.
func TestEvents(t *testing.T) {
	names := map[string]bool{}
	for _, e := range []slastream.Event{
		slastream.DealCreated{}, slastream.ChunkReleased{}, slastream.DealSlashed{},
		slastream.DealCompleted{}, slastream.Paused{}, slastream.Unpaused{},
	} {
		switch e.(type) {
		case slastream.DealCreated:
			names["DealCreated"] = true
		case slastream.ChunkReleased:
			names["ChunkReleased"] = true
		case slastream.DealSlashed:
			names["DealSlashed"] = true
		case slastream.DealCompleted:
			names["DealCompleted"] = true
		case slastream.Paused:
			names["Paused"] = true
		case slastream.Unpaused:
			names["Unpaused"] = true
		}
	}
	require.Len(t, names, 6)
	var a, b slastream.Event = slastream.Paused{By: slastream.Address{31: 1}}, slastream.Unpaused{By: slastream.Address{31: 1}}
	require.True(t, a != b, "events compare by kind and content")
}

package starknet_test

import (
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// A transaction comes, goes and comes back while the node is away at times.
func TestWaitFor(t *testing.T) {
	hash := attestation.WordFromUint64(0x77)
	const method = "starknet_getTransactionReceipt"
	var lost, away any = unknownHash(), errors.New("connection reset")
	at := func(finality string) any {
		r := map[string]any{"transaction_hash": "0x77", "finality_status": finality, "execution_status": "SUCCEEDED", "block_number": 9}
		if finality != "PRE_CONFIRMED" {
			r["block_hash"] = "0xb"
		}
		return r
	}
	tests := []struct {
		name    string
		state   slastream.TxState
		answers []any
	}{
		{"pre-confirmed", slastream.TxReceived, []any{lost, away, at("PRE_CONFIRMED")}},
		{"accepted on L2", slastream.TxAccepted, []any{lost, at("PRE_CONFIRMED"), at("ACCEPTED_ON_L2")}},
		{"proven on L1", slastream.TxSettled, []any{at("ACCEPTED_ON_L2"), at("ACCEPTED_ON_L2"), at("ACCEPTED_ON_L1")}},
		{"dropped and included again", slastream.TxSettled, []any{at("PRE_CONFIRMED"), lost, at("ACCEPTED_ON_L2"), lost, lost, at("PRE_CONFIRMED"), at("ACCEPTED_ON_L1")}},
		{"a node that is away for long", slastream.TxAccepted, append(make([]any, 0), away, away, away, away, away, away, away, away, away, away, away, away, at("ACCEPTED_ON_L2"))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				node := newScript(t)
				n := 0
				node.on(method, func([]json.RawMessage) (any, error) {
					answer := test.answers[n]
					n++
					if err, ok := answer.(error); ok {
						return nil, err
					}
					return answer, nil
				})
				r, err := newAccount(t, node).WaitFor(t.Context(), hash, test.state)
				require.NoError(t, err)
				require.GreaterOrEqual(t, r.Status.State, test.state)
				require.Equal(t, hash, r.Hash)
				require.Len(t, test.answers, n)
			})
		})
	}
	t.Run("pauses grow, to half a minute", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			node := newScript(t)
			var asked []time.Time
			node.on(method, func([]json.RawMessage) (any, error) {
				asked = append(asked, time.Now())
				return nil, errors.New("busy")
			})
			ctx, cancel := timeout(t, time.Hour)
			defer cancel()
			_, err := newAccount(t, node).WaitFor(ctx, hash, slastream.TxAccepted)
			require.ErrorIs(t, err, errDeadline)
			require.Equal(t, starknet.ClassRetry, starknet.Classify(err))
			require.Greater(t, len(asked), 90)
			require.Less(t, len(asked), 170)
			for i := 1; i < len(asked); i++ {
				want := min(time.Second<<min(i, 5), 30*time.Second)
				pause := asked[i].Sub(asked[i-1])
				require.GreaterOrEqual(t, pause, want*3/4)
				require.LessOrEqual(t, pause, want*5/4)
			}
		})
	})
	t.Run("does not believe another receipt", func(t *testing.T) {
		node := newScript(t)
		node.answer(method, map[string]any{"transaction_hash": "0x78", "finality_status": "ACCEPTED_ON_L2"})
		_, err := newAccount(t, node).WaitFor(t.Context(), hash, slastream.TxReceived)
		require.ErrorIs(t, err, starknet.ErrBadAnswer)
	})
	t.Run("does not ask for what is no hash", func(t *testing.T) {
		_, err := newAccount(t, newScript(t)).WaitFor(t.Context(), attestation.Word{0xff}, slastream.TxReceived)
		var out *starknet.RangeError
		require.ErrorAs(t, err, &out)
	})
}

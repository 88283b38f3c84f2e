package starknet_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// cheapJSON estimates 1000 L2 gas at 10 FRI.
const cheapJSON = `[{"l2_gas_consumed":"0x3e8","l2_gas_price":"0xa"}]`

func feeAccount(t testing.TB, node *script, fees starknet.Fees) *starknet.Account {
	t.Helper()
	return starknet.NewAccount(node.client(), starknet.Sepolia, senderAddress, newKey(t), starknet.WithFees(fees))
}

func TestFeeMargins(t *testing.T) {
	node := newScript(t)
	node.answer("starknet_estimateFee", json.RawMessage(cheapJSON))
	for _, test := range []struct {
		name   string
		fees   starknet.Fees
		amount uint64
		price  uint64
	}{
		{"half if nothing is said", starknet.Fees{}, 1500, 15},
		{"as said", starknet.Fees{AmountMargin: 1, PriceMargin: 100}, 1010, 20},
		{"as much as there is", starknet.Fees{AmountMargin: math.MaxUint16, PriceMargin: math.MaxUint16}, 656350, 6563},
	} {
		t.Run(test.name, func(t *testing.T) {
			u, err := feeAccount(t, node, test.fees).Build(t.Context(), nil, 0)
			require.NoError(t, err)
			require.Equal(t, starknet.Bound{Amount: test.amount, Price: slastream.AmountFromUint64(test.price)}, u.Bounds.L2Gas)
		})
	}
	node.answer("starknet_estimateFee", json.RawMessage(`[{"l1_gas_consumed":"0x4000000000000000","l2_gas_consumed":"0x1","l2_gas_price":"0xffffffffffffffffffffffffffffff"}]`))
	u, err := feeAccount(t, node, starknet.Fees{AmountMargin: 1000, PriceMargin: math.MaxUint16}).Build(t.Context(), nil, 0)
	require.NoError(t, err)
	require.Equal(t, uint64(math.MaxUint64), u.Bounds.L1Gas.Amount, "no bound wraps around")
	require.Equal(t, amountOf(t, "0xffffffffffffffffffffffffffffffff"), u.Bounds.L2Gas.Price)
}

func TestFeeCapOfOneTransaction(t *testing.T) {
	node := newScript(t)
	node.answer("starknet_estimateFee", json.RawMessage(cheapJSON))
	limit := slastream.AmountFromUint64(1500 * (15 + 7))
	a := feeAccount(t, node, starknet.Fees{Max: limit, Tip: 7})
	u, err := a.Build(t.Context(), nil, 0)
	require.NoError(t, err, "exactly the cap")
	require.Equal(t, limit, u.Bounds.Most())
	_, err = a.Sign(t.Context(), nil, 0)
	require.NoError(t, err)

	a = feeAccount(t, node, starknet.Fees{Max: limit, Tip: 8})
	_, err = a.Sign(t.Context(), nil, 0)
	var fee *starknet.FeeError
	require.ErrorAs(t, err, &fee)
	require.Equal(t, starknet.FeeError{Most: slastream.AmountFromUint64(1500 * 23), Cap: limit}, *fee)
	require.ErrorContains(t, err, "0.0000000000000345 STRK, more than Fees.Max 0.000000000000033")
	require.ErrorContains(t, err, "raise the cap")
	bounds := u.Bounds
	bounds.Tip++
	_, err = a.BuildBounds(t.Context(), nil, 0, bounds)
	require.ErrorAs(t, err, &fee, "also with bounds of the caller")
	require.Zero(t, node.count("starknet_addInvokeTransaction"))
}

func TestFeeCapOfADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := newScript(t)
		node.answer("starknet_estimateFee", json.RawMessage(cheapJSON))
		const one = 1500 * 15
		a := feeAccount(t, node, starknet.Fees{MaxPerDay: slastream.AmountFromUint64(3 * one)})
		sign := func(nonce uint64) (slastream.SignedTx, error) { return a.Sign(t.Context(), nil, nonce) }
		refused := func(nonce uint64, left uint64) {
			t.Helper()
			_, err := sign(nonce)
			var fee *starknet.FeeError
			require.ErrorAs(t, err, &fee)
			require.True(t, fee.Day)
			require.Equal(t, slastream.AmountFromUint64(left), fee.Left)
			require.ErrorContains(t, err, "Fees.MaxPerDay")
		}
		first, err := sign(0)
		require.NoError(t, err)
		_, err = sign(0)
		require.NoError(t, err, "one nonce counts once")
		time.Sleep(12 * time.Hour)
		second, err := sign(1)
		require.NoError(t, err)
		_, err = sign(2)
		require.NoError(t, err)
		refused(3, 0)

		a.Discard(second)
		_, err = sign(3)
		require.NoError(t, err, "what was never sent does not count")
		refused(4, 0)

		// The receipt tells what was paid in truth.
		node.answer("starknet_getTransactionReceipt", map[string]any{
			"transaction_hash": first.Hash.String(), "finality_status": "ACCEPTED_ON_L2", "execution_status": "SUCCEEDED",
			"block_hash": "0x1", "block_number": 1, "actual_fee": map[string]string{"amount": "0x64"},
		})
		_, err = a.Status(t.Context(), first.Hash)
		require.NoError(t, err)
		refused(4, one-100)
		time.Sleep(12*time.Hour - time.Nanosecond)
		refused(4, one-100)
		time.Sleep(time.Nanosecond)
		_, err = sign(4)
		require.NoError(t, err, "the first is a day ago")
		refused(5, 0)
		time.Sleep(24 * time.Hour)
		for nonce := range uint64(3) {
			_, err = sign(10 + nonce)
			require.NoError(t, err)
		}
		refused(13, 0)
	})
}

// The tip is part of the hash, as starknet.go computes it, and of the body.
func TestTip(t *testing.T) {
	node := newScript(t)
	node.answer("starknet_estimateFee", json.RawMessage(cheapJSON))
	seen := map[attestation.Word]bool{}
	for _, tip := range []uint64{0, 1, 1 << 40, math.MaxUint64} {
		tx, err := feeAccount(t, node, starknet.Fees{Tip: tip}).Sign(t.Context(), nil, 3)
		require.NoError(t, err)
		require.Equal(t, hashOf(t, tx.Body), feltOf(t, tx.Hash.String()).String())
		var body struct{ Tip string }
		require.NoError(t, json.Unmarshal(tx.Body, &body))
		require.Equal(t, tip, uint64Of(t, body.Tip))
		seen[tx.Hash] = true
	}
	require.Len(t, seen, 4)
}

func TestMedianTip(t *testing.T) {
	node := newScript(t)
	node.answer("starknet_blockHashAndNumber", map[string]any{"block_hash": "0xb", "block_number": 9})
	for _, test := range []struct {
		name   string
		count  uint64
		sample int
		asked  []uint64
		want   uint64
	}{
		{"an empty block", 0, 5, nil, 0},
		{"all of a small block", 3, 5, []uint64{0, 1, 2}, 10},
		{"spread over the block", 1000, 4, []uint64{0, 250, 500, 750}, 5000},
		{"no sample is one", 7, 0, []uint64{0}, 0},
		{"a block that claims to be huge", 1 << 63, 2, []uint64{0, 1 << 62}, 10 << 40},
	} {
		t.Run(test.name, func(t *testing.T) {
			var asked []uint64
			node.answer("starknet_getBlockTransactionCount", test.count)
			node.on("starknet_getTransactionByBlockIdAndIndex", func(params []json.RawMessage) (any, error) {
				require.JSONEq(t, `{"block_hash":"0xb"}`, string(params[0]))
				var index uint64
				require.NoError(t, json.Unmarshal(params[1], &index))
				asked = append(asked, index)
				if index == 0 {
					return map[string]any{"type": "L1_HANDLER"}, nil
				}
				if index == 1<<62 {
					return map[string]any{"tip": "0xa0000000000"}, nil
				}
				return map[string]any{"tip": fmt.Sprintf("%#x", 10*index)}, nil
			})
			got, err := newAccount(t, node).MedianTip(t.Context(), test.sample)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
			require.Equal(t, test.asked, asked)
		})
	}
	node.answer("starknet_getBlockTransactionCount", 1)
	node.answer("starknet_getTransactionByBlockIdAndIndex", map[string]any{"tip": "0x10000000000000000"})
	_, err := newAccount(t, node).MedianTip(t.Context(), 1)
	require.ErrorIs(t, err, starknet.ErrBadAnswer)
}

package starknet_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

type wireTx struct {
	Nonce, Tip string
	Calldata   []string
	Bounds     map[string]struct {
		Amount string `json:"max_amount"`
		Price  string `json:"max_price_per_unit"`
	} `json:"resource_bounds"`
}

func TestBump(t *testing.T) {
	node := newScript(t)
	node.answer("starknet_estimateFee", json.RawMessage(cheapJSON))
	a := newAccount(t, node)
	calls := []starknet.Call{starknet.NewCall(slastream.Address{31: 7}, "pause")}
	read := func(tx slastream.SignedTx) (out wireTx) {
		require.NoError(t, json.Unmarshal(tx.Body, &out))
		return out
	}
	bounds := someBounds()
	bounds.Tip, bounds.L2Gas.Price = 0, slastream.AmountFromUint64(101)
	u, err := a.BuildBounds(t.Context(), calls, 4, bounds)
	require.NoError(t, err)
	tx, err := a.SignUnsigned(t.Context(), u)
	require.NoError(t, err)

	// The rule of the sequencer: ⌈a tenth⌉ more of both.
	for _, want := range []struct{ price, tip uint64 }{{112, 1}, {124, 2}, {137, 3}, {151, 4}} {
		next, err := a.Bump(t.Context(), tx)
		require.NoError(t, err)
		require.NotEqual(t, tx.Hash, next.Hash)
		require.Equal(t, tx.Nonce, next.Nonce)
		require.Equal(t, feltOf(t, next.Hash.String()).String(), hashOf(t, next.Body))
		old, body := read(tx), read(next)
		require.Equal(t, old.Calldata, body.Calldata)
		require.Equal(t, want.price, uint64Of(t, body.Bounds["l2_gas"].Price))
		require.Equal(t, want.tip, uint64Of(t, body.Tip))
		require.Equal(t, uint64(5_000_000), uint64Of(t, body.Bounds["l2_gas"].Amount))
		tx = next
	}
	// The market has risen above a tenth more.
	node.answer("starknet_estimateFee", json.RawMessage(`[{"l2_gas_consumed":"0x989680","l2_gas_price":"0x3e8"}]`))
	next, err := a.Bump(t.Context(), tx)
	require.NoError(t, err)
	require.Equal(t, uint64(1500), uint64Of(t, read(next).Bounds["l2_gas"].Price))
	require.Equal(t, uint64(15_000_000), uint64Of(t, read(next).Bounds["l2_gas"].Amount))

	for name, tip := range map[uint64]uint64{10: 11, 11: 13, 20: 22, 1 << 63: 0x8ccccccccccccccd, ^uint64(0): ^uint64(0)} {
		bounds.Tip = name
		u, err := a.BuildBounds(t.Context(), calls, 4, bounds)
		require.NoError(t, err)
		tx, err := a.SignUnsigned(t.Context(), u)
		require.NoError(t, err)
		next, err := a.Bump(t.Context(), tx)
		require.NoError(t, err)
		require.Equal(t, tip, uint64Of(t, read(next).Tip), "tip %d", name)
	}
}

func TestBumpRefuses(t *testing.T) {
	node := newScript(t)
	node.answer("starknet_estimateFee", json.RawMessage(cheapJSON))
	a := newAccount(t, node)
	u, err := a.BuildBounds(t.Context(), nil, 4, someBounds())
	require.NoError(t, err)
	tx, err := a.SignUnsigned(t.Context(), u)
	require.NoError(t, err)
	for name, change := range map[string]func(*slastream.SignedTx){
		"no JSON":                func(tx *slastream.SignedTx) { tx.Body = []byte("{") },
		"nothing in it":          func(tx *slastream.SignedTx) { tx.Body = []byte("{}") },
		"another hash":           func(tx *slastream.SignedTx) { tx.Hash = attestation.Word{31: 1} },
		"another nonce":          func(tx *slastream.SignedTx) { tx.Nonce++ },
		"another sender":         func(tx *slastream.SignedTx) { tx.Sender[31]++ },
		"a nonce that is no u64": func(tx *slastream.SignedTx) { tx.Body = []byte(`{"nonce":"0x10000000000000000"}`) },
		"a price that is no u128": func(tx *slastream.SignedTx) {
			tx.Body = []byte(`{"resource_bounds":{"l2_gas":{"max_price_per_unit":"0x100000000000000000000000000000000"}}}`)
		},
		"a sender that is too large": func(tx *slastream.SignedTx) {
			tx.Body = []byte(`{"sender_address":"0x800000000000000000000000000000000000000000000000000000000000000"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bad := tx
			change(&bad)
			_, err := a.Bump(t.Context(), bad)
			require.Error(t, err)
			require.Equal(t, starknet.ClassPermanent, starknet.Classify(err), "%v", err)
		})
	}
	limited := feeAccount(t, node, starknet.Fees{Max: u.Bounds.Most()})
	_, err = limited.Bump(t.Context(), tx)
	var fee *starknet.FeeError
	require.ErrorAs(t, err, &fee)

	node.on("starknet_estimateFee", func([]json.RawMessage) (any, error) { return nil, nonceError() })
	node.answer("starknet_getNonce", "0x5")
	_, err = a.Bump(t.Context(), tx)
	require.ErrorIs(t, err, starknet.ErrNonce, "there is nothing left to replace")
}

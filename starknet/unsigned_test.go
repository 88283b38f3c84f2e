package starknet_test

import (
	"encoding/json"
	"testing"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

func someBounds() starknet.Bounds {
	price := slastream.AmountFromUint64(2_000_000_000)
	return starknet.Bounds{
		L1Gas: starknet.Bound{Price: price}, L1DataGas: starknet.Bound{Amount: 1000, Price: price},
		L2Gas: starknet.Bound{Amount: 5_000_000, Price: price}, Tip: 3,
	}
}

// A transaction that is signed elsewhere: built without a key, and the same as
// the one that an account with the key signs.
func TestBuildForCustody(t *testing.T) {
	calls := []starknet.Call{starknet.NewCall(slastream.Address{31: 7}, "pause")}
	node := newScript(t)
	keyless := starknet.NewAccount(node.client(), starknet.Sepolia, senderAddress, nil)
	u, err := keyless.BuildBounds(t.Context(), calls, 9, someBounds())
	require.NoError(t, err)
	require.Equal(t, uint64(9), u.Nonce)
	require.Equal(t, someBounds(), u.Bounds)
	again, err := keyless.BuildBounds(t.Context(), calls, 9, someBounds())
	require.NoError(t, err)
	require.Equal(t, u.Hash, again.Hash)
	require.Zero(t, node.count("starknet_estimateFee"))
	require.Zero(t, node.count("starknet_getNonce"))
	require.Equal(t, 1, node.count("starknet_chainId"))

	_, err = keyless.SignUnsigned(t.Context(), u)
	require.ErrorIs(t, err, starknet.ErrNoKey)
	r, s, err := newKey(t).SignHash(t.Context(), feltOf(t, u.Hash.String()))
	require.NoError(t, err)
	tx, err := u.Signed(r, s)
	require.NoError(t, err)
	require.Equal(t, u.Hash, tx.Hash)
	require.Equal(t, feltOf(t, u.Hash.String()).String(), hashOf(t, tx.Body))

	signed, err := newAccount(t, node).SignUnsigned(t.Context(), u)
	require.NoError(t, err)
	require.Equal(t, tx.Hash, signed.Hash)
	require.Equal(t, []any{tx.Sender, tx.Nonce}, []any{signed.Sender, signed.Nonce})

	n := feltOf(t, "0x800000000000010ffffffffffffffffb781126dcae7b2321e66a241adc64d2f")
	for name, pair := range map[string][2]*felt.Felt{
		"nothing": {nil, nil}, "no s": {r, nil}, "zero r": {new(felt.Felt), s}, "s that is the order": {r, n},
	} {
		_, err := u.Signed(pair[0], pair[1])
		require.ErrorContains(t, err, "signature", name)
	}
}

func TestBuildWithoutKeyEstimates(t *testing.T) {
	node := newScript(t)
	node.answer("starknet_estimateFee", json.RawMessage(estimateJSON))
	keyless := starknet.NewAccount(node.client(), starknet.Sepolia, senderAddress, nil)
	u, err := keyless.Build(t.Context(), nil, 1)
	require.NoError(t, err)
	request := node.asked[len(node.asked)-1]
	require.JSONEq(t, `["SKIP_VALIDATE"]`, string(request.Params[1]))
	withKey, err := newAccount(t, node).Build(t.Context(), nil, 1)
	require.NoError(t, err)
	require.Greater(t, u.Bounds.L2Gas.Amount, withKey.Bounds.L2Gas.Amount, "the check of the signature is not in the estimate")
	_, err = keyless.Execute(t.Context())
	require.Error(t, err)
}

// Everything that a transaction consists of changes its hash.
func TestBuildHashes(t *testing.T) {
	node := newScript(t)
	a := newAccount(t, node)
	call := starknet.NewCall(slastream.Address{31: 7}, "pause")
	seen := map[attestation.Word]string{}
	build := func(name string, calls []starknet.Call, nonce uint64, change func(*starknet.Bounds)) {
		t.Helper()
		b := someBounds()
		change(&b)
		u, err := a.BuildBounds(t.Context(), calls, nonce, b)
		require.NoError(t, err)
		require.Empty(t, seen[u.Hash], "%s", name)
		seen[u.Hash] = name
	}
	more := slastream.AmountFromUint64(2_000_000_001)
	keep := func(*starknet.Bounds) {}
	build("as it is", []starknet.Call{call}, 1, keep)
	build("nonce", []starknet.Call{call}, 2, keep)
	build("no call", nil, 1, keep)
	build("two calls", []starknet.Call{call, call}, 1, keep)
	build("tip", []starknet.Call{call}, 1, func(b *starknet.Bounds) { b.Tip++ })
	build("amount of L1 gas", []starknet.Call{call}, 1, func(b *starknet.Bounds) { b.L1Gas.Amount++ })
	build("price of L1 gas", []starknet.Call{call}, 1, func(b *starknet.Bounds) { b.L1Gas.Price = more })
	build("amount of data gas", []starknet.Call{call}, 1, func(b *starknet.Bounds) { b.L1DataGas.Amount++ })
	build("price of data gas", []starknet.Call{call}, 1, func(b *starknet.Bounds) { b.L1DataGas.Price = more })
	build("amount of L2 gas", []starknet.Call{call}, 1, func(b *starknet.Bounds) { b.L2Gas.Amount++ })
	build("price of L2 gas", []starknet.Call{call}, 1, func(b *starknet.Bounds) { b.L2Gas.Price = more })

	b := someBounds()
	b.L1Gas.Price = amountOf(t, "0x100000000000000000000000000000000")
	_, err := a.BuildBounds(t.Context(), nil, 0, b)
	var out *starknet.RangeError
	require.ErrorAs(t, err, &out)
	require.Equal(t, "u128", out.Type)
}

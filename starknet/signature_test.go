package starknet_test

import (
	"context"
	"encoding/json"
	"math/big"
	"testing"

	"github.com/NethermindEth/juno/core/crypto"
	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/hash"
	snrpc "github.com/NethermindEth/starknet.go/rpc"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/fr"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// A cannedKey answers with the signature that a test wants.
type cannedKey struct {
	public *felt.Felt
	r, s   *felt.Felt
}

func (k *cannedKey) PublicKey() *felt.Felt { return k.public }

func (k *cannedKey) SignHash(context.Context, *felt.Felt) (r, s *felt.Felt, err error) {
	return k.r, k.s, nil
}

// The check of an account's own signatures says what juno's says, which is
// another implementation, of gnark-crypto's curve alone.
func TestSignatureAgainstJuno(t *testing.T) {
	order := fr.Modulus()
	real := newKey(t)
	canned := &cannedKey{public: real.PublicKey()}
	a := starknet.NewAccount(newScript(t).client(), starknet.Sepolia, senderAddress, canned)
	big1 := func(f *felt.Felt) *big.Int { return f.BigInt(new(big.Int)) }
	fromBig := func(n *big.Int) *felt.Felt { return new(felt.Felt).SetBigInt(n) }
	one := new(felt.Felt).SetUint64(1)
	for nonce := range uint64(8) {
		u, err := a.BuildBounds(t.Context(), nil, nonce, someBounds())
		require.NoError(t, err)
		h := feltOf(t, u.Hash.String())
		r, s, err := real.SignHash(t.Context(), h)
		require.NoError(t, err)
		otherR, otherS, err := real.SignHash(t.Context(), new(felt.Felt).Add(h, one))
		require.NoError(t, err)
		negative := fromBig(new(big.Int).Sub(order, big1(s)))
		for _, test := range []struct {
			name string
			r, s *felt.Felt
			want bool
		}{
			{"valid", r, s, true},
			{"malleated", r, negative, true},
			{"of another hash", otherR, otherS, false},
			{"halves of two signatures", r, otherS, false},
			{"r and s exchanged", s, r, false},
			{"r one more", new(felt.Felt).Add(r, one), s, false},
			{"s one more", r, new(felt.Felt).Add(s, one), false},
			{"one and one", one, one, false},
			{"zero r", new(felt.Felt), s, false},
			{"zero s", r, new(felt.Felt), false},
			{"r is the order", fromBig(order), s, false},
			{"s is the order", r, fromBig(order), false},
			{"s is the largest felt", r, new(felt.Felt).Neg(one), false},
			{"r is the largest felt", new(felt.Felt).Neg(one), s, false},
			{"no r", nil, s, false},
		} {
			t.Run(test.name, func(t *testing.T) {
				if test.r != nil {
					require.Equal(t, test.want, junoVerifies(real.PublicKey(), test.r, test.s, h), "juno")
				}
				canned.r, canned.s = test.r, test.s
				_, err := a.SignUnsigned(t.Context(), u)
				require.Equal(t, test.want, err == nil, "%v", err)
			})
		}
	}
	// A public key that is no point of the curve verifies nothing.
	for x := uint64(0); x < 20; x++ {
		bad := &cannedKey{new(felt.Felt).SetUint64(x), one, one}
		a := starknet.NewAccount(newScript(t).client(), starknet.Sepolia, senderAddress, bad)
		u, err := a.BuildBounds(t.Context(), nil, 1, someBounds())
		require.NoError(t, err)
		_, err = a.SignUnsigned(t.Context(), u)
		require.ErrorContains(t, err, "does not verify")
	}
}

// junoVerifies is juno's verdict. It refuses nothing that is out of range by
// itself, so the range is checked first, as Cairo does.
func junoVerifies(public, r, s, h *felt.Felt) bool {
	order := fr.Modulus()
	for _, f := range []*felt.Felt{r, s} {
		if n := f.BigInt(new(big.Int)); n.Sign() == 0 || n.Cmp(order) >= 0 {
			return false
		}
	}
	key := crypto.NewPublicKey(public)
	ok, err := key.Verify(&crypto.Signature{R: *r, S: *s}, h)
	return ok && err == nil
}

// What an Unsigned says must be what is signed, for this contract and chain and
// within the caps of the account that signs.
func TestSignUnsignedChecks(t *testing.T) {
	node := newScript(t)
	calls := []starknet.Call{starknet.NewCall(slastream.Address{31: 7}, "pause")}
	keyless := starknet.NewAccount(node.client(), starknet.Sepolia, senderAddress, nil)
	build := func() *starknet.Unsigned {
		u, err := keyless.BuildBounds(t.Context(), calls, 4, someBounds())
		require.NoError(t, err)
		return u
	}
	most := build().Bounds.Most()
	account := feeAccount(t, node, starknet.Fees{Max: most})
	_, err := account.SignUnsigned(t.Context(), build())
	require.NoError(t, err)
	for name, change := range map[string]func(*starknet.Unsigned){
		"hash":   func(u *starknet.Unsigned) { u.Hash = attestation.Word{31: 1} },
		"nonce":  func(u *starknet.Unsigned) { u.Nonce++ },
		"bounds": func(u *starknet.Unsigned) { u.Bounds = starknet.Bounds{} },
		"all":    func(u *starknet.Unsigned) { *u = starknet.Unsigned{Hash: u.Hash} },
	} {
		u := build()
		change(u)
		_, err := account.SignUnsigned(t.Context(), u)
		require.ErrorIs(t, err, starknet.ErrMalformed, name)
	}
	elsewhere := starknet.NewAccount(node.client(), starknet.Mainnet, senderAddress, newKey(t))
	_, err = elsewhere.SignUnsigned(t.Context(), build())
	require.ErrorIs(t, err, starknet.ErrMalformed, "another chain")
	other := starknet.NewAccount(node.client(), starknet.Sepolia, slastream.Address{31: 5}, newKey(t))
	_, err = other.SignUnsigned(t.Context(), build())
	require.ErrorIs(t, err, starknet.ErrMalformed, "another account")
	less, err := most.Sub(slastream.AmountFromUint64(1))
	require.NoError(t, err)
	var fee *starknet.FeeError
	_, err = feeAccount(t, node, starknet.Fees{Max: less}).SignUnsigned(t.Context(), build())
	require.ErrorAs(t, err, &fee, "the cap is that of the account that signs")
}

// FuzzParseInvoke: a stored body, whatever is in it, is read or refused, and
// what is read has the hash that starknet.go gives to the same bytes.
func FuzzParseInvoke(f *testing.F) {
	node := newScript(f)
	node.answer("starknet_estimateFee", json.RawMessage(cheapJSON))
	a := starknet.NewAccount(node.client(), starknet.Sepolia, senderAddress, newKey(f))
	u, err := a.BuildBounds(f.Context(), []starknet.Call{starknet.NewCall(slastream.Address{31: 7}, "pause", new(felt.Felt))}, 4, someBounds())
	require.NoError(f, err)
	tx, err := a.SignUnsigned(f.Context(), u)
	require.NoError(f, err)
	f.Add([]byte(tx.Body))
	for _, s := range []string{
		`{}`, `null`, `[]`, `{"nonce":null,"calldata":[null],"resource_bounds":null}`, `{"calldata":null,"tip":"0xffffffffffffffffffffff"}`,
		`{"resource_bounds":{"l2_gas":{"max_amount":"0x1ffffffffffffffff","max_price_per_unit":"0x1"}}}`, `{"sender_address":"0x800000000000011000000000000000000000000000000000000000000000000"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		tx := slastream.SignedTx{Hash: u.Hash, Sender: senderAddress, Nonce: 4, Body: body}
		if h, ok := foreignHash(body); ok {
			tx.Hash = starknet.WordFromFelt(h)
		}
		next, err := a.Bump(t.Context(), tx)
		if err != nil {
			require.Equal(t, starknet.ClassPermanent, starknet.Classify(err), "%v", err)
			return
		}
		h, ok := foreignHash(next.Body)
		require.True(t, ok)
		require.Equal(t, next.Hash, starknet.WordFromFelt(h))
		require.NotEqual(t, tx.Hash, next.Hash)
		require.Equal(t, tx.Nonce, next.Nonce)
	})
}

// foreignHash is the hash of a body as starknet.go reads it.
func foreignHash(body []byte) (*felt.Felt, bool) {
	var tx snrpc.InvokeTxnV3
	if json.Unmarshal(body, &tx) != nil || tx.ResourceBounds == nil || tx.Nonce == nil || tx.SenderAddress == nil || tx.Version == "" {
		return nil, false
	}
	h, err := hash.TransactionHashInvokeV3(&tx, new(felt.Felt).SetBytes([]byte("SN_SEPOLIA")))
	return h, err == nil
}

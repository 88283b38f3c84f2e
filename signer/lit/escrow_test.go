package lit_test

import (
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/NethermindEth/juno/core/crypto"
	"github.com/NethermindEth/juno/core/felt"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer/lit"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
)

// The address that an action signs for is the one that package starknet/cairo
// deploys at.
func TestDomainIsWhereTheEscrowIsDeployed(t *testing.T) {
	w := newWorld(t)
	for seed := range byte(4) {
		key := publicKey(string(seed))
		token, owner := slastream.Address{0: 4, 31: seed}, slastream.Address{0: 1, 31: seed}
		for class, args := range map[cairo.Class][]attestation.Word{
			cairo.Compatible: {token.Word()},
			cairo.Extended:   {token.Word(), owner.Word()},
		} {
			p := cairo.Params{Class: class, Key: key, Token: token, Salt: attestation.Word{31: seed}}
			if class == cairo.Extended {
				p.Owner = owner
			}
			want, err := p.Address()
			require.NoError(t, err)
			c := w.config
			c.Escrow = lit.Escrow{ChainID: starknet.Sepolia, ClassHash: class.Hash(), Salt: p.Salt, Args: args}
			action, err := lit.NewAction(c)
			require.NoError(t, err)
			require.Equal(t, attestation.Domain{ChainID: starknet.Sepolia, Escrow: want.Word()}, action.Domain(key))

			// And the JavaScript finds the same.
			got := w.inside(action.Code(), "return '0x' + hex32(escrowOf(p));", key.String())
			require.JSONEq(t, `"`+want.Word().String()+`"`, string(got))
		}
	}
}

func TestPedersenIsThatOfStarknet(t *testing.T) {
	w := newWorld(t)
	random := rand.New(rand.NewPCG(3, 3))
	var pairs [][2]string
	var want []string
	for range 40 {
		var pair [2]*felt.Felt
		for i := range pair {
			b := make([]byte, 32)
			for j := range b {
				b[j] = byte(random.Uint32())
			}
			v := new(big.Int).Rsh(new(big.Int).SetBytes(b), 5+uint(random.IntN(250)))
			pair[i] = new(felt.Felt).SetBigInt(v)
		}
		h := crypto.Pedersen(pair[0], pair[1])
		pairs = append(pairs, [2]string{pair[0].String(), pair[1].String()})
		want = append(want, h.String())
	}
	var got []string
	require.NoError(t, json.Unmarshal(w.inside(w.action.Code(), "return p.map(([a, b]) => tag(pedersen(BigInt(a), BigInt(b))));", pairs), &got))
	require.Equal(t, want, got)
}

func TestSelectorsAreThoseOfTheirNames(t *testing.T) {
	w := newWorld(t)
	for name, constant := range map[string]string{"get_deal": "GET_DEAL", "is_valid_signature": "IS_VALID_SIGNATURE"} {
		require.JSONEq(t, `"`+starknet.Selector(name).String()+`"`, string(w.inside(w.action.Code(), "return "+constant+";", nil)))
	}
}

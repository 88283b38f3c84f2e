package starknet_test

import (
	"crypto/ecdsa"
	"math/big"
	"testing"
	"time"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
)

// A modelDevnet is a node with the accounts that operations come from.
type modelDevnet struct {
	rpc      *jsonrpc.Client
	senders  []cairo.Sender
	accounts []*starknet.Account
	salt     uint64 // of the newest escrow
}

func newModelDevnet(t *testing.T, rpc *jsonrpc.Client) *modelDevnet {
	d := &modelDevnet{rpc: rpc}
	var list []struct {
		Address slastream.Address `json:"address"`
		Secret  attestation.Word  `json:"private_key"`
	}
	require.NoError(t, rpc.CallContext(t.Context(), &list, "devnet_getPredeployedAccounts"))
	for _, a := range list[:3] {
		key, err := starknet.NewLocalKey(a.Secret)
		require.NoError(t, err)
		const poll = 2 * time.Millisecond
		d.senders = append(d.senders, cairo.Sender{Caller: rpc, ChainID: starknet.Sepolia, Address: a.Address, Key: key, Poll: poll})
		d.accounts = append(d.accounts, starknet.NewAccount(rpc, starknet.Sepolia, a.Address, key, starknet.WithPoll(poll)))
	}
	return d
}

// time returns the time that the next transaction sees: devnet runs it in the
// block under construction, whose time is that of the block before, and gives
// the block a new time when it is done.
func (d *modelDevnet) time(t *testing.T, rt *rapid.T) uint64 {
	var block struct {
		Timestamp uint64 `json:"timestamp"`
	}
	require.NoError(rt, d.rpc.CallContext(t.Context(), &block, "starknet_getBlockWithTxHashes", "pre_confirmed"))
	return block.Timestamp
}

// setTime makes an empty block, whose time the next transaction sees.
func (d *modelDevnet) setTime(t *testing.T, rt *rapid.T, unix uint64) {
	require.NoError(rt, d.rpc.CallContext(t.Context(), nil, "devnet_setTime", unix, true))
	require.Equal(rt, unix, d.time(t, rt))
}

// balance reads what the mock token has for an account, in decimal.
func (d *modelDevnet) balance(t *testing.T, rt *rapid.T, token, of slastream.Address) string {
	var out []string
	require.NoError(rt, d.rpc.CallContext(t.Context(), &out, "starknet_call", map[string]any{
		"contract_address":     felts(rt, token.Word())[0].String(),
		"entry_point_selector": starknet.Selector("balance_of").String(),
		"calldata":             []string{felts(rt, of.Word())[0].String()},
	}, "latest"))
	require.Len(rt, out, 2)
	low, err := attestation.ParseWord(out[0])
	require.NoError(rt, err)
	high, err := attestation.ParseWord(out[1])
	require.NoError(rt, err)
	copy(low[:16], high[16:])
	return slastream.AmountFromWord(low).String()
}

// call is a call of the token.
func (p *pair) call(entryPoint string, calldata ...*felt.Felt) starknet.Call {
	return starknet.NewCall(p.token.Address(), entryPoint, calldata...)
}

func felts(t require.TestingT, list ...attestation.Word) []*felt.Felt {
	var out []*felt.Felt
	for _, w := range list {
		f, err := starknet.FeltFromWord(w)
		require.NoError(t, err)
		out = append(out, f)
	}
	return out
}

// A modelKey is an attestation key.
type modelKey struct {
	secret, other *ecdsa.PrivateKey
	public        attestation.PublicKey
}

func newModelKey(t require.TestingT) *modelKey {
	var k modelKey
	var err error
	k.secret, err = crypto.HexToECDSA(attestation.Word{31: 7}.String()[2:])
	require.NoError(t, err)
	k.other, err = crypto.HexToECDSA(attestation.Word{31: 8}.String()[2:])
	require.NoError(t, err)
	k.public, err = attestation.ParsePublicKey(crypto.FromECDSAPub(&k.secret.PublicKey))
	require.NoError(t, err)
	return &k
}

// sign makes a good signature, or at times one of those that a class or both
// refuse.
func (k *modelKey) sign(t *rapid.T, d attestation.Digest) attestation.Signature {
	kind := "good"
	if one(t, 4, "odd signature") {
		kind = rapid.SampledFrom([]string{"other key", "high s", "v + 27", "other v", "r 0", "s 0", "r n", "r p", "noise"}).Draw(t, "signature")
	}
	secret := k.secret
	if kind == "other key" {
		secret = k.other
	}
	raw, err := crypto.Sign(d[:], secret)
	require.NoError(t, err)
	sig, err := attestation.ParseSignature(raw)
	require.NoError(t, err)
	n := secp256k1N()
	switch kind {
	case "high s":
		sig.S, err = attestation.WordFromBig(n.Sub(n, sig.S.Big()))
		require.NoError(t, err)
		sig.V ^= 1
	case "v + 27":
		sig.V += 27
	case "other v":
		sig.V ^= 1
	case "r 0":
		sig.R = attestation.Word{}
	case "s 0":
		sig.S = attestation.Word{}
	case "r n":
		sig.R, err = attestation.WordFromBig(n)
		require.NoError(t, err)
	case "r p":
		for i := range sig.R {
			sig.R[i] = 0xff
		}
	case "noise":
		sig.R[31] ^= byte(rapid.IntRange(1, 255).Draw(t, "noise"))
	}
	return sig
}

// secp256k1N is the order of the curve's group.
func secp256k1N() *big.Int { return new(big.Int).Set(crypto.S256().Params().N) }

package simulated_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/NethermindEth/juno/core/crypto"
	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
	"github.com/slastream/slastream-go/starknet/simulated"
)

var (
	deployer    = mustAddress("0x2ceed65a4bd731034c01113685c831b01c15d7d432f71afb1cf1634b53a2125")
	oldDeployer = mustAddress("0x41a78e741e5af2fec34b695679bc6891742439f7afb8484ecd7766661ad02bf")
)

func mustAddress(s string) slastream.Address {
	a, err := slastream.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

// sender is an account of the node as package cairo takes it.
func (c *chain) sender(a simulated.Account, path string) cairo.Sender {
	key, err := starknet.NewLocalKey(a.PrivateKey)
	require.NoError(c, err)
	return cairo.Sender{
		Caller: jsonrpc.NewClient("http://in.process"+path, c.Client()), ChainID: starknet.Sepolia,
		Address: a.Address, Key: key, Poll: time.Millisecond,
	}
}

// deploy sends deployContract.
func deploy(udc slastream.Address, class attestation.Word, salt, unique uint64, arguments ...*felt.Felt) rpc.InvokeFunctionCall {
	number := func(v uint64) *felt.Felt { return new(felt.Felt).SetUint64(v) }
	return call(udc, "deployContract", append([]*felt.Felt{feltOf(class), number(salt), number(unique), number(uint64(len(arguments)))}, arguments...)...)
}

// TestDeployFlow deploys escrows and a token with package cairo, which does not
// know that the node is simulated, on both generations of the RPC: they want
// another compiled class hash.
func TestDeployFlow(t *testing.T) {
	for _, path := range []string{"/rpc/v0_9", "/rpc/v0_10"} {
		t.Run(path, func(t *testing.T) {
			ctx := t.Context()
			c := newChain(t, simulated.Options{Key: attesterKey()})
			owner, provider := c.Accounts()[3], c.Accounts()[4]
			sender := c.sender(owner, path)
			token, err := cairo.DeployMockERC20(ctx, sender, attestation.Word{31: 1})
			require.NoError(t, err)
			var escrows []*starknet.Escrow
			for _, p := range []cairo.Params{
				{Class: cairo.Compatible, Key: attesterKey(), Token: token.Address()},
				{Class: cairo.Extended, Key: attesterKey(), Token: token.Address(), Owner: owner.Address},
				{Class: cairo.Extended, Key: attesterKey(), Token: c.Token(), Owner: owner.Address},
			} {
				e, err := cairo.Deploy(ctx, sender, p)
				require.NoError(t, err)
				want, err := p.Address()
				require.NoError(t, err)
				require.Equal(t, want, e.Address())
				again, err := cairo.Deploy(ctx, c.sender(provider, path), p)
				require.NoError(t, err, "anyone else finds it deployed")
				require.Equal(t, e.Address(), again.Address())
				escrows = append(escrows, e)
			}
			require.Equal(t, []string{word(deployer)}, c.read("latest", call(escrows[0].Address(), "get_owner")), "who deploys the compatible class owns it")
			require.Equal(t, []string{word(owner.Address)}, c.read("latest", call(escrows[1].Address(), "get_owner")))

			c.sent(owner, call(token.Address(), "mint", append([]*felt.Felt{feltOf(owner.Address)}, amountFelts(1000)...)...))
			for _, e := range escrows[:2] {
				account := starknet.NewAccount(sender.Caller, starknet.Sepolia, owner.Address, sender.Key, starknet.WithPoll(time.Millisecond))
				bound := starknet.NewEscrow(sender.Caller, e.Address(), starknet.WithAccount(account))
				c.sent(owner, call(token.Address(), "approve", append([]*felt.Felt{feltOf(e.Address())}, amountFelts(100)...)...))
				c.sent(owner, call(e.Address(), "create_deal", feltOf(provider.Address), feltOf(attestation.WordFromUint64(2)), feltOf(attestation.WordFromUint64(10)), new(felt.Felt), new(felt.Felt), new(felt.Felt), feltOf(attestation.WordFromUint64(60))))
				for i := range uint64(2) {
					require.NoError(t, bound.Release(ctx, attest(1, i)))
				}
			}
			require.Equal(t, []string{"0x28", "0x0"}, c.read("latest", call(token.Address(), "balance_of", feltOf(provider.Address))))
		})
	}
}

func word[T ~[32]byte](w T) string { return feltOf(w).String() }

// TestDeployRefusal has the constructor's own words.
func TestDeployRefusal(t *testing.T) {
	c := newChain(t, simulated.Options{})
	sender := c.sender(c.Accounts()[0], "/rpc")
	p := cairo.Params{Class: cairo.Extended, Token: c.Token(), Owner: c.Accounts()[0].Address}
	_, err := cairo.Deploy(t.Context(), sender, p)
	require.ErrorIs(t, err, slastream.ErrKeyNotOnCurve)
	p.Key, p.Owner = attesterKey(), slastream.Address{}
	_, err = cairo.Deploy(t.Context(), sender, p)
	require.ErrorIs(t, err, slastream.ErrOwnerZero)
}

// TestDeployUndone aborts blocks with a declaration, deployments and what was
// done to the contracts.
func TestDeployUndone(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	me := c.Accounts()[0]
	sender := c.sender(me, "/rpc")
	before := c.picture("latest")
	token, err := cairo.DeployMockERC20(t.Context(), sender, attestation.Word{31: 1})
	require.NoError(t, err)
	deployed := get[uint64](c, "starknet_blockNumber")
	mint := call(token.Address(), "mint", append([]*felt.Felt{feltOf(me.Address)}, amountFelts(7)...)...)
	c.sent(me, mint)
	balance := call(token.Address(), "balance_of", feltOf(me.Address))
	at := func(number uint64) map[string]any { return map[string]any{"block_number": number} }
	require.Equal(t, []string{"0x7", "0x0"}, c.read("latest", balance))
	require.Equal(t, []string{"0x0", "0x0"}, c.read(at(deployed), balance), "the token is there, the mint is not")
	slot := []any{token.Address(), mapSlot("balances", feltOf(me.Address)), "latest"}
	require.Equal(t, "0x7", get[string](c, "starknet_getStorageAt", slot...))
	require.Equal(t, 20, c.refused("starknet_call", request(balance), at(deployed-1)).Code, "the token is not there yet")
	require.Equal(t, 28, c.refused("starknet_getClass", at(0), feltOf(cairo.MockERC20.Hash())).Code)

	_, err = c.Abort(1)
	require.NoError(t, err)
	require.Equal(t, before, c.picture("latest"))
	require.Equal(t, 20, c.refused("starknet_getClassHashAt", "latest", token.Address()).Code)
	require.Equal(t, 28, c.refused("starknet_getClass", "latest", feltOf(cairo.MockERC20.Hash())).Code)

	again, err := cairo.DeployMockERC20(t.Context(), sender, attestation.Word{31: 1})
	require.NoError(t, err)
	require.Equal(t, token.Address(), again.Address())
	require.Equal(t, []string{"0x0", "0x0"}, c.read("latest", balance), "the new token knows nothing of the old one")
	require.Equal(t, "0x0", get[string](c, "starknet_getStorageAt", slot...))
}

// mapSlot is the key of a map's entry.
func mapSlot(name string, key *felt.Felt) *felt.Felt {
	at := crypto.Pedersen(starknet.Selector(name), key)
	return &at
}

// TestDeployReverted deploys and reverts in one transaction.
func TestDeployReverted(t *testing.T) {
	c := newChain(t, simulated.Options{})
	me := c.Accounts()[0]
	require.NoError(t, cairo.Declare(t.Context(), c.sender(me, "/rpc"), cairo.MockERC20))
	r := c.send(me, deploy(deployer, cairo.MockERC20.Hash(), 5, 0), deploy(oldDeployer, cairo.MockERC20.Hash(), 5, 0))
	require.Equal(t, "REVERTED", r.Execution)
	require.Contains(t, r.Reason, "contract already deployed at address")
	require.Len(t, r.Events, 1, "the fee's")
	s := c.sent(me, deploy(oldDeployer, cairo.MockERC20.Hash(), 5, 0))
	require.Len(t, s.Events, 2)
	require.Equal(t, cairo.MockERC20.Hash(), attestation.Word(felts(t, get[string](c, "starknet_getClassHashAt", "latest", s.Events[0].Data[0]))[0].Bytes()))
}

// TestEmbeddedClass reads back what was declared, ABI included.
func TestEmbeddedClass(t *testing.T) {
	c := newChain(t, simulated.Options{Class: escrow.Extended, Key: attesterKey()})
	for _, answer := range []map[string]any{
		get[map[string]any](c, "starknet_getClassAt", "latest", feltOf(c.Escrow())),
		get[map[string]any](c, "starknet_getClass", "latest", feltOf(cairo.Extended.Hash())),
	} {
		require.Contains(t, answer["abi"], "release_batch")
		require.Greater(t, len(answer["sierra_program"].([]any)), 1000)
	}
}

// TestReferenceHasNoViews finds that the reference escrow has not the views of
// the classes that are ours.
func TestReferenceHasNoViews(t *testing.T) {
	c := newChain(t, simulated.Options{})
	for _, view := range []string{"get_token", "get_owner", "is_paused", "is_chunk_released", "get_version"} {
		require.Equal(t, 21, c.refused("starknet_call", request(call(c.Escrow(), view)), "latest").Code, view)
	}
}

// TestVisitLeavesNothing simulates in an old state what writes to every kind of
// contract: the present does not notice.
func TestVisitLeavesNothing(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	me := c.Accounts()[1]
	token, err := cairo.DeployMockERC20(t.Context(), c.sender(c.Accounts()[0], "/rpc"), attestation.Word{31: 1})
	require.NoError(t, err)
	mint := call(token.Address(), "mint", append([]*felt.Felt{feltOf(me.Address)}, amountFelts(7)...)...)
	balance := call(token.Address(), "balance_of", feltOf(me.Address))
	writes := append(c.create(me.Address, 1, 2, 3, 4), mint, deploy(deployer, cairo.MockERC20.Hash(), 9, 0))
	tx := c.build(me, 0, writes, nil)
	old := map[string]any{"block_number": get[uint64](c, "starknet_blockNumber")}
	c.sent(c.Accounts()[2], mint) // so that the old state is not the present one
	before := []any{c.picture("latest"), c.picture(old), c.read("latest", balance), c.read(old, balance)}
	for range 2 {
		trace := get[[]any](c, "starknet_simulateTransactions", old, []any{tx}, []string{})
		require.NotContains(t, fmt.Sprint(trace), "revert_reason")
		require.Equal(t, before, []any{c.picture("latest"), c.picture(old), c.read("latest", balance), c.read(old, balance)})
	}
	c.sent(me, writes...)
	require.Equal(t, []string{"0xe", "0x0"}, c.read("latest", balance))
}

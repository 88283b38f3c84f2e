package starknet_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
)

// TestBindingsOnDevnet runs the bindings against real nodes: deployer
// contracts, token, rules, check and many releases.
func TestBindingsOnDevnet(t *testing.T) {
	for _, p := range devnetPrograms(t) {
		t.Run(filepath.Base(p), func(t *testing.T) {
			d := &devnet{TB: t, rpc: startDevnet(t, p, "--state-archive-capacity", "full")}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			t.Run("token", func(t *testing.T) { testToken(t, ctx, d) })
			t.Run("deployer", func(t *testing.T) { testDeployers(t, ctx, d) })
			t.Run("escrow", func(t *testing.T) { testEscrowClasses(t, ctx, d) })
		})
	}
}

// A devnet is a running node with its predeployed accounts.
type devnet struct {
	testing.TB
	rpc *jsonrpc.Client
}

func (d *devnet) sender(ctx context.Context, i int) cairo.Sender {
	d.Helper()
	var list []struct {
		Address slastream.Address `json:"address"`
		Secret  attestation.Word  `json:"private_key"`
	}
	require.NoError(d, d.rpc.CallContext(ctx, &list, "devnet_getPredeployedAccounts"))
	key, err := starknet.NewLocalKey(list[i].Secret)
	require.NoError(d, err)
	return cairo.Sender{Caller: d.rpc, ChainID: starknet.Sepolia, Address: list[i].Address, Key: key, Poll: 5 * time.Millisecond}
}

func (d *devnet) account(ctx context.Context, i int) *starknet.Account {
	s := d.sender(ctx, i)
	return starknet.NewAccount(s.Caller, s.ChainID, s.Address, s.Key, starknet.WithPoll(s.Poll))
}

func testToken(t *testing.T, ctx context.Context, d *devnet) {
	owner, spender := d.account(ctx, 0), d.account(ctx, 1)
	mine := starknet.NewERC20(d.rpc, addressOf(t, strk), starknet.WithAccount(owner))
	theirs := starknet.NewERC20(d.rpc, addressOf(t, strk), starknet.WithAccount(spender))
	name, err := mine.Name(ctx)
	require.NoError(t, err)
	symbol, err := mine.Symbol(ctx)
	require.NoError(t, err)
	decimals, err := mine.Decimals(ctx)
	require.NoError(t, err)
	supply, err := mine.TotalSupply(ctx)
	require.NoError(t, err)
	t.Logf("%s (%s), %d decimals, supply %s", name, symbol, decimals, supply.Format(decimals))
	require.Contains(t, name, "Stark")
	require.Equal(t, "STRK", symbol)
	require.Equal(t, uint8(18), decimals)
	require.False(t, supply.IsZero())

	amount := slastream.AmountFromUint64
	to := slastream.Address{30: 1, 31: 0x77}
	require.NoError(t, mine.Approve(ctx, spender.Address(), amount(10)))
	head, err := starknet.NewEscrow(d.rpc, to).Head(ctx)
	require.NoError(t, err)
	require.NoError(t, theirs.TransferFrom(ctx, owner.Address(), to, amount(4)))
	left, err := mine.Allowance(ctx, owner.Address(), spender.Address())
	require.NoError(t, err)
	require.Equal(t, amount(6), left)
	before, err := mine.At(starknet.BlockNumber(head)).Allowance(ctx, owner.Address(), spender.Address())
	require.NoError(t, err)
	require.Equal(t, amount(10), before, "at the block before")
	got, err := mine.BalanceOf(ctx, to)
	require.NoError(t, err)
	require.Equal(t, amount(4), got)
	_, err = mine.At(starknet.BlockHash(attestation.WordFromUint64(7))).BalanceOf(ctx, to)
	require.ErrorContains(t, err, "Block not found")
	_, err = starknet.NewERC20(d.rpc, owner.Address()).Symbol(ctx)
	require.Error(t, err, "an account is no token")
}

// testDeployers deploys a class with each deployer contract that there is, once
// for everyone and once for the account, at the addresses computed before.
func testDeployers(t *testing.T, ctx context.Context, d *devnet) {
	account := d.account(ctx, 0)
	class, err := starknet.NewERC20(d.rpc, account.Address()).ClassHash(ctx) // OpenZeppelin's account: one argument, the key
	require.NoError(t, err)
	found, err := starknet.FindUDC(ctx, d.rpc)
	require.NoError(t, err)
	require.Equal(t, addressOf(t, "0x2ceed65a4bd731034c01113685c831b01c15d7d432f71afb1cf1634b53a2125"), found.Address())
	for i, address := range []string{
		"0x2ceed65a4bd731034c01113685c831b01c15d7d432f71afb1cf1634b53a2125",
		"0x41a78e741e5af2fec34b695679bc6891742439f7afb8484ecd7766661ad02bf",
	} {
		udc := starknet.NewUDC(d.rpc, addressOf(t, address), starknet.WithAccount(account))
		for _, unique := range []bool{false, true} {
			deployment := starknet.Deployment{Class: class, Salt: attestation.WordFromUint64(uint64(i)), Unique: unique, Calldata: []*felt.Felt{feltOf(t, "0x123")}}
			want, err := udc.DeployAddress(deployment, account.Address())
			require.NoError(t, err)
			got, err := udc.Deploy(ctx, deployment)
			require.NoError(t, err, "%s unique %t", address, unique)
			require.Equal(t, want, got)
			there, err := starknet.NewERC20(d.rpc, got).ClassHash(ctx)
			require.NoError(t, err)
			require.Equal(t, class, there)
			_, err = udc.Deploy(ctx, deployment)
			var revert *slastream.RevertError
			require.ErrorAs(t, err, &revert, "there is a contract already")
		}
	}
}

// testEscrowClasses deploys both classes, looks them over and releases 60
// chunks, four of them bad.
func testEscrowClasses(t *testing.T, ctx context.Context, d *devnet) {
	key, err := signer.NewLocal([32]byte{31: 9})
	require.NoError(t, err)
	attester, err := signer.New(key)
	require.NoError(t, err)
	me := d.sender(ctx, 0)
	for class, rules := range map[cairo.Class]attestation.Rules{cairo.Compatible: attestation.RulesLegacy, cairo.Extended: attestation.RulesLowS} {
		p := cairo.Params{Class: class, Key: key.PublicKey(), Token: addressOf(t, strk)}
		if class == cairo.Extended {
			p.Owner = me.Address
		}
		e, err := cairo.Deploy(ctx, me, p)
		require.NoError(t, err)
		got, err := starknet.DetectRules(ctx, d.rpc, e.Address())
		require.NoError(t, err)
		require.Equal(t, rules, got)
		report, err := starknet.CheckEscrow(ctx, d.rpc, e.Address(), starknet.EscrowExpectation{ChainID: starknet.Sepolia, Key: &p.Key, Token: p.Token, Owner: p.Owner})
		require.NoError(t, err)
		require.Equal(t, class.String(), report.Class)
		require.Equal(t, class == cairo.Compatible, has(report, starknet.SeverityWarning, "owner"), "the compatible class belongs to the deployer: %v", report.Findings)
		if class == cairo.Compatible {
			require.Equal(t, starknet.SeverityWarning, report.Worst())
		}

		provider := d.account(ctx, 2).Address()
		deal, err := e.CreateDeal(ctx, slastream.Terms{Provider: provider, Chunks: 100, ChunkAmount: slastream.AmountFromUint64(5), Duration: 3600})
		require.NoError(t, err)
		sign := func(chunk uint64) attestation.Signed {
			s, err := attester.Attest(ctx, signer.Request{Attestation: attestation.Attestation{DealID: deal, ChunkIndex: chunk}})
			require.NoError(t, err)
			return s
		}
		require.NoError(t, e.Release(ctx, sign(99)))
		var items []attestation.Signed
		for chunk := range uint64(56) {
			items = append(items, sign(chunk))
		}
		flipped := sign(70)
		flipped.Signature.V ^= 1
		items = append(items, flipped, sign(100), sign(99), sign(3))
		bad := []error{slastream.ErrKeyX, slastream.ErrChunkOutOfBounds, slastream.ErrChunkReleased, slastream.ErrChunkReleased}
		token := starknet.NewERC20(d.rpc, p.Token)
		before, err := token.BalanceOf(ctx, provider)
		require.NoError(t, err)
		txs := map[attestation.Word]int{}
		for i, r := range e.ReleaseAll(ctx, items) {
			if i < 56 {
				require.NoError(t, r.Err, "item %d", i)
				txs[r.TxHash]++
				continue
			}
			require.ErrorIs(t, r.Err, bad[i-56])
		}
		t.Logf("%v: 56 chunks in %v", class, txs)
		require.LessOrEqual(t, len(txs), 2)
		after, err := token.BalanceOf(ctx, provider)
		require.NoError(t, err)
		paid, err := after.Sub(before)
		require.NoError(t, err)
		require.Equal(t, slastream.AmountFromUint64(56*5), paid)
	}
}

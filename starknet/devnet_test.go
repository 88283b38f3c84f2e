package starknet_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

const strk = "0x4718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d"

// TestDevnet runs the account and the token binding against real nodes:
// SLASTREAM_DEVNET is a list of starknet-devnet programs, separated by colons.
func TestDevnet(t *testing.T) {
	for _, p := range devnetPrograms(t) {
		t.Run(filepath.Base(p), func(t *testing.T) { testDevnet(t, startDevnet(t, p)) })
	}
}

// devnetPrograms skips the test if there are none, or fails it where
// SLASTREAM_REQUIRE holds "devnet".
func devnetPrograms(t *testing.T) []string {
	programs := filepath.SplitList(os.Getenv("SLASTREAM_DEVNET"))
	if len(programs) == 0 {
		const missing = "SLASTREAM_DEVNET names no starknet-devnet program"
		if strings.Contains(os.Getenv("SLASTREAM_REQUIRE"), "devnet") {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	return programs
}

// startDevnet runs a node on a free port until the test ends.
func startDevnet(t *testing.T, program string, flags ...string) *jsonrpc.Client {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	host, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	cmd := exec.Command(program, append([]string{"--host", host, "--port", port, "--seed", "1"}, flags...)...)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	rpc := jsonrpc.NewClient("http://"+net.JoinHostPort(host, port)+"/rpc", nil)
	require.Eventually(t, func() bool {
		return rpc.CallContext(t.Context(), nil, "starknet_chainId") == nil
	}, 30*time.Second, 50*time.Millisecond, "%s does not start", program)
	return rpc
}

func testDevnet(t *testing.T, rpc *jsonrpc.Client) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var version string
	require.NoError(t, rpc.CallContext(ctx, &version, "starknet_specVersion"))
	t.Logf("RPC %s", version)
	var list []struct {
		Address string `json:"address"`
		Secret  string `json:"private_key"`
		Public  string `json:"public_key"`
	}
	require.NoError(t, rpc.CallContext(ctx, &list, "devnet_getPredeployedAccounts"))
	secret := wordOf(t, list[0].Secret)
	key, err := starknet.NewLocalKey(secret)
	require.NoError(t, err)
	require.Equal(t, feltOf(t, list[0].Public), key.PublicKey())
	sender, other := addressOf(t, list[0].Address), addressOf(t, "0x123456")
	account := starknet.NewAccount(rpc, starknet.Sepolia, sender, key, starknet.WithPoll(10*time.Millisecond))
	token := starknet.NewERC20(rpc, addressOf(t, strk), starknet.WithAccount(account))
	amount := slastream.AmountFromUint64

	t.Run("a transfer moves what it says", func(t *testing.T) {
		before, err := token.BalanceOf(ctx, other)
		require.NoError(t, err)
		require.NoError(t, token.Transfer(ctx, other, amount(12345)))
		after, err := token.BalanceOf(ctx, other)
		require.NoError(t, err)
		moved, err := after.Sub(before)
		require.NoError(t, err)
		require.Equal(t, amount(12345), moved)
		require.NoError(t, token.Approve(ctx, other, amount(7)))
	})

	t.Run("what is too much is a revert of the estimate", func(t *testing.T) {
		nonce, err := account.Nonce(ctx)
		require.NoError(t, err)
		err = token.Transfer(ctx, other, slastream.AmountFromWord(attestation.Word{0xff}))
		requirePoor(t, err)
		again, err := account.Nonce(ctx)
		require.NoError(t, err)
		require.Equal(t, nonce, again, "it cost a nonce")
	})

	transfer := func(v slastream.Amount) []starknet.Call {
		low, high := starknet.SplitU256(v.Word())
		to, err := starknet.FeltFromWord(other.Word())
		require.NoError(t, err)
		return []starknet.Call{starknet.NewCall(token.Address(), "transfer", to, low, high)}
	}

	t.Run("a stored transaction is sent again", func(t *testing.T) {
		nonce, err := account.Nonce(ctx)
		require.NoError(t, err)
		tx, err := account.Sign(ctx, transfer(amount(1)), nonce)
		require.NoError(t, err)
		status, err := account.Status(ctx, tx.Hash)
		require.NoError(t, err)
		require.Equal(t, slastream.TxStatus{}, status)
		for range 3 {
			require.NoError(t, account.Send(ctx, tx))
		}
		r, err := account.Wait(ctx, tx.Hash)
		require.NoError(t, err)
		require.Nil(t, r.Status.Revert)
		status, err = account.Status(ctx, tx.Hash)
		require.NoError(t, err)
		require.Equal(t, r.Status, status)
		require.Equal(t, slastream.TxAccepted, status.State)

		var moved []starknet.TokenEvent
		for _, l := range r.Logs {
			e, err := starknet.ParseTokenEvent(l.Keys, l.Data)
			require.NoError(t, err)
			moved = append(moved, e)
		}
		require.Equal(t, []starknet.TokenEvent{
			starknet.Transfer{From: sender, To: other, Amount: amount(1)},
			starknet.Transfer{From: sender, To: addressOf(t, "0x1000"), Amount: r.Fee},
		}, moved)

		_, err = account.Sign(ctx, transfer(amount(2)), nonce)
		require.ErrorIs(t, err, starknet.ErrNonce, "the nonce is used")
	})

	t.Run("one on the way takes the tokens of the next", func(t *testing.T) {
		nonce, err := account.Nonce(ctx)
		require.NoError(t, err)
		balance, err := token.BalanceOf(ctx, sender)
		require.NoError(t, err)
		part, err := slastream.ParseAmount("600", 18)
		require.NoError(t, err)
		require.Positive(t, balance.Cmp(part))
		first, err := account.Sign(ctx, transfer(part), nonce)
		require.NoError(t, err)
		second, err := account.Sign(ctx, transfer(part), nonce+1)
		require.NoError(t, err)
		require.NoError(t, account.Send(ctx, first))
		require.NoError(t, account.Send(ctx, second))
		r, err := account.Wait(ctx, second.Hash)
		require.NoError(t, err)
		requirePoor(t, r.Status.Revert)
		require.Equal(t, second.Hash, r.Status.Revert.TxHash)
		require.Equal(t, second.Hash, r.Hash)
	})

	t.Run("a wrong key is no revert", func(t *testing.T) {
		wrong, err := starknet.NewLocalKey([32]byte{31: 1})
		require.NoError(t, err)
		impostor := starknet.NewAccount(rpc, starknet.Sepolia, sender, wrong)
		_, err = impostor.Execute(ctx, transfer(amount(1))...)
		require.ErrorIs(t, err, starknet.ErrValidation)
		require.ErrorContains(t, err, "Account: invalid signature")
		var revert *slastream.RevertError
		require.NotErrorAs(t, err, &revert)
	})

	t.Run("a wrong chain is no chain", func(t *testing.T) {
		lost := starknet.NewAccount(rpc, starknet.Mainnet, sender, key)
		_, err := lost.Execute(ctx, transfer(amount(1))...)
		require.ErrorIs(t, err, starknet.ErrChain)
	})

	t.Run("storage is read by raw key", func(t *testing.T) {
		// The token as if it were an escrow: its class has no such variables, so
		// they are 0, in whatever form this node wants the question.
		escrow := starknet.NewEscrow(rpc, token.Address())
		for range 2 {
			paused, err := escrow.Paused(ctx)
			require.NoError(t, err)
			require.False(t, paused)
		}
		_, err := starknet.NewEscrow(rpc, other).Paused(ctx)
		require.ErrorContains(t, err, "Contract not found")
	})
}

// requirePoor wants a revert for want of tokens: the classes of STRK that the
// two nodes have differ in the words.
func requirePoor(t *testing.T, err error) {
	t.Helper()
	var revert *slastream.RevertError
	require.ErrorAs(t, err, &revert)
	require.Contains(t, []string{"u256_sub Overflow", "ERC20: insufficient balance"}, revert.Reason)
}

package starknet_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// TestSenderOnDevnet has several calls at once on one account of a real node,
// which refuses every nonce ahead of the account's.
func TestSenderOnDevnet(t *testing.T) {
	for _, p := range devnetPrograms(t) {
		t.Run(filepath.Base(p), func(t *testing.T) { testSenderOnDevnet(t, startDevnet(t, p)) })
	}
}

func testSenderOnDevnet(t *testing.T, rpc *jsonrpc.Client) {
	const calls, workers = 60, 8
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var list []struct {
		Address string `json:"address"`
		Secret  string `json:"private_key"`
	}
	require.NoError(t, rpc.CallContext(ctx, &list, "devnet_getPredeployedAccounts"))
	key, err := starknet.NewLocalKey(wordOf(t, list[1].Secret))
	require.NoError(t, err)
	sender, token := addressOf(t, list[1].Address), addressOf(t, strk)
	account := starknet.NewAccount(rpc, starknet.Sepolia, sender, key, starknet.WithPoll(10*time.Millisecond), starknet.WithFees(starknet.Fees{Tip: 5}))
	first, err := account.Nonce(ctx)
	require.NoError(t, err)
	transfer := func(n int) starknet.Call {
		to, err := starknet.FeltFromWord(recipient(n).Word())
		require.NoError(t, err)
		low, high := starknet.SplitU256(attestation.WordFromUint64(uint64(n + 1)))
		return starknet.NewCall(token, "transfer", to, low, high)
	}
	store := new(recorder)
	s := starknet.NewSender(account, starknet.SenderOptions{OnSigned: store.signed})
	numbers := make(chan int, calls)
	for n := range calls {
		numbers <- n
	}
	close(numbers)
	var group sync.WaitGroup
	failed := make(chan error, workers)
	for range workers {
		group.Go(func() {
			for n := range numbers {
				if _, err := s.Execute(ctx, transfer(n)); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		require.NoError(t, err)
	default:
	}
	last, err := account.Nonce(ctx)
	require.NoError(t, err)
	require.Equal(t, first+calls, last)
	require.Len(t, store.txs, calls)
	for n := range calls {
		got, err := starknet.NewERC20(rpc, token).BalanceOf(ctx, recipient(n))
		require.NoError(t, err)
		require.Equal(t, slastream.AmountFromUint64(uint64(n+1)), got)
	}

	t.Run("an empty transaction", func(t *testing.T) {
		r, err := s.Execute(ctx)
		require.NoError(t, err, "what fills a gap")
		require.Nil(t, r.Status.Revert)
	})
	t.Run("signed in custody", func(t *testing.T) {
		keyless := starknet.NewAccount(rpc, starknet.Sepolia, sender, nil)
		nonce, err := keyless.Nonce(ctx)
		require.NoError(t, err)
		u, err := keyless.Build(ctx, []starknet.Call{transfer(calls)}, nonce)
		require.NoError(t, err)
		with, err := account.Build(ctx, []starknet.Call{transfer(calls)}, nonce)
		require.NoError(t, err)
		t.Logf("L2 gas bound without a key %d, with one %d", u.Bounds.L2Gas.Amount, with.Bounds.L2Gas.Amount)
		require.GreaterOrEqual(t, u.Bounds.L2Gas.Amount, with.Bounds.L2Gas.Amount)
		hash, err := starknet.FeltFromWord(u.Hash)
		require.NoError(t, err)
		r, sig, err := key.SignHash(ctx, hash)
		require.NoError(t, err)
		tx, err := u.Signed(r, sig)
		require.NoError(t, err)
		require.NoError(t, keyless.Send(ctx, tx))
		receipt, err := keyless.WaitFor(ctx, tx.Hash, slastream.TxAccepted)
		require.NoError(t, err)
		require.Nil(t, receipt.Status.Revert)
		_, err = account.Bump(ctx, tx)
		require.ErrorIs(t, err, starknet.ErrNonce)
	})
}

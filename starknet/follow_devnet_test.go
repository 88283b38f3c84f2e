package starknet_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/starknet"
)

// TestFollowDevnet compares the places of events, as each version of the RPC
// has them, with the receipts; and follows a chain whose blocks are aborted.
func TestFollowDevnet(t *testing.T) {
	for _, p := range devnetPrograms(t) {
		t.Run(filepath.Base(p), func(t *testing.T) { followDevnet(t, startDevnet(t, p, "--state-archive-capacity", "full")) })
	}
}

func followDevnet(t *testing.T, rpc *jsonrpc.Client) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	mint := func(amount int) {
		require.NoError(t, rpc.CallContext(ctx, nil, "devnet_mint", "0x7", amount, "FRI"))
	}
	token := starknet.NewERC20(rpc, addressOf(t, strk))
	escrow := starknet.NewEscrow(rpc, addressOf(t, strk)) // for Head only
	history := token.History(starknet.WithPollTime(10 * time.Millisecond))
	for i := range 4 {
		mint(i + 1)
	}
	head, err := escrow.Head(ctx)
	require.NoError(t, err)

	list := collect(t, history, 0, head)
	require.NotEmpty(t, list)
	for _, e := range list {
		var receipt struct {
			Number uint64           `json:"block_number"`
			Hash   attestation.Word `json:"block_hash"`
			Events []struct{ Keys, Data []string }
		}
		require.NoError(t, rpc.CallContext(ctx, &receipt, "starknet_getTransactionReceipt", feltOf(t, e.ID.TxHash.String()).String()))
		require.Equal(t, receipt.Number, e.BlockNumber)
		require.Equal(t, receipt.Hash, e.BlockHash)
		log := receipt.Events[e.ID.Index]
		want, err := starknet.ParseTokenEvent(feltsOf(t, log.Keys), feltsOf(t, log.Data))
		require.NoError(t, err)
		require.Equal(t, want, e.Event)
	}

	// The hash of a block of devnet says nothing of what is in it: as many other
	// blocks in place of those that are aborted would be the same blocks. So
	// first let the follower see that the chain is shorter.
	l := ledger[starknet.Transfer]{TB: t}
	phase := 0
	for u, err := range history.Follow(ctx, starknet.Cursor{}) {
		require.NoError(t, err)
		l.apply(u)
		if len(l.held) != len(list) {
			continue
		}
		require.Equal(t, list, l.held)
		if phase++; phase == 3 {
			break
		}
		if phase == 1 {
			require.NoError(t, rpc.CallContext(ctx, nil, "devnet_abortBlocks", map[string]any{"block_number": head - 1}))
			head -= 2
		} else {
			for i := range 3 {
				mint(100 + i)
			}
			head += 3
		}
		list = collect(t, history, 0, head)
	}
	require.Equal(t, 3, phase)
	require.Positive(t, l.retracted)
}

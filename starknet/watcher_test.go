package starknet_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// TestClientFollows holds that a client of package slastream reads a real
// binding, and that what it follows is what [starknet.History.Follow] yields:
// through a restart and a reorganisation, in which it retracts what it was shown.
func TestClientFollows(t *testing.T) {
	node := simulated.New(simulated.Options{})
	escrow := starknet.NewEscrow(jsonrpc.NewClient("http://in.process/rpc", node.Client()), node.Escrow())
	client, err := slastream.NewClient(slastream.Config{Escrow: escrow, State: escrow, Watcher: escrow.Watcher(starknet.WithPollTime(1))})
	require.NoError(t, err)

	pause(t.Context(), node)
	pause(t.Context(), node)
	seen, cursor := followed(t, client, slastream.Cursor{}, nil, 2)
	i := 0
	for update, err := range escrow.Follow(t.Context(), starknet.Cursor{}) {
		require.NoError(t, err)
		require.Equal(t, slastream.ChainEvent{
			Event: slastream.Paused{By: node.Accounts()[0].Address}, ID: slastream.EventID(update.ID), TxIndex: update.TxIndex,
			BlockNumber: update.BlockNumber, BlockHash: update.BlockHash,
			Cursor: slastream.Cursor{Block: update.Cursor.Block, Hash: update.Cursor.Hash, Event: slastream.EventID(update.Cursor.Event)},
		}, seen[i])
		if i++; i == len(seen) {
			break
		}
	}
	require.NotZero(t, cursor.Hash)

	_, err = node.Abort(seen[1].BlockNumber)
	require.NoError(t, err)
	node.IncreaseTime(1) // or the same block comes again
	node.Mine()
	pause(t.Context(), node)
	got, _ := followed(t, client, cursor, seen, 2)
	lost := seen[1]
	lost.Retracted, lost.Cursor = true, got[0].Cursor
	require.Equal(t, lost, got[0])
	require.Equal(t, seen[0].BlockNumber, got[0].Cursor.Block)
	require.False(t, got[1].Retracted)
	require.NotEqual(t, seen[1].BlockHash, got[1].BlockHash)

	for _, err := range client.Follow(t.Context(), slastream.Cursor{Event: lost.ID}) {
		require.ErrorContains(t, err, "cursor with an event and without a block hash")
	}
}

// followed returns the next events.
func followed(t *testing.T, client *slastream.Client, from slastream.Cursor, seen []slastream.ChainEvent, n int) (events []slastream.ChainEvent, cursor slastream.Cursor) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for event, err := range client.Follow(ctx, from, seen...) {
		require.NoError(t, err)
		if events, cursor = append(events, event), event.Cursor; len(events) == n {
			break
		}
	}
	require.Len(t, events, n)
	return events, cursor
}

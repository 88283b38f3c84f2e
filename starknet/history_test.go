package starknet_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

func emitted(block int, tx string, name string, keys ...string) map[string]any {
	return map[string]any{"from_address": "0xee", "block_number": block, "block_hash": "0xb", "transaction_hash": tx,
		"keys": append([]string{starknet.Selector(name).String()}, keys...), "data": []string{"0x9"}}
}

func TestEvents(t *testing.T) {
	node := newScript(t)
	pages := map[string]any{
		"":  map[string]any{"events": []any{emitted(5, "0x1", "Paused"), emitted(5, "0x1", "Unpaused")}, "continuation_token": "a"},
		"a": map[string]any{"events": []any{}, "continuation_token": "b"},
		"b": map[string]any{"events": []any{emitted(5, "0x1", "Paused"), emitted(5, "0x2", "BatchReleased"), emitted(5, "0x2", "Paused")}, "continuation_token": "c"},
		"c": map[string]any{"events": []any{emitted(7, "0x3", "Unpaused")}},
	}
	node.on("starknet_getEvents", func(params []json.RawMessage) (any, error) {
		require.Len(t, params, 1)
		var f struct {
			Token string `json:"continuation_token"`
			Size  int    `json:"chunk_size"`
		}
		require.NoError(t, json.Unmarshal(params[0], &f))
		require.LessOrEqual(t, f.Size, 1024)
		require.Contains(t, string(params[0]), `"from_block":{"block_number":5},"to_block":{"block_number":7},"address":"0xee"`)
		return pages[f.Token], nil
	})
	escrow := starknet.NewEscrow(node.client(), escrowAddress)
	by := slastream.Address{31: 9}
	at := func(block uint64, tx uint64, index int, e slastream.Event) starknet.HistoryEvent {
		return starknet.HistoryEvent{Event: e, BlockNumber: block, BlockHash: attestation.WordFromUint64(0xb), TxHash: attestation.WordFromUint64(tx), Index: index}
	}
	want := []starknet.HistoryEvent{
		at(5, 1, 0, slastream.Paused{By: by}), at(5, 1, 1, slastream.Unpaused{By: by}), at(5, 1, 2, slastream.Paused{By: by}),
		at(5, 2, 1, slastream.Paused{By: by}), at(7, 3, 0, slastream.Unpaused{By: by}),
	}
	var got []starknet.HistoryEvent
	for e, err := range escrow.Events(t.Context(), 5, 7) {
		require.NoError(t, err)
		got = append(got, e)
	}
	require.Equal(t, want, got)
	for range escrow.Events(t.Context(), 5, 7) {
		break // must not go on
	}

	bad := func(field string, value any) map[string]any {
		e := emitted(6, "0x1", "Paused")
		e[field] = value
		return map[string]any{"events": []any{e}}
	}
	for name, page := range map[string]any{
		"an event of another contract": bad("from_address", "0xef"),
		"an event before the range":    bad("block_number", 4),
		"an event after the range":     bad("block_number", 8),
		"an event without a block":     bad("block_number", nil),
		"the same token for ever":      map[string]any{"events": []any{}, "continuation_token": "a"},
		"blocks out of order":          map[string]any{"events": []any{emitted(7, "0x1", "Paused"), emitted(6, "0x2", "Paused")}},
	} {
		pages[""], pages["a"] = page, map[string]any{"events": []any{}, "continuation_token": "a"}
		before := node.count("starknet_getEvents")
		var last error
		for _, err := range escrow.Events(t.Context(), 5, 7) {
			last = err
		}
		require.ErrorIs(t, last, starknet.ErrBadAnswer, name)
		require.LessOrEqual(t, node.count("starknet_getEvents")-before, 3, name)
	}
	pages[""] = bad("data", []string{"0x1", "0x2"})
	for _, err := range escrow.Events(t.Context(), 5, 7) {
		require.ErrorIs(t, err, starknet.ErrMalformed)
	}
}

func TestHead(t *testing.T) {
	node := newScript(t)
	node.answer("starknet_blockNumber", 77)
	n, err := starknet.NewEscrow(node.client(), escrowAddress).Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(77), n)
}

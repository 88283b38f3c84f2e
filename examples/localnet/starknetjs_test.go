package main

import (
	"testing"

	"github.com/ethereum/go-ethereum/rpc"
	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/stretchr/testify/require"
)

// starknetResult is what testdata/starknetjs/flow.mjs has seen.
type starknetResult struct {
	SpecVersion string
	DealID      attestation.Word
	Deal        struct {
		Client, SP     attestation.Word
		TotalAmount    slastream.Amount `json:"total_amount"`
		ChunkAmount    slastream.Amount `json:"chunk_amount"`
		NumChunks      uint64           `json:"num_chunks,string"`
		ChunksReleased uint64           `json:"chunks_released,string"`
		Collateral     slastream.Amount
		SLADeadline    uint64 `json:"sla_deadline,string"`
		IsActive       bool   `json:"is_active"`
		IsSlashed      bool   `json:"is_slashed"`
	}
	Events   []starknetEvent
	Change   []string           // of the balances, without fees: client, provider, relay, escrow
	After    []slastream.Amount // their balances at the end
	Nonces   []attestation.Word // of client, provider and relay
	Counter  attestation.Word   // of deals, from storage
	Block    struct{ Number, Hash attestation.Word }
	Deployed attestation.Word   // another escrow, with the key (1, 2)
	Hashes   []attestation.Word // of the transactions: create, release, the same again, slash
	Reverts  []string           // of the second release, and of a call with too few arguments
	Codes    []string           // of errors: estimate, call, no entry point, no transaction
}

// A starknetEvent is an event as starknet.js decodes it with the ABI.
type starknetEvent struct {
	Name        string
	DealID      attestation.Word `json:"deal_id"`
	Client, SP  attestation.Word
	Amount      slastream.Amount
	TotalAmount slastream.Amount `json:"total_amount"`
	SlashAmount slastream.Amount `json:"slash_amount"`
	NumChunks   uint64           `json:"num_chunks,string"`
	SLADeadline uint64           `json:"sla_deadline,string"`
	ChunkIndex  uint64           `json:"chunk_index,string"`
}

func (e starknetEvent) event(t *testing.T) slastream.Event {
	client, provider := slastream.Address(e.Client), slastream.Address(e.SP)
	switch e.Name {
	case "DealCreated":
		return slastream.DealCreated{DealID: e.DealID, Client: client, Provider: provider, TotalAmount: e.TotalAmount, NumChunks: e.NumChunks, SLADeadline: e.SLADeadline}
	case "ChunkReleased":
		return slastream.ChunkReleased{DealID: e.DealID, ChunkIndex: e.ChunkIndex, Amount: e.Amount, Provider: provider}
	case "DealSlashed":
		return slastream.DealSlashed{DealID: e.DealID, Provider: provider, SlashAmount: e.SlashAmount, Client: client}
	}
	require.FailNow(t, "an event that the flow does not make", e.Name)
	return nil
}

// TestStarknetJS drives a deal with starknet.js, and compares what it read of
// the node with what package starknet reads.
func TestStarknetJS(t *testing.T) {
	for name, test := range map[string]struct {
		path, version string
		args          []string
	}{
		"RPC 0.9":                   {"", "0.9.0", nil},
		"RPC 0.10":                  {"/v0_10", "0.10.2", nil},
		"a block every 100 ms":      {"", "0.9.0", []string{"-block-time", "100ms"}},
		"signatures of old corelib": {"/v0_9", "0.9.0", []string{"-rules", "legacy"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, line, _ := start(t, test.args...)
			var got starknetResult
			runScript(t, &got, "starknetjs", line, c.Starknet.RPC+test.path)
			require.Equal(t, test.version, got.SpecVersion)
			compareStarknet(t, c, got)
		})
	}
}

func compareStarknet(t *testing.T, c config, got starknetResult) {
	t.Helper()
	ctx := t.Context()
	node, err := rpc.DialContext(ctx, c.Starknet.RPC)
	require.NoError(t, err)
	defer node.Close()
	escrow := starknet.NewEscrow(node, c.Starknet.Escrow)

	deal, err := escrow.Deal(ctx, got.DealID)
	require.NoError(t, err)
	require.Equal(t, deal, slastream.Deal{
		ID: got.DealID, Client: slastream.Address(got.Deal.Client), Provider: slastream.Address(got.Deal.SP),
		Total: got.Deal.TotalAmount, ChunkAmount: got.Deal.ChunkAmount, Chunks: got.Deal.NumChunks, Released: got.Deal.ChunksReleased,
		Collateral: got.Deal.Collateral, Deadline: got.Deal.SLADeadline, Active: got.Deal.IsActive, Slashed: got.Deal.IsSlashed,
	})
	require.True(t, deal.Slashed)
	released, err := escrow.ChunkReleased(ctx, got.DealID, 1)
	require.NoError(t, err)
	require.True(t, released)
	count, err := escrow.DealCount(ctx)
	require.NoError(t, err)
	require.Equal(t, count, got.Counter)

	head, ok := got.Block.Number.Uint64()
	require.True(t, ok)
	i := 0
	for e, err := range escrow.Events(ctx, 0, head) {
		require.NoError(t, err)
		require.Less(t, i, len(got.Events))
		require.Equal(t, e.Event, got.Events[i].event(t))
		i++
	}
	require.Len(t, got.Events, i)
	require.Equal(t, 3, i)

	require.Equal(t, []string{"-100", "100", "0", "0"}, got.Change)
	holders := []slastream.Address{deal.Client, deal.Provider, c.Starknet.Accounts[3].Address, c.Starknet.Escrow}
	token := starknet.NewERC20(node, c.Starknet.Token)
	for i, holder := range holders {
		balance, err := token.BalanceOf(ctx, holder)
		require.NoError(t, err)
		require.Equal(t, balance, got.After[i])
	}
	require.Equal(t, []attestation.Word{attestation.WordFromUint64(1), {}, attestation.WordFromUint64(3)}, got.Nonces)

	key, err := starknet.NewEscrow(node, slastream.Address(got.Deployed)).PublicKey(ctx)
	require.NoError(t, err)
	require.Equal(t, attestation.PublicKey{X: attestation.WordFromUint64(1), Y: attestation.WordFromUint64(2)}, key)

	require.Len(t, got.Hashes, 4)
	for i, hash := range got.Hashes {
		status, err := escrow.Status(ctx, hash)
		require.NoError(t, err)
		require.Equal(t, slastream.TxAccepted, status.State)
		if i != 2 {
			require.Nil(t, status.Revert)
			continue
		}
		require.ErrorIs(t, status.Revert, slastream.ErrChunkReleased)
		require.Contains(t, got.Reverts[0], status.Revert.Reason)
	}
	require.Contains(t, got.Reverts[1], "0x4661696c656420746f20646573657269616c697a6520706172616d202331") // Failed to deserialize param #1
	require.Equal(t, []string{"41", "40", "21", "29"}, got.Codes)
}

package simulated_test

import (
	"encoding/json"
	"testing"

	"github.com/NethermindEth/starknet.go/client"
	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/NethermindEth/starknet.go/utils"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

func TestStateUpdate(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	ctx := t.Context()
	provider, err := rpc.NewProvider(ctx, "http://in.process/rpc", client.WithHTTPClient(c.Client()))
	require.NoError(t, err)
	client, relay, owner := c.Accounts()[1], c.Accounts()[3], c.Accounts()[0]
	c.sent(client, c.create(c.Accounts()[2].Address, 3, 100, 50, 3600)...)
	c.sent(relay, c.release(attest(1, 1)))
	c.sent(owner, call(c.Escrow(), "pause"))
	_, err = c.Mint(slastream.Address{31: 0x23, 30: 1}, slastream.AmountFromUint64(5))
	require.NoError(t, err)
	require.Equal(t, "REVERTED", c.send(relay, c.release(attest(1, 1))).Execution)
	c.Mine()

	deal := starknet.DealStorageKey(attestation.WordFromUint64(1)).String()
	chunk := starknet.ChunkReleasedStorageKey(attestation.WordFromUint64(1), 1).String()
	for number, tt := range []struct {
		escrow []string // keys of the escrow that must be there
		nonces map[string]uint64
	}{
		1: {[]string{deal}, map[string]uint64{feltOf(client.Address).String(): 1}},
		2: {[]string{chunk}, map[string]uint64{feltOf(relay.Address).String(): 1}},
		3: {[]string{utils.GetSelectorFromNameFelt("paused").String()}, map[string]uint64{feltOf(owner.Address).String(): 1}},
		4: {nil, nil},
		5: {nil, map[string]uint64{feltOf(relay.Address).String(): 2}},
		6: {nil, map[string]uint64{}},
	} {
		if number == 0 {
			continue
		}
		update, err := provider.StateUpdate(ctx, rpc.WithBlockNumber(uint64(number)))
		require.NoError(t, err)
		require.Equal(t, get[receipt](c, "starknet_getBlockWithTxHashes", blockNumber(uint64(number))).BlockHash, update.BlockHash.String())
		keys := map[string]bool{}
		for _, e := range diffOf(&update.StateDiff, c.Escrow()) {
			keys[e.Key.String()] = true
		}
		for _, key := range tt.escrow {
			require.Contains(t, keys, key, "block %d", number)
		}
		if tt.escrow == nil {
			require.Empty(t, keys)
		}
		if tt.nonces != nil {
			nonces := map[string]uint64{}
			for _, n := range update.StateDiff.Nonces {
				nonces[n.ContractAddress.String()] = n.Nonce.Uint64()
			}
			require.Equal(t, tt.nonces, nonces, "block %d", number)
		}
		if number < 6 {
			c.requireDiff(&update.StateDiff, blockNumber(uint64(number-1)), blockNumber(uint64(number)))
		} else {
			require.Empty(t, update.StateDiff.StorageDiffs)
		}
	}

	// The keys of a mint are those that starknet-devnet 0.6.1 and 0.10.1 answer.
	update, err := provider.StateUpdate(ctx, rpc.WithBlockNumber(4))
	require.NoError(t, err)
	keys := map[string]string{}
	for _, e := range diffOf(&update.StateDiff, c.Token()) {
		keys[e.Key.String()] = e.Value.String()
	}
	require.Equal(t, "0x5", keys["0x709c6298f62a9011c05499b9f5ccce4ecc3e0753e48096edef484c409c25181"], "balance of 0x123")
	require.Contains(t, keys, "0x110e2f729c9c2b988559994a3daccd838cf52faf88e18101373e67dd061455a", "total supply")
	require.Contains(t, keys, "0x723973208639b7839ce298f7ffea61e3f9533872defd7abdb91023db4658812", "balance of the sequencer")
	require.Len(t, keys, 4, "and of the minter")

	// The first block has everything.
	genesis, err := provider.StateUpdate(ctx, rpc.WithBlockNumber(0))
	require.NoError(t, err)
	require.Contains(t, deployedBy(&genesis.StateDiff), feltOf(c.Escrow()).String())
	require.NotEmpty(t, diffOf(&genesis.StateDiff, client.Address), "its public key")
	c.requireDiff(&genesis.StateDiff, nil, blockNumber(0))

	open := get[map[string]any](c, "starknet_getStateUpdate", "pre_confirmed")
	require.NotContains(t, open, "block_hash")
	require.NotContains(t, open, "new_root")
	require.Equal(t, 24, c.refused("starknet_getStateUpdate", blockNumber(7)).Code)
}

func deployedBy(d *rpc.StateDiff) []string {
	var out []string
	for _, i := range d.DeployedContracts {
		out = append(out, i.Address.String())
	}
	return out
}

// TestStateUpdateOfVersions has what RPC 0.10 added.
func TestStateUpdateOfVersions(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	client := c.Accounts()[1]
	c.sent(client, c.create(c.Accounts()[2].Address, 3, 100, 50, 3600)...)
	newer := &chain{t, c.Node, jsonrpc.NewClient("http://in.process/rpc/v0_10", c.Client())}
	escrow := []any{feltOf(c.Escrow())}
	require.Equal(t, -32602, c.refused("starknet_getStateUpdate", "latest", escrow).Code)
	type update struct {
		Diff struct {
			Storage []struct {
				Address string
				Entries []json.RawMessage `json:"storage_entries"`
			} `json:"storage_diffs"`
			Nonces []json.RawMessage
		} `json:"state_diff"`
	}
	all := get[update](newer, "starknet_getStateUpdate", "latest")
	require.Len(t, all.Diff.Storage, 2, "escrow and token")
	require.Len(t, all.Diff.Nonces, 1)
	only := get[update](newer, "starknet_getStateUpdate", "latest", escrow)
	require.Len(t, only.Diff.Storage, 1)
	require.Equal(t, feltOf(c.Escrow()).String(), only.Diff.Storage[0].Address)
	require.Empty(t, only.Diff.Nonces)

	length := get[struct {
		Length int `json:"state_diff_length"`
	}](newer, "starknet_getBlockWithTxHashes", "latest").Length
	require.Equal(t, len(all.Diff.Storage[0].Entries)+len(all.Diff.Storage[1].Entries)+1, length)
}

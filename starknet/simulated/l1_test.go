package simulated_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/starknet/simulated"
)

func blockNumber(n uint64) map[string]any { return map[string]any{"block_number": n} }

func TestFinality(t *testing.T) {
	c := newChain(t, simulated.Options{Manual: true, Key: attesterKey()})
	client, provider := c.Accounts()[1], c.Accounts()[2].Address
	require.Equal(t, 24, c.refused("starknet_getBlockWithTxHashes", "l1_accepted").Code, "no block is on L1 yet")

	status := func(hash string) string {
		finality := get[receipt](c, "starknet_getTransactionReceipt", hash).Finality
		require.Equal(t, finality, get[receipt](c, "starknet_getTransactionStatus", hash).Finality)
		return finality
	}
	r := c.sent(client, c.create(provider, 3, 100, 50, 3600)...)
	require.Equal(t, "PRE_CONFIRMED", status(r.Hash))
	_, err := c.AcceptOnL1(1)
	require.ErrorContains(t, err, "last sealed block is 0", "an open block is not accepted")
	c.Mine()
	require.Equal(t, "ACCEPTED_ON_L2", status(r.Hash))
	c.Mine()

	accepted, err := c.AcceptOnL1(1)
	require.NoError(t, err)
	require.Len(t, accepted, 2, "the blocks before too")
	require.Equal(t, "ACCEPTED_ON_L1", status(r.Hash))
	type block struct {
		Status       string
		Number       uint64 `json:"block_number"`
		Hash         string `json:"block_hash"`
		Transactions []struct {
			Receipt receipt
		}
	}
	for _, id := range []any{"l1_accepted", blockNumber(1), map[string]any{"block_hash": accepted[0]}} {
		b := get[block](c, "starknet_getBlockWithReceipts", id)
		require.Equal(t, "ACCEPTED_ON_L1", b.Status)
		require.Equal(t, uint64(1), b.Number)
		require.Equal(t, "ACCEPTED_ON_L1", b.Transactions[0].Receipt.Finality)
	}
	require.Equal(t, "ACCEPTED_ON_L2", get[block](c, "starknet_getBlockWithReceipts", "latest").Status)
	again, err := c.AcceptOnL1(0)
	require.NoError(t, err)
	require.Empty(t, again)

	// What every other method makes of the tag.
	address := feltOf(client.Address)
	require.Equal(t, "0x1", get[string](c, "starknet_getNonce", "l1_accepted", address))
	require.Equal(t, c.balance(blockNumber(1), client.Address), c.balance("l1_accepted", client.Address))
	require.Equal(t, 1, get[int](c, "starknet_getBlockTransactionCount", "l1_accepted"))

	_, err = c.Abort(1)
	require.EqualError(t, err, "simulated: abort from block 1: want 2 to 3")
	require.Equal(t, "Block accepted on L1 can't be aborted", c.refused("devnet_abortBlocks", blockNumber(1)).Message)
	_, err = c.Abort(2)
	require.NoError(t, err)
}

// TestDevnetAcceptOnL1 holds the answers of starknet-devnet 0.6.1 and 0.10.1.
func TestDevnetAcceptOnL1(t *testing.T) {
	c := newChain(t, simulated.Options{})
	for range 3 {
		c.Mine()
	}
	hash := func(number uint64) string {
		return get[struct {
			Hash string `json:"block_hash"`
		}](c, "starknet_getBlockWithTxHashes", blockNumber(number)).Hash
	}
	type answer struct{ Accepted []string }
	require.Equal(t, []string{hash(1), hash(0)}, get[answer](c, "devnet_acceptOnL1", blockNumber(1)).Accepted)
	require.Equal(t, []string{hash(3), hash(2)}, get[answer](c, "devnet_acceptOnL1", "latest").Accepted)
	for _, tt := range []struct {
		id   any
		text string
	}{
		{"latest", "Block already accepted on L1"},
		{"l1_accepted", "Block already accepted on L1"},
		{map[string]any{"block_hash": hash(0)}, "Block already accepted on L1"},
		{"pre_confirmed", "Pre-confirmed block cannot be accepted on L1"},
		{blockNumber(4), "No block found"},
		{map[string]any{"block_hash": "0x5"}, "No block found"},
	} {
		e := c.refused("devnet_acceptOnL1", tt.id)
		require.Equal(t, -1, e.Code)
		require.Equal(t, tt.text, e.Message)
	}
	require.Equal(t, -32602, c.refused("devnet_acceptOnL1").Code)
}

package starknet_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

func TestSettled(t *testing.T) {
	for _, version := range []string{"v0_9", "v0_10"} {
		t.Run(version, func(t *testing.T) {
			c := newCity(t, simulated.Options{})
			c.caller.Caller = jsonrpc.NewClient("http://in.process/rpc/"+version, c.node.Client())
			relay := c.escrow(3)
			deal := c.create(c.node.Accounts()[2].Address, 2, 9000)
			head := func() uint64 {
				n, err := relay.Head(t.Context())
				require.NoError(t, err)
				return n
			}
			created := head()
			settled := func(released bool, chunks, paid uint64) {
				t.Helper()
				is, err := relay.ChunkSettled(t.Context(), deal, 1)
				require.NoError(t, err)
				require.Equal(t, released, is)
				d, err := relay.DealSettled(t.Context(), deal)
				require.NoError(t, err)
				require.Equal(t, chunks, d.Chunks)
				require.Equal(t, paid, d.Released)
				require.Equal(t, chunks > paid, d.Active)
			}
			accept := func(block uint64) {
				_, err := c.node.AcceptOnL1(block)
				require.NoError(t, err)
			}
			settled(false, 0, 0) // no block is accepted on L1
			accept(0)
			settled(false, 0, 0) // none that holds the contract, or the deal
			accept(created)
			settled(false, 2, 0)
			require.NoError(t, relay.Release(t.Context(), c.sign(deal, 1)))
			first := head()
			require.NoError(t, relay.Release(t.Context(), c.sign(deal, 0)))
			settled(false, 2, 0)
			accept(first)
			settled(true, 2, 1)
			accept(head())
			settled(true, 2, 2)
		})
	}
}

// TestSettledBadAnswers: what is not known to be accepted on L1 is not said to be.
func TestSettledBadAnswers(t *testing.T) {
	broken := errors.New("connection lost")
	for name, test := range map[string]struct {
		impair func(c *city)
		want   error
	}{
		"the block cannot be told": {func(c *city) { c.caller.before = failing("starknet_getBlockWithTxHashes", broken) }, broken},
		"a node that answers with a newer block": {func(c *city) {
			c.caller.after = edited(c, "starknet_getBlockWithTxHashes", func(block map[string]any) { block["status"] = "ACCEPTED_ON_L2" })
		}, starknet.ErrBadAnswer},
		"the state cannot be told": {func(c *city) {
			c.caller.before = func(method string, _ []any) error {
				if method == "starknet_getStorageAt" || method == "starknet_call" {
					return broken
				}
				return nil
			}
		}, broken},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCity(t, simulated.Options{})
			deal := c.create(c.node.Accounts()[2].Address, 2, 9000)
			relay := c.escrow(3)
			head, err := relay.Head(t.Context())
			require.NoError(t, err)
			_, err = c.node.AcceptOnL1(head)
			require.NoError(t, err)
			test.impair(c)
			_, err = relay.ChunkSettled(t.Context(), deal, 0)
			require.ErrorIs(t, err, test.want)
			_, err = relay.DealSettled(t.Context(), deal)
			require.ErrorIs(t, err, test.want)
		})
	}
}

package simulated_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/starknet/simulated"
)

// everything is what the node says of itself, to be compared.
func (c *chain) everything() string {
	c.Helper()
	out := ""
	for number := range get[uint64](c, "starknet_blockNumber") + 1 {
		out += string(get[json.RawMessage](c, "starknet_getBlockWithReceipts", blockNumber(number)))
	}
	out += string(get[json.RawMessage](c, "starknet_getBlockWithReceipts", "pre_confirmed"))
	out += string(get[json.RawMessage](c, "starknet_getEvents", map[string]any{"chunk_size": 1000}))
	for _, a := range c.Accounts()[:4] {
		out += fmt.Sprint(c.nonce(a), c.balance("pre_confirmed", a.Address))
	}
	for deal := range uint64(4) {
		out += fmt.Sprint(c.read("pre_confirmed", call(c.Escrow(), "get_deal", amountFelts(deal)...)))
	}
	return out
}

func TestSnapshot(t *testing.T) {
	for _, manual := range []bool{false, true} {
		t.Run(fmt.Sprintf("manual %v", manual), func(t *testing.T) {
			c := newChain(t, simulated.Options{Manual: manual, Key: attesterKey()})
			client, relay, provider := c.Accounts()[1], c.Accounts()[3], c.Accounts()[2].Address
			c.sent(client, c.create(provider, 3, 100, 50, 3600)...)
			open := c.sent(client, c.create(provider, 3, 100, 50, 3600)...)
			want, s := c.everything(), c.Snapshot()

			released := c.sent(relay, c.release(attest(1, 0)))
			later, laterWant := c.Snapshot(), c.everything()
			c.SetTime(start + 3600)
			c.sent(relay, call(c.Escrow(), "slash", amountFelts(2)...))
			c.Mine()
			_, err := c.AcceptOnL1(1)
			require.NoError(t, err)
			require.NotEqual(t, want, c.everything())

			require.NoError(t, c.Restore(later), "a later one first")
			require.Equal(t, laterWant, c.everything())
			for range 2 {
				require.NoError(t, c.Restore(s))
				require.Equal(t, want, c.everything())
				require.Equal(t, 29, c.refused("starknet_getTransactionStatus", released.Hash).Code)
				require.Equal(t, open.Finality, get[receipt](c, "starknet_getTransactionReceipt", open.Hash).Finality)
				require.Equal(t, 24, c.refused("starknet_getBlockWithTxHashes", "l1_accepted").Code)
				c.sent(relay, c.release(attest(2, 1)))
				c.Mine()
			}
			require.ErrorIs(t, c.Restore(later), simulated.ErrSnapshot, "another history has grown there")
			require.NoError(t, c.Restore(s))
			require.Equal(t, want, c.everything())

			_, err = c.Abort(1)
			require.NoError(t, err)
			require.ErrorIs(t, c.Restore(s), simulated.ErrSnapshot)
			require.ErrorIs(t, newChain(t, simulated.Options{}).Restore(s), simulated.ErrSnapshot, "of another node")
			require.ErrorIs(t, c.Restore(simulated.Snapshot{}), simulated.ErrSnapshot)
		})
	}
}

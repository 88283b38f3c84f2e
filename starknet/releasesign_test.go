package starknet_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// TestSignReleases: what is signed is not sent, has the nonce that was asked
// for, and pays every chunk once it is.
func TestSignReleases(t *testing.T) {
	c := newCity(t, simulated.Options{})
	provider := c.node.Accounts()[2].Address
	a, b := c.create(provider, 30, 9000), c.create(provider, 30, 9000)
	relay := c.escrow(3)
	require.Equal(t, c.node.Accounts()[3].Address, relay.Account())
	var items []attestation.Signed
	for chunk := range uint64(20) {
		items = append(items, c.sign(a, chunk), c.sign(b, 29-chunk))
	}
	nonce, err := relay.Nonce(t.Context())
	require.NoError(t, err)
	tx, err := relay.SignReleases(t.Context(), items, nonce)
	require.NoError(t, err)
	require.Zero(t, c.caller.calls["starknet_addInvokeTransaction"]-2, "only the deals were sent")
	require.Equal(t, nonce, tx.Nonce)
	require.Equal(t, relay.Account(), tx.Sender)
	later, err := relay.SignReleases(t.Context(), items[:2], nonce+5)
	require.NoError(t, err, "a nonce ahead of its turn")
	require.Equal(t, nonce+5, later.Nonce)

	require.NoError(t, relay.Send(t.Context(), tx))
	status, err := relay.Status(t.Context(), tx.Hash)
	require.NoError(t, err)
	require.Equal(t, slastream.TxAccepted, status.State)
	require.Nil(t, status.Revert)
	for _, s := range items {
		paid, err := relay.ChunkReleased(t.Context(), s.Attestation.DealID, s.Attestation.ChunkIndex)
		require.NoError(t, err)
		require.True(t, paid)
	}
	_, err = relay.SignReleases(t.Context(), []attestation.Signed{c.sign(a, 25)}, nonce)
	require.ErrorIs(t, err, starknet.ErrNonce, "the nonce is used")
}

func TestSignReleasesRefuses(t *testing.T) {
	c := newCity(t, simulated.Options{})
	deal := c.create(c.node.Accounts()[2].Address, 50, 9000)
	relay := c.escrow(3)
	nonce, err := relay.Nonce(t.Context())
	require.NoError(t, err)
	good := []attestation.Signed{c.sign(deal, 0), c.sign(deal, 1), c.sign(deal, 2)}

	_, err = starknet.NewEscrow(c.caller, c.node.Escrow()).SignReleases(t.Context(), good, nonce)
	require.ErrorIs(t, err, starknet.ErrNoAccount)
	require.Zero(t, starknet.NewEscrow(c.caller, c.node.Escrow()).Account())
	_, err = relay.SignReleases(t.Context(), nil, nonce)
	require.ErrorContains(t, err, "there are none")

	for name, test := range map[string]struct {
		item attestation.Signed
		want error
	}{
		"a chunk twice":               {c.sign(deal, 1), slastream.ErrChunkReleased},
		"a chunk that the deal lacks": {c.sign(deal, 50), slastream.ErrChunkOutOfBounds},
		"a deal that there is not":    {c.sign(attestation.WordFromUint64(99), 0), slastream.ErrDealNotActive},
	} {
		_, err := relay.SignReleases(t.Context(), append(good[:3:3], test.item), nonce)
		var revert *slastream.RevertError
		require.ErrorAs(t, err, &revert, name)
		require.ErrorIs(t, err, test.want, name)
		require.Zero(t, revert.TxHash, name)
		var size *starknet.SizeError
		require.NotErrorAs(t, err, &size, name)
	}
	broken := errors.New("connection lost")
	c.caller.before = func(method string, _ []any) error {
		if method == "starknet_estimateFee" {
			return broken
		}
		return nil
	}
	_, err = relay.SignReleases(t.Context(), good, nonce)
	require.ErrorIs(t, err, broken)
	var revert *slastream.RevertError
	require.NotErrorAs(t, err, &revert)
}

// estimates changes the L2 gas of estimates.
func (c *city) estimates(change func(gas uint64) uint64) {
	c.caller.after = func(method, result string) string {
		if method != "starknet_estimateFee" {
			return result
		}
		var list []map[string]string
		require.NoError(c, json.Unmarshal([]byte(result), &list))
		list[0]["l2_gas_consumed"] = fmt.Sprintf("0x%x", change(uint64Of(c, list[0]["l2_gas_consumed"])))
		out, err := json.Marshal(list)
		require.NoError(c, err)
		return string(out)
	}
}

// outOfGas is the data of error 41 of a transaction that used its gas up.
const outOfGas = `{"transaction_index":0,"execution_error":{"selector":"0x1","error":"0x4f7574206f6620676173 ('Out of gas').\n"}}`

// TestSignReleasesTooMany: what does not fit is told apart from what the escrow
// refuses, and the number that it names fits.
func TestSignReleasesTooMany(t *testing.T) {
	for name, impair := range map[string]func(c *city){
		"the estimate is above the limit": func(*city) {},
		"the node says that the gas is used up": func(c *city) {
			c.caller.before = func(method string, params []any) error {
				if method != "starknet_estimateFee" {
					return nil
				}
				var tx struct{ Calldata []string }
				require.NoError(c, json.Unmarshal(params[0].([]json.RawMessage)[0], &tx))
				if uint64Of(c, tx.Calldata[0]) <= 30 {
					return nil
				}
				return &jsonrpc.Error{Code: 41, Message: "Transaction execution error", Data: json.RawMessage(outOfGas)}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCity(t, simulated.Options{})
			deal := c.create(c.node.Accounts()[2].Address, 90, 9000)
			impair(c)
			relay := c.escrow(3)
			nonce, err := relay.Nonce(t.Context())
			require.NoError(t, err)
			var items []attestation.Signed
			for chunk := range uint64(80) {
				items = append(items, c.sign(deal, chunk))
			}
			tries := 0
			for ; ; tries++ {
				tx, err := relay.SignReleases(t.Context(), items, nonce)
				if err == nil {
					require.NotZero(t, tx.Hash)
					break
				}
				var size *starknet.SizeError
				require.ErrorAs(t, err, &size)
				require.Equal(t, len(items), size.Releases)
				require.Equal(t, size.Most, size.Fit())
				require.Less(t, size.Most, len(items))
				require.Positive(t, size.Most)
				require.ErrorContains(t, err, fmt.Sprintf("starknet: %d releases are too many", len(items)))
				require.Equal(t, starknet.ClassPermanent, starknet.Classify(err))
				var revert *slastream.RevertError
				require.NotErrorAs(t, err, &revert, "nobody refused a release")
				items = items[:size.Most]
			}
			require.Positive(t, tries)
			require.LessOrEqual(t, tries, 4)
			require.GreaterOrEqual(t, len(items), 24, "no smaller than needed by far")
		})
	}

	t.Run("one release is never too many", func(t *testing.T) {
		c := newCity(t, simulated.Options{})
		deal := c.create(c.node.Accounts()[2].Address, 2, 9000)
		c.estimates(func(uint64) uint64 { return 1_100_000_000 })
		relay := c.escrow(3)
		nonce, err := relay.Nonce(t.Context())
		require.NoError(t, err)
		_, err = relay.SignReleases(t.Context(), []attestation.Signed{c.sign(deal, 0)}, nonce)
		require.NoError(t, err)
		c.caller.before = failing("starknet_estimateFee", &jsonrpc.Error{Code: 41, Message: "Transaction execution error", Data: json.RawMessage(outOfGas)})
		_, err = relay.SignReleases(t.Context(), []attestation.Signed{c.sign(deal, 0)}, nonce)
		var revert *slastream.RevertError
		require.ErrorAs(t, err, &revert)
		require.Equal(t, "Out of gas", revert.Reason)
	})

	t.Run("an estimate so near the limit that execution may exceed it", func(t *testing.T) {
		c := newCity(t, simulated.Options{})
		deal := c.create(c.node.Accounts()[2].Address, 3, 9000)
		c.estimates(func(uint64) uint64 { return 999_000_000 })
		relay := c.escrow(3)
		nonce, err := relay.Nonce(t.Context())
		require.NoError(t, err)
		_, err = relay.SignReleases(t.Context(), []attestation.Signed{c.sign(deal, 0), c.sign(deal, 1)}, nonce)
		var size *starknet.SizeError
		require.ErrorAs(t, err, &size)
		require.Equal(t, starknet.SizeError{Releases: 2, Most: 1}, *size)
	})
}

// TestEscrowBump: a stored transaction of many releases is replaced by a dearer
// one of the same nonce.
func TestEscrowBump(t *testing.T) {
	c := newCity(t, simulated.Options{})
	deal := c.create(c.node.Accounts()[2].Address, 5, 9000)
	relay := c.escrow(3)
	nonce, err := relay.Nonce(t.Context())
	require.NoError(t, err)
	tx, err := relay.SignReleases(t.Context(), []attestation.Signed{c.sign(deal, 0), c.sign(deal, 1)}, nonce)
	require.NoError(t, err)
	dearer, err := relay.Bump(t.Context(), tx)
	require.NoError(t, err)
	require.Equal(t, tx.Nonce, dearer.Nonce)
	require.NotEqual(t, tx.Hash, dearer.Hash)
	require.NoError(t, relay.Send(t.Context(), dearer))
	require.ErrorIs(t, relay.Send(t.Context(), tx), starknet.ErrNonce, "one of them is included")
	_, err = starknet.NewEscrow(c.caller, c.node.Escrow()).Bump(t.Context(), tx)
	require.ErrorIs(t, err, starknet.ErrNoAccount)
}

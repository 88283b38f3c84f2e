package simulated_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
	"github.com/slastream/slastream-go/starknet/simulated"
)

var _ relay.Batcher = (*starknet.Escrow)(nil)

// TestExtendedOfSDK drives the extended class with package starknet: a batch
// that a signer signed for the node's domain, and a change of owner.
func TestExtendedOfSDK(t *testing.T) {
	key, err := signer.NewLocal([32]byte{31: 9})
	require.NoError(t, err)
	attester, err := signer.New(key)
	require.NoError(t, err)
	for _, path := range []string{"/rpc", "/rpc/v0_10"} {
		t.Run(path, func(t *testing.T) {
			c := newChain(t, simulated.Options{Key: key.PublicKey(), Class: escrow.Extended})
			ctx := t.Context()
			owner, client, relay := c.as(path, c.Accounts()[0]), c.as(path, c.Accounts()[1]), c.as(path, c.Accounts()[3])
			provider := c.Accounts()[2].Address
			for range 2 {
				_, err := client.CreateDeal(ctx, slastream.Terms{Provider: provider, Chunks: 2, ChunkAmount: slastream.AmountFromUint64(100), Collateral: slastream.AmountFromUint64(50), Duration: 3600})
				require.NoError(t, err)
			}
			req := signer.BatchRequest{Domain: c.Domain()}
			for deal := uint64(1); deal <= 2; deal++ {
				for chunk := range uint64(2) {
					req.Items = append(req.Items, signer.BatchItem{Attestation: attestation.Attestation{DealID: attestation.WordFromUint64(deal), ChunkIndex: chunk}})
				}
			}
			req.Items = req.Items[:3]
			signed, err := attester.(signer.BatchSigner).AttestBatch(ctx, req)
			require.NoError(t, err)
			require.ErrorIs(t, relay.ReleaseBatch(ctx, signed.Batch.Items[:2], signed.Signature), slastream.ErrKeyX)
			require.ErrorIs(t, relay.ReleaseBatch(ctx, nil, signed.Signature), slastream.ErrBatchEmpty)
			nonce, err := relay.Nonce(ctx)
			require.NoError(t, err)
			tx, err := relay.SignReleaseBatch(ctx, signed.Batch.Items, signed.Signature, nonce)
			require.NoError(t, err)
			require.NoError(t, relay.Send(ctx, tx))
			require.ErrorIs(t, relay.ReleaseBatch(ctx, signed.Batch.Items, signed.Signature), slastream.ErrDealNotActive)
			for id, released := range map[uint64]uint64{1: 2, 2: 1} {
				deal, err := client.Deal(ctx, attestation.WordFromUint64(id))
				require.NoError(t, err)
				require.Equal(t, released, deal.Released)
				require.Equal(t, released < 2, deal.Active)
			}

			require.ErrorIs(t, client.TransferOwnership(ctx, c.Accounts()[1].Address), slastream.ErrNotOwner)
			require.NoError(t, owner.TransferOwnership(ctx, c.Accounts()[1].Address))
			require.ErrorIs(t, relay.AcceptOwnership(ctx), slastream.ErrNotPendingOwner)
			pending, err := relay.PendingOwner(ctx)
			require.NoError(t, err)
			require.Equal(t, c.Accounts()[1].Address, pending)
			require.NoError(t, client.AcceptOwnership(ctx))
			now, err := relay.Owner(ctx)
			require.NoError(t, err)
			require.Equal(t, c.Accounts()[1].Address, now)
			pending, err = relay.PendingOwner(ctx)
			require.NoError(t, err)
			require.Zero(t, pending)
			version, err := relay.Version(ctx)
			require.NoError(t, err)
			require.Equal(t, "SLAStream extended 1", version)

			head, err := client.Head(ctx)
			require.NoError(t, err)
			var events []slastream.Event
			for e, err := range client.Events(ctx, 0, head) {
				require.NoError(t, err)
				events = append(events, e.Event)
			}
			require.Len(t, events, 2+3+1+2, "two deals, three chunks, one complete, one change of owner")
			c.requireSupply("latest")
		})
	}
}

func TestCompatibleHasNoBatch(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	version, err := c.as("/rpc", c.Accounts()[0]).Version(t.Context())
	require.NoError(t, err)
	require.Empty(t, version, "the reference has no such view")
	pending, err := c.as("/rpc", c.Accounts()[0]).PendingOwner(t.Context())
	require.NoError(t, err)
	require.Zero(t, pending)
	err = c.as("/rpc", c.Accounts()[0]).ReleaseBatch(t.Context(), nil, attestation.Signature{})
	var revert *slastream.RevertError
	require.ErrorAs(t, err, &revert)
	require.Equal(t, "ENTRYPOINT_NOT_FOUND", revert.Reason)
}

// TestExtendedIsTheEmbeddedClass: the node's class has the hash of the class
// that is deployed elsewhere.
func TestExtendedIsTheEmbeddedClass(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey(), Class: escrow.Extended})
	hash, err := attestation.ParseWord(get[string](c, "starknet_getClassHashAt", "latest", c.Escrow()))
	require.NoError(t, err)
	require.Equal(t, cairo.Extended.Hash(), hash)
}

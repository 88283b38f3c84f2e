package starknet_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
)

// TestRelayOnDevnet asks real nodes what a relay and a watchtower ask: how many
// releases fit into a transaction, when a deal was created, and what the block
// under construction holds. Their blocks are made on demand, so that there is
// one.
func TestRelayOnDevnet(t *testing.T) {
	for _, p := range devnetPrograms(t) {
		t.Run(filepath.Base(p), func(t *testing.T) {
			ctx, cancel := timeout(t, 100*time.Second)
			defer cancel()
			relayOnDevnet(t, ctx, &devnet{TB: t, rpc: startDevnet(t, p, "--state-archive-capacity", "full", "--block-generation-on", "demand")})
		})
	}
}

// mine makes a block every 20 ms until stop is called.
func (d *devnet) mine(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_ = d.rpc.CallContext(ctx, nil, "devnet_createBlock")
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() { cancel(); <-done }
}

func (d *devnet) block(ctx context.Context) {
	d.Helper()
	require.NoError(d, d.rpc.CallContext(ctx, nil, "devnet_createBlock"))
}

func relayOnDevnet(t *testing.T, ctx context.Context, d *devnet) {
	key, err := signer.NewLocal([32]byte{31: 9})
	require.NoError(t, err)
	attester, err := signer.New(key)
	require.NoError(t, err)
	stop := d.mine(ctx)
	deployed, err := cairo.Deploy(ctx, d.sender(ctx, 0), cairo.Params{Class: cairo.Compatible, Key: key.PublicKey(), Token: addressOf(t, strk)})
	stop()
	require.NoError(t, err)
	client, account := d.account(ctx, 1), d.account(ctx, 3)
	relay := starknet.NewEscrow(d.rpc, deployed.Address(), starknet.WithAccount(account))
	terms := slastream.Terms{Provider: d.account(ctx, 2).Address(), Chunks: 70, ChunkAmount: slastream.AmountFromUint64(5), Duration: 3600}
	sign := func(deal attestation.Word, chunk uint64) attestation.Signed {
		s, err := attester.Attest(ctx, signer.Request{Attestation: attestation.Attestation{DealID: deal, ChunkIndex: chunk}})
		require.NoError(t, err)
		return s
	}

	created := make([]uint64, 3) // by deal
	for i := range 2 {
		calls, err := relay.CreateDealCalls(ctx, terms)
		require.NoError(t, err)
		send(t, client, calls...)
		d.block(ctx)
		created[i+1], err = relay.Now(ctx)
		require.NoError(t, err)
		require.NoError(t, d.rpc.CallContext(ctx, nil, "devnet_increaseTime", 100))
	}
	one, two := attestation.WordFromUint64(1), attestation.WordFromUint64(2)
	require.InDelta(t, time.Now().Unix(), int64(created[1]), 90)
	require.GreaterOrEqual(t, created[2], created[1]+100)

	t.Run("a deal was created at the time of its block", func(t *testing.T) {
		for deal := range uint64(2) {
			at, err := relay.CreatedAt(ctx, attestation.WordFromUint64(deal+1))
			require.NoError(t, err)
			require.Equal(t, created[deal+1], at)
			d, err := relay.Deal(ctx, attestation.WordFromUint64(deal+1))
			require.NoError(t, err)
			// Made on demand, a block of devnet may be a second later than what its
			// transactions saw.
			require.InDelta(t, at+terms.Duration, d.Deadline, 2)
		}
		_, err := relay.CreatedAt(ctx, attestation.WordFromUint64(3))
		require.ErrorIs(t, err, slastream.ErrNoDeal)
	})

	t.Run("releases of one transaction", func(t *testing.T) {
		nonce, err := relay.Nonce(ctx)
		require.NoError(t, err)
		var items []attestation.Signed
		for chunk := range uint64(60) {
			items = append(items, sign(one, chunk))
		}
		_, err = relay.SignReleases(ctx, append(items[:3:3], sign(one, 1)), nonce)
		require.ErrorIs(t, err, slastream.ErrChunkReleased, "one too often")
		var tx slastream.SignedTx
		for tries := 0; ; tries++ {
			if tx, err = relay.SignReleases(ctx, items, nonce); err == nil {
				break
			}
			size, ok := errors.AsType[*starknet.SizeError](err)
			require.True(t, ok, "%v", err)
			t.Log(err)
			require.Less(t, tries, 6)
			items = items[:size.Fit()]
		}
		t.Logf("%d releases in one transaction", len(items))
		require.GreaterOrEqual(t, len(items), 38)
		require.NoError(t, relay.Send(ctx, tx))
		pending, err := relay.ReleasePending(ctx, one)
		require.NoError(t, err)
		require.True(t, pending)
		pending, err = relay.ReleasePending(ctx, two)
		require.NoError(t, err)
		require.False(t, pending)
		d.block(ctx)
		pending, err = relay.ReleasePending(ctx, one)
		require.NoError(t, err)
		require.False(t, pending)
		status, err := relay.Status(ctx, tx.Hash)
		require.NoError(t, err)
		require.Equal(t, slastream.TxAccepted, status.State)
		require.Nil(t, status.Revert)
		deal, err := relay.Deal(ctx, one)
		require.NoError(t, err)
		require.Equal(t, uint64(len(items)), deal.Released)
	})

	t.Run("a slash is no release", func(t *testing.T) {
		require.NoError(t, d.rpc.CallContext(ctx, nil, "devnet_increaseTime", 4000))
		now, err := relay.Now(ctx)
		require.NoError(t, err)
		require.Greater(t, now, created[2]+terms.Duration)
		send(t, account, relay.SlashCall(two))
		pending, err := relay.ReleasePending(ctx, two)
		require.NoError(t, err)
		require.False(t, pending)
	})
}

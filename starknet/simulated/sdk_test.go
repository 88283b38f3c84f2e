package simulated_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// as is the escrow through package starknet, signed by one of the node's
// accounts.
func (c *chain) as(path string, a simulated.Account) *starknet.Escrow {
	c.Helper()
	caller := jsonrpc.NewClient("http://in.process"+path, c.Client())
	key, err := starknet.NewLocalKey(a.PrivateKey)
	require.NoError(c, err)
	account := starknet.NewAccount(caller, starknet.Sepolia, a.Address, key, starknet.WithPoll(time.Millisecond))
	return starknet.NewEscrow(caller, c.Escrow(), starknet.WithAccount(account))
}

// TestEscrowOfSDK drives deals with package starknet over both generations of
// the RPC.
func TestEscrowOfSDK(t *testing.T) {
	for _, path := range []string{"/rpc", "/rpc/v0_10"} {
		t.Run(path, func(t *testing.T) {
			c := newChain(t, simulated.Options{Key: attesterKey()})
			ctx := t.Context()
			owner, client, relay, stranger := c.as(path, c.Accounts()[0]), c.as(path, c.Accounts()[1]), c.as(path, c.Accounts()[3]), c.as(path, c.Accounts()[4])
			provider := c.Accounts()[2].Address
			terms := slastream.Terms{Provider: provider, Chunks: 3, ChunkAmount: slastream.AmountFromUint64(100), Collateral: slastream.AmountFromUint64(50), Duration: 3600}
			id, err := client.CreateDeal(ctx, terms)
			require.NoError(t, err)
			require.Equal(t, attestation.WordFromUint64(1), id)

			require.NoError(t, relay.Release(ctx, attest(1, 1)))
			require.ErrorIs(t, relay.Release(ctx, attest(1, 1)), slastream.ErrChunkReleased)
			released, err := relay.ChunkReleased(ctx, id, 1)
			require.NoError(t, err)
			require.True(t, released)
			released, err = relay.ChunkReleased(ctx, id, 0)
			require.NoError(t, err)
			require.False(t, released)

			// A transaction that was fine when it was signed and reverts when it
			// comes: the receipt's text, not the estimate's.
			nonce, err := stranger.Nonce(ctx)
			require.NoError(t, err)
			tx, err := stranger.SignRelease(ctx, attest(1, 0), nonce)
			require.NoError(t, err)
			require.NoError(t, relay.Release(ctx, attest(1, 0)))
			require.NoError(t, stranger.Send(ctx, tx))
			status, err := stranger.Status(ctx, tx.Hash)
			require.NoError(t, err)
			require.Equal(t, slastream.TxAccepted, status.State)
			require.Equal(t, "Chunk already released", status.Revert.Reason)

			deal, err := client.Deal(ctx, id)
			require.NoError(t, err)
			require.Equal(t, slastream.Deal{
				ID: id, Client: c.Accounts()[1].Address, Provider: provider, Total: slastream.AmountFromUint64(300), ChunkAmount: slastream.AmountFromUint64(100),
				Chunks: 3, Released: 2, Collateral: slastream.AmountFromUint64(50), Deadline: start + 3600, Active: true,
			}, deal)
			c.SetTime(deal.Deadline - 1)
			require.ErrorIs(t, stranger.Slash(ctx, id), slastream.ErrDeadline)
			c.SetTime(deal.Deadline)
			require.NoError(t, stranger.Slash(ctx, id))

			require.ErrorIs(t, client.Pause(ctx), slastream.ErrNotOwner)
			require.NoError(t, owner.Pause(ctx))
			paused, err := owner.Paused(ctx)
			require.NoError(t, err)
			require.True(t, paused)
			_, err = client.CreateDeal(ctx, terms)
			require.ErrorIs(t, err, slastream.ErrPaused)
			require.NoError(t, owner.Unpause(ctx))

			head, err := client.Head(ctx)
			require.NoError(t, err)
			var events []slastream.Event
			for e, err := range client.Events(ctx, 0, head) {
				require.NoError(t, err)
				events = append(events, e.Event)
			}
			require.Len(t, events, 6)
			require.Equal(t, slastream.Paused{By: c.Accounts()[0].Address}, events[4])
			c.requireSupply("latest")
		})
	}
}

// TestNodeIsModel makes the same random calls on the node, through package
// starknet, and on the model alone: same refusals, same deals, same tokens.
func TestNodeIsModel(t *testing.T) {
	const steps = 60
	c := newChain(t, simulated.Options{Key: attesterKey()})
	ctx := t.Context()
	accounts := c.Accounts()[:4]
	now := uint64(start)
	model := escrow.NewMemory(escrow.Params{Owner: accounts[0].Address, Key: attesterKey(), Token: c.Token(), Address: c.Escrow()}, func() uint64 { return now })
	node := make([]*starknet.Escrow, len(accounts))
	for i, a := range accounts {
		node[i] = c.as("/rpc", a)
		require.NoError(t, model.Mint(a.Address, c.balance("latest", a.Address)))
	}
	random := rand.New(rand.NewPCG(1, 2))
	seen := map[string]int{}
	for range steps {
		i := random.IntN(len(accounts))
		a, b := node[i], model.As(accounts[i].Address)
		deal, chunk := uint64(1+random.IntN(4)), uint64(random.IntN(3))
		var errNode, errModel error
		switch random.IntN(8) {
		case 0, 1:
			terms := slastream.Terms{
				Provider: accounts[random.IntN(len(accounts))].Address, Chunks: uint64(random.IntN(3)),
				ChunkAmount: slastream.AmountFromUint64(uint64(random.IntN(1000))), Duration: uint64(random.IntN(100)),
			}
			_, errNode = a.CreateDeal(ctx, terms)
			_, errModel = b.CreateDeal(ctx, terms)
		case 2, 3, 4:
			signed := attest(deal, chunk)
			if random.IntN(4) == 0 {
				signed.Signature.V ^= 1
			}
			errNode, errModel = a.Release(ctx, signed), b.Release(ctx, signed)
		case 5:
			id := attestation.WordFromUint64(deal)
			errNode, errModel = a.Slash(ctx, id), b.Slash(ctx, id)
		case 6:
			now += uint64(random.IntN(40))
			c.SetTime(now)
		case 7:
			if random.IntN(2) == 0 {
				errNode, errModel = a.Pause(ctx), b.Pause(ctx)
			} else {
				errNode, errModel = node[0].Unpause(ctx), model.As(accounts[0].Address).Unpause(ctx)
			}
		}
		seen[requireSame(t, errModel, errNode)]++
		for id := range uint64(5) {
			want, err := b.Deal(ctx, attestation.WordFromUint64(id))
			require.NoError(t, err)
			got, err := a.Deal(ctx, attestation.WordFromUint64(id))
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		require.Equal(t, model.Balance(c.Escrow()), c.balance("latest", c.Escrow()))
	}
	require.Greater(t, len(seen), 4, "different outcomes: %v", seen)
	c.requireSupply("latest")
}

// requireSame compares two outcomes and returns the reason.
func requireSame(t *testing.T, want, got error) string {
	t.Helper()
	if want == nil {
		require.NoError(t, got)
		return ""
	}
	revert, ok := errors.AsType[*slastream.RevertError](want)
	require.True(t, ok, "%v", want)
	require.ErrorIs(t, got, revert)
	return revert.Reason
}

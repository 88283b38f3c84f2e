package cairo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
)

// TestBatchOfDeals pays chunks of three deals in turn: events as if they were
// released one by one, then one transfer for each run of one provider.
func TestBatchOfDeals(t *testing.T) {
	onDevnets(t, func(t *testing.T, d *devnet) {
		ctx := t.Context()
		strk := addressOf(t, "0x4718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d")
		escrow, err := cairo.Deploy(ctx, d.senders[0], cairo.Params{Class: cairo.Extended, Key: hardhat(t), Token: strk, Owner: d.senders[0].Address})
		require.NoError(t, err)
		one, other := addressOf(t, "0x111"), addressOf(t, "0x222")
		amount := slastream.AmountFromUint64
		openThree(t, escrow, one, other)
		b := chunks(escrow, [2]uint64{1, 0}, [2]uint64{2, 1}, [2]uint64{1, 1}, [2]uint64{3, 0}, [2]uint64{3, 1}, [2]uint64{1, 2})
		r, err := d.account(0).Execute(ctx, batchCall(escrow, b, sign(t, b.Digest())))
		require.NoError(t, err)

		var events []slastream.Event
		var moved []starknet.TokenEvent
		for _, l := range r.Logs {
			if l.From == escrow.Address() {
				e, err := starknet.ParseEvent(l.Keys, l.Data)
				require.NoError(t, err)
				events = append(events, e)
			} else if e, err := starknet.ParseTokenEvent(l.Keys, l.Data); err == nil {
				moved = append(moved, e)
			}
		}
		id := attestation.WordFromUint64
		require.Equal(t, []slastream.Event{
			slastream.ChunkReleased{DealID: id(1), ChunkIndex: 0, Amount: amount(100), Provider: one},
			slastream.ChunkReleased{DealID: id(2), ChunkIndex: 1, Amount: amount(10), Provider: one},
			slastream.ChunkReleased{DealID: id(1), ChunkIndex: 1, Amount: amount(100), Provider: one},
			slastream.ChunkReleased{DealID: id(3), ChunkIndex: 0, Amount: amount(7), Provider: other},
			slastream.ChunkReleased{DealID: id(3), ChunkIndex: 1, Amount: amount(7), Provider: other},
			slastream.DealCompleted{DealID: id(3), Provider: other, TotalPaid: amount(14)},
			slastream.ChunkReleased{DealID: id(1), ChunkIndex: 2, Amount: amount(100), Provider: one},
			slastream.DealCompleted{DealID: id(1), Provider: one, TotalPaid: amount(300)},
		}, events)
		require.Equal(t, []starknet.TokenEvent{
			starknet.Transfer{From: escrow.Address(), To: one, Amount: amount(210)},
			starknet.Transfer{From: escrow.Address(), To: other, Amount: amount(17)},
			starknet.Transfer{From: escrow.Address(), To: one, Amount: amount(150)},
		}, moved[:len(moved)-1], "the last is the fee")

		deal, err := escrow.Deal(ctx, id(2))
		require.NoError(t, err)
		require.Equal(t, uint64(1), deal.Released)
		require.True(t, deal.Active)
		for _, done := range []uint64{1, 3} {
			deal, err := escrow.Deal(ctx, id(done))
			require.NoError(t, err)
			require.Equal(t, deal.Chunks, deal.Released)
			require.False(t, deal.Active)
		}
	})
}

// openThree opens deals 1 and 2 of one provider, 3 chunks of 100 and 2 of 10,
// and deal 3 of another, 2 chunks of 7.
func openThree(t *testing.T, escrow *starknet.Escrow, one, other slastream.Address) {
	t.Helper()
	amount := slastream.AmountFromUint64
	for _, terms := range []slastream.Terms{
		{Provider: one, Chunks: 3, ChunkAmount: amount(100), Collateral: amount(50), Duration: 3600},
		{Provider: one, Chunks: 2, ChunkAmount: amount(10), Collateral: amount(5), Duration: 3600},
		{Provider: other, Chunks: 2, ChunkAmount: amount(7), Collateral: amount(3), Duration: 3600},
	} {
		_, err := escrow.CreateDeal(t.Context(), terms)
		require.NoError(t, err)
	}
}

// chunks returns a batch of chunks, each the number of a deal and an index.
func chunks(escrow *starknet.Escrow, list ...[2]uint64) attestation.Batch {
	b := attestation.Batch{Domain: attestation.Domain{ChainID: starknet.Sepolia, Escrow: escrow.Address().Word()}}
	for _, i := range list {
		b.Items = append(b.Items, attestation.Attestation{DealID: attestation.WordFromUint64(i[0]), ChunkIndex: i[1],
			ProofSetID: attestation.WordFromUint64(42), RootCID: attestation.Word{0xbe, 31: 0xef}, Timestamp: 1000})
	}
	return b
}

package pgstore_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/pgstore"
)

// TestVersion1 opens tables that the first version of this package has made and
// filled (testdata/version1.sql, by pg_dump) and finds all that was in them.
func TestVersion1(t *testing.T) {
	sql, err := os.ReadFile("testdata/version1.sql")
	require.NoError(t, err)
	ctx := context.Background()
	schema := newSchema(t)
	pool := connect(t, serverURL(t))
	_, err = pool.Exec(ctx, strings.ReplaceAll(string(sql), "slastream_version1", schema))
	require.NoError(t, err)
	got, err := pgstore.Open(ctx, pool, schema)
	require.NoError(t, err)
	want := relay.NewMemoryStore()
	fillVersion1(t, want)

	same(t, want.Tracks(ctx, relay.TrackQuery{}), got.Tracks(ctx, relay.TrackQuery{}))
	same(t, want.Chunks(ctx, relay.ChunkQuery{}), got.Chunks(ctx, relay.ChunkQuery{}))
	same(t, want.Chunks(ctx, relay.ChunkQuery{Due: 1 << 40}), got.Chunks(ctx, relay.ChunkQuery{Due: 1 << 40}))
	same(t, want.Transactions(ctx, account, 1<<40), got.Transactions(ctx, account, 1<<40))
	cursor, err := got.Cursor(ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(4_000_000), cursor)
	for _, scope := range []string{"", "0x7"} {
		before, err := want.Spent(ctx, scope, 0)
		require.NoError(t, err)
		after, err := got.Spent(ctx, scope, 0)
		require.NoError(t, err)
		require.Equal(t, before, after)
	}
	before, err := want.Stats(ctx)
	require.NoError(t, err)
	after, err := got.Stats(ctx)
	require.NoError(t, err)
	require.Equal(t, before, after)
	lease, err := got.Lease(ctx, account.String(), "another", time.Minute)
	require.NoError(t, err, "the lease ran out long ago")
	require.Equal(t, uint64(2), lease.Token)
}

// fillVersion1 makes what is in testdata/version1.sql.
func fillVersion1(t *testing.T, s relay.Store) {
	ctx := context.Background()
	word := attestation.WordFromUint64
	track := func(deal uint64) relay.Track {
		return relay.Track{
			Binding: relay.Binding{Deal: word(deal), Set: word(100 + deal), StartEpoch: 3_000_000}, Provider: slastream.Address{31: byte(deal)},
			Amount: slastream.AmountFromUint64(1_000_000_000_000_000_000), Chunks: 30, Deadline: 1_900_000_000, Next: 3_000_000, Behind: deal == 2,
		}
	}
	require.NoError(t, s.Bind(ctx, track(1)))
	require.NoError(t, s.Bind(ctx, track(2)))
	chunk := func(index uint64) relay.Chunk {
		return relay.Chunk{
			Deal: word(1), Index: index, Amount: slastream.AmountFromUint64(1_000_000_000_000_000_000), Provider: slastream.Address{31: 1},
			Proof: slastream.Proof{
				Evidence: attestation.Evidence{
					ChainID: 314, Verifier: attestation.EthereumAddress{19: 9}, SetID: word(101), Period: 3_000_000 + 2880*index,
					TxHash: word(11), BlockHash: word(12), BlockNumber: 3_000_100 + 2880*index, LogIndex: 4,
				},
				RootCID: word(13), Timestamp: 1_800_000_000,
			},
			Observed: 1_800_000_000_000 + index, Updated: 1_800_000_000_000,
		}
	}
	first := track(1)
	first.Version, first.Earned = 1, 4
	require.NoError(t, s.Observe(ctx, relay.Observation{Next: 4_000_000, Tracks: []relay.Track{first}, Chunks: []relay.Chunk{chunk(0), chunk(1), chunk(2), chunk(3)}}))

	lease, err := s.Lease(ctx, account.String(), "version 1", time.Millisecond)
	require.NoError(t, err)
	id := relay.TxID{Sender: account, Nonce: 1<<64 - 1}
	signed := func(index uint64) attestation.Signed {
		return attestation.Signed{
			Attestation: attestation.Attestation{DealID: word(1), ChunkIndex: index, ProofSetID: word(101), RootCID: word(13), Timestamp: 1_800_000_000},
			Signature:   attestation.Signature{R: word(21), S: word(22), V: 1},
		}
	}
	stored, waits, refused := chunk(0), chunk(1), chunk(2)
	stored.Version, waits.Version, refused.Version = 1, 1, 1
	stored.State, stored.Tx, stored.Signed, stored.Batched, stored.Counted = relay.Stored, id, signed(0), true, true
	waits.State, waits.Signed = relay.Attested, signed(1)
	waits.Retry = relay.Retry{Attempts: 3, At: 1_800_000_001_000, Class: relay.ClassReverted, Reason: "cut in a r\xc3"}
	refused.State, refused.TxHash = relay.Refused, word(23)
	require.NoError(t, s.Commit(ctx, relay.Change{
		Lease:  lease,
		Chunks: []relay.Chunk{stored, waits, refused},
		Put: []relay.Transaction{{
			TxID: id, State: relay.Sent, Due: 7, Stored: 8, Chunks: []relay.ChunkID{stored.ID()},
			Signed: []slastream.SignedTx{{Hash: word(31), Sender: account, Nonce: id.Nonce, Body: []byte(`{"type":"INVOKE"}`)}},
		}},
		Spend: []relay.Spend{
			{Scope: "", Hour: 500_000, Amount: slastream.AmountFromUint64(5)},
			{Scope: "0x7", Hour: 500_001, Amount: slastream.AmountFromWord(attestation.Word{0: 0xff})},
		},
	}))
}

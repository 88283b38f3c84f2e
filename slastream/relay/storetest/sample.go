package storetest

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

const maxUint = 1<<64 - 1

// noon is a time in Unix milliseconds.
const noon = 1_700_000_000_000

func word(n uint64) attestation.Word { return attestation.WordFromUint64(n) }

// top is 2^256 − 1.
func top() attestation.Word { return attestation.Word(bytes.Repeat([]byte{0xff}, 32)) }

func address(n uint64) slastream.Address { return slastream.Address(word(n)) }

// fill is a word of one byte, repeated.
func fill(b byte) attestation.Word { return attestation.Word(bytes.Repeat([]byte{b}, 32)) }

// track is a binding of a deal to a data set.
func track(deal, set uint64) relay.Track {
	return relay.Track{
		Binding:  relay.Binding{Deal: word(deal), Set: word(set), StartEpoch: 4_000_000},
		Provider: address(0x5eed + deal),
		Amount:   slastream.AmountFromUint64(250),
		Chunks:   12,
		Deadline: 1_800_000_000,
		Next:     4_000_000,
	}
}

// chunk is a chunk of a deal with a proving period of its own.
func chunk(deal, index uint64) relay.Chunk {
	c := relay.Chunk{
		Deal:     word(deal),
		Index:    index,
		Amount:   slastream.AmountFromUint64(250),
		Provider: address(0x5eed + deal),
		Observed: noon + index,
		Updated:  noon + index,
	}
	c.Proof.ChainID = 314159
	c.Proof.Verifier = attestation.EthereumAddress(bytes.Repeat([]byte{0xaa}, 20))
	c.Proof.SetID = word(1000 + deal)
	c.Proof.Period = 4_000_000 + 2880*index
	c.Proof.TxHash = fill(byte(deal))
	c.Proof.BlockHash = fill(byte(index))
	c.Proof.BlockNumber = c.Proof.Period + 7
	c.Proof.LogIndex = 3
	c.Proof.RootCID = fill(0x0c)
	c.Proof.Timestamp = 1_700_000_000
	return c
}

// transaction is a signed release of chunks.
func transaction(sender, nonce uint64, ids ...relay.ChunkID) relay.Transaction {
	id := relay.TxID{Sender: address(sender), Nonce: nonce}
	return relay.Transaction{TxID: id, Signed: []slastream.SignedTx{signed(id, 1)}, Chunks: ids, State: relay.Stored, Stored: noon}
}

// signed is a transaction for a nonce; another one for each n.
func signed(id relay.TxID, n byte) slastream.SignedTx {
	hash := fill(n)
	hash[0], hash[1] = byte(id.Nonce), id.Sender[31]
	return slastream.SignedTx{Hash: hash, Sender: id.Sender, Nonce: id.Nonce, Body: []byte{n, '{', '}'}}
}

// all returns what an iterator yields.
func all[T any](t require.TestingT, seq iter.Seq2[T, error]) []T {
	var list []T
	for v, err := range seq {
		require.NoError(t, err)
		list = append(list, v)
	}
	return list
}

func bind(t *testing.T, s relay.Store, tracks ...relay.Track) {
	t.Helper()
	for _, track := range tracks {
		require.NoError(t, s.Bind(t.Context(), track))
	}
}

// observe adds chunks behind the cursor.
func observe(t *testing.T, s relay.Store, chunks ...relay.Chunk) {
	t.Helper()
	cursor, err := s.Cursor(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Observe(t.Context(), relay.Observation{From: cursor, Next: cursor, Chunks: chunks}))
}

// get returns a chunk as it is stored.
func get(t *testing.T, s relay.Store, id relay.ChunkID) relay.Chunk {
	t.Helper()
	found := all(t, s.Chunks(t.Context(), relay.ChunkQuery{IDs: []relay.ChunkID{id}}))
	require.Len(t, found, 1, "chunk %v", id)
	return found[0]
}

// getTrack returns a track as it is stored.
func getTrack(t *testing.T, s relay.Store, deal uint64) relay.Track {
	t.Helper()
	w := word(deal)
	found := all(t, s.Tracks(t.Context(), relay.TrackQuery{Deal: &w}))
	require.Len(t, found, 1, "deal %d", deal)
	return found[0]
}

// commit makes a change, with a lease of the sender 1 if it has none and needs one.
func commit(t *testing.T, s relay.Store, c relay.Change) {
	t.Helper()
	if c.Lease.Name == "" && c.NeedsLease() {
		c.Lease = lease(t, s)
	}
	require.NoError(t, s.Commit(t.Context(), c))
}

// update changes a chunk as it is stored.
func update(t *testing.T, s relay.Store, id relay.ChunkID, change func(*relay.Chunk)) {
	t.Helper()
	c := get(t, s, id)
	change(&c)
	commit(t, s, relay.Change{Chunks: []relay.Chunk{c}})
}

func ids(chunks []relay.Chunk) []string {
	list := []string{}
	for _, c := range chunks {
		list = append(list, c.ID().String())
	}
	return list
}

func deals(tracks []relay.Track) []string {
	list := []string{}
	for _, t := range tracks {
		list = append(list, t.Deal.Big().String())
	}
	return list
}

func nonces(txs []relay.Transaction) []uint64 {
	list := []uint64{}
	for _, t := range txs {
		list = append(list, t.Nonce)
	}
	return list
}

// same makes lists without elements equal: a store need not tell an empty one
// from none.
func same(t relay.Transaction) relay.Transaction {
	list := make([]slastream.SignedTx, 0, len(t.Signed))
	for _, s := range t.Signed {
		s.Body = append([]byte{}, s.Body...)
		list = append(list, s)
	}
	t.Signed, t.Chunks = list, append([]relay.ChunkID{}, t.Chunks...)
	return t
}

// contents is all that a store holds, as far as it can be asked for.
type contents struct {
	Cursor       uint64
	Tracks       []relay.Track
	Behind       []string
	Chunks       []relay.Chunk
	Due          []string
	Transactions []relay.Transaction
	Spent        map[string]string
	Stats        relay.Stats
}

// The senders and the scopes that contents asks for.
var (
	senders = []slastream.Address{address(1), address(2)}
	scopes  = []string{"", "a", "b"}
)

func read(t require.TestingT, s relay.Store) contents {
	ctx := context.Background()
	c := contents{Spent: map[string]string{}}
	var err error
	c.Cursor, err = s.Cursor(ctx)
	require.NoError(t, err)
	c.Tracks = all(t, s.Tracks(ctx, relay.TrackQuery{}))
	c.Behind = deals(all(t, s.Tracks(ctx, relay.TrackQuery{Behind: true})))
	c.Chunks = all(t, s.Chunks(ctx, relay.ChunkQuery{}))
	due := all(t, s.Chunks(ctx, relay.ChunkQuery{Due: maxUint}))
	sortDue(due)
	c.Due = ids(due)
	for _, sender := range senders {
		for _, found := range all(t, s.Transactions(ctx, sender, maxUint)) {
			c.Transactions = append(c.Transactions, same(found))
		}
	}
	for _, scope := range scopes {
		sum, err := s.Spent(ctx, scope, 0)
		require.NoError(t, err)
		c.Spent[scope] = sum.String()
	}
	c.Stats, err = s.Stats(ctx)
	require.NoError(t, err)
	return c
}

// A forgetful store opens itself again after each change.
type forgetful struct {
	relay.Store
	t      *testing.T
	reopen func(*testing.T, relay.Store) relay.Store
}

func (f *forgetful) again(err error) error {
	f.Store = f.reopen(f.t, f.Store)
	return err
}

func (f *forgetful) Bind(ctx context.Context, t relay.Track) error {
	return f.again(f.Store.Bind(ctx, t))
}

func (f *forgetful) Observe(ctx context.Context, o relay.Observation) error {
	return f.again(f.Store.Observe(ctx, o))
}

func (f *forgetful) Commit(ctx context.Context, c relay.Change) error {
	return f.again(f.Store.Commit(ctx, c))
}

func (f *forgetful) Lease(ctx context.Context, name, owner string, ttl time.Duration) (relay.Lease, error) {
	lease, err := f.Store.Lease(ctx, name, owner, ttl)
	return lease, f.again(err)
}

// unusual is text as a hostile node makes it, cut at a byte.
func unusual() string {
	return "reverted: \x00 \x1b[31m \u202e \"'; -- \\ \xff" + strings.Repeat("é", 200)[:299] + "…"
}

// proofUsed returns the *ProofUsedError in err.
func proofUsed(t *testing.T, err error) relay.ProofUsedError {
	t.Helper()
	used, ok := errors.AsType[*relay.ProofUsedError](err)
	require.True(t, ok, "%v is no *ProofUsedError", err)
	return *used
}

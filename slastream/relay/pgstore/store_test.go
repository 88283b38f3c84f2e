package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/pgstore"
)

// TestAsTheMemoryStore makes the same random changes in a MemoryStore and in a
// Store; both answer the same to each question and refuse the same.
func TestAsTheMemoryStore(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			store, _, _ := openStore(t)
			p := &pair{t: t, rng: rand.New(rand.NewPCG(seed, 9)), want: relay.NewMemoryStore(), got: store}
			for range 150 {
				p.change()
				p.compare()
			}
			require.Positive(t, p.done, "no change succeeded")
			require.Positive(t, p.refused, "no change was refused")
		})
	}
}

// A pair is a store and its model.
type pair struct {
	t         *testing.T
	rng       *rand.Rand
	want, got relay.Store
	done      int
	refused   int
	leases    []relay.Lease
}

func (p *pair) both(f func(relay.Store) error) {
	want, got := f(p.want), f(p.got)
	if want == nil {
		require.NoError(p.t, got)
		p.done++
		return
	}
	p.refused++
	for _, sentinel := range []error{relay.ErrConflict, relay.ErrBound, relay.ErrLease} {
		require.Equal(p.t, errors.Is(want, sentinel), errors.Is(got, sentinel), "%v, want %v", got, want)
	}
	if used, ok := errors.AsType[*relay.ProofUsedError](want); ok {
		other, ok := errors.AsType[*relay.ProofUsedError](got)
		require.True(p.t, ok, "%v", got)
		require.Equal(p.t, used, other)
	}
}

func (p *pair) change() {
	ctx := p.t.Context()
	switch p.rng.IntN(5) {
	case 0:
		track := p.track()
		p.both(func(s relay.Store) error { return s.Bind(ctx, track) })
	case 1:
		owner := fmt.Sprint("owner ", p.rng.IntN(2))
		ttl := time.Hour * time.Duration(p.rng.IntN(2))
		var lease relay.Lease
		p.both(func(s relay.Store) (err error) {
			l, err := s.Lease(ctx, "account", owner, ttl)
			if err == nil && lease.Name != "" {
				require.Equal(p.t, lease.Token, l.Token)
				require.WithinDuration(p.t, lease.Until, l.Until, time.Minute)
			}
			lease = l
			return err
		})
		if lease.Name != "" {
			p.leases = append(p.leases, lease)
		}
	case 2:
		o := p.observation(ctx)
		p.both(func(s relay.Store) error { return s.Observe(ctx, o) })
	default:
		c := p.commit(ctx)
		p.both(func(s relay.Store) error { return s.Commit(ctx, c) })
	}
}

func (p *pair) track() relay.Track {
	return relay.Track{
		Binding:  relay.Binding{Deal: p.word(8), Set: p.word(8), StartEpoch: p.number()},
		Provider: slastream.Address(p.word(3)),
		Amount:   p.amount(),
		Chunks:   p.number(),
		Deadline: p.number(),
		Earned:   p.number(),
		Next:     p.number(),
		Behind:   p.coin(),
		Over:     p.rng.IntN(4) == 0,
		Halted:   p.text(),
	}
}

func (p *pair) observation(ctx context.Context) (o relay.Observation) {
	o.From, _ = p.want.Cursor(ctx)
	o.Next = o.From + uint64(p.rng.IntN(100))
	if p.rng.IntN(8) == 0 {
		o.From++
	}
	o.Tracks = p.tracks(ctx)
	for range p.rng.IntN(6) {
		c := p.chunk()
		if !slices.ContainsFunc(o.Chunks, func(other relay.Chunk) bool { return other.ID() == c.ID() }) {
			o.Chunks = append(o.Chunks, c)
		}
	}
	return o
}

// tracks are some that there are, changed, and sometimes of an old version. None
// comes to life again: no relay does that.
func (p *pair) tracks(ctx context.Context) (list []relay.Track) {
	for t := range p.want.Tracks(ctx, relay.TrackQuery{}) {
		if p.rng.IntN(4) > 0 {
			continue
		}
		next := p.track()
		next.Binding, next.Version, next.Over = t.Binding, t.Version, t.Over || next.Over
		if p.rng.IntN(10) == 0 {
			next.Version++
		}
		list = append(list, next)
	}
	return list
}

func (p *pair) chunk() relay.Chunk {
	c := relay.Chunk{
		Deal:  p.word(4),
		Index: p.rng.Uint64N(60),
		Proof: slastream.Proof{
			Evidence: attestation.Evidence{
				ChainID: 314, Verifier: attestation.EthereumAddress{19: byte(p.rng.IntN(2))}, SetID: p.word(4), Period: p.rng.Uint64N(60),
				TxHash: p.word(100), BlockHash: p.word(100), BlockNumber: p.number(), LogIndex: p.number(),
			},
			RootCID:   p.word(100),
			Timestamp: p.number(),
		},
		Observed: p.number(),
	}
	c = p.advance(c)
	c.State, c.Tx = relay.Observed, relay.TxID{} // as new ones are
	return c
}

// advance changes what a relay changes in a chunk.
func (p *pair) advance(c relay.Chunk) relay.Chunk {
	c.Amount, c.Provider = p.amount(), slastream.Address(p.word(3))
	if c.State != relay.Refused {
		c.State = relay.State(p.rng.IntN(int(relay.Refused) + 1))
	}
	c.Tx, c.Signed = relay.TxID{}, attestation.Signed{}
	if p.coin() {
		c.Tx = relay.TxID{Sender: slastream.Address(p.word(2)), Nonce: p.number()}
		c.Signed = attestation.Signed{
			Attestation: attestation.Attestation{DealID: c.Deal, ChunkIndex: c.Index, RootCID: p.word(9), Timestamp: p.number()},
			Signature:   attestation.Signature{R: p.word(9), S: p.word(9), V: p.rng.Uint32()},
		}
	}
	c.TxHash, c.Batched, c.Counted, c.Updated = p.word(5), p.coin(), p.coin(), p.number()
	c.Retry = relay.Retry{Attempts: p.rng.Uint32(), At: p.rng.Uint64N(50), Class: relay.Class(p.rng.IntN(6)), Reason: p.text()}
	return c
}

func (p *pair) commit(ctx context.Context) (c relay.Change) {
	if n := len(p.leases); n > 0 && p.coin() {
		c.Lease = p.leases[max(0, n-1-p.rng.IntN(3))]
	}
	if p.rng.IntN(3) == 0 {
		c.Tracks = p.tracks(ctx)
	}
	for chunk := range p.want.Chunks(ctx, relay.ChunkQuery{}) {
		if p.rng.IntN(6) == 0 {
			c.Chunks = append(c.Chunks, p.advance(chunk))
		}
	}
	if len(c.Chunks) > 0 && p.rng.IntN(10) == 0 {
		c.Chunks[0].Version++
	}
	for range p.rng.IntN(3) {
		c.Put = append(c.Put, p.transaction())
	}
	for range p.rng.IntN(2) {
		c.Drop = append(c.Drop, p.transaction().TxID)
	}
	for range p.rng.IntN(3) {
		c.Spend = append(c.Spend, relay.Spend{Scope: fmt.Sprint(p.rng.IntN(2)), Hour: relay.Hour(p.rng.IntN(5)), Amount: p.amount()})
	}
	return c
}

func (p *pair) transaction() relay.Transaction {
	id := relay.TxID{Sender: slastream.Address(p.word(2)), Nonce: p.rng.Uint64N(12)}
	t := relay.Transaction{TxID: id, State: relay.Stored + relay.State(p.rng.IntN(3)), Due: p.rng.Uint64N(50), Stored: p.number()}
	for i := range 1 + p.rng.IntN(2) {
		hash := attestation.WordFromUint64(id.Nonce + uint64(100*i))
		if p.rng.IntN(10) == 0 {
			hash = p.word(100)
		}
		t.Signed = append(t.Signed, slastream.SignedTx{Hash: hash, Sender: id.Sender, Nonce: p.number(), Body: []byte(p.text())})
	}
	for range 1 + p.rng.IntN(3) {
		t.Chunks = append(t.Chunks, relay.ChunkID{Deal: p.word(4), Index: p.number()})
	}
	return t
}

// word is one of n words, from 1.
func (p *pair) word(n int) (w attestation.Word) {
	w[31] = 1 + byte(p.rng.IntN(n))
	w[0] = w[31] % 8 // of an address no more than a field element
	return w
}

// number is small or one of the greatest.
func (p *pair) number() uint64 {
	if p.rng.IntN(4) == 0 {
		return math.MaxUint64 - p.rng.Uint64N(3)
	}
	return p.rng.Uint64N(1000)
}

// amount is small, round, or near the greatest.
func (p *pair) amount() slastream.Amount {
	var w attestation.Word
	switch p.rng.IntN(6) {
	case 0:
		for i := range w {
			w[i] = 0xff
		}
	case 1:
		return slastream.AmountFromUint64(1_000_000_000_000_000_000)
	default:
		return slastream.AmountFromUint64(p.rng.Uint64N(1000))
	}
	return slastream.AmountFromWord(w)
}

func (p *pair) coin() bool { return p.rng.IntN(2) == 0 }

// text has what text columns do not take.
func (p *pair) text() string {
	return []string{"", "", "no \x00 text", "cut in a r\xc3", `"quoted"`, strings.Repeat("long", 100)}[p.rng.IntN(6)]
}

func (p *pair) compare() {
	ctx := p.t.Context()
	one, set := p.word(8), p.word(8)
	for _, q := range []relay.TrackQuery{{}, {Deal: &one}, {Set: &set}, {Behind: true}, {After: one}, {After: one, Limit: 2, Behind: true}} {
		same(p.t, p.want.Tracks(ctx, q), p.got.Tracks(ctx, q))
	}
	deal := p.word(4)
	id, other := relay.ChunkID{Deal: deal, Index: p.rng.Uint64N(60)}, relay.ChunkID{Deal: p.word(4), Index: p.rng.Uint64N(60)}
	for _, q := range []relay.ChunkQuery{
		{}, {Deal: &deal}, {After: &id}, {Open: true}, {Limit: 3}, {Deal: &deal, Open: true, Limit: 2},
		{Due: 25}, {Due: 25, Limit: 3}, {Due: 1, Deal: &deal}, {Due: 100, Open: true}, {IDs: []relay.ChunkID{id, other, id}}, {IDs: []relay.ChunkID{}},
	} {
		same(p.t, p.want.Chunks(ctx, q), p.got.Chunks(ctx, q))
	}
	sender := slastream.Address(p.word(2))
	due := p.rng.Uint64N(50)
	same(p.t, p.want.Transactions(ctx, sender, due), p.got.Transactions(ctx, sender, due))
	for _, f := range []func(relay.Store) (any, error){
		func(s relay.Store) (any, error) { return s.Cursor(ctx) },
		func(s relay.Store) (any, error) { return s.Stats(ctx) },
		func(s relay.Store) (any, error) { return s.Spent(ctx, "0", relay.Hour(due%5)) },
	} {
		want, err := f(p.want)
		require.NoError(p.t, err)
		got, err := f(p.got)
		require.NoError(p.t, err)
		require.Equal(p.t, want, got)
	}
}

func same[T any](t *testing.T, want, got iter.Seq2[T, error]) {
	t.Helper()
	a, b := all(t, want), all(t, got)
	require.Len(t, b, len(a))
	for i := range a {
		require.Equal(t, a[i], b[i])
	}
}

func all[T any](t *testing.T, seq iter.Seq2[T, error]) (list []T) {
	t.Helper()
	for v, err := range seq {
		require.NoError(t, err)
		list = append(list, v)
	}
	return list
}

func TestOpenRefuses(t *testing.T) {
	ctx := t.Context()
	pool := connect(t, serverURL(t))
	for _, name := range []string{"1st", "Upper", "a-b", `a"; DROP TABLE b; --`, strings.Repeat("a", 46)} {
		_, err := pgstore.Open(ctx, pool, name)
		require.ErrorContains(t, err, "pgstore: schema", name)
	}

	t.Run("a pool of one connection", func(t *testing.T) {
		_, err := pgstore.Open(ctx, poolWith(t, serverURL(t), func(c *pgxpool.Config) { c.MaxConns = 1 }), "")
		require.ErrorContains(t, err, "want 2 or more")
	})
	t.Run("a server that may forget", func(t *testing.T) {
		lax := poolWith(t, serverURL(t), func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams["synchronous_commit"] = "off" })
		_, err := pgstore.Open(ctx, lax, newSchema(t))
		require.ErrorContains(t, err, "it may forget a nonce")
	})
	t.Run("newer tables", func(t *testing.T) {
		schema := newSchema(t)
		_, err := pgstore.Open(ctx, pool, schema)
		require.NoError(t, err)
		_, err = pool.Exec(ctx, "INSERT INTO "+schema+".version VALUES (99)")
		require.NoError(t, err)
		_, err = pgstore.Open(ctx, pool, schema)
		require.ErrorIs(t, err, pgstore.ErrNewer)
		require.ErrorContains(t, err, "version 99")
	})
	t.Run("newer tables of River", func(t *testing.T) {
		schema := newSchema(t)
		_, err := pgstore.Open(ctx, pool, schema)
		require.NoError(t, err)
		_, err = pool.Exec(ctx, "INSERT INTO "+schema+".river_migration (line, version) VALUES ('main', 99)")
		require.NoError(t, err)
		_, err = pgstore.Open(ctx, pool, schema)
		require.ErrorIs(t, err, pgstore.ErrNewer)
	})
}

//go:build mutation

package relaytest_test

import (
	"context"
	"hash/fnv"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/relaytest"
)

// sendFirst is a store that stores a new transaction only after it was sent.
type sendFirst struct {
	relay.Store
	late []relay.Change
}

func (s *sendFirst) Commit(ctx context.Context, c relay.Change) error {
	if len(c.Put) > 0 && c.Put[0].State == relay.Stored {
		s.late = append(s.late, c)
		return nil
	}
	return s.Store.Commit(ctx, c)
}

// flush stores what was sent.
func (s *sendFirst) flush(ctx context.Context) {
	for _, c := range s.late {
		s.Store.Commit(ctx, c) //nolint:errcheck // a store in memory
	}
	s.late = nil
}

// lateEscrow is the escrow of a sendFirst.
type lateEscrow struct {
	fullEscrow
	store *sendFirst
}

type fullEscrow interface {
	relay.Escrow
	relay.Batcher
	relay.Multicaller
	relay.Bumper
}

func (e lateEscrow) Send(ctx context.Context, tx slastream.SignedTx) error {
	err := e.fullEscrow.Send(ctx, tx)
	e.store.flush(ctx)
	return err
}

// apart is a store that stores the cursor and the chunks one after the other.
type apart struct{ relay.Store }

func (s apart) Observe(ctx context.Context, o relay.Observation) error {
	if err := s.Store.Observe(ctx, relay.Observation{From: o.From, Next: o.Next}); err != nil {
		return err
	}
	o.From = o.Next
	return s.Store.Observe(ctx, o)
}

// apartReversed does it in the other order.
type apartReversed struct{ relay.Store }

func (s apartReversed) Observe(ctx context.Context, o relay.Observation) error {
	next := o.Next
	o.Next = o.From
	if err := s.Store.Observe(ctx, o); err != nil {
		return err
	}
	return s.Store.Observe(ctx, relay.Observation{From: o.From, Next: next})
}

// forgetful is a store that does not know which periods are used: it gives each
// chunk a period of its own.
type forgetful struct{ relay.Store }

func salted(c relay.Chunk, sign uint64) relay.Chunk {
	h := fnv.New32()
	h.Write([]byte(c.ID().String())) //nolint:errcheck // it never fails
	c.Proof.Period += sign * (uint64(h.Sum32()) << 24)
	return c
}

func all(chunks []relay.Chunk) []relay.Chunk {
	var out []relay.Chunk
	for _, c := range chunks {
		out = append(out, salted(c, 1))
	}
	return out
}

func (s forgetful) Observe(ctx context.Context, o relay.Observation) error {
	o.Chunks = all(o.Chunks)
	return s.Store.Observe(ctx, o)
}

func (s forgetful) Commit(ctx context.Context, c relay.Change) error {
	c.Chunks = all(c.Chunks)
	return s.Store.Commit(ctx, c)
}

func (s forgetful) Chunks(ctx context.Context, q relay.ChunkQuery) iter.Seq2[relay.Chunk, error] {
	return func(yield func(relay.Chunk, error) bool) {
		for c, err := range s.Store.Chunks(ctx, q) {
			if !yield(salted(c, ^uint64(0)), err) {
				return
			}
		}
	}
}

// TestMutants takes from the store, one at a time, what makes crashes harmless.
// The campaign must find each of them, and pass with none.
func TestMutants(t *testing.T) {
	const most = 1000 // kills, after which a mutant must be caught
	for _, m := range []struct {
		name      string
		contested bool
		change    func(*relay.Config)
		finds     string // regular expression
	}{
		{"none", true, func(*relay.Config) {}, ""},
		{"store before send", false, func(c *relay.Config) {
			s := &sendFirst{Store: c.Store}
			c.Store, c.Escrow = s, lateEscrow{c.Escrow.(fullEscrow), s}
		}, "sent before they were stored"},
		{"nullifier", true, func(c *relay.Config) { c.Store = forgetful{c.Store} }, "are paid for one proof"},
		{"cursor transaction, cursor first", false, func(c *relay.Config) { c.Store = apart{c.Store} }, "is lost|it was earned by"},
		{"cursor transaction, chunks first", false, func(c *relay.Config) { c.Store = apartReversed{c.Store} }, "is lost|it was earned by"},
	} {
		t.Run(m.name, func(t *testing.T) {
			var err error
			kills := 0
			for seed := uint64(1); err == nil && kills < most; seed++ {
				_, err = relaytest.Once(t, relaytest.Campaign{Seed: seed, Kills: 50, Contested: m.contested, Unguarded: m.contested, Configure: m.change})
				if kills += 50; m.finds == "" && kills >= most/2 {
					break
				}
			}
			if m.finds == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err, "%d kills did not find it", kills)
			require.Regexp(t, m.finds, err.Error())
			t.Logf("caught within %d kills", kills)
		})
	}
}

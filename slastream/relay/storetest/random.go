package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// patience is how long random operations are tried, however slow the store is.
const patience = 5 * time.Second

// random makes random changes to the store and to a MemoryStore: both must answer
// the same, and hold the same afterwards.
func random(t *testing.T, open func(t *testing.T) relay.Store, options Options) {
	end := time.Now().Add(patience)
	rapid.Check(t, func(r *rapid.T) {
		if time.Now().After(end) {
			return
		}
		passed := false
		defer func() {
			if !passed { // what failed is repeated, to find the shortest that does
				end = end.Add(time.Hour)
			}
		}()
		m := &machine{T: r, outer: t, options: options, store: open(t), model: relay.NewMemoryStore()}
		r.Repeat(map[string]func(*rapid.T){
			"":        m.compare,
			"bind":    m.bind,
			"observe": m.observe,
			"commit":  m.commit,
			"lease":   m.lease,
			"query":   m.query,
			"reopen":  m.reopen,
		})
		passed = true
	})
}

// A machine is a store with its model. There are few deals, periods and nonces,
// so that changes meet.
type machine struct {
	*rapid.T
	outer        *testing.T
	options      Options
	store, model relay.Store
	leases       [2]relay.Lease // the newest, of the store and of the model
}

// small draws a number below n.
func small(r *rapid.T, n int, label string) uint64 {
	return uint64(rapid.IntRange(0, n-1).Draw(r, label))
}

// often draws true nine times of ten.
func often(r *rapid.T, label string) bool { return small(r, 10, label) < 9 }

// both makes a change to the store and to the model.
func (m *machine) both(r *rapid.T, change func(s relay.Store, i int) error) {
	got, want := change(m.store, 0), change(m.model, 1)
	require.Equal(r, verdict(want), verdict(got), "%v, where the model says %v", got, want)
}

// verdict is what callers can match of an error.
func verdict(err error) string {
	if used, ok := errors.AsType[*relay.ProofUsedError](err); ok {
		return used.Error()
	}
	for _, known := range []error{relay.ErrConflict, relay.ErrBound, relay.ErrLease} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return fmt.Sprint(err)
}

func (m *machine) compare(r *rapid.T) {
	require.Equal(r, read(r, m.model), read(r, m.store))
}

func (m *machine) bind(r *rapid.T) {
	t := track(1+small(r, 4, "deal"), small(r, 3, "set"))
	t.Behind = small(r, 2, "behind") == 0
	m.both(r, func(s relay.Store, _ int) error { return s.Bind(m.outer.Context(), t) })
}

// tracks draws changes of tracks that exist, as a rule with their versions. None
// that is over comes back: its data set may be another's.
func (m *machine) tracks(r *rapid.T) []relay.Track {
	var list []relay.Track
	for _, t := range all(r, m.model.Tracks(m.outer.Context(), relay.TrackQuery{})) {
		if small(r, 3, "change the track") > 0 {
			continue
		}
		t.Earned++
		t.Behind = small(r, 2, "behind") == 0
		t.Over = t.Over || small(r, 4, "over") == 0
		t.Halted = rapid.SampledFrom([]string{"", "", "stopped"}).Draw(r, "halted")
		if !often(r, "right version") {
			t.Version++
		}
		list = append(list, t)
	}
	return list
}

func (m *machine) observe(r *rapid.T) {
	cursor, err := m.model.Cursor(m.outer.Context())
	require.NoError(r, err)
	o := relay.Observation{From: cursor, Next: cursor + small(r, 3, "epochs"), Tracks: m.tracks(r)}
	if !often(r, "right cursor") {
		o.From++
	}
	seen := map[relay.ChunkID]bool{}
	for range small(r, 4, "chunks") {
		c := chunk(1+small(r, 4, "deal"), small(r, 6, "index"))
		c.Proof.SetID, c.Proof.Period = word(small(r, 2, "set")), small(r, 12, "period")
		c.Retry.At = small(r, 300, "at")
		if !seen[c.ID()] {
			o.Chunks = append(o.Chunks, c)
		}
		seen[c.ID()] = true
	}
	m.both(r, func(s relay.Store, _ int) error { return s.Observe(m.outer.Context(), o) })
}

func (m *machine) commit(r *rapid.T) {
	c := relay.Change{Tracks: m.tracks(r)}
	known := all(r, m.model.Chunks(m.outer.Context(), relay.ChunkQuery{}))
	for _, k := range known {
		if small(r, 3, "change the chunk") > 0 {
			continue
		}
		if k.State != relay.Refused || !often(r, "refused stays") {
			k.State = relay.State(small(r, int(relay.Refused)+1, "state"))
		}
		k.Retry.Class = rapid.SampledFrom([]relay.Class{relay.ClassNone, relay.ClassReverted, relay.ClassOver}).Draw(r, "class")
		k.Retry.At = small(r, 300, "at")
		k.Tx = relay.TxID{Nonce: small(r, 2, "flying")}
		if !often(r, "right version") {
			k.Version++
		}
		c.Chunks = append(c.Chunks, k)
	}
	if !often(r, "known chunks") {
		c.Chunks = append(c.Chunks, chunk(77, 0))
	}
	put := map[relay.TxID]bool{}
	for range small(r, 3, "put") {
		tx := transaction(1+small(r, 2, "sender"), small(r, 4, "nonce"))
		tx.Signed[0] = signed(tx.TxID, byte(small(r, 2, "signed")))
		tx.State = relay.Stored + relay.State(small(r, 3, "state"))
		tx.Due = small(r, 300, "due")
		if !put[tx.TxID] {
			c.Put = append(c.Put, tx)
		}
		put[tx.TxID] = true
	}
	for range small(r, 3, "drop") {
		if id := (relay.TxID{Sender: address(1 + small(r, 2, "sender")), Nonce: small(r, 4, "nonce")}); !put[id] {
			c.Drop = append(c.Drop, id)
		}
	}
	for range small(r, 3, "spend") {
		s := spend(rapid.SampledFrom(scopes).Draw(r, "scope"), relay.Hour(small(r, 300, "hour")), small(r, 1000, "amount"))
		if small(r, 20, "all of it") == 0 {
			s.Amount = slastream.AmountFromWord(top())
		}
		c.Spend = append(c.Spend, s)
	}
	wrong := small(r, 10, "token")
	m.both(r, func(s relay.Store, i int) error {
		c.Lease = m.leases[i]
		if wrong == 0 && c.Lease.Name != "" {
			c.Lease.Token++
		}
		return s.Commit(m.outer.Context(), c)
	})
}

func (m *machine) lease(r *rapid.T) {
	owner := rapid.SampledFrom([]string{"a", "b"}).Draw(r, "owner")
	ttl := rapid.SampledFrom([]time.Duration{time.Hour, 0}).Draw(r, "ttl")
	m.both(r, func(s relay.Store, i int) error {
		l, err := s.Lease(m.outer.Context(), "account", owner, ttl)
		if err == nil {
			require.GreaterOrEqual(r, l.Token, m.leases[i].Token)
			m.leases[i] = l
		}
		return err
	})
	require.Equal(r, m.leases[1].Owner, m.leases[0].Owner)
}

func (m *machine) query(r *rapid.T) {
	ctx := m.outer.Context()
	deal, set := word(1+small(r, 5, "deal")), word(small(r, 4, "set"))
	id := relay.ChunkID{Deal: word(1 + small(r, 5, "after")), Index: small(r, 7, "after")}
	tracks := relay.TrackQuery{Behind: small(r, 2, "behind") == 0, After: word(small(r, 5, "after")), Limit: int(small(r, 3, "limit"))}
	chunks := relay.ChunkQuery{Open: small(r, 2, "open") == 0, Limit: int(small(r, 4, "limit"))}
	if small(r, 2, "by deal") == 0 {
		tracks.Deal, chunks.Deal = &deal, &deal
	} else if small(r, 3, "by set") == 0 {
		tracks.Set = &set
	}
	if small(r, 2, "due") == 0 {
		chunks.Due = 1 + small(r, 300, "due")
	} else if small(r, 2, "after") == 0 {
		chunks.After = &id
	}
	sender, due, hour := address(1+small(r, 3, "sender")), small(r, 300, "due"), relay.Hour(small(r, 301, "hour"))

	require.Equal(r, all(r, m.model.Tracks(ctx, tracks)), all(r, m.store.Tracks(ctx, tracks)))
	want, got := all(r, m.model.Chunks(ctx, chunks)), all(r, m.store.Chunks(ctx, chunks))
	if chunks.Due == 0 {
		require.Equal(r, want, got)
	} else { // which of those of one time come first is left open
		require.Len(r, got, len(want))
		for i := range want {
			require.Equal(r, want[i].Retry.At, got[i].Retry.At)
		}
	}
	require.Equal(r, nonces(all(r, m.model.Transactions(ctx, sender, due))), nonces(all(r, m.store.Transactions(ctx, sender, due))))
	for _, scope := range scopes {
		want, err := m.model.Spent(ctx, scope, hour)
		require.NoError(r, err)
		got, err := m.store.Spent(ctx, scope, hour)
		require.NoError(r, err)
		require.Equal(r, want.String(), got.String())
	}
}

// reopen opens the store again. Its leases may have ended, so that both are given
// up.
func (m *machine) reopen(r *rapid.T) {
	if m.options.Reopen == nil {
		return
	}
	m.store = m.options.Reopen(m.outer, m.store)
	if owner := m.leases[1].Owner; owner != "" {
		m.both(r, func(s relay.Store, i int) (err error) {
			m.leases[i], err = s.Lease(m.outer.Context(), "account", owner, 0)
			return err
		})
	}
}

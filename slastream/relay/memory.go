package relay

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A MemoryStore is a [Store] that forgets at the end of the process. Relays of
// one process can share it. The zero value is not usable.
type MemoryStore struct {
	mu     sync.Mutex
	cursor uint64
	tracks map[attestation.Word]Track
	sets   map[attestation.Word]attestation.Word // data set to deal, of tracks that are not over
	chunks map[ChunkID]Chunk
	work   map[ChunkID]struct{} // what a query of Due chunks can find
	open   map[ChunkID]uint64   // chunks that are still to be paid, with when they were observed
	behind map[attestation.Word]struct{}
	counts [Refused + 1]uint64
	used   map[attestation.PeriodKey]ChunkID
	txs    map[TxID]Transaction
	leases map[string]Lease
	spends map[string]map[Hour]slastream.Amount
}

var _ Store = (*MemoryStore)(nil)

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{
		tracks: map[attestation.Word]Track{},
		sets:   map[attestation.Word]attestation.Word{},
		chunks: map[ChunkID]Chunk{},
		work:   map[ChunkID]struct{}{},
		open:   map[ChunkID]uint64{},
		behind: map[attestation.Word]struct{}{},
		used:   map[attestation.PeriodKey]ChunkID{},
		txs:    map[TxID]Transaction{},
		leases: map[string]Lease{},
		spends: map[string]map[Hour]slastream.Amount{},
	}
}

// Bind implements [Store].
func (m *MemoryStore) Bind(_ context.Context, t Track) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.tracks[t.Deal]; ok {
		return fmt.Errorf("%w: deal %s", ErrBound, t.Deal.Big())
	}
	if other, ok := m.sets[t.Set]; ok && !t.Over {
		return fmt.Errorf("%w: data set %s, to deal %s", ErrBound, t.Set.Big(), other.Big())
	}
	t.Version = 1
	m.put(t)
	return nil
}

func (m *MemoryStore) put(t Track) {
	if old, ok := m.tracks[t.Deal]; ok && !old.Over {
		delete(m.sets, old.Set)
	}
	m.tracks[t.Deal] = t
	if !t.Over {
		m.sets[t.Set] = t.Deal
	}
	delete(m.behind, t.Deal)
	if t.Behind && t.reading() {
		m.behind[t.Deal] = struct{}{}
	}
}

// putChunk replaces a chunk and what finds it.
func (m *MemoryStore) putChunk(c Chunk) {
	id := c.ID()
	if old, ok := m.chunks[id]; ok {
		m.counts[old.State]--
	}
	m.counts[c.State]++
	m.chunks[id] = c
	delete(m.work, id)
	delete(m.open, id)
	if c.State < Settled && c.Tx == (TxID{}) {
		m.work[id] = struct{}{}
	}
	if c.Open() {
		m.open[id] = c.Observed
	}
}

// Tracks implements [Store].
func (m *MemoryStore) Tracks(_ context.Context, q TrackQuery) iter.Seq2[Track, error] {
	return yieldAll(func() []Track {
		m.mu.Lock()
		defer m.mu.Unlock()
		var found []Track
		switch {
		case q.Deal != nil:
			if t, ok := m.tracks[*q.Deal]; ok {
				found = []Track{t}
			}
		case q.Set != nil:
			if deal, ok := m.sets[*q.Set]; ok {
				found = []Track{m.tracks[deal]}
			}
		case q.Behind:
			for deal := range m.behind {
				found = append(found, m.tracks[deal])
			}
		default:
			found = slices.Collect(maps.Values(m.tracks))
		}
		found = slices.DeleteFunc(found, func(t Track) bool {
			return t.Deal.Cmp(q.After) <= 0 && !q.After.IsZero() || q.Behind && (!t.Behind || !t.reading()) || q.Set != nil && (t.Set != *q.Set || t.Over)
		})
		slices.SortFunc(found, func(a, b Track) int { return a.Deal.Cmp(b.Deal) })
		return limited(found, q.Limit)
	})
}

// Cursor implements [Store].
func (m *MemoryStore) Cursor(context.Context) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cursor, nil
}

// Observe implements [Store].
func (m *MemoryStore) Observe(_ context.Context, o Observation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cursor != o.From {
		return fmt.Errorf("%w: the cursor is %d, not %d", ErrConflict, m.cursor, o.From)
	}
	if err := m.checkTracks(o.Tracks); err != nil {
		return err
	}
	fresh := map[attestation.PeriodKey]ChunkID{}
	for _, c := range o.Chunks {
		if _, ok := m.chunks[c.ID()]; ok {
			return fmt.Errorf("%w: chunk %v exists", ErrConflict, c.ID())
		}
		key := c.Proof.Key()
		by, ok := m.used[key]
		if !ok {
			by, ok = fresh[key]
		}
		if ok {
			return &ProofUsedError{Chunk: c.ID(), By: by, Key: key}
		}
		fresh[key] = c.ID()
	}
	m.cursor = o.Next
	for _, t := range o.Tracks {
		t.Version++
		m.put(t)
	}
	for _, c := range o.Chunks {
		c.Version = 1
		m.putChunk(c)
	}
	maps.Copy(m.used, fresh)
	return nil
}

func (m *MemoryStore) checkTracks(tracks []Track) error {
	for _, t := range tracks {
		if old, ok := m.tracks[t.Deal]; !ok || old.Version != t.Version {
			return fmt.Errorf("%w: deal %s", ErrConflict, t.Deal.Big())
		}
	}
	return nil
}

// Chunks implements [Store].
func (m *MemoryStore) Chunks(_ context.Context, q ChunkQuery) iter.Seq2[Chunk, error] {
	return yieldAll(func() []Chunk {
		m.mu.Lock()
		defer m.mu.Unlock()
		var found []Chunk
		switch {
		case q.IDs != nil:
			for _, id := range q.IDs {
				if c, ok := m.chunks[id]; ok {
					found = append(found, c)
				}
			}
			return found
		case q.Due > 0:
			for id := range m.work {
				if c := m.chunks[id]; c.Retry.At <= q.Due {
					found = append(found, c)
				}
			}
			slices.SortFunc(found, func(a, b Chunk) int {
				return cmp.Or(cmp.Compare(a.Retry.At, b.Retry.At), a.ID().Compare(b.ID()))
			})
		default:
			found = slices.SortedFunc(maps.Values(m.chunks), func(a, b Chunk) int { return a.ID().Compare(b.ID()) })
		}
		found = slices.DeleteFunc(found, func(c Chunk) bool {
			return q.Deal != nil && c.Deal != *q.Deal || q.After != nil && c.ID().Compare(*q.After) <= 0 || q.Open && !c.Open()
		})
		return limited(found, q.Limit)
	})
}

// Transactions implements [Store].
func (m *MemoryStore) Transactions(_ context.Context, sender slastream.Address, due uint64) iter.Seq2[Transaction, error] {
	return yieldAll(func() []Transaction {
		m.mu.Lock()
		defer m.mu.Unlock()
		var found []Transaction
		for _, t := range m.txs {
			if t.Sender == sender && (t.State < Accepted || t.Due <= due) {
				found = append(found, t.clone())
			}
		}
		slices.SortFunc(found, func(a, b Transaction) int { return cmp.Compare(a.Nonce, b.Nonce) })
		return found
	})
}

// Commit implements [Store].
func (m *MemoryStore) Commit(_ context.Context, c Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case c.Lease.Name != "" && m.leases[c.Lease.Name].Token != c.Lease.Token:
		return fmt.Errorf("%w: %s", ErrLease, c.Lease.Name)
	case c.Lease.Name == "" && c.NeedsLease():
		return fmt.Errorf("%w: the change has none", ErrLease)
	}
	if err := m.checkTracks(c.Tracks); err != nil {
		return err
	}
	for _, chunk := range c.Chunks {
		old, ok := m.chunks[chunk.ID()]
		if !ok || old.Version != chunk.Version || old.State == Refused && chunk.State != Refused {
			return fmt.Errorf("%w: chunk %v", ErrConflict, chunk.ID())
		}
	}
	for _, t := range c.Put {
		if old, ok := m.txs[t.TxID]; ok && old.Signed[0].Hash != t.Signed[0].Hash {
			return fmt.Errorf("%w: nonce %d of %v is in use", ErrConflict, t.Nonce, t.Sender)
		}
	}
	for _, t := range c.Tracks {
		t.Version++
		m.put(t)
	}
	for _, chunk := range c.Chunks {
		chunk.Version++
		m.putChunk(chunk)
		if key := chunk.Proof.Key(); chunk.State == Refused && m.used[key] == chunk.ID() {
			delete(m.used, key)
		}
	}
	for _, id := range c.Drop {
		delete(m.txs, id)
	}
	for _, t := range c.Put {
		m.txs[t.TxID] = t.clone()
	}
	for _, s := range c.Spend {
		hours := m.spends[s.Scope]
		if hours == nil {
			hours = map[Hour]slastream.Amount{}
			m.spends[s.Scope] = hours
		}
		sum, err := hours[s.Hour].Add(s.Amount)
		if err != nil {
			sum = maxAmount
		}
		hours[s.Hour] = sum
		maps.DeleteFunc(hours, func(h Hour, _ slastream.Amount) bool { return h < s.Hour && s.Hour-h > SpendHours })
	}
	return nil
}

// Lease implements [Store].
func (m *MemoryStore) Lease(_ context.Context, name, owner string, ttl time.Duration) (Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	held, ok := m.leases[name]
	if ok && held.Owner != owner && held.Until.After(now) {
		return Lease{}, fmt.Errorf("%w: %s has it until %v", ErrLease, held.Owner, held.Until.Format(time.RFC3339))
	}
	if !ok || held.Owner != owner || !held.Until.After(now) {
		held = Lease{Name: name, Owner: owner, Token: held.Token + 1}
	}
	held.Until = now.Add(ttl)
	m.leases[name] = held
	return held, nil
}

// Spent implements [Store].
func (m *MemoryStore) Spent(_ context.Context, scope string, from Hour) (slastream.Amount, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var sum slastream.Amount
	for h, amount := range m.spends[scope] {
		if h < from {
			continue
		}
		next, err := sum.Add(amount)
		if err != nil {
			return maxAmount, nil
		}
		sum = next
	}
	return sum, nil
}

// Stats implements [Store].
func (m *MemoryStore) Stats(context.Context) (Stats, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Stats{Tracks: uint64(len(m.tracks)), Chunks: m.counts}
	for _, observed := range m.open {
		if s.Oldest == 0 || observed < s.Oldest {
			s.Oldest = observed
		}
	}
	return s, nil
}

// maxAmount is what a sum is that no u256 holds.
var maxAmount = slastream.AmountFromWord(attestation.Word(slices.Repeat([]byte{0xff}, 32)))

// yieldAll yields what find returns when the loop begins.
func yieldAll[T any](find func() []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range find() {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// limited is the beginning of a list; limit 0 is all of it.
func limited[T any](list []T, limit int) []T {
	if limit > 0 && len(list) > limit {
		return list[:limit]
	}
	return list
}

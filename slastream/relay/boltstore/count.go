package boltstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

var statsKey = []byte("stats")

func appendStats(b []byte, s relay.Stats) []byte {
	b = appendUint(b, s.Tracks)
	for _, n := range s.Chunks {
		b = appendUint(b, n)
	}
	return b
}

// loadStats reads the counts at the beginning of a change.
func (t *tx) loadStats() error {
	row, err := t.get(tableFile, statsKey)
	if err != nil {
		return err
	}
	r := reader{b: row}
	t.stats.Tracks = r.uint()
	for i := range t.stats.Chunks {
		t.stats.Chunks[i] = r.uint()
	}
	t.before = t.stats
	if err := r.end(); err != nil {
		return fmt.Errorf("%w: stats", err)
	}
	return nil
}

// saveStats stores them at its end, in the same transaction.
func (t *tx) saveStats() error {
	if t.stats == t.before {
		return nil
	}
	return t.put(tableFile, statsKey, appendStats(nil, t.stats))
}

// Stats implements [relay.Store].
func (s *Store) Stats(ctx context.Context) (stats relay.Stats, err error) {
	err = s.view(ctx, func(t *tx) error {
		if err := t.loadStats(); err != nil {
			return err
		}
		stats = t.stats
		b, err := t.bucket(tableOpen)
		if err != nil {
			return err
		}
		key, _ := b.Cursor().First()
		if key == nil {
			return nil
		}
		r := reader{b: key}
		stats.Oldest, _ = r.uint(), r.id()
		return r.end()
	})
	return stats, err
}

func spendKey(scope string, hour relay.Hour) []byte {
	return appendUint(appendBytes(nil, scope), uint64(hour))
}

// spend adds to what is counted for a scope and an hour.
func (t *tx) spend(s relay.Spend) error {
	key := spendKey(s.Scope, s.Hour)
	row, err := t.get(tableSpends, key)
	if err != nil {
		return err
	}
	sum := s.Amount
	if row != nil {
		r := reader{b: row}
		sum = saturated(r.amount(), s.Amount)
		if err := r.end(); err != nil {
			return err
		}
	}
	if err := t.put(tableSpends, key, appendWord(nil, sum.Word())); err != nil {
		return err
	}
	return t.forget(s)
}

// forget deletes what nobody asks for any more of the scope of a spend.
func (t *tx) forget(s relay.Spend) error {
	if s.Hour <= relay.SpendHours {
		return nil
	}
	b, err := t.bucket(tableSpends)
	if err != nil {
		return err
	}
	end, cursor := spendKey(s.Scope, s.Hour-relay.SpendHours), b.Cursor()
	var old [][]byte
	for key, _ := cursor.Seek(appendBytes(nil, s.Scope)); key != nil && bytes.Compare(key, end) < 0; key, _ = cursor.Next() {
		old = append(old, slices.Clone(key))
	}
	for _, key := range old {
		if err := t.delete(tableSpends, key); err != nil {
			return err
		}
	}
	return nil
}

// Spent implements [relay.Store]. A sum that no u256 holds is the greatest that
// one does.
func (s *Store) Spent(ctx context.Context, scope string, from relay.Hour) (slastream.Amount, error) {
	var sum slastream.Amount
	find := scan[slastream.Amount]{table: tableSpends, prefix: appendBytes(nil, scope), from: spendKey(scope, from)}
	find.pick = func(_ *tx, _, row []byte) (slastream.Amount, bool, error) {
		r := reader{b: row}
		amount := r.amount()
		return amount, true, r.end()
	}
	for amount, err := range rows(ctx, s, find) {
		if err != nil {
			return slastream.Amount{}, err
		}
		sum = saturated(sum, amount)
	}
	return sum, nil
}

// saturated adds, up to 2^256 − 1.
func saturated(a, b slastream.Amount) slastream.Amount {
	sum, err := a.Add(b)
	if err != nil {
		return slastream.AmountFromWord(attestation.Word(bytes.Repeat([]byte{0xff}, 32)))
	}
	return sum
}

package pgstore

import (
	"context"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// Cursor implements relay.Store.
func (s *Store) Cursor(ctx context.Context) (cursor uint64, err error) {
	if err := s.pool.QueryRow(ctx, s.sql(`SELECT cursor FROM {progress}`)).Scan(&cursor); err != nil {
		return 0, fmt.Errorf("pgstore: %w", err)
	}
	return cursor, nil
}

// Observe implements relay.Store. Observations of all processes are made one
// after the other.
func (s *Store) Observe(ctx context.Context, o relay.Observation) error {
	return s.transact(ctx, func(tx pgx.Tx) error {
		var cursor uint64
		if err := tx.QueryRow(ctx, s.sql(`SELECT cursor FROM {progress} FOR UPDATE`)).Scan(&cursor); err != nil {
			return err
		}
		if cursor != o.From {
			return fmt.Errorf("%w: the cursor is %d, not %d", relay.ErrConflict, cursor, o.From)
		}
		if o.Next != o.From {
			if _, err := tx.Exec(ctx, s.sql(`UPDATE {progress} SET cursor = $1`), o.Next); err != nil {
				return err
			}
		}
		if err := s.putTracks(ctx, tx, o.Tracks); err != nil {
			return err
		}
		if err := s.addChunks(ctx, tx, o.Chunks); err != nil {
			return err
		}
		if len(o.Chunks) == 0 {
			return nil
		}
		return s.wakeOthers(ctx, tx)
	})
}

const txColumns = `sender, nonce, signed, chunks, state, due, stored`

func txFields(t *relay.Transaction) []any {
	return []any{fixed(t.Sender[:]), &t.Nonce, &t.Signed, &t.Chunks, &t.State, &t.Due, &t.Stored}
}

// Transactions implements relay.Store.
func (s *Store) Transactions(ctx context.Context, sender slastream.Address, due uint64) iter.Seq2[relay.Transaction, error] {
	var w where
	w.add("sender = ?", sender[:])
	w.add("(state < 5 OR due <= ?)", due)
	return pages(0, func(last *relay.Transaction, limit int) ([]relay.Transaction, error) {
		p := w
		if last != nil {
			p.add("nonce > ?", last.Nonce)
		}
		return collect(ctx, s, `SELECT `+txColumns+` FROM {tx}`+p.String()+` ORDER BY nonce`, limit, p.args, txFields)
	})
}

// Commit implements relay.Store. It holds the row of the lease until it is
// over: a process that takes the lease meanwhile waits, and then sees what was
// stored.
func (s *Store) Commit(ctx context.Context, c relay.Change) error {
	return s.transact(ctx, func(tx pgx.Tx) error {
		if c.Lease.Name == "" && c.NeedsLease() {
			return fmt.Errorf("%w: the change has none", relay.ErrLease)
		}
		if err := s.checkLease(ctx, tx, c.Lease); err != nil {
			return err
		}
		if err := s.putTracks(ctx, tx, c.Tracks); err != nil {
			return err
		}
		if err := s.putTransactions(ctx, tx, c.Put, c.Drop); err != nil {
			return err
		}
		if err := s.spend(ctx, tx, c.Spend); err != nil {
			return err
		}
		return s.putChunks(ctx, tx, c.Chunks)
	})
}

// putTransactions stores transactions under their nonces. A nonce that another
// transaction has is a conflict, also if that is dropped in the same change.
func (s *Store) putTransactions(ctx context.Context, tx pgx.Tx, put []relay.Transaction, drop []relay.TxID) error {
	var b pgx.Batch
	upsert := s.sql(`INSERT INTO {tx} (` + txColumns + `, first) VALUES (` + parameters(8) + `)
		ON CONFLICT (sender, nonce) DO UPDATE SET (signed, chunks, state, due, stored) = ($3, $4, $5, $6, $7) WHERE {tx}.first = $8`)
	kept := map[relay.TxID]bool{}
	for _, t := range put {
		if len(t.Signed) == 0 {
			return fmt.Errorf("nothing is signed for nonce %d of %v", t.Nonce, t.Sender)
		}
		kept[t.TxID] = true
		b.Queue(upsert, append(txFields(&t), fixed(t.Signed[0].Hash[:]))...)
	}
	for _, id := range drop {
		if !kept[id] {
			b.Queue(s.sql(`DELETE FROM {tx} WHERE sender = $1 AND nonce = $2`), id.Sender[:], id.Nonce)
		}
	}
	return results(ctx, tx, &b, func(i int, rows int64) error {
		if i < len(put) && rows == 0 {
			return fmt.Errorf("%w: nonce %d of %v is in use", relay.ErrConflict, put[i].Nonce, put[i].Sender)
		}
		return nil
	})
}

// most is the greatest amount: what a sum is that no u256 holds.
const most = `115792089237316195423570985008687907853269984665640564039457584007913129639935`

// spend counts amounts for the governor, and deletes what it does not ask for any
// more.
func (s *Store) spend(ctx context.Context, tx pgx.Tx, spends []relay.Spend) error {
	var b pgx.Batch
	add := s.sql(`INSERT INTO {spend} (scope, hour, amount) VALUES ($1, $2, $3)
		ON CONFLICT (scope, hour) DO UPDATE SET amount = least({spend}.amount + excluded.amount, ` + most + `)`)
	for _, spent := range spends {
		b.Queue(add, []byte(spent.Scope), uint64(spent.Hour), amount{&spent.Amount})
		if spent.Hour > relay.SpendHours {
			b.Queue(s.sql(`DELETE FROM {spend} WHERE scope = $1 AND hour < $2`), []byte(spent.Scope), uint64(spent.Hour-relay.SpendHours))
		}
	}
	return results(ctx, tx, &b, nil)
}

// Spent implements relay.Store.
func (s *Store) Spent(ctx context.Context, scope string, from relay.Hour) (sum slastream.Amount, err error) {
	query := s.sql(`SELECT least(coalesce(sum(amount), 0), ` + most + `) FROM {spend} WHERE scope = $1 AND hour >= $2`)
	if err := s.pool.QueryRow(ctx, query, []byte(scope), uint64(from)).Scan(amount{&sum}); err != nil {
		return sum, fmt.Errorf("pgstore: %w", err)
	}
	return sum, nil
}

// Stats implements relay.Store.
func (s *Store) Stats(ctx context.Context) (stats relay.Stats, err error) {
	query := s.sql(`SELECT array_agg(n ORDER BY state), coalesce((SELECT min(observed) FROM {chunk} WHERE state < 5 AND class <> 6), 0) FROM {tally}`)
	var n []int64
	if err := s.pool.QueryRow(ctx, query).Scan(&n, &stats.Oldest); err != nil {
		return stats, fmt.Errorf("pgstore: %w", err)
	}
	if len(n) != len(stats.Chunks)+1 {
		return stats, fmt.Errorf("pgstore: the tally has %d rows, want %d", len(n), len(stats.Chunks)+1)
	}
	stats.Tracks = uint64(n[0])
	for state := range stats.Chunks {
		stats.Chunks[state] = uint64(n[state+1])
	}
	return stats, nil
}

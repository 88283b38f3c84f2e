package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/slastream/slastream-go/slastream/relay"
)

// Lease implements relay.Store by the clock of the database. The row is locked
// while a change under the lease is stored, so the token of the next owner is
// there after that change or before its check.
func (s *Store) Lease(ctx context.Context, name, owner string, ttl time.Duration) (relay.Lease, error) {
	lease := relay.Lease{Name: name, Owner: owner}
	err := s.transact(ctx, func(tx pgx.Tx) error {
		// clock_timestamp, not now: the statement may have waited for the row.
		err := tx.QueryRow(ctx, s.sql(`INSERT INTO {lease} AS held (name, owner, token, until)
			VALUES ($1, $2, 1, clock_timestamp() + $3::bigint * interval '1 microsecond')
			ON CONFLICT (name) DO UPDATE SET
				token = CASE WHEN held.owner = $2 AND held.until > clock_timestamp() THEN held.token ELSE held.token + 1 END,
				owner = $2,
				until = clock_timestamp() + $3::bigint * interval '1 microsecond'
			WHERE held.owner = $2 OR held.until <= clock_timestamp()
			RETURNING token, until`), []byte(name), []byte(owner), max(ttl, 0).Microseconds()).Scan(&lease.Token, &lease.Until)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		var holder string
		var until time.Time
		if err := tx.QueryRow(ctx, s.sql(`SELECT owner, until FROM {lease} WHERE name = $1`), []byte(name)).Scan(text{&holder}, &until); err != nil {
			return err
		}
		return fmt.Errorf("%w: %.80q has it until %v", relay.ErrLease, holder, until.UTC().Format(time.RFC3339))
	})
	if err != nil {
		return relay.Lease{}, err
	}
	return lease, nil
}

// checkLease locks the row of the lease and refuses a token that is not the
// newest.
func (s *Store) checkLease(ctx context.Context, tx pgx.Tx, l relay.Lease) error {
	if l.Name == "" {
		return nil
	}
	var token uint64
	err := tx.QueryRow(ctx, s.sql(`SELECT token FROM {lease} WHERE name = $1 FOR UPDATE`), []byte(l.Name)).Scan(&token)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if token != l.Token || err != nil {
		return fmt.Errorf("%w: %.80q", relay.ErrLease, l.Name)
	}
	return nil
}

// held says who has a lease, and for how long from now on: not more than 0 if
// nobody has.
func (s *Store) held(ctx context.Context, name string) (owner string, left time.Duration, err error) {
	var micros int64
	err = s.pool.QueryRow(ctx, s.sql(`SELECT owner, (extract(epoch FROM until - clock_timestamp()) * 1000000)::bigint FROM {lease} WHERE name = $1`), []byte(name)).Scan(text{&owner}, &micros)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", 0, nil
	}
	return owner, time.Duration(micros) * time.Microsecond, err
}

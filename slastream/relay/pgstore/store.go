package pgstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/slastream/slastream-go/slastream/relay"
)

// A Store is a relay.Store in the tables of one PostgreSQL schema. Any number of
// processes can have one on the same schema. It is safe for concurrent use; the
// zero value is not usable. It has nothing to close: the pool is the caller's.
type Store struct {
	pool   *pgxpool.Pool
	schema string
	names  *strings.Replacer
	jobs   *river.Client[pgx.Tx] // inserts only
	runs   runs
}

var _ relay.Store = (*Store)(nil)

// Open creates the tables if there are none, brings older ones to the version of
// this package, and returns the store. An empty schema is [DefaultSchema]; its
// name has at most 45 lower case letters, digits and underscores. Relays of
// different deployments have different schemas.
//
// It fails with [ErrNewer] if a newer program was here, and if the server is set
// up to forget what it has confirmed (fsync or synchronous_commit off). The pool
// needs at least two connections, and four for [Store.Run].
func Open(ctx context.Context, pool *pgxpool.Pool, schema string) (*Store, error) {
	if schema == "" {
		schema = DefaultSchema
	}
	if !schemaName.MatchString(schema) {
		return nil, fmt.Errorf("pgstore: schema %.60q: want at most 45 of a-z, 0-9 and _, no digit first", schema)
	}
	if n := pool.Config().MaxConns; n < 2 {
		return nil, fmt.Errorf("pgstore: a pool of %d connection, want 2 or more", n)
	}
	if err := checkDurable(ctx, pool); err != nil {
		return nil, fmt.Errorf("pgstore: open: %w", err)
	}
	if err := migrate(ctx, pool, schema); err != nil {
		if errors.Is(err, ErrNewer) {
			return nil, err
		}
		return nil, fmt.Errorf("pgstore: migrate: %w", err)
	}
	jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Schema: schema, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("pgstore: River: %w", err)
	}
	return &Store{pool: pool, schema: schema, names: tables(schema), jobs: jobs}, nil
}

// sql writes {name} in a statement as the name of a table of the store.
func (s *Store) sql(statement string) string { return s.names.Replace(statement) }

// attempts is how often a transaction is tried that the server has undone
// because of others.
const attempts = 5

// begin starts a transaction. A process that is paused in one, or cut off, would
// keep the row of its lease from the others: the server ends the connection when
// nothing has come for so long, which is less than any sensible lease.
const begin = `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '2s'`

// transact runs f in one transaction. What the server undoes because of a
// deadlock or a serialization failure is tried again; nothing was stored then.
// A commit without an answer is an error: it may have happened or not, and only
// reading again tells.
func (s *Store) transact(ctx context.Context, f func(pgx.Tx) error) error {
	for try := 1; ; try++ {
		err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{BeginQuery: begin}, f)
		if err == nil {
			return nil
		}
		if p, ok := errors.AsType[*pgconn.PgError](err); ok && try < attempts {
			if p.Code == "40001" || p.Code == "40P01" {
				continue
			}
		}
		return wrap(err)
	}
}

// wrap puts the name of the package before errors of the server and of the
// connection, and leaves those of package relay as they are.
func wrap(err error) error {
	_, used := errors.AsType[*relay.ProofUsedError](err)
	if used || errors.Is(err, relay.ErrConflict) || errors.Is(err, relay.ErrBound) || errors.Is(err, relay.ErrLease) {
		return err
	}
	// What an index refuses and no check before: two live tracks of a data set.
	if p, ok := errors.AsType[*pgconn.PgError](err); ok && p.Code == "23505" {
		return fmt.Errorf("%w: %s", relay.ErrConflict, p.ConstraintName)
	}
	return fmt.Errorf("pgstore: %w", err)
}

// results reads the answers to a batch of statements: how many rows each has
// changed.
func results(ctx context.Context, tx pgx.Tx, b *pgx.Batch, each func(i int, rows int64) error) error {
	if b.Len() == 0 {
		return nil
	}
	answers := tx.SendBatch(ctx, b)
	var failed error
	for i := range b.Len() {
		tag, err := answers.Exec()
		if err != nil {
			return errors.Join(failed, err, answers.Close())
		}
		if failed == nil && each != nil {
			failed = each(i, tag.RowsAffected())
		}
	}
	return errors.Join(failed, answers.Close())
}

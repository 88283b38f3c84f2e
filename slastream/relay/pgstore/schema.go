package pgstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// DefaultSchema is the PostgreSQL schema that an empty name stands for.
const DefaultSchema = "slastream_relay"

// version is the newest version of the tables: the number of files in
// migrations.
const version = 1

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNewer says that a newer program has changed the tables: this one does not
// know what they mean.
var ErrNewer = errors.New("pgstore: the tables are of a newer version of this package")

// schemaName is what River takes too, which puts the name before those of its
// notifications.
var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,44}$`)

// tables writes {name} in SQL as the name of a table in the schema.
func tables(schema string) *strings.Replacer {
	return strings.NewReplacer("{", pgx.Identifier{schema}.Sanitize()+".", "}", "")
}

// migrate brings the tables, and River's, to this program's versions. Processes
// that start at the same time wait for each other.
func migrate(ctx context.Context, pool *pgxpool.Pool, schema string) (err error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	const lock = "slastream pgstore "
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(hashtextextended($1, 0))`, lock+schema); err != nil {
		return err
	}
	defer func() {
		_, unlockErr := conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(hashtextextended($1, 0))`, lock+schema)
		err = errors.Join(err, unlockErr)
	}()
	if err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return migrateTables(ctx, tx, schema) }); err != nil {
		return err
	}
	return migrateRiver(ctx, pool, schema)
}

func migrateTables(ctx context.Context, tx pgx.Tx, schema string) error {
	names := tables(schema)
	if _, err := tx.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+pgx.Identifier{schema}.Sanitize()); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, names.Replace(`CREATE TABLE IF NOT EXISTS {version} (version int NOT NULL)`)); err != nil {
		return err
	}
	var have int
	if err := tx.QueryRow(ctx, names.Replace(`SELECT coalesce(max(version), 0) FROM {version}`)).Scan(&have); err != nil {
		return err
	}
	if have > version {
		return fmt.Errorf("%w: they have version %d, this one knows up to %d: install that version of the program", ErrNewer, have, version)
	}
	for v := have + 1; v <= version; v++ {
		sql, err := migrations.ReadFile(fmt.Sprintf("migrations/%d.sql", v))
		if err != nil {
			return err
		}
		// Without arguments the statements of a file go as one message.
		if _, err := tx.Exec(ctx, names.Replace(string(sql))); err != nil {
			return fmt.Errorf("version %d: %w", v, err)
		}
		if _, err := tx.Exec(ctx, names.Replace(`INSERT INTO {version} VALUES ($1)`), v); err != nil {
			return err
		}
	}
	return nil
}

func migrateRiver(ctx context.Context, pool *pgxpool.Pool, schema string) error {
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: schema, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	// It fails for a version that this River does not know.
	if _, err := m.ExistingVersions(ctx); err != nil {
		return fmt.Errorf("%w: those of River: %v", ErrNewer, err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("tables of River: %w", err)
	}
	return nil
}

// checkDurable refuses a server that may forget what it has confirmed.
func checkDurable(ctx context.Context, pool *pgxpool.Pool) error {
	var fsync, commit string
	if err := pool.QueryRow(ctx, `SELECT current_setting('fsync'), current_setting('synchronous_commit')`).Scan(&fsync, &commit); err != nil {
		return err
	}
	if fsync == "off" || commit == "off" {
		return fmt.Errorf("the server has fsync = %s and synchronous_commit = %s: it may forget a nonce that was used; set both to on", fsync, commit)
	}
	return nil
}

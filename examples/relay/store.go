package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/boltstore"
	"github.com/slastream/slastream-go/slastream/relay/pgstore"
)

// A runner takes turns until ctx is done, as a store that many processes share
// says when.
type runner func(ctx context.Context, turns pgstore.Stepper) error

// openStore opens the file, or the database, that the configuration names.
func (d *daemon) openStore(ctx context.Context) error {
	r := &d.config.Relay
	if r.postgres() {
		return d.openPostgres(ctx)
	}
	if d.dry && !exists(r.Store) {
		d.store = relay.NewMemoryStore()
		return nil
	}
	store, err := boltstore.Open(r.Store)
	switch {
	case errors.Is(err, boltstore.ErrInUse) && d.dry:
		d.log.Info("the store is in use and is not looked at", "store", r.Store)
		d.store = relay.NewMemoryStore()
		return nil
	case errors.Is(err, boltstore.ErrInUse):
		return fmt.Errorf("relay.store %s is in use: stop the other process, or give this one another store and its own account", r.Store)
	case err != nil:
		return fmt.Errorf("relay.store: %w", err)
	}
	d.closeLater(store.Close)
	d.store = store
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// connections is how many the pool has: what Run needs, and some for the turns
// and the API.
const connections = 10

func (d *daemon) openPostgres(ctx context.Context) error {
	r := &d.config.Relay
	c, err := pgxpool.ParseConfig(r.Store)
	if err != nil {
		return errors.New("relay.store is no address of PostgreSQL: want postgres://user@host/database") // err quotes it
	}
	c.MaxConns = max(c.MaxConns, connections)
	if c.ConnConfig.ConnectTimeout == 0 {
		c.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return fmt.Errorf("relay.store %s: %w", r.place(), plainDatabase(err))
	}
	d.closeLater(func() error { pool.Close(); return nil })
	if d.dry {
		d.store = relay.NewMemoryStore()
		if err := pool.Ping(ctx); err != nil {
			return fmt.Errorf("relay.store %s: %w", r.place(), plainDatabase(err))
		}
		return nil
	}
	store, err := pgstore.Open(ctx, pool, r.Schema)
	if err != nil {
		return fmt.Errorf("relay.store %s: %w", r.place(), plainDatabase(err))
	}
	d.store = store
	d.runner = func(ctx context.Context, turns pgstore.Stepper) error {
		return store.Run(ctx, turns, pgstore.Options{
			Account: d.escrow.Account().String(), Owner: d.relay.Name,
			Poll: time.Duration(r.Poll), Lease: d.relay.Lease, Grace: grace, Logger: d.riverLog(),
		})
	}
	return nil
}

// riverLog is the log without what River says while all is well.
func (d *daemon) riverLog() *slog.Logger { return d.log.With("task", "postgres") }

// plainDatabase leaves out the user and the database that pgx puts into the error
// of a connection.
func plainDatabase(err error) error {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return errors.New("no connection: is PostgreSQL there, and do user and password fit?")
	}
	return err
}

var _ relay.Store = (*boltstore.Store)(nil)

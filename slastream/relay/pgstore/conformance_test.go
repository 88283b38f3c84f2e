package pgstore_test

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/pgstore"
	"github.com/slastream/slastream-go/slastream/relay/storetest"
)

// TestConformance runs the tests of every store. Opened again, or a second time,
// a store has a pool of its own.
func TestConformance(t *testing.T) {
	url := serverURL(t)
	type opened struct {
		schema string
		pool   *pgxpool.Pool
	}
	var stores sync.Map
	open := func(t *testing.T, schema string) relay.Store {
		pool := connect(t, url)
		store, err := pgstore.Open(context.Background(), pool, schema)
		require.NoError(t, err)
		stores.Store(relay.Store(store), opened{schema, pool})
		return store
	}
	find := func(s relay.Store) opened {
		o, _ := stores.Load(s)
		return o.(opened)
	}
	storetest.Run(t, func(t *testing.T) relay.Store { return open(t, newSchema(t)) }, storetest.Options{
		Share: func(t *testing.T, s relay.Store) relay.Store { return open(t, find(s).schema) },
		Reopen: func(t *testing.T, s relay.Store) relay.Store {
			o := find(s)
			o.pool.Close()
			return open(t, o.schema)
		},
	})
}

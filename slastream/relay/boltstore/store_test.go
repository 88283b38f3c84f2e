package boltstore_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/boltstore"
	"github.com/slastream/slastream-go/slastream/relay/storetest"
)

// A named store knows its path, to be opened again.
type named struct {
	*boltstore.Store
	path string
}

func openStore(t *testing.T, path string) relay.Store {
	s, err := boltstore.Open(path, boltstore.WithoutSync())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return named{s, path}
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) relay.Store {
		return openStore(t, filepath.Join(t.TempDir(), "relay.db"))
	}, storetest.Options{Reopen: func(t *testing.T, s relay.Store) relay.Store {
		require.NoError(t, s.(named).Close())
		return openStore(t, s.(named).path)
	}})
}

package relaytest_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/boltstore"
	"github.com/slastream/slastream-go/slastream/relay/relaytest"
)

// TestCrash is a slice of the campaign that .ci/run makes, 2,500 kills of each of
// the four, so 10,000:
//
//	SLASTREAM_SEED=1 SLASTREAM_KILLS=2500 go test -run TestCrash ./slastream/relay/relaytest
func TestCrash(t *testing.T) {
	for _, mode := range []relaytest.Mode{relaytest.Single, relaytest.Batch, relaytest.Multicall} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			relaytest.Run(t, relaytest.Campaign{Seed: 1, Kills: 40, Mode: mode})
		})
	}
	t.Run("boltstore", func(t *testing.T) {
		t.Parallel()
		relaytest.Run(t, relaytest.Campaign{Seed: 1, Kills: 40, NewStore: file})
	})
}

// file is a store in a file, which is opened again after each kill.
func file(t testing.TB) func() (relay.Store, error) {
	path := filepath.Join(t.TempDir(), "relay.db")
	return func() (relay.Store, error) { return boltstore.Open(path, boltstore.WithoutSync()) }
}

// TestSameSeedSameRun: a failure that a seed showed is shown again.
func TestSameSeedSameRun(t *testing.T) {
	t.Parallel()
	c := relaytest.Campaign{Seed: 7, Kills: 20, Mode: relaytest.Multicall}
	first, err := relaytest.Once(t, c)
	require.NoError(t, err)
	again, err := relaytest.Once(t, c)
	require.NoError(t, err)
	first.Time, again.Time = 0, 0
	require.Equal(t, first, again)
	require.Equal(t, 20, first.Kills)
	require.NotZero(t, first.Chunks)
	c.Seed++
	other, err := relaytest.Once(t, c)
	require.NoError(t, err)
	require.NotEqual(t, first.Calls, other.Calls)
}

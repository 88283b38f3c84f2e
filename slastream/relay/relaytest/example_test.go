package relaytest_test

import (
	"path/filepath"
	"testing"

	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/boltstore"
	"github.com/slastream/slastream-go/slastream/relay/relaytest"
)

// A campaign of two hundred crashes against a store in a file: each life of the
// relay opens the file that the life before it left.
func Example() {
	// In the package's tests, this is func TestCrash(t *testing.T).
	testCrash := func(t *testing.T) {
		relaytest.Run(t, relaytest.Campaign{
			Seed: 1, Kills: 200,
			NewStore: func(t testing.TB) func() (relay.Store, error) {
				path := filepath.Join(t.TempDir(), "relay.db")
				return func() (relay.Store, error) { return boltstore.Open(path, boltstore.WithoutSync()) }
			},
		})
	}
	_ = testCrash // go test calls it
}

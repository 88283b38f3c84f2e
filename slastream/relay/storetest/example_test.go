package storetest_test

import (
	"testing"

	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/storetest"
)

// The test of a store that ends with its process. One that keeps a file also says
// how to open it again, in Options.Reopen.
func Example() {
	// In the package's tests, this is func TestConformance(t *testing.T).
	testConformance := func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) relay.Store {
			return relay.NewMemoryStore() // your store, empty; close it with t.Cleanup
		}, storetest.Options{})
	}
	_ = testConformance // go test calls it
}

package relay_test

import (
	"testing"

	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/storetest"
)

func TestMemoryStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) relay.Store { return relay.NewMemoryStore() }, storetest.Options{})
}

package relaytest_test

import (
	"testing"

	"github.com/slastream/slastream-go/slastream/relay/relaytest"
)

func TestThreeRelaysAgree(t *testing.T) {
	t.Parallel()
	relaytest.Agree(t, relaytest.Campaign{Seed: 1})
}

func TestThreeRelaysTakeTurns(t *testing.T) {
	t.Parallel()
	relaytest.Stagger(t, relaytest.Campaign{Seed: 1})
}

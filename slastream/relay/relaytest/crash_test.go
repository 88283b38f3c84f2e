package relaytest_test

import (
	"testing"

	"github.com/slastream/slastream-go/slastream/relay/relaytest"
)

func TestCrash(t *testing.T) {
	for _, mode := range []relaytest.Mode{relaytest.Single, relaytest.Batch, relaytest.Multicall} {
		t.Run(mode.String(), func(t *testing.T) {
			relaytest.Run(t, relaytest.Campaign{Seed: 1, Kills: 50, Mode: mode})
		})
	}
}

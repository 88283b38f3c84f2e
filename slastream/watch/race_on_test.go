//go:build race

package watch_test

// How much the longest tests do: the race detector slows them down tenfold.
const (
	crashEvery    = 9
	crashSeeds    = 20
	manyDeals     = 100
	queueSize     = 1000
	scheduleSteps = 5_000
)

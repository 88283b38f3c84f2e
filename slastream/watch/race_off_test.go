//go:build !race

package watch_test

// How much the longest tests do.
const (
	crashEvery    = 1      // every call is a kill point
	crashSeeds    = 100    // runs with many kills
	manyDeals     = 1000   // deals
	queueSize     = 10_000 // alerts: that of a tower
	scheduleSteps = 20_000
)

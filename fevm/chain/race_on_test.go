//go:build race

package chain_test

// The race detector slows the simulated node down tenfold: it sees some of the
// reorganisations and one run of bad nodes each.
const (
	depthStep = 30
	badSeeds  = 1
)

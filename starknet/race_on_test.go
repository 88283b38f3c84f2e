//go:build race

package starknet_test

// How much the longest tests do: the race detector slows signatures and hashes
// down tenfold.
const (
	faultCalls  = 200 // transactions
	followSeeds = 40  // random chains
)

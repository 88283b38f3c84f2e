//go:build !race

package chain_test

const (
	depthStep = 1
	badSeeds  = 2
)

//go:build !race

package starknet_test

const (
	faultCalls  = 1000
	followSeeds = 300
)

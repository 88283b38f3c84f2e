// Package relaytest runs a relay through crashes: both simulated chains, faults
// of their nodes, a kill at any call, and a judge that compares the Starknet chain
// with what follows from the Filecoin chain alone. What happens follows from a
// seed.
package relaytest

package simulated

import "github.com/NethermindEth/juno/core/felt"

// Poseidon is the hash of transactions, for the comparison with another one.
func Poseidon(list []*felt.Felt) felt.Felt { return felt.Felt(poseidon(values(list))) }

// NewSponge returns the hash that goes on from the list before.
func NewSponge() func([]*felt.Felt) felt.Felt {
	s := new(sponge)
	return func(list []*felt.Felt) felt.Felt { return felt.Felt(s.hash(values(list))) }
}

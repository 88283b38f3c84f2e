package simulated_test

import (
	"slices"
	"testing"

	"github.com/NethermindEth/juno/core/crypto"
	"github.com/NethermindEth/juno/core/felt"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/starknet/simulated"
)

// TestPoseidon compares with juno's, which is slower and has its keys from a
// table.
func TestPoseidon(t *testing.T) {
	var list []*felt.Felt
	for i := range 40 {
		last := simulated.Poseidon(list)
		require.Equal(t, crypto.PoseidonArray(list...), last, i)
		list = append(list, &last)
	}
	// Felts at the edges, where a carry may go wrong.
	zero, minusOne := new(felt.Felt), new(felt.Felt).Sub(new(felt.Felt), &felt.One)
	for _, list := range [][]*felt.Felt{{zero}, {minusOne}, {minusOne, minusOne}, {zero, minusOne, zero}} {
		require.Equal(t, crypto.PoseidonArray(list...), simulated.Poseidon(list))
	}
}

func FuzzPoseidon(f *testing.F) {
	f.Add([]byte{}, 0)
	f.Add([]byte("a felt is thirty-two bytes long, and this seed is more than one"), 1)
	f.Add(make([]byte, 300), 7)
	f.Fuzz(func(t *testing.T, data []byte, other int) {
		var list []*felt.Felt
		for len(data) > 0 && len(list) < 12 {
			n := min(len(data), 32)
			list, data = append(list, new(felt.Felt).SetBytes(data[:n])), data[n:]
		}
		want := crypto.PoseidonArray(list...)
		require.Equal(t, want, simulated.Poseidon(list))

		// The same after a list that is another from some felt on, or shorter.
		hash := simulated.NewSponge()
		require.Equal(t, want, hash(list))
		if len(list) == 0 {
			return
		}
		at := int(uint(other) % uint(len(list)))
		for _, before := range [][]*felt.Felt{list[:at], append(slices.Clone(list[:at]), append([]*felt.Felt{{}}, list[at+1:]...)...), append(slices.Clone(list), list...)} {
			hash(before)
			require.Equal(t, want, hash(list))
			require.Equal(t, crypto.PoseidonArray(before...), hash(before))
		}
	})
}

// BenchmarkPoseidon hashes as many felts as the calldata of a release_chunk has.
func BenchmarkPoseidon(b *testing.B) {
	var list []*felt.Felt
	for i := range uint64(17) {
		list = append(list, new(felt.Felt).SetUint64(i))
	}
	for name, hash := range map[string]func() felt.Felt{
		"ours": func() felt.Felt { return simulated.Poseidon(list) },
		"juno": func() felt.Felt { return crypto.PoseidonArray(list...) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				hash()
			}
		})
	}
}

package simulated

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestTable compares tables with maps, old versions included: they must not
// change when newer ones are made.
func TestTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var versions []table[uint8, int]
		var models []map[uint8]int
		current, model := table[uint8, int]{}, map[uint8]int{}
		for i, key := range rapid.SliceOfN(rapid.Uint8(), 0, 200).Draw(t, "keys") {
			current = current.with(key, i)
			model = maps.Clone(model)
			model[key] = i
			versions, models = append(versions, current), append(models, model)
		}
		from := rapid.Uint8().Draw(t, "from")
		for i, v := range versions {
			require.Equal(t, models[i], maps.Collect(v.all(0)))
			requireBalanced(t, v.root)
			keys := slices.Sorted(maps.Keys(models[i]))
			at, _ := slices.BinarySearch(keys, from)
			var got []uint8
			for k, value := range v.all(from) {
				require.Equal(t, models[i][k], value)
				got = append(got, k)
			}
			require.Equal(t, keys[at:], append([]uint8{}, got...))
		}
	})
}

func requireBalanced(t *rapid.T, n *node[uint8, int]) {
	if n == nil {
		return
	}
	requireBalanced(t, n.left)
	requireBalanced(t, n.right)
	require.InDelta(t, n.left.tall(), n.right.tall(), 1)
	require.Equal(t, 1+max(n.left.tall(), n.right.tall()), n.height)
}

package starknet_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/starknet"
)

// TestFollowConverges lets chains grow and reorganize at random between any two
// questions of a follower that crashes at random, on a transport that fails at
// random: at the end it holds the events of the chain.
func TestFollowConverges(t *testing.T) {
	const shards = 4
	seeds := uint64(followSeeds)
	var retracted, deep atomic.Int64
	t.Run("seeds", func(t *testing.T) {
		for shard := range uint64(shards) {
			t.Run(fmt.Sprint(shard), func(t *testing.T) {
				t.Parallel()
				for seed := shard; seed < seeds; seed += shards {
					synctest.Test(t, func(t *testing.T) {
						r, d := converge(t, seed, rpcPaths[seed/shards%2])
						retracted.Add(int64(r))
						deep.Add(int64(d))
					})
				}
			})
		}
	})
	t.Logf("%d events retracted, %d times started over", retracted.Load(), deep.Load())
	require.Greater(t, retracted.Load(), int64(seeds))
	require.Less(t, deep.Load(), int64(seeds))
}

func converge(t *testing.T, seed uint64, path string) (retracted, deep int) {
	node := newShakyNode(t, seed, path)
	random := node.random
	node.page = 1 + random.IntN(4)
	node.grow(6 + random.IntN(10))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changes, quiet := 12, 0
	node.before = func(method string) {
		if changes == 0 {
			if quiet++; method == "starknet_getEvents" {
				quiet = 0
			}
			if quiet > 20 { // and a chain that was cut was noticed
				cancel()
			}
			return
		}
		switch random.IntN(20) {
		case 0, 1, 2:
			node.grow(1 + random.IntN(3))
		case 3, 4:
			node.reorg(4)
		case 5:
			node.reorg(30)
			node.grow(random.IntN(4))
		default:
			return
		}
		changes--
	}
	node.fail = func(string) error {
		if changes > 0 && random.IntN(20) == 0 {
			return errBroken
		}
		return nil
	}
	history := starknet.NewERC20(node, node.Token()).History()
	l := ledger[starknet.Transfer]{TB: t}
	for ctx.Err() == nil {
		seen := l.held
		if random.IntN(3) == 0 {
			seen = seen[max(0, len(seen)-30):]
		}
		for u, err := range history.Follow(ctx, l.cursor, seen...) {
			if err != nil {
				if ctx.Err() == nil {
					require.ErrorIs(t, err, starknet.ErrReorgTooDeep)
					l.held, l.cursor = nil, starknet.Cursor{}
					deep++
				}
				break
			}
			if changes > 0 && random.IntN(10) == 0 {
				break // a crash before it is stored
			}
			l.apply(u)
			if changes > 0 && random.IntN(10) == 0 {
				break // a crash after it is stored
			}
		}
	}
	node.before = func(string) {}
	want := collect(t, history, 0, node.head())
	if len(want)+len(l.held) > 0 {
		require.Equal(t, want, l.held, "seed %d", seed)
	}
	return l.retracted, deep
}

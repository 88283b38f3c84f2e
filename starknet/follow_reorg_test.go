package starknet_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/starknet"
)

// A consumer follows in a bubble: the test changes the chain, lets it catch up
// and looks at what it holds.
type consumer struct {
	ledger[starknet.Transfer]
	node    *shakyNode
	history *starknet.History[starknet.Transfer]
	err     error
	stop    context.CancelFunc
	done    chan struct{}
}

func follow(t *testing.T, node *shakyNode, options ...starknet.HistoryOption) *consumer {
	c := &consumer{ledger: ledger[starknet.Transfer]{TB: t}, node: node, history: starknet.NewERC20(node, node.Token()).History(options...)}
	c.start()
	return c
}

func (c *consumer) start(seen ...transferEvent) {
	ctx, cancel := context.WithCancel(c.Context())
	c.stop, c.done, c.err = cancel, make(chan struct{}), nil
	go func() {
		defer close(c.done)
		for u, err := range c.history.Follow(ctx, c.cursor, seen...) {
			if err != nil {
				c.err = err
				return
			}
			c.apply(u)
		}
	}()
}

func (c *consumer) end() error {
	c.stop()
	<-c.done
	return c.err
}

// settle waits for a while without anything happening.
func (c *consumer) settle(d time.Duration) {
	c.node.order()
	time.Sleep(d)
	synctest.Wait()
}

func (c *consumer) requireChain() {
	c.Helper()
	require.NoError(c, c.err)
	require.Equal(c, collect(c.TB, c.history, 0, c.node.head()), c.held)
}

func inBubble(t *testing.T, run func(t *testing.T, node *shakyNode)) {
	for _, path := range rpcPaths {
		t.Run(path, func(t *testing.T) {
			running := goleak.IgnoreCurrent()
			synctest.Test(t, func(t *testing.T) {
				node := newShakyNode(t, 1, path)
				for i := range uint64(5) {
					node.mint(i)
					node.Mine()
				}
				run(t, node)
			})
			goleak.VerifyNone(t, running)
		})
	}
}

func TestFollowRetracts(t *testing.T) {
	inBubble(t, func(t *testing.T, node *shakyNode) {
		c := follow(t, node)
		c.settle(time.Second)
		require.Len(t, c.held, 10)
		lost := c.held[6] // a copy

		// The same transactions again, in later blocks: the same ids.
		_, err := node.Abort(4)
		require.NoError(t, err)
		node.Mine()
		node.IncreaseTime(1)
		node.mint(3)
		node.Mine()
		c.settle(10 * time.Second)
		c.requireChain()
		require.Equal(t, 4, c.retracted)
		require.Len(t, c.held, 8)
		require.Equal(t, lost.ID, c.held[6].ID)
		require.Equal(t, uint64(6), c.held[6].BlockNumber)
		require.NotEqual(t, lost.BlockHash, c.held[6].BlockHash)

		// Another block at the height of the newest.
		_, err = node.Abort(6)
		require.NoError(t, err)
		node.mint(99)
		node.Mine()
		c.settle(10 * time.Second)
		c.requireChain()
		require.Equal(t, 6, c.retracted)
		require.ErrorIs(t, c.end(), context.Canceled)
	})
}

// TestFollowShortChain cuts the chain and puts nothing in place.
func TestFollowShortChain(t *testing.T) {
	inBubble(t, func(t *testing.T, node *shakyNode) {
		c := follow(t, node)
		c.settle(time.Second)
		_, err := node.Abort(4)
		require.NoError(t, err)
		c.settle(10 * time.Second)
		require.Len(t, c.held, 10, "a node that is behind looks the same")
		c.settle(20 * time.Second)
		require.Len(t, c.held, 6)
		c.requireChain()
		node.mint(7)
		node.Mine()
		c.settle(3 * time.Second)
		require.Len(t, c.held, 8)
		c.requireChain()
		require.ErrorIs(t, c.end(), context.Canceled)
	})
}

func TestFollowRestarts(t *testing.T) {
	inBubble(t, func(t *testing.T, node *shakyNode) {
		c := follow(t, node)
		c.settle(time.Second)
		c.end()
		node.mint(7)
		node.Mine()
		c.start()
		c.settle(time.Second)
		require.Len(t, c.held, 12, "neither a gap nor a repetition")
		c.end()

		_, err := node.Abort(5)
		require.NoError(t, err)
		for range 4 {
			node.mint(8)
			node.Mine()
		}
		before := c.cursor
		c.start()
		c.settle(time.Second)
		require.ErrorIs(t, c.end(), starknet.ErrReorgTooDeep, "the cursor alone cannot say what is gone")
		require.Equal(t, before, c.cursor)
		c.start(c.held[9:]...)
		c.settle(time.Second)
		require.ErrorIs(t, c.end(), starknet.ErrReorgTooDeep, "nor can what is gone altogether")
		require.Equal(t, before, c.cursor)
		c.start(c.held[7:]...)
		c.settle(time.Second)
		require.Equal(t, 4, c.retracted)
		c.requireChain()
		c.end()

		c.start(c.held[:3]...)
		require.ErrorContains(t, c.end(), "the cursor is elsewhere")
		c.start(c.held[2], c.held[1])
		require.ErrorContains(t, c.end(), "chain order")
		c.cursor.Hash = attestation.Word{}
		c.start()
		require.ErrorContains(t, c.end(), "without a block hash")
		c.cursor = starknet.Cursor{Block: c.held[3].BlockNumber, Hash: c.held[3].BlockHash, Event: starknet.EventID{Index: 3}}
		c.start()
		c.settle(time.Hour)
		require.ErrorIs(t, c.end(), starknet.ErrBadAnswer, "a cursor of another contract")
	})
}

// TestFollowCursorBetween restarts in the middle of a transaction, and in that
// of a retraction.
func TestFollowCursorBetween(t *testing.T) {
	inBubble(t, func(t *testing.T, node *shakyNode) {
		history := starknet.NewERC20(node, node.Token()).History()
		want := collect(t, history, 0, node.head())
		l := ledger[starknet.Transfer]{TB: t}
		for len(l.held) < len(want) {
			for u, err := range history.Follow(t.Context(), l.cursor) {
				require.NoError(t, err)
				l.apply(u)
				break
			}
		}
		require.Equal(t, want, l.held)
		_, err := node.Abort(3)
		require.NoError(t, err)
		for range 4 {
			node.mint(8)
			node.Mine()
		}
		want = collect(t, history, 0, node.head())
		for range 6 + 8 { // one update a run
			for u, err := range history.Follow(t.Context(), l.cursor, l.held...) {
				require.NoError(t, err)
				l.apply(u)
				break
			}
		}
		require.Equal(t, want, l.held)
		require.Equal(t, 6, l.retracted)
	})
}

// TestFollowDepth reorganizes as far as the follower remembers, and further.
func TestFollowDepth(t *testing.T) {
	for _, tt := range []struct {
		depth uint64
		deep  bool
	}{{1, false}, {1000, false}, {1030, true}} {
		synctest.Test(t, func(t *testing.T) {
			node := newShakyNode(t, 1, rpcPaths[1])
			c := follow(t, node, starknet.WithPollTime(time.Second))
			for i := range uint64(1100) { // one block a poll
				if i%100 == 50 {
					node.mint(i)
				}
				node.Mine()
				time.Sleep(time.Second)
			}
			synctest.Wait()
			require.Len(t, c.held, 22)
			_, err := node.Abort(1101 - tt.depth)
			require.NoError(t, err)
			node.IncreaseTime(5)
			for range tt.depth {
				node.Mine()
			}
			c.settle(5 * time.Second)
			if tt.deep {
				require.ErrorIs(t, c.end(), starknet.ErrReorgTooDeep)
				require.Zero(t, c.retracted, "nothing is taken back by halves")
				return
			}
			c.requireChain()
			c.end()
		})
	}
}

// TestFollowOrphansByHash has a node that still takes the hash of a block that
// is gone for the block of its number: the chain itself is asked, too.
func TestFollowOrphansByHash(t *testing.T) {
	inBubble(t, func(t *testing.T, node *shakyNode) {
		numbers := make(map[string]uint64)
		for n := range node.head() + 1 {
			var b struct {
				Hash string `json:"block_hash"`
			}
			require.NoError(t, node.rpc.CallContext(t.Context(), &b, "starknet_getBlockWithTxHashes", map[string]uint64{"block_number": n}))
			numbers[b.Hash] = n
		}
		caller := starknet.CallerFunc(func(ctx context.Context, result any, method string, params ...any) error {
			if method == "starknet_getEvents" {
				raw, err := json.Marshal(params[0])
				require.NoError(t, err)
				var filter map[string]any
				require.NoError(t, json.Unmarshal(raw, &filter))
				if hash, ok := filter["from_block"].(map[string]any)["block_hash"].(string); ok {
					if n, known := numbers[hash]; known {
						filter["from_block"] = map[string]uint64{"block_number": n}
					}
				}
				params = []any{filter}
			}
			return node.CallContext(ctx, result, method, params...)
		})
		c := &consumer{ledger: ledger[starknet.Transfer]{TB: t}, node: node, history: starknet.NewERC20(caller, node.Token()).History()}
		c.start()
		c.settle(time.Second)
		require.Len(t, c.held, 10)
		_, err := node.Abort(5)
		require.NoError(t, err)
		node.Mine() // in place of a block with events
		node.Mine()
		node.Mine()
		c.settle(10 * time.Second)
		require.Equal(t, 2, c.retracted)
		c.requireChain()
		c.end()
	})
}

// TestFollowDepthAfterGap reorganizes the newest block after a stretch without
// events that is longer than what is remembered.
func TestFollowDepthAfterGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := newShakyNode(t, 1, rpcPaths[1])
		node.mint(1)
		for range 1100 {
			node.Mine()
		}
		c := follow(t, node)
		c.settle(time.Second)
		require.Len(t, c.held, 2)
		_, err := node.Abort(1100)
		require.NoError(t, err)
		node.mint(2)
		node.Mine()
		c.settle(5 * time.Second)
		require.Len(t, c.held, 4)
		require.Zero(t, c.retracted)
		c.requireChain()
		c.end()
	})
}

// TestFollowL1 delivers what the node says is accepted on L1.
func TestFollowL1(t *testing.T) {
	inBubble(t, func(t *testing.T, node *shakyNode) {
		var settled, claimed uint64
		caller := starknet.CallerFunc(func(ctx context.Context, result any, method string, params ...any) error {
			node.order()
			if tag := rpcTag(t, params); tag == "l1_accepted" {
				if settled == 0 {
					return &jsonrpc.Error{Code: 24, Message: "Block not found"}
				}
				params = []any{map[string]uint64{"block_number": settled}}
			}
			return node.CallContext(ctx, result, method, params...)
		})
		node.change = func(method string, o map[string]any) {
			if n, ok := o["block_number"].(float64); ok && uint64(n) <= claimed {
				o["status"] = "ACCEPTED_ON_L1"
			}
		}
		c := &consumer{ledger: ledger[starknet.Transfer]{TB: t}, node: node}
		c.history = starknet.NewERC20(caller, node.Token()).History(starknet.WithFinality(starknet.AcceptedOnL1))
		c.start()
		c.settle(time.Minute)
		require.Empty(t, c.held)
		settled, claimed = 3, 3
		c.settle(time.Minute)
		require.Len(t, c.held, 6)
		settled = 4
		c.settle(time.Hour)
		require.Len(t, c.held, 6)
		require.ErrorIs(t, c.end(), starknet.ErrBadAnswer, "a block that is accepted on L2 only")
	})
}

func rpcTag(t *testing.T, params []any) string {
	if len(params) == 0 {
		return ""
	}
	raw, err := json.Marshal(params[0])
	require.NoError(t, err)
	var tag string
	_ = json.Unmarshal(raw, &tag) // else it is no tag
	return tag
}

// TestFollowReorgBetweenPages replaces blocks that the first page of a range
// has passed: their events must not be missed.
func TestFollowReorgBetweenPages(t *testing.T) {
	inBubble(t, func(t *testing.T, node *shakyNode) {
		node.Mine() // 6, the end of the range, has no event in either chain
		node.page = 2
		node.before = func(method string) {
			if method != "starknet_getEvents" || node.asked[method] != 2 {
				return
			}
			_, err := node.Abort(2)
			require.NoError(t, err)
			for range 3 {
				node.mint(50)
				node.Mine()
			}
			node.Mine()
			node.Mine()
		}
		c := follow(t, node)
		c.settle(10 * time.Second)
		require.Len(t, c.held, 8)
		c.requireChain()
		c.end()
	})
}

// TestFollowForkedBackends asks two nodes in turn, as behind a balancer, of
// which one is on a fork; in the end the other is alone.
func TestFollowForkedBackends(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			path := rpcPaths[seed%2]
			nodes := []*shakyNode{newShakyNode(t, seed, path), newShakyNode(t, seed+1000, path)}
			for _, n := range nodes {
				n.mint(1) // the same block
				n.Mine()
				n.page = 1 + int(seed%3)
			}
			nodes[1].IncreaseTime(1)
			random, flapping := nodes[0].random, true
			caller := starknet.CallerFunc(func(ctx context.Context, result any, method string, params ...any) error {
				n := nodes[0]
				n.order()
				if flapping && random.IntN(4) == 0 {
					n = nodes[1]
				}
				if flapping && random.IntN(8) == 0 {
					n.grow(1)
				}
				return n.CallContext(ctx, result, method, params...)
			})
			c := &consumer{ledger: ledger[starknet.Transfer]{TB: t}, node: nodes[0]}
			c.history = starknet.NewERC20(caller, nodes[0].Token()).History()
			c.start()
			c.settle(30 * time.Second)
			flapping = false
			c.settle(3 * time.Minute)
			c.requireChain()
			c.end()
		})
	}
}

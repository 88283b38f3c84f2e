package starknet_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/starknet"
)

func TestFollowSurvives(t *testing.T) {
	for name, failure := range map[string]error{
		"a broken connection":   errBroken,
		"a limit of the rate":   &jsonrpc.StatusError{Status: 429, Body: "slow down"},
		"a limit as an error":   &jsonrpc.Error{Code: 429, Message: "Your app has exceeded its compute units per second capacity"},
		"an internal error":     &jsonrpc.Error{Code: -32603, Message: "Internal error"},
		"an unexpected error":   &jsonrpc.Error{Code: 63, Message: "An unexpected error occurred"},
		"a node that is behind": &jsonrpc.Error{Code: 24, Message: "Block not found"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, node *shakyNode) {
				c := follow(t, node)
				c.settle(time.Second)
				require.Len(t, c.held, 10)
				node.mint(7)
				node.Mine()
				for _, method := range []string{"starknet_getBlockWithTxHashes", "starknet_getEvents"} {
					node.fail = func(m string) error {
						if m == method {
							return failure
						}
						return nil
					}
					before := node.asked[method]
					c.settle(time.Hour)
					require.NoError(t, c.err)
					require.Less(t, node.asked[method]-before, 200, "it asks less and less")
					require.Greater(t, node.asked[method]-before, 55, "and does not stop")
				}
				node.fail = func(string) error { return nil }
				c.settle(time.Minute)
				c.requireChain()
				require.Len(t, c.held, 12)
				require.ErrorIs(t, c.end(), context.Canceled)
			})
		})
	}
}

// TestFollowGivesUp has a node that answers wrong for ever, or refuses the
// question as such.
func TestFollowGivesUp(t *testing.T) {
	refusal := &jsonrpc.Error{Code: -32601, Message: "Method not found"}
	for name, tt := range map[string]struct {
		fail   error
		change func(map[string]any)
		want   error
	}{
		"events of another contract": {change: func(o map[string]any) { o["events"].([]any)[0].(map[string]any)["from_address"] = "0x7" }, want: starknet.ErrBadAnswer},
		"events of another block":    {change: func(o map[string]any) { o["events"].([]any)[0].(map[string]any)["block_hash"] = "0x7" }, want: starknet.ErrBadAnswer},
		"no such method":             {fail: refusal, want: refusal},
		"no such token":              {fail: &jsonrpc.Error{Code: 33, Message: "The supplied continuation token is invalid or unknown"}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, node *shakyNode) {
				node.change = func(method string, o map[string]any) {
					if method == "starknet_getEvents" && tt.change != nil {
						tt.change(o)
					}
				}
				node.fail = func(method string) error {
					if method == "starknet_getEvents" {
						return tt.fail
					}
					return nil
				}
				c := follow(t, node)
				c.settle(time.Hour)
				require.Error(t, c.err)
				require.ErrorContains(t, c.err, "8 times in a row")
				if tt.want != nil {
					require.ErrorIs(t, c.err, tt.want)
				}
				require.Empty(t, c.held)
				require.Error(t, c.end())
			})
		})
	}
}

// TestFollowAsksAgain takes a question without an answer for a failure.
func TestFollowAsksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := newShakyNode(t, 1, rpcPaths[1])
		node.mint(1)
		node.Mine()
		hang := true
		caller := starknet.CallerFunc(func(ctx context.Context, result any, method string, params ...any) error {
			if hang {
				hang = false
				<-ctx.Done()
				return ctx.Err()
			}
			return node.CallContext(ctx, result, method, params...)
		})
		c := &consumer{ledger: ledger[starknet.Transfer]{TB: t}, node: node, history: starknet.NewERC20(caller, node.Token()).History()}
		c.start()
		c.settle(2 * time.Minute)
		c.requireChain()
		c.end()
	})
}

type wakerFunc func(ctx context.Context) error

func (f wakerFunc) Wait(ctx context.Context) error { return f(ctx) }

// TestFollowHints has hints of all kinds: whatever they say, the events come,
// and the node is not flooded.
func TestFollowHints(t *testing.T) {
	wake := make(chan struct{})
	for name, tt := range map[string]struct {
		hint        wakerFunc
		asked, most int           // in a minute, with a poll of 10 seconds
		late        time.Duration // of an event
	}{
		"no hint":               {nil, 6, 7, 10 * time.Second},
		"one that is dead":      {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, 6, 7, 10 * time.Second},
		"one that is broken":    {func(context.Context) error { return errors.New("closed") }, 6, 7, 10 * time.Second},
		"one that floods":       {func(context.Context) error { return nil }, 59, 61, time.Second},
		"one that is right":     {func(ctx context.Context) error { return receive(ctx, wake) }, 6, 7, time.Millisecond},
		"one that sleeps first": {func(ctx context.Context) error { time.Sleep(5 * time.Second); return nil }, 12, 13, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wake = make(chan struct{}, 1)
				node := newShakyNode(t, 1, rpcPaths[1])
				options := []starknet.HistoryOption{starknet.WithPollTime(10 * time.Second)}
				if tt.hint != nil {
					options = append(options, starknet.WithWaker(tt.hint))
				}
				c := follow(t, node, options...)
				c.settle(0)
				before := node.asked["starknet_getBlockWithTxHashes"]
				c.settle(time.Minute - 100*time.Millisecond)
				asked := node.asked["starknet_getBlockWithTxHashes"] - before
				require.GreaterOrEqual(t, asked, tt.asked-1)
				require.LessOrEqual(t, asked, tt.most)
				c.settle(5*time.Second + 100*time.Millisecond) // between two polls
				node.mint(1)
				node.Mine()
				wake <- struct{}{}
				c.settle(tt.late)
				require.Len(t, c.held, 2)
				c.end()
			})
		})
	}
}

func receive(ctx context.Context, from chan struct{}) error {
	select {
	case <-from:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

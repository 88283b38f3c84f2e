// Package heads wakes a follower when Starknet has a new block. It subscribes to
// a node over WebSocket (starknet_subscribeNewHeads) and is a hint only: package
// starknet asks the node itself, and is right without it.
//
//	hint := heads.New("wss://…/ws/rpc/v0_9", nil)
//	go hint.Run(ctx) // connects, and connects again, until ctx ends
//
//	history := escrow.History(starknet.WithWaker(hint), starknet.WithPollTime(time.Minute))
//	for update, err := range history.Follow(ctx, cursor) { … }
//
// A message wakes, whatever it says: what it says is not used. So a lying or
// broken endpoint costs questions, and their number is bounded by the follower.
package heads

import (
	"log/slog"

	"github.com/slastream/slastream-go/internal/newheads"
	"github.com/slastream/slastream-go/starknet"
)

// Heads is a subscription to new blocks. Make it with [New] and let Run run. It
// is safe for concurrent use; a wake goes to one of those that wait.
type Heads = newheads.Heads

var _ starknet.Waker = (*Heads)(nil)

// New returns a subscription at a URL, ws:// or wss://. It opens no
// connection. The URL may hold an access key and is not logged. log gets why
// connections end, nil for nobody.
func New(url string, log *slog.Logger) *Heads {
	return newheads.New(url, "starknet_subscribeNewHeads", []any{}, log)
}

// Package heads wakes a follower when Filecoin has a new tipset. It subscribes to a
// node over WebSocket (eth_subscribe newHeads) and is a hint only: package chain asks
// the nodes itself, and is right without it.
//
//	hint := heads.New("wss://…/rpc/v1", nil)
//	go hint.Run(ctx) // connects, and connects again, until ctx ends
//
//	f := chain.NewFollower(nodes, chain.FollowerConfig{Query: q, Poll: time.Minute, Wake: hint.Wait})
//
// A message wakes, whatever it says. Lotus announces the parent of the new tipset,
// cuts off who reads slowly without a word, and numbers the logs of a subscription
// wrongly: nothing of that matters here.
package heads

import (
	"log/slog"

	"github.com/slastream/slastream-go/internal/newheads"
)

// Heads is a subscription to new tipsets. Make it with [New] and let Run run. It
// is safe for concurrent use; a wake goes to one of those that wait.
type Heads = newheads.Heads

// New returns a subscription at a URL, ws:// or wss://. It opens no connection.
// The URL may hold an access key and is not logged. log gets why connections end,
// nil for nobody.
func New(url string, log *slog.Logger) *Heads {
	return newheads.New(url, "eth_subscribe", []any{"newHeads"}, log)
}

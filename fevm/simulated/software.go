package simulated

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// A Software is the implementation of a Filecoin node whose answers are played.
type Software uint8

// Lotus and Forest differ in eth_getLogs: tags that Lotus refuses ("finalized",
// "safe": "FromBlock is not a hex") Forest takes for "latest"; a range above the
// head is an error of Lotus and an empty answer of Forest; the texts of the
// limit of results differ; by the hash of a replaced tipset Lotus answers its
// logs with removed true, and Forest knows no such block.
const (
	Lotus Software = iota
	Forest
)

// WithSoftware plays another node than [Lotus].
func WithSoftware(s Software) Option { return func(o *options) { o.software = s } }

// WithOldErrors answers as Lotus before v1.31.0: null rounds have code 1 and no
// data, and a range that is too long has code 1 and one of three texts ("invalid
// epoch range: …") instead of -32005.
func WithOldErrors() Option { return func(o *options) { o.oldErrors = true } }

// WithLookback puts a gateway in front: it refuses epochs that are longer ago
// than limit, rounded down to epochs, with "bad tipset height: lookbacks of more
// than 16h40m0s are disallowed" for 2,000 epochs, and those to come with "tipset
// height in future". Public endpoints have that limit or 24 hours.
func WithLookback(limit time.Duration) Option { return func(o *options) { o.lookback = limit } }

// WithDeferredExecution executes as Filecoin does: what is in a tipset happens
// when the next one comes. "latest" and eth_blockNumber are the parent of
// [Node.Head], and receipts, logs and states of the head do not exist yet. A
// transaction that is mined at once has no receipt before [Node.Mine].
func WithDeferredExecution() Option { return func(o *options) { o.deferred = true } }

var errGateway = errors.New("bad tipset height")

// checkLookback is what the gateway refuses.
func (n *Node) checkLookback(c *chain, number uint64) error {
	if n.lookback == 0 || number > c.head || time.Duration(c.head-number)*EpochSeconds*time.Second <= n.lookback {
		return nil
	}
	return fmt.Errorf("%w: lookbacks of more than %v are disallowed", errGateway, n.lookback)
}

// seen returns the chain as a request sees it: executed, and as of some tipsets
// ago if the endpoint is behind.
func (n *Node) seen(ctx context.Context) chain {
	n.mu.RLock()
	c := n.chain
	n.mu.RUnlock()
	return n.visible(c, faultOf(ctx).behind)
}

// visible returns the chain without the head, when execution is deferred, and
// without more tipsets behind it.
func (n *Node) visible(c chain, behind uint64) chain {
	if n.deferred {
		behind++
	}
	for ; behind > 0 && c.head > c.start; behind-- {
		c.forks = c.forks[:c.head-c.start]
		c.head = c.atOrBefore(c.head - 1)
	}
	keep := c.bodiesTo(c.next() - 1)
	c.bodies = c.bodies[:keep:keep]
	return c
}

// maxOrphans bounds the replaced tipsets whose logs are kept.
const maxOrphans = 1000

// An orphan is a tipset with transactions that was replaced.
type orphan struct {
	hash common.Hash
	body *body
}

// bury keeps the tipsets of the old chain that the new one has not.
func (n *Node) bury(old, now *chain) {
	for _, b := range old.bodies {
		if keep := now.bodiesTo(b.number); keep == 0 || now.bodies[keep-1] != b {
			n.orphans = append(n.orphans, orphan{old.hash(b.number), b})
		}
	}
	if extra := len(n.orphans) - maxOrphans; extra > 0 {
		n.orphans = append([]orphan(nil), n.orphans[extra:]...)
	}
}

// orphaned answers a filter by the hash of a replaced tipset, as Lotus does; nil
// if it is not one.
func (n *Node) orphaned(c *chain, f *filter) []logJSON {
	if _, ok := c.find(*f.BlockHash); ok || n.software != Lotus || f.FromBlock != nil || f.ToBlock != nil {
		return nil
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	for _, o := range n.orphans {
		if o.hash != *f.BlockHash {
			continue
		}
		out := []logJSON{}
		for _, t := range o.body.txs {
			for i := range t.logs {
				if f.matches(&t.logs[i]) {
					l := t.log(i, o.hash)
					l.Removed = true
					out = append(out, l)
				}
			}
		}
		return out
	}
	return nil
}

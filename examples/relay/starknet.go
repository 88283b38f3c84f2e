package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/rpc"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/starknet"
)

const (
	// behindLimit is how many blocks a node may be behind another that is there.
	behindLimit = 3
	// catchUpTime is how long turns wait for a node that is behind one that has
	// failed: after that the blocks count as taken back.
	catchUpTime = 10 * time.Minute
)

// A starknetPool is a starknet.Caller over one node, or over several of which
// one is used.
//
// A turn asks one node only: what one node says of a nonce and another of the
// transaction that used it need not fit together, and a relay that mixed them
// would sign again what is paid already. After a failure on the way another node
// is used, from the next turn on, once it is as far as the one before had shown:
// what was stored is then sent once more, byte for byte. What is asked beside the
// turns goes to the node in use.
type starknetPool struct {
	chain   attestation.Word
	log     *slog.Logger
	members []*starknetMember

	mu      sync.Mutex
	used    *starknetMember
	version string // of the RPC, that all members must speak: the client asks for it once

	shown   uint64          // the newest block that turns have seen
	shownBy *starknetMember // and of whom
	waiting time.Time       // since when the node in use is behind that, zero: it is not
}

// A starknetMember is one node of a pool. The lock of the pool is for its fields.
type starknetMember struct {
	*node
	index int // in starknet.rpc

	good   bool // it serves the right chain and version
	wrong  error
	height uint64
	fails  int
	until  time.Time // it is left alone until then
}

var _ starknet.Caller = (*starknetPool)(nil)

// newStarknetPool returns the pool of nodes, best first. It asks nothing.
func newStarknetPool(chain attestation.Word, log *slog.Logger, nodes ...*node) *starknetPool {
	p := &starknetPool{chain: chain, log: log}
	for i, n := range nodes {
		p.members = append(p.members, &starknetMember{node: n, index: i})
	}
	p.used = p.members[0]
	return p
}

// A pin is the member that a turn asks, or why it asks none.
type pin struct {
	*starknetMember
	err error
}

// A pinKey marks the context of a turn with its pin.
type pinKey struct{}

// pin looks at the nodes, and returns a context whose calls all go to the one
// that is best.
func (p *starknetPool) pin(ctx context.Context) context.Context {
	p.probe(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	return context.WithValue(ctx, pinKey{}, pin{p.used, p.goesBack()})
}

// goesBack says that the node in use is behind what turns have seen of another.
// The caller holds the lock.
func (p *starknetPool) goesBack() error {
	if p.used != p.shownBy && p.used.height < p.shown {
		if p.waiting.IsZero() {
			p.waiting = time.Now()
		}
		if time.Since(p.waiting) < catchUpTime {
			return fmt.Errorf("starknet: %s is at block %d and %s had shown %d: waiting until it is as far", p.used.host, p.used.height, p.shownBy.host, p.shown)
		}
		p.log.Warn("blocks of Starknet count as taken back", "node", p.used.host, "block", p.used.height, "shown", p.shown, "by", p.shownBy.host)
	}
	p.shown, p.shownBy, p.waiting = p.used.height, p.used, time.Time{}
	return nil
}

// CallContext implements starknet.Caller.
func (p *starknetPool) CallContext(ctx context.Context, result any, method string, params ...any) error {
	if len(p.members) == 1 {
		return p.used.CallContext(ctx, result, method, params...)
	}
	to, pinned := ctx.Value(pinKey{}).(pin)
	if !pinned {
		p.mu.Lock()
		to.starknetMember = p.used
		p.mu.Unlock()
	}
	if to.err != nil {
		return to.err
	}
	var raw json.RawMessage
	into := result
	if method == "starknet_getTransactionReceipt" {
		into = &raw
	}
	err := to.CallContext(ctx, into, method, params...)
	if err == nil && raw != nil {
		p.seen(to.starknetMember, raw)
		return json.Unmarshal(raw, result)
	}
	if _, answered := errors.AsType[rpc.Error](err); err != nil && !answered && ctx.Err() == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		to.fail()
		if to.starknetMember == p.used {
			p.choose()
		}
	}
	return err
}

// seen notes the block of a receipt: a node that does not have it yet knows
// nothing of the transaction.
func (p *starknetPool) seen(m *starknetMember, receipt json.RawMessage) {
	var r struct {
		Block uint64 `json:"block_number"`
	}
	if json.Unmarshal(receipt, &r) != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if m == p.shownBy {
		p.shown = max(p.shown, r.Block)
	}
}

// fail leaves the node alone for a second, and twice as long with each further
// failure, up to a minute.
func (m *starknetMember) fail() {
	m.until = time.Now().Add(min(time.Second<<min(m.fails, 6), time.Minute))
	m.fails++
}

// choose takes the first node that is as far as the one in use, or, if that does
// not answer or is behind, the one that is farthest. The caller holds the lock.
func (p *starknetPool) choose() {
	best := p.used
	now := time.Now()
	able := func(m *starknetMember) bool { return m.good && m.wrong == nil && !now.Before(m.until) }
	fresh := slices.DeleteFunc(slices.Clone(p.members), func(m *starknetMember) bool { return !able(m) })
	if len(fresh) == 0 {
		return
	}
	top := slices.MaxFunc(fresh, func(a, b *starknetMember) int {
		return cmp.Or(cmp.Compare(a.height, b.height), cmp.Compare(b.index, a.index))
	})
	if !able(best) || best.height+behindLimit < top.height {
		best = top
	}
	for _, m := range fresh {
		if m.index < best.index && m.height >= best.height {
			best = m
			break
		}
	}
	if best != p.used {
		p.log.Warn("another Starknet node is used", "node", best.host, "block", best.height, "before", p.used.host, "its_block", p.used.height)
		p.used = best
	}
}

// reachable reports whether the node in use has answered the last question.
func (p *starknetPool) reachable() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used.reachable()
}

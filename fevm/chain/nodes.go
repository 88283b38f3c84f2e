package chain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/attestation"
)

// ErrNoQuorum says that the nodes do not agree, or too few of them answer.
var ErrNoQuorum = errors.New("chain: no quorum")

// A Reader reads a chain: [Client] from one node, [Nodes] from several.
type Reader interface {
	// Head returns the newest epoch that counts as final.
	Head(context.Context) (uint64, error)
	// Block returns the tipset of an epoch, or ErrNullRound.
	Block(ctx context.Context, epoch uint64) (Block, error)
	// Query yields logs in chain order.
	Query(context.Context, Query) iter.Seq2[types.Log, error]
}

var (
	_ Reader = (*Client)(nil)
	_ Reader = (*Nodes)(nil)
)

// Nodes reads a chain through several nodes and believes what enough of them
// say. With need 1 it is a failover: the node that has failed least is asked, and
// the next one when it fails. With need m of n, blocks and logs count when m nodes
// show the same, and a log that fewer show is asked for again, since nodes are
// known to leave logs out for a while.
//
// A node that fails is left alone for a second, and twice as long after each
// further failure, up to a minute; one that serves another chain, for ever. When
// too few nodes are left, the failing ones are asked all the same.
//
// Nodes is safe for concurrent use.
type Nodes struct {
	need    int
	members []*member
}

// NewNodes returns the nodes behind clients, of which need must agree. It asks
// nothing. It fails unless 1 ≤ need ≤ len(clients). The order of the clients is
// that of preference.
func NewNodes(need int, clients ...*Client) (*Nodes, error) {
	if need < 1 || need > len(clients) {
		return nil, fmt.Errorf("chain: %d of %d nodes must agree: want at least 1 and at most all", need, len(clients))
	}
	n := &Nodes{need: need}
	for i, c := range clients {
		n.members = append(n.members, &member{client: c, name: cmp.Or(c.config.Name, "node "+strconv.Itoa(i+1))})
	}
	return n, nil
}

// Health returns the record of each node, in the order of [NewNodes].
func (n *Nodes) Health() []Health {
	out := make([]Health, len(n.members))
	for i, m := range n.members {
		out[i] = m.status()
	}
	return out
}

// candidates are the nodes to ask, best first: those not on pause in order of
// preference, then the others by the end of their pause.
func (n *Nodes) candidates() []*member {
	type entry struct {
		m *member
		h Health
	}
	now := time.Now()
	var list []entry
	for _, m := range n.members {
		if h := m.status(); !h.Banned {
			if h.Until.Before(now) {
				h.Until = time.Time{}
			}
			list = append(list, entry{m, h})
		}
	}
	slices.SortStableFunc(list, func(a, b entry) int { return a.h.Until.Compare(b.h.Until) })
	out := make([]*member, len(list))
	for i, e := range list {
		out[i] = e.m
	}
	return out
}

// An answer is what one node said.
type answer[T any] struct {
	from  *member
	value T
	err   error
}

// ask asks nodes until need of them gave an answer that counts: first as many
// at once as are needed, then one more for each that failed. It returns the
// answers that count, and the failures.
func ask[T any](ctx context.Context, n *Nodes, need int, question func(context.Context, *Client) (T, error)) (good []answer[T], failed []error) {
	left := n.candidates()
	for len(good) < need && len(left) > 0 && ctx.Err() == nil {
		round := left[:min(need-len(good), len(left))]
		left = left[len(round):]
		for _, a := range askAll(ctx, round, question) {
			if a.err == nil || settles(a.err) {
				good = append(good, a)
			} else {
				failed = append(failed, fmt.Errorf("%s: %w", a.from.name, a.err))
			}
		}
	}
	if ctx.Err() != nil {
		failed = append(failed, ctx.Err())
	}
	return good, failed
}

func askAll[T any](ctx context.Context, members []*member, question func(context.Context, *Client) (T, error)) []answer[T] {
	out := make([]answer[T], len(members))
	var wg sync.WaitGroup
	for i, m := range members {
		wg.Go(func() {
			v, err := question(ctx, m.client)
			if ctx.Err() == nil {
				m.note(err)
			}
			out[i] = answer[T]{m, v, err}
		})
	}
	wg.Wait()
	return out
}

// agreed returns the value that need nodes gave. It asks further nodes while no
// value has enough votes.
func agreed[T comparable](ctx context.Context, n *Nodes, question func(context.Context, *Client) (T, error)) (T, error) {
	var none T
	for need := n.need; need <= len(n.members); need++ {
		good, failed := ask(ctx, n, need, question)
		votes := make(map[T]int)
		var refusals []error
		for _, a := range good {
			if a.err != nil {
				refusals = append(refusals, a.err)
				continue
			}
			if votes[a.value]++; votes[a.value] >= n.need {
				return a.value, nil
			}
		}
		if len(refusals) >= n.need {
			return none, refusals[0]
		}
		if len(good) < need {
			return none, n.tooFew(len(good), failed)
		}
	}
	return none, fmt.Errorf("%w: the nodes give different answers", ErrNoQuorum)
}

func (n *Nodes) tooFew(good int, failed []error) error {
	if n.need == 1 {
		return errors.Join(failed...)
	}
	return fmt.Errorf("%w: %d nodes answer, %d must agree: %w", ErrNoQuorum, good, n.need, errors.Join(failed...))
}

// Head returns the newest epoch that counts as final for as many nodes as must
// agree: each may know a newer one.
func (n *Nodes) Head(ctx context.Context) (uint64, error) {
	all := n.candidates()
	if n.need == 1 {
		good, failed := ask(ctx, n, 1, func(ctx context.Context, c *Client) (uint64, error) { return c.Head(ctx) })
		if len(good) == 0 {
			return 0, n.tooFew(0, failed)
		}
		return good[0].value, nil
	}
	var heads []uint64
	var failed []error
	for _, a := range askAll(ctx, all, func(ctx context.Context, c *Client) (uint64, error) { return c.Head(ctx) }) {
		if a.err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", a.from.name, a.err))
			continue
		}
		heads = append(heads, a.value)
	}
	if len(heads) < n.need {
		return 0, n.tooFew(len(heads), failed)
	}
	slices.Sort(heads)
	return heads[len(heads)-n.need], nil
}

// Block returns the tipset of an epoch as enough nodes know it. See [Client.Block].
func (n *Nodes) Block(ctx context.Context, epoch uint64) (Block, error) {
	return agreed(ctx, n, func(ctx context.Context, c *Client) (Block, error) { return c.Block(ctx, epoch) })
}

// Call returns what a view returns at enough nodes. See [Client.Call].
func (n *Nodes) Call(ctx context.Context, to attestation.EthereumAddress, data []byte, epoch uint64) ([]byte, error) {
	ret, err := agreed(ctx, n, func(ctx context.Context, c *Client) (string, error) {
		b, err := c.Call(ctx, to, data, epoch)
		return string(b), err
	})
	return []byte(ret), err
}

// TransactionInput returns the calldata of a transaction as enough nodes know it.
// See [Client.TransactionInput].
func (n *Nodes) TransactionInput(ctx context.Context, tx attestation.Word) ([]byte, error) {
	input, err := agreed(ctx, n, func(ctx context.Context, c *Client) (string, error) {
		b, err := c.TransactionInput(ctx, tx)
		return string(b), err
	})
	return []byte(input), err
}

// Logs is [Nodes.Query] without topics.
func (n *Nodes) Logs(ctx context.Context, address attestation.EthereumAddress, from, to uint64) iter.Seq2[types.Log, error] {
	return n.Query(ctx, Query{Address: address, From: from, To: to})
}

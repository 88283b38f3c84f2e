package chain

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"time"

	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/attestation"
)

// Rounds of questions about logs that not enough nodes show, the pause before the
// second, which grows with each further one, and how often a node must leave a
// log out until that counts as a denial.
const (
	maxRounds  = 8
	roundPause = 250 * time.Millisecond
	denials    = 3
)

// Query yields the logs that enough nodes show, as [Client.Query] does. Ranges are
// of at most Config.MaxRange epochs of the first client. With more than one node
// to agree, a log that fewer show is asked for again; it is left out when as many
// nodes as must agree did not show it three times, and else the error is [ErrNoQuorum].
func (n *Nodes) Query(ctx context.Context, q Query) iter.Seq2[types.Log, error] {
	return func(yield func(types.Log, error) bool) {
		// Each client halves its own ranges.
		q.inRanges(n.members[0].client.config.MaxRange, yield, func(part Query) ([]types.Log, error) { return n.logs(ctx, part) },
			func(error) bool { return false })
	}
}

// collect reads a range of one node.
func collect(q Query) func(context.Context, *Client) ([]types.Log, error) {
	return func(ctx context.Context, c *Client) ([]types.Log, error) {
		var out []types.Log
		for l, err := range c.Query(ctx, q) {
			if err != nil {
				return nil, err
			}
			out = append(out, l)
		}
		return out, nil
	}
}

func (n *Nodes) logs(ctx context.Context, q Query) ([]types.Log, error) {
	if n.need == 1 {
		good, failed := ask(ctx, n, 1, collect(q))
		if len(good) == 0 {
			return nil, n.tooFew(0, failed)
		}
		return good[0].value, nil
	}
	e := election{need: n.need, votes: make(map[attestation.Word]map[*member]bool), found: make(map[attestation.Word]types.Log), answers: make(map[*member]int)}
	var last error
	for round := range maxRounds {
		if round > 0 && !sleep(ctx, roundPause<<min(round, 4)) {
			return nil, ctx.Err()
		}
		// The first round asks as few as can do; when they differ, all are asked.
		want := n.need
		if round > 0 {
			want = len(n.members)
		}
		good, failed := ask(ctx, n, want, collect(q))
		for _, a := range good {
			e.count(a.from, a.value)
		}
		if len(good) < n.need {
			last = n.tooFew(len(good), failed)
			continue
		}
		if last = nil; e.settled() {
			return e.result(), nil
		}
	}
	if last != nil {
		return nil, last
	}
	return nil, fmt.Errorf("%w: logs of %s in epochs %d to %d: the nodes show different ones", ErrNoQuorum, q.Address, q.From, q.To)
}

// An election counts which nodes showed which logs, in any of their answers.
type election struct {
	need    int
	votes   map[attestation.Word]map[*member]bool
	found   map[attestation.Word]types.Log
	answers map[*member]int
}

func (e *election) count(m *member, logs []types.Log) {
	e.answers[m]++
	for id, l := range identified(logs) {
		if e.votes[id] == nil {
			e.votes[id] = make(map[*member]bool)
			e.found[id] = l
		}
		e.votes[id][m] = true
	}
}

// settled reports whether every log that was shown has enough votes, or is denied
// by as many nodes as must agree.
func (e *election) settled() bool {
	for _, v := range e.votes {
		if len(v) >= e.need {
			continue
		}
		against := 0
		for m, n := range e.answers {
			if n >= denials && !v[m] {
				against++
			}
		}
		if against < e.need {
			return false
		}
	}
	return true
}

func (e *election) result() []types.Log {
	var out []types.Log
	for id, v := range e.votes {
		if len(v) >= e.need {
			out = append(out, e.found[id])
		}
	}
	sortLogs(out)
	return out
}

// identified yields logs in chain order with their identities. A log is
// identified by its block, its transaction, what it says, and which of the equal
// ones in its transaction it is: its index differs between the ways to ask for it.
func identified(logs []types.Log) iter.Seq2[attestation.Word, types.Log] {
	return func(yield func(attestation.Word, types.Log) bool) {
		equal := make(map[attestation.Word]uint64)
		for _, l := range logs {
			h := sha256.New()
			h.Write(l.BlockHash[:])
			h.Write(l.TxHash[:])
			h.Write(l.Address[:])
			var word [8]byte
			number := func(v uint64) {
				binary.BigEndian.PutUint64(word[:], v)
				h.Write(word[:])
			}
			number(l.BlockNumber)
			number(uint64(len(l.Topics)))
			for _, t := range l.Topics {
				h.Write(t[:])
			}
			h.Write(l.Data)
			content := attestation.Word(h.Sum(nil))
			number(equal[content])
			equal[content]++
			if !yield(attestation.Word(h.Sum(nil)), l) {
				return
			}
		}
	}
}

// sleep waits and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

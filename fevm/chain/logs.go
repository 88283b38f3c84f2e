package chain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/attestation"
)

// A Query selects logs of one contract.
type Query struct {
	Address  attestation.EthereumAddress
	Topics   [][]common.Hash // by position, at most 4; an empty position matches anything
	From, To uint64          // epochs, both included
}

// Logs yields all logs that a contract emitted in epochs from to to, both
// included. It is [Client.Query] without topics.
func (c *Client) Logs(ctx context.Context, address attestation.EthereumAddress, from, to uint64) iter.Seq2[types.Log, error] {
	return c.Query(ctx, Query{Address: address, From: from, To: to})
}

// Query yields the logs that q selects, in chain order: ascending by epoch and by
// index in the epoch. It asks for at most Config.MaxRange epochs at a time, and for
// half as many each time the node finds that too much, and holds one such answer
// in memory. Logs that a reorganisation removed are left out.
//
// It yields one error and ends if the node fails, and with [ErrBadAnswer] if an
// answer has a log of another address or epoch, without the topics, without a
// block, twice, or of two different blocks of one epoch. Nothing of a bad answer
// is yielded. The caller keeps To at or below [Client.Head]; above the node's
// head the answer is the node's error. If From is above To there are no logs.
func (c *Client) Query(ctx context.Context, q Query) iter.Seq2[types.Log, error] {
	return func(yield func(types.Log, error) bool) {
		if len(q.Topics) > 4 {
			yield(types.Log{}, fmt.Errorf("chain: logs: %d topics, want at most 4", len(q.Topics)))
			return
		}
		span := c.config.MaxRange
		for from := q.From; from <= q.To; {
			to := from + min(span, q.To-from)
			logs, err := c.logs(ctx, q, from, to)
			if err != nil {
				if failureOf(err) == failureRange && to > from {
					span = (to - from) / 2
					continue
				}
				yield(types.Log{}, err)
				return
			}
			for _, l := range logs {
				if !yield(l, nil) {
					return
				}
			}
			if to == q.To {
				return
			}
			from = to + 1
		}
	}
}

// logs returns one checked answer.
func (c *Client) logs(ctx context.Context, q Query, from, to uint64) ([]types.Log, error) {
	filter := map[string]any{
		"address":   common.Address(q.Address),
		"fromBlock": hexutil.EncodeUint64(from),
		"toBlock":   hexutil.EncodeUint64(to),
	}
	if len(q.Topics) > 0 {
		topics := make([]any, len(q.Topics)) // an empty position is null
		for i, alternatives := range q.Topics {
			if len(alternatives) > 0 {
				topics[i] = alternatives
			}
		}
		filter["topics"] = topics
	}
	var answer *wireLogs
	var logs []types.Log
	err := c.reach(ctx, to)
	if err == nil {
		err = c.call(ctx, &answer, "eth_getLogs", filter)
	}
	if err == nil && answer == nil {
		err = fmt.Errorf("%w: null", ErrBadAnswer)
	}
	if err == nil {
		logs = slices.DeleteFunc([]types.Log(*answer), func(l types.Log) bool { return l.Removed })
		sortLogs(logs)
		err = q.check(logs, from, to)
	}
	if err != nil {
		return nil, fmt.Errorf("chain: logs of %s in epochs %d to %d: %w", q.Address, from, to, err)
	}
	return logs, nil
}

// sortLogs puts logs in chain order.
func sortLogs(logs []types.Log) {
	slices.SortStableFunc(logs, func(a, b types.Log) int {
		return cmp.Or(cmp.Compare(a.BlockNumber, b.BlockNumber), cmp.Compare(a.Index, b.Index))
	})
}

// check compares sorted logs with the question.
func (q Query) check(logs []types.Log, from, to uint64) error {
	for i, l := range logs {
		if err := q.checkLog(l, from, to); err != nil {
			return fmt.Errorf("%w: log %d of epoch %d: %w", ErrBadAnswer, l.Index, l.BlockNumber, err)
		}
		if i == 0 || l.BlockNumber != logs[i-1].BlockNumber {
			continue
		}
		if l.Index == logs[i-1].Index {
			return fmt.Errorf("%w: two logs %d in epoch %d", ErrBadAnswer, l.Index, l.BlockNumber)
		}
		if l.BlockHash != logs[i-1].BlockHash {
			return fmt.Errorf("%w: two blocks in epoch %d", ErrBadAnswer, l.BlockNumber)
		}
	}
	return nil
}

var (
	errEpoch   = errors.New("outside the range")
	errNoBlock = errors.New("without block or transaction hash")
)

func (q Query) checkLog(l types.Log, from, to uint64) error {
	switch {
	case l.Address != common.Address(q.Address):
		return fmt.Errorf("of %s", l.Address)
	case l.BlockNumber < from || l.BlockNumber > to:
		return errEpoch
	case l.BlockHash == common.Hash{} || l.TxHash == common.Hash{}:
		return errNoBlock
	case len(l.Topics) < len(q.Topics):
		return fmt.Errorf("with %d topics", len(l.Topics))
	}
	for i, alternatives := range q.Topics {
		if len(alternatives) > 0 && !slices.Contains(alternatives, l.Topics[i]) {
			return fmt.Errorf("with topic %s", l.Topics[i])
		}
	}
	return nil
}

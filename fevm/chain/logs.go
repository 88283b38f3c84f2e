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
		q.inRanges(c.config.MaxRange, yield, func(part Query) ([]types.Log, error) { return c.logs(ctx, part) },
			func(err error) bool { return failureOf(err) == failureRange })
	}
}

// inRanges yields the logs of a query in ranges of at most span epochs between
// their ends, each read in one piece, and in ranges of half as many each time
// that tooLarge says so of an error.
func (q Query) inRanges(span uint64, yield func(types.Log, error) bool, read func(Query) ([]types.Log, error), tooLarge func(error) bool) {
	for from := q.From; from <= q.To; {
		part := q
		part.From, part.To = from, from+min(span, q.To-from)
		logs, err := read(part)
		if err != nil {
			if part.To > from && tooLarge(err) {
				span = (part.To - from) / 2
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
		if part.To == q.To {
			return
		}
		from = part.To + 1
	}
}

// logs returns one checked answer.
func (c *Client) logs(ctx context.Context, q Query) ([]types.Log, error) {
	filter := map[string]any{
		"address":   common.Address(q.Address),
		"fromBlock": hexutil.EncodeUint64(q.From),
		"toBlock":   hexutil.EncodeUint64(q.To),
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
	err := c.reach(ctx, q.To)
	if err == nil {
		err = c.call(ctx, &answer, "eth_getLogs", filter)
	}
	if err == nil && answer == nil {
		err = fmt.Errorf("%w: null", ErrBadAnswer)
	}
	if err == nil {
		logs = slices.DeleteFunc([]types.Log(*answer), func(l types.Log) bool { return l.Removed })
		sortLogs(logs)
		err = q.check(logs)
	}
	if err != nil {
		return nil, fmt.Errorf("chain: logs of %s in epochs %d to %d: %w", q.Address, q.From, q.To, err)
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
func (q Query) check(logs []types.Log) error {
	for i, l := range logs {
		if err := q.checkLog(l); err != nil {
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

func (q Query) checkLog(l types.Log) error {
	switch {
	case l.Address != common.Address(q.Address):
		return fmt.Errorf("of %s", l.Address)
	case l.BlockNumber < q.From || l.BlockNumber > q.To:
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

package simulated

import (
	"context"
	"encoding/json"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// one reads the single optional number of a control.
func one(params json.RawMessage, name string, absent uint64) (uint64, error) {
	p, err := jsonrpc.Params(params, name)
	if err != nil {
		return 0, err
	}
	return optional(p[0], name, absent)
}

func (n *Node) evmMine(_ context.Context, params json.RawMessage) (any, error) {
	tipsets, err := one(params, "tipsets", 1)
	if err != nil {
		return nil, err
	}
	if _, err := n.Mine(tipsets); err != nil {
		return nil, err
	}
	return "0x0", nil // what anvil answers
}

func (n *Node) evmIncreaseTime(_ context.Context, params json.RawMessage) (any, error) {
	seconds, err := one(params, "seconds", 0)
	if err != nil {
		return nil, err
	}
	moved, err := n.IncreaseTime(seconds)
	if err != nil {
		return nil, err
	}
	return moved, nil
}

func (n *Node) evmSnapshot(context.Context, json.RawMessage) (any, error) {
	return hexutil.Uint64(n.Snapshot()), nil
}

func (n *Node) evmRevert(_ context.Context, params json.RawMessage) (any, error) {
	id, err := one(params, "id", 0)
	if err != nil {
		return nil, err
	}
	return n.Revert(id), nil
}

func (n *Node) simProve(ctx context.Context, params json.RawMessage) (any, error) {
	set, err := one(params, "set", 1)
	if err != nil {
		return nil, err
	}
	proved, err := n.Prove(ctx, set)
	if err != nil {
		return nil, err
	}
	return struct {
		Set         hexutil.Uint64 `json:"set"`
		TxHash      common.Hash    `json:"txHash"`
		BlockNumber hexutil.Uint64 `json:"blockNumber"`
	}{hexutil.Uint64(set), proved.TxHash, hexutil.Uint64(proved.BlockNumber)}, nil
}

func (n *Node) simNullRound(_ context.Context, params json.RawMessage) (any, error) {
	if _, err := jsonrpc.Params(params); err != nil {
		return nil, err
	}
	epoch, err := n.NullRound()
	if err != nil {
		return nil, err
	}
	return hexutil.Uint64(epoch), nil
}

func (n *Node) simReorg(_ context.Context, params json.RawMessage) (any, error) {
	depth, err := one(params, "depth", 1)
	if err != nil {
		return nil, err
	}
	r, err := n.Reorg(depth)
	if err != nil {
		return nil, err
	}
	if r.Dropped == nil {
		r.Dropped = []common.Hash{}
	}
	return struct {
		BlockNumber hexutil.Uint64 `json:"blockNumber"`
		BlockHash   common.Hash    `json:"blockHash"`
		Dropped     []common.Hash  `json:"dropped"`
	}{hexutil.Uint64(r.Head), r.Hash, r.Dropped}, nil
}

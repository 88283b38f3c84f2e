package chain_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/internal/jsonrpc"
)

var (
	_ chain.Caller = (*jsonrpc.Client)(nil)
	_ chain.Caller = (*rpc.Client)(nil)
)

var verifier = attestation.EthereumAddress{1, 2, 3}

// A node answers like Lotus. Tests change what they need.
type node struct {
	chainID    uint64
	heads      map[string]uint64
	nullRounds map[uint64]bool
	logs       []types.Log
	maxRange   uint64
	maxResults int
	rangeError *jsonrpc.Error // what it says about a range that is too large
	tamper     func([]types.Log) any
	ranges     [][2]uint64 // every eth_getLogs
	calls      []string    // every method
	reply      func(method string, params []json.RawMessage) (any, error)
}

func newNode() *node {
	return &node{
		chainID:    314159,
		heads:      map[string]uint64{"finalized": 9000, "safe": 9010, "latest": 9020},
		nullRounds: map[uint64]bool{},
		maxRange:   2880,
		maxResults: 10000,
		rangeError: &jsonrpc.Error{Code: -32005, Message: "block range exceeds maximum of 2880 (got 2881)"},
	}
}

// client returns a client of the node.
func (n *node) client(t testing.TB, c chain.Config) *chain.Client {
	t.Helper()
	if c.ChainID == 0 {
		c.ChainID = 314159
	}
	hc := &http.Client{Transport: jsonrpc.InProcess(jsonrpc.Handler(n.answer))}
	client, err := chain.New(jsonrpc.NewClient("http://node.test/", hc), c)
	require.NoError(t, err)
	return client
}

func (n *node) answer(_ context.Context, method string, raw json.RawMessage) (any, error) {
	n.calls = append(n.calls, method)
	params, err := jsonrpc.Params(raw, "first", "second")
	if err != nil {
		return nil, err
	}
	if n.reply != nil {
		if v, err := n.reply(method, params); v != nil || err != nil {
			return v, err
		}
	}
	switch method {
	case "eth_chainId":
		return hexutil.Uint64(n.chainID), nil
	case "eth_blockNumber":
		return hexutil.Uint64(n.heads["latest"]), nil
	case "eth_getBlockByNumber":
		return n.block(params[0])
	case "eth_getLogs":
		return n.getLogs(params[0])
	}
	return nil, &jsonrpc.Error{Code: jsonrpc.CodeNoMethod, Message: method}
}

func (n *node) block(param json.RawMessage) (any, error) {
	var which string
	if err := json.Unmarshal(param, &which); err != nil {
		return nil, err
	}
	number, ok := n.heads[which]
	if !ok {
		var err error
		if number, err = hexutil.DecodeUint64(which); err != nil {
			return nil, err
		}
	}
	if n.nullRounds[number] {
		return nil, &jsonrpc.Error{Code: 12, Message: fmt.Sprintf("requested epoch was a null round (%d)", number), Data: json.RawMessage(fmt.Sprint(number))}
	}
	return map[string]any{
		"number": hexutil.Uint64(number), "hash": blockHash(number), "parentHash": blockHash(number - 1),
		"timestamp": hexutil.Uint64(1667326380 + 30*number),
	}, nil
}

func blockHash(number uint64) common.Hash {
	return common.BytesToHash(fmt.Appendf(nil, "block %d", number))
}

func (n *node) getLogs(param json.RawMessage) (any, error) {
	var filter struct {
		Address            common.Address
		FromBlock, ToBlock hexutil.Uint64
		Topics             [][]common.Hash
	}
	if err := json.Unmarshal(param, &filter); err != nil {
		return nil, err
	}
	from, to := uint64(filter.FromBlock), uint64(filter.ToBlock)
	n.ranges = append(n.ranges, [2]uint64{from, to})
	if to-from > n.maxRange {
		return nil, n.rangeError
	}
	found := []types.Log{}
	for _, l := range n.logs {
		if l.Address != filter.Address || l.BlockNumber < from || l.BlockNumber > to {
			continue
		}
		if len(filter.Topics) > 0 && len(filter.Topics[0]) > 0 && !slices.Contains(filter.Topics[0], l.Topics[0]) {
			continue
		}
		found = append(found, l)
	}
	if len(found) > n.maxResults {
		return nil, &jsonrpc.Error{Code: 1, Message: "failed to get events for filter: filter matches too many events, try a more restricted filter"}
	}
	if n.tamper != nil {
		return n.tamper(found), nil
	}
	return found, nil
}

// emit adds a log of the verifier.
func (n *node) emit(epoch uint64, index uint) types.Log {
	l := types.Log{
		Address: common.Address(verifier), Topics: []common.Hash{{byte(index)}, {9}}, Data: []byte{byte(epoch)},
		BlockNumber: epoch, BlockHash: blockHash(epoch), TxHash: common.Hash{byte(epoch), byte(index), 1}, Index: index,
	}
	n.logs = append(n.logs, l)
	return l
}

package simulated

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// Error codes beside those of JSON-RPC: Lotus's and go-ethereum's.
const (
	codeOther     = 1
	codeReverted  = 3
	codeNullRound = 12
	codeServer    = -32000
	codeLimit     = -32005
)

type method func(ctx context.Context, params json.RawMessage) (any, error)

// answer runs one call.
func (n *Node) answer(ctx context.Context, name string, params json.RawMessage) (any, error) {
	m, ok := n.methods[name]
	if !ok {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeNoMethod, Message: fmt.Sprintf("the method %s does not exist/is not available", excerpt(name))}
	}
	if err := n.catchUp(); err != nil {
		return nil, n.rpcError(err)
	}
	result, err := m(ctx, params)
	if err != nil {
		return nil, n.rpcError(err)
	}
	return result, nil
}

// rpcError gives an error the code that a Filecoin node gives it.
func (n *Node) rpcError(err error) error {
	if null, ok := errors.AsType[nullRoundError](err); ok {
		if n.oldErrors {
			return &jsonrpc.Error{Code: codeOther, Message: "requested epoch was a null round"}
		}
		return &jsonrpc.Error{Code: codeNullRound, Message: err.Error(), Data: strconv.AppendUint(nil, uint64(null), 10)}
	}
	if r, ok := errors.AsType[*revert](err); ok {
		return revertedError(r.data)
	}
	if e, ok := errors.AsType[*jsonrpc.Error](err); ok {
		return e
	}
	code := codeServer
	if errors.Is(err, errFuture) || errors.Is(err, errPast) || errors.Is(err, errGateway) {
		code = codeOther
	}
	return &jsonrpc.Error{Code: code, Message: err.Error()}
}

// revertedError is the answer of go-ethereum, and of Lotus but for its text.
func revertedError(data []byte) *jsonrpc.Error {
	message := "execution reverted"
	if len(data) >= 4 && string(data[:4]) == string(textSelector) || len(data) >= 4 && string(data[:4]) == string(codeSelector) {
		message += ": " + revertReason(data)
	}
	raw, _ := json.Marshal(hexutil.Bytes(data)) // a string always encodes
	return &jsonrpc.Error{Code: codeReverted, Message: message, Data: raw}
}

func invalid(format string, args ...any) error {
	return &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: "invalid params: " + fmt.Sprintf(format, args...)}
}

func excerpt(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strconv.Quote(s)
}

// table returns the methods of the node.
func (n *Node) table() map[string]method {
	return map[string]method{
		"eth_chainId":        constant(hexutil.Uint64(ChainID)),
		"net_version":        constant(strconv.Itoa(ChainID)),
		"net_listening":      constant(true),
		"web3_clientVersion": constant("slastream-fevm-simulated/1"),
		"eth_syncing":        constant(false),
		"eth_accounts":       constant([]common.Address{}),
		"eth_blockNumber": func(ctx context.Context, _ json.RawMessage) (any, error) {
			c := n.seen(ctx)
			return hexutil.Uint64(c.head), nil
		},

		"eth_getBlockByNumber":                    n.getBlockByNumber,
		"eth_getBlockByHash":                      n.getBlockByHash,
		"eth_getBlockTransactionCountByNumber":    n.countByNumber,
		"eth_getBlockTransactionCountByHash":      n.countByHash,
		"eth_getTransactionByHash":                n.getTransaction,
		"eth_getTransactionByBlockNumberAndIndex": n.transactionByNumber,
		"eth_getTransactionByBlockHashAndIndex":   n.transactionByBlockHash,
		"eth_getTransactionReceipt":               n.getReceipt,
		"eth_getBlockReceipts":                    n.getBlockReceipts,
		"eth_getLogs":                             n.getLogs,

		"eth_newFilter":                   n.newFilter,
		"eth_newBlockFilter":              n.newObserver(observeHeads),
		"eth_newPendingTransactionFilter": n.newObserver(observePending),
		"eth_getFilterChanges":            n.filterChanges,
		"eth_getFilterLogs":               n.filterLogs,
		"eth_uninstallFilter":             n.uninstallFilter,

		"eth_getTransactionCount": n.getTransactionCount,
		"eth_getBalance":          n.getBalance,
		"eth_getCode":             n.getCode,
		"eth_getStorageAt":        n.getStorageAt,

		"eth_gasPrice":             constant(hexutil.Uint64(baseFee + priorityFee)),
		"eth_maxPriorityFeePerGas": constant(hexutil.Uint64(priorityFee)),
		"eth_feeHistory":           n.feeHistory,
		"eth_estimateGas":          n.estimateGas,
		"eth_call":                 n.ethCall,
		"eth_sendRawTransaction":   n.sendRaw,

		"evm_mine":         n.evmMine,
		"evm_increaseTime": n.evmIncreaseTime,
		"evm_snapshot":     n.evmSnapshot,
		"evm_revert":       n.evmRevert,
		"sim_prove":        n.simProve,
		"sim_nullRound":    n.simNullRound,
		"sim_reorg":        n.simReorg,
	}
}

func constant(v any) method {
	return func(context.Context, json.RawMessage) (any, error) { return v, nil }
}

// decode reads one parameter into v. Absent ones are refused.
func decode(raw json.RawMessage, name string, v any) error {
	if raw == nil {
		return invalid("%s is missing", name)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return invalid("%s %s: %v", name, excerpt(string(raw)), err)
	}
	return nil
}

// number reads a quantity: a JSON number or 0x and hexadecimal digits, below
// 2^64.
func (q *quantity) UnmarshalJSON(raw []byte) error {
	text := string(raw)
	if unquoted, err := strconv.Unquote(text); err == nil {
		if len(unquoted) < 3 || unquoted[0] != '0' || unquoted[1]|0x20 != 'x' {
			return errors.New("want a number or 0x and hexadecimal digits")
		}
		v, err := strconv.ParseUint(unquoted[2:], 16, 64)
		if err != nil {
			return errors.New("want a number or 0x and hexadecimal digits, below 2^64")
		}
		*q = quantity(v)
		return nil
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return errors.New("want a whole number, not negative, below 2^64")
	}
	*q = quantity(v)
	return nil
}

type quantity uint64

// optional reads a quantity that may be absent.
func optional(raw json.RawMessage, name string, absent uint64) (uint64, error) {
	if raw == nil {
		return absent, nil
	}
	var q quantity
	err := decode(raw, name, &q)
	return uint64(q), err
}

// A blockRef names a block: a tag, a number, or an object of EIP-1898.
type blockRef struct {
	tag    string
	number uint64
	hash   *common.Hash
}

func (b *blockRef) UnmarshalJSON(raw []byte) error {
	if raw[0] == '{' {
		var object struct {
			BlockNumber *quantity    `json:"blockNumber"`
			BlockHash   *common.Hash `json:"blockHash"`
		}
		if err := json.Unmarshal(raw, &object); err != nil {
			return err
		}
		switch {
		case (object.BlockNumber == nil) == (object.BlockHash == nil):
			return errors.New("want either blockNumber or blockHash")
		case object.BlockHash != nil:
			b.hash = object.BlockHash
		default:
			b.number = uint64(*object.BlockNumber)
		}
		return nil
	}
	var tag string
	if json.Unmarshal(raw, &tag) == nil {
		switch tag {
		case "latest", "pending", "safe", "finalized", "earliest":
			b.tag = tag
			return nil
		}
	}
	var q quantity
	if err := q.UnmarshalJSON(raw); err != nil {
		return err
	}
	b.number = uint64(q)
	return nil
}

// epoch resolves a block parameter; absent means latest. The epoch can be a
// null round.
func (n *Node) epoch(c *chain, raw json.RawMessage) (uint64, error) {
	ref := blockRef{tag: "latest"}
	if raw != nil {
		ref.tag = ""
		if err := decode(raw, "block", &ref); err != nil {
			return 0, err
		}
	}
	switch ref.tag {
	case "latest", "pending":
		return c.head, nil
	case "safe":
		return c.behind(n.safe), nil
	case "finalized":
		return c.behind(n.finalized), nil
	case "earliest":
		return 0, &jsonrpc.Error{Code: codeOther, Message: `block param "earliest" is not supported`}
	}
	if ref.hash != nil {
		number, ok := c.find(*ref.hash)
		if !ok {
			return 0, fmt.Errorf("unknown block %v", ref.hash)
		}
		return number, nil
	}
	if ref.number >= c.next() {
		if n.lookback > 0 {
			return 0, fmt.Errorf("%w: tipset height in future", errGateway)
		}
		return 0, errFuture
	}
	if err := n.checkLookback(c, ref.number); err != nil {
		return 0, err
	}
	if ref.number < c.start {
		return 0, fmt.Errorf("epoch %d: %w (%d)", ref.number, errPast, c.start)
	}
	return ref.number, nil
}

// behind returns the tipset some epochs behind the head, or the first.
func (c *chain) behind(epochs uint64) uint64 {
	if epochs > c.head-c.start {
		return c.start
	}
	return c.atOrBefore(c.head - epochs)
}

package simulated

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// fullBloom matches every log: Filecoin's nodes answer it for every block.
var fullBloom = "0x" + strings.Repeat("ff", types.BloomByteLength)

// A block is a tipset in JSON.
type block struct {
	Number           hexutil.Uint64   `json:"number"`
	Hash             common.Hash      `json:"hash"`
	ParentHash       common.Hash      `json:"parentHash"`
	Nonce            types.BlockNonce `json:"nonce"`
	MixHash          common.Hash      `json:"mixHash"`
	Sha3Uncles       common.Hash      `json:"sha3Uncles"`
	LogsBloom        string           `json:"logsBloom"`
	TransactionsRoot common.Hash      `json:"transactionsRoot"`
	StateRoot        common.Hash      `json:"stateRoot"`
	ReceiptsRoot     common.Hash      `json:"receiptsRoot"`
	Miner            common.Address   `json:"miner"`
	Difficulty       hexutil.Uint64   `json:"difficulty"`
	TotalDifficulty  hexutil.Uint64   `json:"totalDifficulty"`
	ExtraData        hexutil.Bytes    `json:"extraData"`
	Size             hexutil.Uint64   `json:"size"`
	GasLimit         hexutil.Uint64   `json:"gasLimit"`
	GasUsed          hexutil.Uint64   `json:"gasUsed"`
	Timestamp        hexutil.Uint64   `json:"timestamp"`
	BaseFeePerGas    hexutil.Uint64   `json:"baseFeePerGas"`
	Transactions     []any            `json:"transactions"`
	Uncles           []common.Hash    `json:"uncles"`
}

func (c *chain) block(number uint64, full bool) (*block, error) {
	t, err := c.tipset(number)
	if err != nil {
		return nil, err
	}
	b := &block{
		Number: hexutil.Uint64(number), Hash: t.hash, ParentHash: t.parent,
		Sha3Uncles: types.EmptyUncleHash, LogsBloom: fullBloom,
		TransactionsRoot: t.txRoot, StateRoot: common.Hash(keccak([]byte("state"), t.hash[:])), ReceiptsRoot: t.receiptsRoot(),
		ExtraData: hexutil.Bytes{}, GasLimit: gasLimitBlock, GasUsed: hexutil.Uint64(t.gasUsed),
		Timestamp: hexutil.Uint64(timeOf(number)), BaseFeePerGas: baseFee,
		Transactions: []any{}, Uncles: []common.Hash{},
	}
	for _, tx := range t.txs {
		b.Size += hexutil.Uint64(tx.tx.Size())
		if !full {
			b.Transactions = append(b.Transactions, tx.tx.Hash())
			continue
		}
		out, err := c.transaction(tx)
		if err != nil {
			return nil, err
		}
		b.Transactions = append(b.Transactions, out)
	}
	return b, nil
}

func (t *tipset) receiptsRoot() common.Hash {
	if len(t.txs) == 0 {
		return types.EmptyReceiptsHash
	}
	return common.Hash(keccak([]byte("receipts"), t.hash[:]))
}

func (n *Node) getBlockByNumber(ctx context.Context, params json.RawMessage) (any, error) {
	c := n.seen(ctx)
	number, full, err := n.blockParams(&c, params)
	if err != nil {
		return nil, err
	}
	return c.block(number, full)
}

func (n *Node) blockParams(c *chain, params json.RawMessage) (number uint64, full bool, err error) {
	p, err := jsonrpc.Params(params, "block", "full")
	if err != nil {
		return 0, false, err
	}
	if p[0] == nil {
		return 0, false, invalid("block is missing")
	}
	if p[1] != nil {
		if err := decode(p[1], "full", &full); err != nil {
			return 0, false, err
		}
	}
	number, err = n.epoch(c, p[0])
	return number, full, err
}

func (n *Node) getBlockByHash(ctx context.Context, params json.RawMessage) (any, error) {
	p, err := jsonrpc.Params(params, "hash", "full")
	if err != nil {
		return nil, err
	}
	var hash common.Hash
	var full bool
	if err := decode(p[0], "hash", &hash); err != nil {
		return nil, err
	}
	if p[1] != nil {
		if err := decode(p[1], "full", &full); err != nil {
			return nil, err
		}
	}
	c := n.seen(ctx)
	number, ok := c.find(hash)
	if !ok {
		return nil, nil
	}
	return c.block(number, full)
}

// tipsetParam resolves the first of the parameters to a tipset; ok is false if
// it is a hash that the chain has not.
func (n *Node) tipsetParam(c *chain, raw json.RawMessage, byHash bool) (t tipset, ok bool, err error) {
	if raw == nil {
		return tipset{}, false, invalid("block is missing")
	}
	var number uint64
	if byHash {
		var hash common.Hash
		if err := decode(raw, "hash", &hash); err != nil {
			return tipset{}, false, err
		}
		if number, ok = c.find(hash); !ok {
			return tipset{}, false, nil
		}
	} else if number, err = n.epoch(c, raw); err != nil {
		return tipset{}, false, err
	}
	t, err = c.tipset(number)
	return t, err == nil, err
}

func (n *Node) count(ctx context.Context, params json.RawMessage, byHash bool) (any, error) {
	p, err := jsonrpc.Params(params, "block")
	if err != nil {
		return nil, err
	}
	c := n.seen(ctx)
	t, ok, err := n.tipsetParam(&c, p[0], byHash)
	if err != nil || !ok {
		return nil, err
	}
	return hexutil.Uint64(len(t.txs)), nil
}

func (n *Node) countByNumber(ctx context.Context, params json.RawMessage) (any, error) {
	return n.count(ctx, params, false)
}

func (n *Node) countByHash(ctx context.Context, params json.RawMessage) (any, error) {
	return n.count(ctx, params, true)
}

func (n *Node) transactionAt(ctx context.Context, params json.RawMessage, byHash bool) (any, error) {
	p, err := jsonrpc.Params(params, "block", "index")
	if err != nil {
		return nil, err
	}
	var index quantity
	if err := decode(p[1], "index", &index); err != nil {
		return nil, err
	}
	c := n.seen(ctx)
	t, ok, err := n.tipsetParam(&c, p[0], byHash)
	if err != nil || !ok || uint64(index) >= uint64(len(t.txs)) {
		return nil, err
	}
	return c.transaction(t.txs[index])
}

func (n *Node) transactionByNumber(ctx context.Context, params json.RawMessage) (any, error) {
	return n.transactionAt(ctx, params, false)
}

func (n *Node) transactionByBlockHash(ctx context.Context, params json.RawMessage) (any, error) {
	return n.transactionAt(ctx, params, true)
}

func hashParam(params json.RawMessage) (hash common.Hash, err error) {
	p, err := jsonrpc.Params(params, "hash")
	if err != nil {
		return hash, err
	}
	return hash, decode(p[0], "hash", &hash)
}

func (n *Node) getTransaction(ctx context.Context, params json.RawMessage) (any, error) {
	hash, err := hashParam(params)
	if err != nil {
		return nil, err
	}
	c := n.seen(ctx)
	if t := c.known(hash); t != nil {
		return c.transaction(t)
	}
	n.mu.RLock()
	pool := n.pool
	if t := n.chain.known(hash); t != nil { // in a tipset that is not executed
		pool = []pooled{{t.tx, t.from}}
	}
	n.mu.RUnlock()
	for _, p := range pool {
		if p.tx.Hash() == hash {
			return transactionFields(p.tx, map[string]any{
				"from": p.from, "blockHash": nil, "blockNumber": nil, "transactionIndex": nil,
			})
		}
	}
	return nil, nil
}

// transaction is a mined transaction in JSON.
func (c *chain) transaction(t *transaction) (map[string]any, error) {
	return transactionFields(t.tx, map[string]any{
		"from":             t.from,
		"blockHash":        c.hash(t.number),
		"blockNumber":      hexutil.Uint64(t.number),
		"transactionIndex": hexutil.Uint64(t.index),
		"gasPrice":         (*hexutil.Big)(t.price.ToBig()),
	})
}

// transactionFields joins the transaction's own fields and those of its place.
func transactionFields(tx *types.Transaction, fields map[string]any) (map[string]any, error) {
	raw, err := tx.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("simulated: encode transaction: %w", err)
	}
	var own map[string]json.RawMessage
	if err := json.Unmarshal(raw, &own); err != nil {
		return nil, fmt.Errorf("simulated: encode transaction: %w", err)
	}
	for name, value := range own {
		if _, set := fields[name]; !set {
			fields[name] = value
		}
	}
	return fields, nil
}

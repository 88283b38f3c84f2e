package simulated

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// maxAlternatives bounds the addresses and the topics of one position in a
// filter.
const maxAlternatives = 1000

// A logJSON is a log as eth_getLogs and receipts have it.
type logJSON struct {
	Address          common.Address `json:"address"`
	Topics           []common.Hash  `json:"topics"`
	Data             hexutil.Bytes  `json:"data"`
	BlockNumber      hexutil.Uint64 `json:"blockNumber"`
	BlockHash        common.Hash    `json:"blockHash"`
	TransactionHash  common.Hash    `json:"transactionHash"`
	TransactionIndex hexutil.Uint64 `json:"transactionIndex"`
	LogIndex         hexutil.Uint64 `json:"logIndex"`
	Removed          bool           `json:"removed"`
}

func (t *transaction) log(i int, block common.Hash) logJSON {
	l := t.logs[i]
	return logJSON{
		l.address, l.topics, l.data, hexutil.Uint64(t.number), block, t.tx.Hash(),
		hexutil.Uint64(t.index), hexutil.Uint64(t.firstLog + i), false,
	}
}

// A receipt is a transaction's outcome in JSON. As on Filecoin the cumulative
// gas is always 0.
type receipt struct {
	TransactionHash   common.Hash     `json:"transactionHash"`
	TransactionIndex  hexutil.Uint64  `json:"transactionIndex"`
	BlockHash         common.Hash     `json:"blockHash"`
	BlockNumber       hexutil.Uint64  `json:"blockNumber"`
	From              common.Address  `json:"from"`
	To                *common.Address `json:"to"`
	Status            hexutil.Uint64  `json:"status"`
	Type              hexutil.Uint64  `json:"type"`
	GasUsed           hexutil.Uint64  `json:"gasUsed"`
	CumulativeGasUsed hexutil.Uint64  `json:"cumulativeGasUsed"`
	EffectiveGasPrice *hexutil.Big    `json:"effectiveGasPrice"`
	ContractAddress   *common.Address `json:"contractAddress"`
	LogsBloom         string          `json:"logsBloom"`
	Logs              []logJSON       `json:"logs"`
}

func (t *transaction) receipt(block common.Hash) receipt {
	r := receipt{
		TransactionHash: t.tx.Hash(), TransactionIndex: hexutil.Uint64(t.index),
		BlockHash: block, BlockNumber: hexutil.Uint64(t.number),
		From: t.from, To: t.tx.To(), Status: hexutil.Uint64(t.status), Type: hexutil.Uint64(t.tx.Type()),
		GasUsed: hexutil.Uint64(t.gasUsed), EffectiveGasPrice: (*hexutil.Big)(t.price.ToBig()),
		LogsBloom: fullBloom, Logs: []logJSON{},
	}
	for i := range t.logs {
		r.Logs = append(r.Logs, t.log(i, block))
	}
	return r
}

func (n *Node) getReceipt(ctx context.Context, params json.RawMessage) (any, error) {
	hash, err := hashParam(params)
	if err != nil {
		return nil, err
	}
	c := n.seen(ctx)
	t := c.known(hash)
	if t == nil {
		return nil, nil
	}
	return t.receipt(c.hash(t.number)), nil
}

func (n *Node) getBlockReceipts(ctx context.Context, params json.RawMessage) (any, error) {
	p, err := jsonrpc.Params(params, "block")
	if err != nil {
		return nil, err
	}
	c := n.seen(ctx)
	// A bare hash is accepted too: ethclient sends one.
	var hash common.Hash
	byHash := p[0] != nil && json.Unmarshal(p[0], &hash) == nil
	t, ok, err := n.tipsetParam(&c, p[0], byHash)
	if err != nil || !ok {
		return nil, err
	}
	out := make([]receipt, len(t.txs))
	for i, tx := range t.txs {
		out[i] = tx.receipt(t.hash)
	}
	return out, nil
}

// A filter is the parameter of eth_getLogs.
type filter struct {
	FromBlock *string       `json:"fromBlock"`
	ToBlock   *string       `json:"toBlock"`
	BlockHash *common.Hash  `json:"blockHash"`
	Address   alternatives  `json:"address"`
	Topics    []topicFilter `json:"topics"`

	from, to uint64
}

// alternatives is one address or a list of them; none means any.
type alternatives []common.Address

func (a *alternatives) UnmarshalJSON(raw []byte) error {
	if raw[0] != '[' {
		var one common.Address
		if string(raw) == "null" {
			return nil
		}
		*a = alternatives{one}
		return json.Unmarshal(raw, &(*a)[0])
	}
	return json.Unmarshal(raw, (*[]common.Address)(a))
}

// topicFilter is what one topic may be; none means any.
type topicFilter []common.Hash

func (f *topicFilter) UnmarshalJSON(raw []byte) error {
	switch {
	case string(raw) == "null":
		return nil
	case raw[0] != '[':
		*f = make(topicFilter, 1)
		return json.Unmarshal(raw, &(*f)[0])
	}
	// A null among alternatives makes the position free.
	var list []*common.Hash
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	if slices.Contains(list, nil) {
		return nil
	}
	for _, h := range list {
		*f = append(*f, *h)
	}
	return nil
}

func (f *filter) matches(l *logEntry) bool {
	if len(f.Address) > 0 && !slices.Contains(f.Address, l.address) || len(f.Topics) > len(l.topics) {
		return false
	}
	for i, alternatives := range f.Topics {
		if len(alternatives) > 0 && !slices.Contains(alternatives, l.topics[i]) {
			return false
		}
	}
	return true
}

// filterParam reads a filter.
func filterParam(raw json.RawMessage) (f filter, err error) {
	if err := decode(raw, "filter", &f); err != nil {
		return f, err
	}
	if len(f.Topics) > 4 {
		return f, invalid("%d topics, want at most 4", len(f.Topics))
	}
	if len(f.Address) > maxAlternatives || slices.ContainsFunc(f.Topics, func(t topicFilter) bool { return len(t) > maxAlternatives }) {
		return f, invalid("more than %d alternatives", maxAlternatives)
	}
	return f, nil
}

func (n *Node) getLogs(ctx context.Context, params json.RawMessage) (any, error) {
	p, err := jsonrpc.Params(params, "filter")
	if err != nil {
		return nil, err
	}
	f, err := filterParam(p[0])
	if err != nil {
		return nil, err
	}
	if f.BlockHash != nil && faultOf(ctx).noHashIndex {
		return []logJSON{}, nil
	}
	c := n.seen(ctx)
	return n.find(&c, &f)
}

// find answers a filter.
func (n *Node) find(c *chain, f *filter) ([]logJSON, error) {
	if f.BlockHash != nil {
		if logs := n.orphaned(c, f); logs != nil {
			return logs, nil
		}
	}
	if err := n.bounds(c, f); err != nil {
		return nil, err
	}
	return n.collect(c, f)
}

package simulated

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// maxRange is Lotus's MaxFilterHeightRange: toBlock - fromBlock.
const maxRange = 2880

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

func (n *Node) getReceipt(_ context.Context, params json.RawMessage) (any, error) {
	hash, err := hashParam(params)
	if err != nil {
		return nil, err
	}
	c := n.view()
	t := c.known(hash)
	if t == nil {
		return nil, nil
	}
	return t.receipt(c.hash(t.number)), nil
}

func (n *Node) getBlockReceipts(_ context.Context, params json.RawMessage) (any, error) {
	p, err := jsonrpc.Params(params, "block")
	if err != nil {
		return nil, err
	}
	c := n.view()
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

func (n *Node) getLogs(_ context.Context, params json.RawMessage) (any, error) {
	p, err := jsonrpc.Params(params, "filter")
	if err != nil {
		return nil, err
	}
	var f filter
	if err := decode(p[0], "filter", &f); err != nil {
		return nil, err
	}
	if len(f.Topics) > 4 {
		return nil, invalid("%d topics, want at most 4", len(f.Topics))
	}
	if len(f.Address) > maxAlternatives || slices.ContainsFunc(f.Topics, func(t topicFilter) bool { return len(t) > maxAlternatives }) {
		return nil, invalid("more than %d alternatives", maxAlternatives)
	}
	c := n.view()
	if err := f.bounds(&c); err != nil {
		return nil, err
	}
	return n.collect(&c, &f)
}

// bounds resolves the range of the filter as Lotus does.
func (f *filter) bounds(c *chain) error {
	if f.BlockHash != nil {
		if f.FromBlock != nil || f.ToBlock != nil {
			return invalid("must not specify block hash and from/to block")
		}
		number, ok := c.find(*f.BlockHash)
		if !ok {
			return fmt.Errorf("unknown block %v", *f.BlockHash)
		}
		f.from, f.to = number, number
		return nil
	}
	var err error
	if f.from, err = rangeEnd(f.FromBlock, "FromBlock", c.head); err != nil {
		return err
	}
	if f.to, err = rangeEnd(f.ToBlock, "ToBlock", c.head); err != nil {
		return err
	}
	switch {
	case f.from > f.to:
		return &jsonrpc.Error{Code: codeOther, Message: fmt.Sprintf("invalid epoch range: from block %d is after to block %d", f.from, f.to)}
	case f.to-f.from > maxRange:
		return &jsonrpc.Error{Code: codeLimit, Message: fmt.Sprintf("block range exceeds maximum of %d (got %d)", maxRange, f.to-f.from)}
	case f.from > c.head:
		return &jsonrpc.Error{Code: codeOther, Message: "events for the requested block are not yet available"}
	}
	return nil
}

// rangeEnd reads fromBlock or toBlock. Lotus knows no tags here but these.
func rangeEnd(text *string, name string, latest uint64) (uint64, error) {
	switch {
	case text == nil || *text == "" || *text == "latest":
		return latest, nil
	case *text == "earliest":
		return 0, nil
	}
	var v uint64
	err := errors.New("no hexadecimal digits")
	if len(*text) > 2 && (*text)[:2] == "0x" {
		v, err = strconv.ParseUint((*text)[2:], 16, 64)
	}
	if err != nil {
		return 0, &jsonrpc.Error{Code: codeOther, Message: name + " is not a hex"}
	}
	return v, nil
}

func (n *Node) collect(c *chain, f *filter) ([]logJSON, error) {
	out := []logJSON{}
	tipsets := 0
	for _, b := range c.bodies[c.bodiesTo(max(f.from, 1)-1):] {
		if b.number > f.to {
			break
		}
		hash, found := c.hash(b.number), false
		for _, t := range b.txs {
			for i := range t.logs {
				if f.matches(&t.logs[i]) {
					out, found = append(out, t.log(i, hash)), true
				}
			}
		}
		if found {
			tipsets++
		}
		// Lotus counts only when more than one tipset contributes.
		if tipsets > 1 && n.maxResults > 0 && len(out) > n.maxResults {
			return nil, &jsonrpc.Error{Code: codeOther, Message: "failed to get events for filter: filter matches too many events, try a more restricted filter"}
		}
	}
	return out, nil
}

package simulated

import (
	"encoding/json"

	"github.com/slastream/slastream-go/slastream"
)

// A blockID is BLOCK_ID: a tag, a number or a hash.
type blockID struct {
	tag    string
	number *uint64
	hash   *hexFelt
}

func (b *blockID) UnmarshalJSON(raw []byte) error {
	bad := invalid("Invalid block ID. Expected object with key (block_hash or block_number) or tag ('pre_confirmed' or 'latest' or 'l1_accepted').")
	if len(raw) > 0 && raw[0] == '"' {
		if err := json.Unmarshal(raw, &b.tag); err != nil {
			return bad
		}
		switch b.tag {
		case "latest", "pre_confirmed", "l1_accepted":
			return nil
		}
		return bad
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil || len(object) != 1 {
		return bad
	}
	var err error
	if v, ok := object["block_number"]; ok {
		err = json.Unmarshal(v, &b.number)
	} else {
		err = json.Unmarshal(object["block_hash"], &b.hash)
	}
	if err != nil || b.number == nil && b.hash == nil {
		return bad
	}
	return nil
}

// view finds a block. No block is ever accepted on L1.
func (n *Node) view(id blockID) (view, error) {
	var b *block
	switch {
	case id.tag == "latest":
		b = n.head()
	case id.tag == "pre_confirmed":
		return view{block: n.pre(), open: true, state: n.state.mark()}, nil
	case id.number != nil && *id.number < uint64(len(n.blocks)):
		b = n.blocks[*id.number]
	case id.hash != nil:
		b = n.byHash[*id.hash]
	}
	if b == nil {
		return view{}, errBlock
	}
	return view{block: b, state: b.end}, nil
}

// blockAt returns a sealed block or the open one.
func (n *Node) blockAt(number uint64) *block {
	if number < uint64(len(n.blocks)) {
		return n.blocks[number]
	}
	return n.pending
}

func (n *Node) sealed(b *block) bool { return b != n.pending }

// viewArg finds the block that a parameter names.
func (n *Node) viewArg(a args, i int) (view, error) {
	id, err := arg[blockID](a, i)
	if err != nil {
		return view{}, err
	}
	return n.view(id)
}

func (n *Node) blockNumber(version, args) (any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.head().number, nil
}

func (n *Node) blockHashAndNumber(version, args) (any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return struct {
		Hash   hexFelt `json:"block_hash"`
		Number uint64  `json:"block_number"`
	}{n.head().hash, n.head().number}, nil
}

// wireBlock is a block with its transactions in one of three forms.
type wireBlock struct {
	header
	Transactions any `json:"transactions"`
}

// listBlock answers a block, each transaction as item makes it.
func listBlock[T any](n *Node, v version, a args, item func(*transaction, bool) T) (any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, err := n.viewArg(a, 0)
	if err != nil {
		return nil, err
	}
	list := make([]T, 0, len(at.txs))
	for _, t := range at.txs {
		list = append(list, item(t, !at.open))
	}
	return wireBlock{at.header(v), list}, nil
}

func (n *Node) getBlockWithTxHashes(v version, a args) (any, error) {
	return listBlock(n, v, a, func(t *transaction, _ bool) hexFelt { return t.hash })
}

func (n *Node) getBlockWithTxs(v version, a args) (any, error) {
	return listBlock(n, v, a, func(t *transaction, _ bool) *invoke { return t.wire(true) })
}

func (n *Node) getBlockWithReceipts(v version, a args) (any, error) {
	type item struct {
		Receipt     wireReceipt `json:"receipt"`
		Transaction *invoke     `json:"transaction"`
	}
	return listBlock(n, v, a, func(t *transaction, sealed bool) item {
		return item{t.wireReceipt(sealed, true), t.wire(false)}
	})
}

func (n *Node) getBlockTransactionCount(_ version, a args) (any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, err := n.viewArg(a, 0)
	if err != nil {
		return nil, err
	}
	return len(at.txs), nil
}

// withTransaction answers for the transaction that the first parameter names.
func (n *Node) withTransaction(a args, answer func(*transaction) any) (any, error) {
	hash, err := arg[hexFelt](a, 0)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	t := n.txs[hash]
	if t == nil {
		return nil, errHash
	}
	return answer(t), nil
}

func (n *Node) getTransactionByHash(_ version, a args) (any, error) {
	return n.withTransaction(a, func(t *transaction) any { return t.wire(true) })
}

func (n *Node) getTransactionReceipt(_ version, a args) (any, error) {
	return n.withTransaction(a, func(t *transaction) any { return t.wireReceipt(n.sealed(t.block), false) })
}

func (n *Node) getTransactionStatus(_ version, a args) (any, error) {
	return n.withTransaction(a, func(t *transaction) any {
		status := struct {
			Finality  string `json:"finality_status"`
			Execution string `json:"execution_status"`
			Failure   string `json:"failure_reason,omitempty"`
		}{finality(n.sealed(t.block)), "SUCCEEDED", t.receipt.reverted}
		if t.receipt.reverted != "" {
			status.Execution = "REVERTED"
		}
		return status
	})
}

func (n *Node) getTransactionByIndex(_ version, a args) (any, error) {
	i, err := arg[uint64](a, 1)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	at, err := n.viewArg(a, 0)
	switch {
	case err != nil:
		return nil, err
	case i >= uint64(len(at.txs)):
		return nil, errIndex
	}
	return at.txs[i].wire(true), nil
}

// addressArg reads a contract address; one that cannot exist is like any other
// without a contract.
func addressArg(a args, i int) (slastream.Address, error) {
	f, err := arg[hexFelt](a, i)
	if err != nil {
		return slastream.Address{}, err
	}
	return f.bytes(), nil
}

// withContract answers for a contract in the state of a block.
func (n *Node) withContract(a args, block, contract int, answer func(*state, slastream.Address) any) (result any, err error) {
	address, err := addressArg(a, contract)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	at, err := n.viewArg(a, block)
	switch {
	case err != nil:
		return nil, err
	case n.world.classes[address] == nil:
		return nil, errContract
	}
	n.in(at, func(s *state) { result = answer(s, address) })
	return result, nil
}

func (n *Node) getNonce(_ version, a args) (any, error) {
	return n.withContract(a, 0, 1, func(s *state, at slastream.Address) any { return number(s.nonces[at]) })
}

// getStorageAt takes response flags since RPC 0.10. The one there is changes
// the shape of the answer, so it is refused rather than ignored.
func (n *Node) getStorageAt(v version, a args) (any, error) {
	key, err := arg[hexFelt](a, 1)
	if err != nil {
		return nil, err
	}
	flags, err := arg[[]string](a, 3)
	switch {
	case err != nil:
		return nil, err
	case v < v010 && a[3] != nil:
		return nil, invalid("response_flags: not in RPC %v", v)
	case len(flags) > 0:
		return nil, invalid("response_flags %.40q: not modelled", flags[0])
	}
	return n.withContract(a, 2, 0, func(s *state, at slastream.Address) any {
		n.catchUp()
		return n.slots.load(s, at, key)
	})
}

func (n *Node) getClassAt(_ version, a args) (any, error) {
	return n.withContract(a, 0, 1, func(s *state, at slastream.Address) any { return s.world.classes[at].wire() })
}

func (n *Node) getClassHashAt(_ version, a args) (any, error) {
	return n.withContract(a, 0, 1, func(s *state, at slastream.Address) any { return s.world.classHash(at) })
}

func (n *Node) getClass(_ version, a args) (any, error) {
	hash, err := arg[hexFelt](a, 1)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, err := n.viewArg(a, 0); err != nil {
		return nil, err
	}
	c := n.world.byHash[hash]
	if c == nil {
		return nil, errClass
	}
	return c.wire(), nil
}

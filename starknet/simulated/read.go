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

// view finds a block.
func (n *Node) view(id blockID) (view, error) {
	var b *block
	switch {
	case id.tag == "latest":
		b = n.head()
	case id.tag == "l1_accepted" && n.l1 > 0:
		b = n.blocks[n.l1-1]
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
	return view{block: b, l1: b.number < n.l1, state: b.end}, nil
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
func listBlock[T any](n *Node, v version, a args, item func(*transaction, string) T) (any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, err := n.viewArg(a, 0)
	if err != nil {
		return nil, err
	}
	list := make([]T, 0, len(at.txs))
	for _, t := range at.txs {
		list = append(list, item(t, n.finality(at.block)))
	}
	return wireBlock{n.header(at, v), list}, nil
}

func (n *Node) getBlockWithTxHashes(v version, a args) (any, error) {
	return listBlock(n, v, a, func(t *transaction, _ string) hexFelt { return t.hash })
}

func (n *Node) getBlockWithTxs(v version, a args) (any, error) {
	proofs, err := proofFacts(v, a, 1)
	if err != nil {
		return nil, err
	}
	return listBlock(n, v, a, func(t *transaction, _ string) any { return t.answer(true, proofs) })
}

func (n *Node) getBlockWithReceipts(v version, a args) (any, error) {
	proofs, err := proofFacts(v, a, 1)
	if err != nil {
		return nil, err
	}
	type item struct {
		Receipt     wireReceipt `json:"receipt"`
		Transaction any         `json:"transaction"`
	}
	return listBlock(n, v, a, func(t *transaction, status string) item {
		return item{t.wireReceipt(status, true), t.answer(false, proofs)}
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

func (n *Node) getTransactionByHash(v version, a args) (any, error) {
	proofs, err := proofFacts(v, a, 1)
	if err != nil {
		return nil, err
	}
	return n.withTransaction(a, func(t *transaction) any { return t.answer(true, proofs) })
}

func (n *Node) getTransactionReceipt(_ version, a args) (any, error) {
	return n.withTransaction(a, func(t *transaction) any { return t.wireReceipt(n.finality(t.block), false) })
}

func (n *Node) getTransactionByIndex(v version, a args) (any, error) {
	i, err := arg[uint64](a, 1)
	if err != nil {
		return nil, err
	}
	proofs, err := proofFacts(v, a, 2)
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
	return at.txs[i].answer(true, proofs), nil
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

// withContract answers for a contract in the state of a block. before runs in
// the present state, under the lock; it may be nil.
func (n *Node) withContract(a args, block, contract int, before func(), answer func(*state, slastream.Address) any) (result any, err error) {
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
	}
	if before != nil {
		before()
	}
	n.in(at, func(s *state) {
		if s.contract(address) == nil {
			err = errContract
			return
		}
		result = answer(s, address)
	})
	return result, err
}

func (n *Node) getNonce(_ version, a args) (any, error) {
	return n.withContract(a, 0, 1, nil, func(s *state, at slastream.Address) any { return number(s.nonce(at)) })
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
	return n.withContract(a, 2, 0, n.catchUp, func(s *state, at slastream.Address) any { return n.slots.load(s, at, key) })
}

func (n *Node) getClassAt(_ version, a args) (any, error) {
	return n.withContract(a, 0, 1, nil, func(s *state, at slastream.Address) any { return s.contract(at).class.wire() })
}

func (n *Node) getClassHashAt(_ version, a args) (any, error) {
	return n.withContract(a, 0, 1, nil, func(s *state, at slastream.Address) any { return s.classHash(at) })
}

func (n *Node) getClass(_ version, a args) (any, error) {
	hash, err := arg[hexFelt](a, 1)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	at, err := n.viewArg(a, 0)
	if err != nil {
		return nil, err
	}
	var c *class
	n.in(at, func(s *state) { c = s.declared.get(hash) })
	if c == nil {
		return nil, errClass
	}
	return c.wire(), nil
}

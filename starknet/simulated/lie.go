package simulated

import (
	"encoding/json"
	"slices"
)

// Wrong answers are right answers to a question that was not asked: the
// parameters are changed, not the results.

// otherBlock asks about a neighbour of the block, or another transaction of the
// chain, than params name. It knows the methods whose answers say what they are
// about, so that the difference can be seen.
func (n *Node) otherBlock(v version, name string, params json.RawMessage) (json.RawMessage, bool) {
	m, ok := methods[name]
	if !ok {
		return params, false
	}
	list, err := m.args(v, params)
	if err != nil {
		return params, false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch name {
	case "starknet_getBlockWithTxHashes", "starknet_getBlockWithTxs", "starknet_getBlockWithReceipts", "starknet_getStateUpdate":
		id, err := arg[blockID](list, 0)
		if err != nil || id.tag != "" {
			return params, false
		}
		at, err := n.view(id)
		if err != nil || len(n.blocks) == 1 {
			return params, false
		}
		list[0] = numberID(n.neighbour(at.number))
	case "starknet_getEvents":
		var filter map[string]json.RawMessage
		if json.Unmarshal(list[0], &filter) != nil || len(n.blocks) == 1 {
			return params, false
		}
		// Of more than one block, part of the answer would be right, and that
		// something is missing cannot be seen.
		number, ok := n.onlyBlock(filter["from_block"], filter["to_block"])
		if !ok {
			return params, false
		}
		filter["from_block"] = numberID(n.neighbour(number))
		filter["to_block"] = filter["from_block"]
		list[0], _ = json.Marshal(filter) // raw messages that were decoded
	case "starknet_getTransactionReceipt", "starknet_getTransactionByHash":
		hash, err := arg[hexFelt](list, 0)
		t := n.txs[hash]
		if err != nil || t == nil {
			return params, false
		}
		other := n.otherTransaction(t)
		if other == nil {
			return params, false
		}
		list[0], _ = json.Marshal(other.hash) // a felt
	default:
		return params, false
	}
	return list.params(), true
}

// onlyBlock is the block that both ends of a range name.
func (n *Node) onlyBlock(from, to json.RawMessage) (number uint64, ok bool) {
	var ends [2]uint64
	for i, raw := range []json.RawMessage{from, to} {
		var id blockID
		if json.Unmarshal(raw, &id) != nil || id.tag != "" {
			return 0, false
		}
		at, err := n.view(id)
		if err != nil {
			return 0, false
		}
		ends[i] = at.number
	}
	return ends[0], ends[0] == ends[1]
}

// neighbour is the block after, or the one before the head.
func (n *Node) neighbour(number uint64) uint64 {
	if number+1 < uint64(len(n.blocks)) {
		return number + 1
	}
	return number - 1
}

// otherTransaction is the nearest transaction before t, else after it.
func (n *Node) otherTransaction(t *transaction) *transaction {
	for _, b := range slices.Backward(n.blocks[:min(t.block.number, uint64(len(n.blocks)))]) {
		if len(b.txs) > 0 {
			return b.txs[len(b.txs)-1]
		}
	}
	for number := t.block.number; n.blockAt(number) != nil; number++ {
		for _, other := range n.blockAt(number).txs {
			if other != t {
				return other
			}
		}
	}
	return nil
}

// oldHead asks what a node would know whose head is some blocks behind. Without
// parameters to ask, such a node does not know the transaction; lie changes the
// result that no parameter changes.
func (n *Node) oldHead(v version, name string, params json.RawMessage, back uint64) (wrong json.RawMessage, lie func(any) any, changed bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	head := n.head().number
	if head < back {
		return params, nil, false
	}
	old := n.blocks[head-back]
	switch name {
	case "starknet_blockNumber":
		return params, func(any) any { return old.number }, true
	case "starknet_blockHashAndNumber":
		return params, func(any) any {
			return struct {
				Hash   hexFelt `json:"block_hash"`
				Number uint64  `json:"block_number"`
			}{old.hash, old.number}
		}, true
	}
	m, ok := methods[name]
	if !ok {
		return params, nil, false
	}
	list, err := m.args(v, params)
	if err != nil {
		return params, nil, false
	}
	switch name {
	case "starknet_getTransactionReceipt", "starknet_getTransactionByHash", "starknet_getTransactionStatus":
		hash, err := arg[hexFelt](list, 0)
		if t := n.txs[hash]; err == nil && t != nil && t.block.number > old.number {
			return nil, nil, true
		}
		return params, nil, false
	case "starknet_getEvents":
		var filter map[string]json.RawMessage
		if json.Unmarshal(list[0], &filter) != nil {
			return params, nil, false
		}
		for _, end := range []string{"from_block", "to_block"} {
			if isHead(filter[end]) || end == "to_block" && len(filter[end]) == 0 {
				filter[end], changed = numberID(old.number), true
			}
		}
		list[0], _ = json.Marshal(filter) // raw messages that were decoded
	default:
		for i, p := range list {
			if isHead(p) {
				list[i], changed = numberID(old.number), true
			}
		}
	}
	if !changed {
		return params, nil, false
	}
	return list.params(), nil, true
}

func isHead(raw json.RawMessage) bool {
	return string(raw) == `"latest"` || string(raw) == `"pre_confirmed"`
}

func numberID(number uint64) json.RawMessage {
	raw, _ := json.Marshal(map[string]uint64{"block_number": number}) // cannot fail
	return raw
}

// params is the list as positional parameters, without the absent ones at the
// end.
func (a args) params() json.RawMessage {
	for len(a) > 0 && a[len(a)-1] == nil {
		a = a[:len(a)-1]
	}
	raw, _ := json.Marshal([]json.RawMessage(a)) // raw messages that were decoded; nil is null
	return raw
}

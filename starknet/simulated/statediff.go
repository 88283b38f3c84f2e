package simulated

import (
	"bytes"
	"maps"
	"slices"

	"github.com/slastream/slastream-go/slastream"
)

// A stateDiff is STATE_DIFF.
type stateDiff struct {
	Storage    []storageDiff   `json:"storage_diffs"`
	Deprecated []hexFelt       `json:"deprecated_declared_classes"` // none: Cairo 0 is not declared
	Declared   []declaredClass `json:"declared_classes"`
	Deployed   []deployedItem  `json:"deployed_contracts"`
	Replaced   []hexFelt       `json:"replaced_classes"` // none: no class here replaces another
	Nonces     []nonceItem     `json:"nonces"`
}

type storageDiff struct {
	Address hexFelt        `json:"address"`
	Entries []storageEntry `json:"storage_entries"`
}

type storageEntry struct {
	Key   hexFelt `json:"key"`
	Value hexFelt `json:"value"`
}

type declaredClass struct {
	Class    hexFelt `json:"class_hash"`
	Compiled hexFelt `json:"compiled_class_hash"`
}

type deployedItem struct {
	Address hexFelt `json:"address"`
	Class   hexFelt `json:"class_hash"`
}

type nonceItem struct {
	Address hexFelt `json:"contract_address"`
	Nonce   hexFelt `json:"nonce"`
}

// length is state_diff_length: the number of changed values.
func (d *stateDiff) length() int {
	n := len(d.Declared) + len(d.Deployed) + len(d.Nonces)
	for _, s := range d.Storage {
		n += len(s.Entries)
	}
	return n
}

// of keeps what is about the given contracts. Classes are about none.
func (d *stateDiff) of(contracts []hexFelt) {
	other := func(a hexFelt) bool { return !slices.Contains(contracts, a) }
	d.Storage = slices.DeleteFunc(d.Storage, func(s storageDiff) bool { return other(s.Address) })
	d.Deployed = slices.DeleteFunc(d.Deployed, func(i deployedItem) bool { return other(i.Address) })
	d.Nonces = slices.DeleteFunc(d.Nonces, func(i nonceItem) bool { return other(i.Address) })
}

// changes is what may have been written: the candidates of a diff.
type changes struct {
	all       bool                       // everything that is known of the contracts
	contracts map[slastream.Address]bool // whose fixed variables may have changed
	senders   map[slastream.Address]bool
	events    []event
	declared  []*transaction
	deployed  []*contract
}

func newChanges() *changes {
	return &changes{contracts: make(map[slastream.Address]bool), senders: make(map[slastream.Address]bool)}
}

// did adds what a transaction did.
func (c *changes) did(t *transaction, events []event, deployed []*contract, made []*made) {
	c.senders[t.sender] = true
	c.events = append(c.events, events...)
	for _, e := range events {
		c.contracts[e.emitter] = true
	}
	for _, d := range deployed {
		c.contracts[d.address] = true
		c.deployed = append(c.deployed, d)
	}
	if t.kind == typeDeclare {
		c.declared = append(c.declared, t)
	}
	c.called(made)
}

// called adds the called contracts: some change and have no events.
func (c *changes) called(made []*made) {
	for _, m := range made {
		c.contracts[m.to] = true
		c.called(m.calls)
	}
}

// A visit runs a function in some state.
type visit func(func(*state))

// A reading is what a state has under the keys that may have changed.
type reading struct {
	storage map[slastream.Address]map[hexFelt]hexFelt
	nonces  map[slastream.Address]uint64
}

// diff compares two states. The index of slots must know the present.
func (n *Node) diff(c *changes, before, after visit) stateDiff {
	keys := make(map[slastream.Address]map[hexFelt]bool)
	read := func(s *state) reading {
		out := reading{make(map[slastream.Address]map[hexFelt]hexFelt), make(map[slastream.Address]uint64)}
		for a, list := range keys {
			out.storage[a] = make(map[hexFelt]hexFelt)
			for key := range list {
				out.storage[a][key] = n.slots.load(s, a, key)
			}
		}
		for a := range c.senders {
			out.nonces[a] = s.nonce(a)
		}
		return out
	}
	var was, is reading
	after(func(s *state) { n.candidates(s, c, keys) })
	before(func(s *state) {
		n.candidates(s, c, keys)
		was = read(s)
	})
	after(func(s *state) { is = read(s) })

	d := stateDiff{
		Storage: []storageDiff{}, Deprecated: []hexFelt{}, Declared: []declaredClass{},
		Deployed: []deployedItem{}, Replaced: []hexFelt{}, Nonces: []nonceItem{},
	}
	for _, a := range slices.SortedFunc(maps.Keys(keys), compareAddress) {
		item := storageDiff{Address: word(a)}
		for _, key := range slices.SortedFunc(maps.Keys(keys[a]), compareFelt) {
			if was.storage[a][key] != is.storage[a][key] {
				item.Entries = append(item.Entries, storageEntry{key, is.storage[a][key]})
			}
		}
		if len(item.Entries) > 0 {
			d.Storage = append(d.Storage, item)
		}
	}
	for _, a := range slices.SortedFunc(maps.Keys(c.senders), compareAddress) {
		if was.nonces[a] != is.nonces[a] {
			d.Nonces = append(d.Nonces, nonceItem{word(a), number(is.nonces[a])})
		}
	}
	for _, t := range c.declared {
		d.Declared = append(d.Declared, declaredClass{*t.Class, *t.Compiled})
	}
	for _, contract := range c.deployed {
		d.Deployed = append(d.Deployed, deployedItem{word(contract.address), contract.class.hash})
	}
	return d
}

func compareFelt(a, b hexFelt) int { return a.felt().Cmp(b.felt()) }

func compareAddress(a, b slastream.Address) int { return bytes.Compare(a[:], b[:]) }

// candidates adds the keys that may have changed, as far as s shows them.
func (n *Node) candidates(s *state, c *changes, keys map[slastream.Address]map[hexFelt]bool) {
	put := func(a slastream.Address, key hexFelt) {
		if keys[a] == nil {
			keys[a] = make(map[hexFelt]bool)
		}
		keys[a][key] = true
	}
	for a := range c.contracts {
		contract := s.contract(a)
		if contract == nil {
			continue
		}
		k := n.slots.at(contract)
		if contract.mock != nil {
			k.look(contract.mock)
		}
		if c.all || contract.mock != nil {
			for key := range k.keys {
				put(a, key)
			}
			continue
		}
		for _, key := range k.names {
			put(a, key)
		}
	}
	for _, e := range c.events {
		contract := s.contract(e.emitter)
		if contract == nil {
			continue
		}
		k := n.slots.at(contract)
		for _, v := range k.written(&e) {
			key := k.add(v)
			for range v.size {
				put(e.emitter, key)
				key = next(key)
			}
		}
	}
}

// block adds what the transactions of a block did, the first n of them.
func (c *changes) block(b *block, n int) {
	for _, t := range b.txs[:n] {
		c.did(t, t.receipt.events, t.receipt.deployed, t.receipt.made)
	}
}

// visit is the state of a mark.
func (n *Node) visit(m mark) visit {
	return func(f func(*state)) { n.in(view{state: m}, f) }
}

// blockDiff is the difference that a block, sealed or open, made.
func (n *Node) blockDiff(v view) stateDiff {
	n.catchUp()
	c := newChanges()
	c.block(v.block, len(v.txs))
	if v.number == 0 {
		c.all = true
		n.in(v, func(s *state) {
			for _, contract := range s.contracts.values {
				c.contracts[contract.address] = true
				c.deployed = append(c.deployed, contract)
			}
		})
		slices.SortFunc(c.deployed, func(a, b *contract) int { return compareAddress(a.address, b.address) })
		return n.diff(c, func(f func(*state)) { f(noState()) }, n.visit(v.state))
	}
	return n.diff(c, n.visit(n.blocks[v.number-1].end), n.visit(v.state))
}

// changed is the number of values that a sealed block changed.
func (n *Node) changed(b *block) int {
	if b.changed == 0 {
		d := n.blockDiff(view{block: b, state: b.end})
		b.changed = d.length() + 1
	}
	return b.changed - 1
}

// getStateUpdate answers the difference of a block. As on starknet-devnet, the
// roots are 0. contract_addresses is new in RPC 0.10.
func (n *Node) getStateUpdate(v version, a args) (any, error) {
	contracts, err := arg[[]hexFelt](a, 1)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	at, err := n.viewArg(a, 0)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Hash *hexFelt  `json:"block_hash,omitempty"`
		New  *hexFelt  `json:"new_root,omitempty"`
		Old  hexFelt   `json:"old_root"`
		Diff stateDiff `json:"state_diff"`
	}{Diff: n.blockDiff(at)}
	if !at.open {
		answer.Hash, answer.New = &at.hash, new(hexFelt)
	}
	if contracts != nil {
		answer.Diff.of(contracts)
	}
	return answer, nil
}

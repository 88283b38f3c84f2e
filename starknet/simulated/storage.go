package simulated

import (
	"github.com/NethermindEth/juno/core/crypto"
	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/starknet"
)

// A slot is a storage variable that a raw key stands for. Raw keys are hashes,
// so the only way back from a key is to have hashed the variable before.
type slot struct {
	kind  slotKind
	deal  attestation.Word
	chunk uint64
	a, b  slastream.Address // holder; owner and spender
	part  int               // felt of the variable, from 0
}

type slotKind uint8

const (
	slotFixed slotKind = iota // part of the contract's fixed variables
	slotDeal
	slotChunk
	slotBalance
	slotAllowance
	slotMockData
)

// A slotIndex finds the variable of a raw key. It learns the variables from
// the events, and not before someone asks: hashing is dear, and most chains
// are never asked. It never forgets: after a reorganization a variable that
// does not exist yet reads as 0, as on chain.
type slotIndex struct {
	contract map[slastream.Address]*slots
	read     int // events read so far
}

// slots are the known keys of one contract.
type slots struct {
	of    *contract
	fixed []func() hexFelt
	names []hexFelt // keys of fixed
	keys  map[hexFelt]slot
	known map[slot]hexFelt // with part 0: the first key
}

// Addresses of the token's maps.
var (
	varBalances       = selector("ERC20_balances")
	varAllowances     = selector("ERC20_allowances")
	varMockBalances   = selector("balances")
	varMockAllowances = selector("allowances")
	varMockData       = selector("call_data")
	varInterfaces     = selector("SRC5_supported_interfaces")
)

func newSlotIndex() slotIndex {
	return slotIndex{contract: make(map[slastream.Address]*slots)}
}

// at returns what is known of a contract.
func (x *slotIndex) at(c *contract) *slots {
	k := x.contract[c.address]
	if k == nil {
		k = &slots{keys: make(map[hexFelt]slot), known: make(map[slot]hexFelt)}
		x.contract[c.address] = k
	}
	if k.of != c {
		// A contract that was deployed again is another one at the same place,
		// with the same class and arguments: those are in the address.
		k.of, k.fixed, k.names = c, nil, nil
		k.fix(c)
	}
	return k
}

// fix lists the variables whose keys do not depend on the state.
func (k *slots) fix(c *contract) {
	constant := func(v hexFelt) func() hexFelt { return func() hexFelt { return v } }
	u256 := func(name string, get func() attestation.Word) {
		low := func() hexFelt { v, _ := split(get()); return v }
		high := func() hexFelt { _, v := split(get()); return v }
		k.variable(selector(name), low, high)
	}
	switch {
	case c.escrow != nil:
		p := c.escrow.Params()
		k.variable(selector("owner"), func() hexFelt { return word(c.escrow.Owner()) })
		if p.Class == escrow.Extended {
			k.variable(selector("pending_owner"), func() hexFelt { return word(c.escrow.PendingOwner()) })
		}
		k.variable(selector("strk_token"), constant(word(p.Token)))
		k.variable(selector("paused"), func() hexFelt { return flag(c.escrow.Paused()) })
		u256("deal_counter", c.escrow.DealCount)
		u256("pkp_pub_key_x", func() attestation.Word { return p.Key.X })
		u256("pkp_pub_key_y", func() attestation.Word { return p.Key.Y })
	case c.token != nil:
		k.variable(selector("ERC20_name"), constant(text(c.token.name)))
		k.variable(selector("ERC20_symbol"), constant(text(c.token.symbol)))
		k.variable(selector("ERC20_decimals"), constant(number(18)))
		u256("ERC20_total_supply", func() attestation.Word { return c.token.ledger.Supply().Word() })
		k.variable(selector("permitted_minter"), constant(word(c.token.minter)))
	case c.mock != nil:
		k.variable(selector("mode"), func() hexFelt { return c.mock.number(mockMode) })
		k.variable(selector("call_to"), func() hexFelt { return c.mock.number(mockTo) })
		k.variable(selector("call_selector"), func() hexFelt { return c.mock.number(mockSelector) })
		k.variable(selector("call_len"), func() hexFelt { return c.mock.number(mockLength) })
	case c.key != nil:
		k.variable(selector("Account_public_key"), constant(c.key.public))
		// That of introspection itself is not stored.
		k.variable(mapKey(varInterfaces, interfaceSRC6), constant(flag(true)))
		k.variable(mapKey(varInterfaces, interfaceSRC9), constant(flag(true)))
	}
}

func (k *slots) variable(base hexFelt, get ...func() hexFelt) {
	k.put(base, slot{part: len(k.fixed)}, len(get))
	k.fixed = append(k.fixed, get...)
	for range get {
		k.names = append(k.names, base)
		base = next(base)
	}
}

// put maps size consecutive keys from base on to the parts of v.
func (k *slots) put(base hexFelt, v slot, size int) {
	for range size {
		k.keys[base] = v
		base = next(base)
		v.part++
	}
}

// next is the key after key.
func next(key hexFelt) hexFelt { return hexFelt(*new(felt.Felt).Add(key.felt(), &felt.One)) }

// mapKey is the address of a map's entry: the Pedersen chain over its keys.
// The real one reduces the hash modulo 2^251 − 256; no hash is ever seen there.
func mapKey(base hexFelt, keys ...hexFelt) hexFelt {
	at := base.felt()
	for i := range keys {
		next := crypto.Pedersen(at, keys[i].felt())
		at = &next
	}
	return hexFelt(*at)
}

// catchUp learns the variables of the events since last time.
func (n *Node) catchUp() {
	x, s := &n.slots, n.state
	if x.read == 0 {
		for _, at := range []slastream.Address{strk, eth} {
			k := x.at(s.contract(at))
			for _, a := range n.world.accounts {
				k.add(balanceVariable(varBalances, word(a.Address)))
			}
			k.add(balanceVariable(varBalances, word(n.world.minter.Address)))
			k.add(balanceVariable(varBalances, word(sequencer)))
		}
	}
	for _, p := range n.index.all[x.read:] {
		e := &n.blockAt(p.block).txs[p.tx].receipt.events[p.event]
		if c := s.contract(e.emitter); c != nil {
			x.at(c).learn(e)
		}
	}
	x.read = len(n.index.all)
}

// A variable is what an event says was written: size felts from a key on.
type variable struct {
	slot
	key  func() hexFelt
	size int
}

func (k *slots) learn(e *event) {
	for _, v := range k.written(e) {
		k.add(v)
	}
}

// written lists the variables that are not fixed and changed with the event.
func (k *slots) written(e *event) []variable {
	switch {
	case k.of.escrow != nil:
		parsed, _ := starknet.ParseEvent(refs(e.Keys), refs(e.Data)) // what EncodeEvent made
		switch parsed := parsed.(type) {
		case slastream.DealCreated:
			return []variable{dealVariable(parsed.DealID)}
		case slastream.ChunkReleased:
			chunk := variable{slot{kind: slotChunk, deal: parsed.DealID, chunk: parsed.ChunkIndex}, nil, 1}
			chunk.key = func() hexFelt { return hexFelt(*starknet.ChunkReleasedStorageKey(chunk.deal, chunk.chunk)) }
			return []variable{dealVariable(parsed.DealID), chunk}
		case slastream.DealSlashed:
			return []variable{dealVariable(parsed.DealID)}
		}
	case k.of.token == nil:
	case e.Keys[0] == selTransfer:
		return []variable{balanceVariable(varBalances, e.Data[0]), balanceVariable(varBalances, e.Data[1])}
	case e.Keys[0] == selApproval:
		return []variable{allowanceVariable(varAllowances, e.Data[0], e.Data[1])}
	}
	return nil
}

func dealVariable(id attestation.Word) variable {
	return variable{slot{kind: slotDeal, deal: id}, func() hexFelt { return hexFelt(*starknet.DealStorageKey(id)) }, 13}
}

func balanceVariable(base, holder hexFelt) variable {
	return variable{slot{kind: slotBalance, a: holder.bytes()}, func() hexFelt { return mapKey(base, holder) }, 2}
}

func allowanceVariable(base, owner, spender hexFelt) variable {
	return variable{slot{kind: slotAllowance, a: owner.bytes(), b: spender.bytes()}, func() hexFelt { return mapKey(base, owner, spender) }, 2}
}

// add makes sure that a variable is known, and returns its first key.
func (k *slots) add(v variable) hexFelt {
	base, ok := k.known[v.slot]
	if !ok {
		base = v.key()
		k.known[v.slot] = base
		k.put(base, v.slot, v.size)
	}
	return base
}

// look learns the variables of a mock, which has no events but is open to see.
func (k *slots) look(m *mock) {
	for a := range m.balances.values {
		k.add(balanceVariable(varMockBalances, word(a)))
	}
	for a := range m.allowances.values {
		k.add(allowanceVariable(varMockAllowances, word(a.owner), word(a.spender)))
	}
	for n := range m.numbers.values {
		if n.variable == mockData {
			k.add(variable{slot{kind: slotMockData, chunk: n.index}, func() hexFelt { return mapKey(varMockData, number(n.index)) }, 1})
		}
	}
}

// load is the value of a raw key in the present state: 0 for a key that no
// variable has.
func (x *slotIndex) load(s *state, at slastream.Address, key hexFelt) hexFelt {
	c := s.contract(at)
	if c == nil {
		return hexFelt{}
	}
	k := x.at(c)
	if c.mock != nil {
		k.look(c.mock)
	}
	v, ok := k.keys[key]
	if !ok {
		return hexFelt{}
	}
	switch v.kind {
	case slotDeal:
		return values(starknet.EncodeDeal(c.escrow.Deal(v.deal)))[v.part]
	case slotChunk:
		return flag(c.escrow.ChunkReleased(v.deal, v.chunk))
	case slotBalance:
		if c.mock != nil {
			return amount(c.mock.balances.get(v.a))[v.part]
		}
		return amount(c.token.ledger.Balance(v.a))[v.part]
	case slotAllowance:
		if c.mock != nil {
			return amount(c.mock.allowances.get(allowance{v.a, v.b}))[v.part]
		}
		return amount(c.token.ledger.Allowance(v.a, v.b))[v.part]
	case slotMockData:
		return c.mock.numbers.get(mockNumber{mockData, v.chunk})
	}
	return k.fixed[v.part]()
}

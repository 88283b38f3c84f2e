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
	slotFixed slotKind = iota // part of slotIndex.fixed
	slotDeal
	slotChunk
	slotBalance
	slotAllowance
)

// A slotIndex finds the variable of a raw key. It learns the variables from
// the events, and not before someone asks: hashing is dear, and most chains
// are never asked. It never forgets: after a reorganization a variable that
// does not exist yet reads as 0, as on chain.
type slotIndex struct {
	contract map[slastream.Address]map[hexFelt]slot
	fixed    []func(*state) hexFelt
	known    map[slot]bool // with part 0
	read     int           // events read so far
}

// Addresses of the token's maps.
var (
	varBalances   = selector("ERC20_balances")
	varAllowances = selector("ERC20_allowances")
)

func newSlotIndex(w *world) slotIndex {
	x := slotIndex{
		contract: make(map[slastream.Address]map[hexFelt]slot),
		known:    make(map[slot]bool),
	}
	p := w.params
	constant := func(v hexFelt) func(*state) hexFelt { return func(*state) hexFelt { return v } }
	half := func(get func(*state) attestation.Word, i int) func(*state) hexFelt {
		return func(s *state) hexFelt {
			low, high := split(get(s))
			return []hexFelt{low, high}[i]
		}
	}
	u256 := func(a slastream.Address, name string, get func(*state) attestation.Word) {
		x.fix(a, name, half(get, 0), half(get, 1))
	}
	x.fix(p.Address, "owner", func(s *state) hexFelt { return word(s.escrow.Owner()) })
	if p.Class == escrow.Extended {
		x.fix(p.Address, "pending_owner", func(s *state) hexFelt { return word(s.escrow.PendingOwner()) })
	}
	x.fix(p.Address, "strk_token", constant(word(p.Token)))
	x.fix(p.Address, "paused", func(s *state) hexFelt { return flag(s.escrow.Paused()) })
	u256(p.Address, "deal_counter", func(s *state) attestation.Word { return s.escrow.DealCount() })
	u256(p.Address, "pkp_pub_key_x", func(*state) attestation.Word { return p.Key.X })
	u256(p.Address, "pkp_pub_key_y", func(*state) attestation.Word { return p.Key.Y })
	x.fix(p.Token, "ERC20_name", constant(text("Starknet Token")))
	x.fix(p.Token, "ERC20_symbol", constant(text("STRK")))
	x.fix(p.Token, "ERC20_decimals", constant(number(18)))
	u256(p.Token, "ERC20_total_supply", func(s *state) attestation.Word { return s.ledger.Supply().Word() })
	x.fix(p.Token, "permitted_minter", constant(word(w.minter.Address)))
	for _, a := range w.accounts {
		x.fix(a.Address, "Account_public_key", constant(a.key.publicKey()))
	}
	return x
}

// fix adds a variable whose key does not depend on the state.
func (x *slotIndex) fix(contract slastream.Address, name string, get ...func(*state) hexFelt) {
	x.put(contract, selector(name), slot{part: len(x.fixed)}, len(get))
	x.fixed = append(x.fixed, get...)
}

// put maps size consecutive keys from base on to the parts of v.
func (x *slotIndex) put(contract slastream.Address, base hexFelt, v slot, size int) {
	keys := x.contract[contract]
	if keys == nil {
		keys = make(map[hexFelt]slot)
		x.contract[contract] = keys
	}
	for range size {
		keys[base] = v
		base = hexFelt(*new(felt.Felt).Add(base.felt(), &felt.One))
		v.part++
	}
}

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
	x := &n.slots
	if x.read == 0 {
		for a := range n.world.byAddress {
			x.balance(n.world.params.Token, word(a))
		}
		x.balance(n.world.params.Token, word(sequencer))
	}
	for _, p := range n.index.all[x.read:] {
		x.learn(n.world.params.Address, n.world.params.Token, &n.blockAt(p.block).txs[p.tx].receipt.events[p.event])
	}
	x.read = len(n.index.all)
}

func (x *slotIndex) learn(escrow, token slastream.Address, e *event) {
	switch {
	case e.emitter == escrow:
		parsed, _ := starknet.ParseEvent(refs(e.Keys), refs(e.Data)) // what EncodeEvent made
		switch parsed := parsed.(type) {
		case slastream.DealCreated:
			if v := (slot{kind: slotDeal, deal: parsed.DealID}); x.isNew(v) {
				x.put(escrow, hexFelt(*starknet.DealStorageKey(v.deal)), v, 13)
			}
		case slastream.ChunkReleased:
			if v := (slot{kind: slotChunk, deal: parsed.DealID, chunk: parsed.ChunkIndex}); x.isNew(v) {
				x.put(escrow, hexFelt(*starknet.ChunkReleasedStorageKey(v.deal, v.chunk)), v, 1)
			}
		}
	case e.emitter == token && e.Keys[0] == selTransfer:
		x.balance(token, e.Data[0])
		x.balance(token, e.Data[1])
	case e.emitter == token && e.Keys[0] == selApproval:
		if v := (slot{kind: slotAllowance, a: e.Data[0].bytes(), b: e.Data[1].bytes()}); x.isNew(v) {
			x.put(token, mapKey(varAllowances, e.Data[0], e.Data[1]), v, 2)
		}
	}
}

func (x *slotIndex) balance(token slastream.Address, holder hexFelt) {
	if v := (slot{kind: slotBalance, a: holder.bytes()}); x.isNew(v) {
		x.put(token, mapKey(varBalances, holder), v, 2)
	}
}

func (x *slotIndex) isNew(v slot) bool {
	if x.known[v] {
		return false
	}
	x.known[v] = true
	return true
}

// load is the value of a raw key: 0 for a key that no variable has.
func (x *slotIndex) load(s *state, contract slastream.Address, key hexFelt) hexFelt {
	v, ok := x.contract[contract][key]
	if !ok {
		return hexFelt{}
	}
	switch v.kind {
	case slotDeal:
		return values(starknet.EncodeDeal(s.escrow.Deal(v.deal)))[v.part]
	case slotChunk:
		return flag(s.escrow.ChunkReleased(v.deal, v.chunk))
	case slotBalance:
		return amount(s.ledger.Balance(v.a))[v.part]
	case slotAllowance:
		return amount(s.ledger.Allowance(v.a, v.b))[v.part]
	}
	return x.fixed[v.part](s)
}

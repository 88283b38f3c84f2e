package escrow_test

import (
	"maps"
	"math"
	"math/big"
	"slices"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// naive is the escrow and its STRK written a second time and on purpose
// plainly: big integers, a copy of everything for every call, panics for
// reverts, and no signatures (the caller says what the check would answer).
type naive struct {
	rich      map[slastream.Address]*big.Int
	allowed   map[[2]slastream.Address]*big.Int
	deals     map[int64]naiveDeal
	paid      map[[2]uint64]bool
	paused    bool
	log       []any
	refuseAt  int // the token refuses this move, counted from 1
	moves     int
	escrow    slastream.Address
	ownerAddr slastream.Address
}

type naiveDeal struct {
	client, provider  slastream.Address
	chunk, collateral *big.Int
	num, released     uint64
	deadline          uint64
	state             string // "active", "completed" or "slashed"
}

type naiveRevert string

func newNaive(escrowAddress, owner slastream.Address) *naive {
	return &naive{
		rich:      map[slastream.Address]*big.Int{},
		allowed:   map[[2]slastream.Address]*big.Int{},
		deals:     map[int64]naiveDeal{},
		paid:      map[[2]uint64]bool{},
		escrow:    escrowAddress,
		ownerAddr: owner,
	}
}

func (n *naive) copy() *naive {
	c := *n
	c.rich, c.allowed = maps.Clone(n.rich), maps.Clone(n.allowed)
	c.deals, c.paid, c.log = maps.Clone(n.deals), maps.Clone(n.paid), slices.Clone(n.log)
	return &c
}

// run makes one call and returns the panic text, "" if there was none.
func (n *naive) run(refuseAt int, f func()) (reason string) {
	saved := n.copy()
	defer func() {
		switch r := recover().(type) {
		case nil:
		case naiveRevert:
			*n, reason = *saved, string(r)
		default:
			panic(r)
		}
	}()
	n.refuseAt, n.moves = refuseAt, 0
	f()
	return ""
}

func (n *naive) assert(ok bool, text string) {
	if !ok {
		panic(naiveRevert(text))
	}
}

func valueIn[K comparable](m map[K]*big.Int, k K) *big.Int {
	if v := m[k]; v != nil {
		return v
	}
	return new(big.Int)
}

func naiveAmount(v *big.Int) slastream.Amount { return slastream.AmountFromWord(wordOf(v)) }

var two256 = new(big.Int).Lsh(big.NewInt(1), 256)

func (n *naive) move(from, to slastream.Address, v *big.Int) {
	n.assert(!from.IsZero(), "ERC20: transfer from 0")
	n.assert(!to.IsZero(), "ERC20: transfer to 0")
	n.assert(valueIn(n.rich, from).Cmp(v) >= 0, "u256_sub Overflow")
	n.rich[from] = new(big.Int).Sub(valueIn(n.rich, from), v)
	n.rich[to] = new(big.Int).Add(valueIn(n.rich, to), v)
	n.log = append(n.log, escrow.Transfer{From: from, To: to, Amount: naiveAmount(v)})
}

func (n *naive) countMove() {
	n.moves++
	n.assert(n.moves != n.refuseAt, "token refuses")
}

func (n *naive) approve(owner, spender slastream.Address, v *big.Int) {
	n.assert(!owner.IsZero(), "ERC20: approve from 0")
	n.assert(!spender.IsZero(), "ERC20: approve to 0")
	n.allowed[[2]slastream.Address{owner, spender}] = v
	n.log = append(n.log, escrow.Approval{Owner: owner, Spender: spender, Amount: naiveAmount(v)})
}

func (n *naive) transfer(to slastream.Address, v *big.Int) {
	n.countMove()
	n.move(n.escrow, to, v)
}

func (n *naive) transferFrom(from slastream.Address, v *big.Int) {
	n.countMove()
	have := valueIn(n.allowed, [2]slastream.Address{from, n.escrow})
	if new(big.Int).Add(have, big.NewInt(1)).Cmp(two256) != 0 {
		n.assert(have.Cmp(v) >= 0, "u256_sub Overflow")
		n.approve(from, n.escrow, new(big.Int).Sub(have, v))
	}
	n.move(from, n.escrow, v)
}

func (n *naive) create(call escrow.Call, t slastream.Terms) {
	n.assert(!n.paused, "Contract is paused")
	n.assert(t.Chunks > 0, "num_chunks must be > 0")
	n.assert(!t.ChunkAmount.IsZero(), "chunk_amount must be > 0")
	n.assert(t.Duration > 0, "sla_duration must be > 0")
	chunk, collateral := t.ChunkAmount.Word().Big(), t.Collateral.Word().Big()
	total := new(big.Int).Mul(chunk, new(big.Int).SetUint64(t.Chunks))
	n.assert(total.Cmp(two256) < 0, "u256_mul Overflow")
	sum := new(big.Int).Add(total, collateral)
	n.assert(sum.Cmp(two256) < 0, "u256_add Overflow")
	n.transferFrom(call.From, sum)
	n.assert(t.Duration <= math.MaxUint64-call.At, "u64_add Overflow")
	id := int64(len(n.deals)) + 1
	n.deals[id] = naiveDeal{
		client: call.From, provider: t.Provider, chunk: chunk, collateral: collateral,
		num: t.Chunks, deadline: call.At + t.Duration, state: "active",
	}
	n.log = append(n.log, slastream.DealCreated{
		DealID: word(uint64(id)), Client: call.From, Provider: t.Provider,
		TotalAmount: naiveAmount(total), NumChunks: t.Chunks, SLADeadline: call.At + t.Duration,
	})
}

func (n *naive) release(id, index uint64, verdict string) {
	n.assert(!n.paused, "Contract is paused")
	d := n.deals[int64(id)]
	n.assert(d.state == "active", "Deal not active")
	n.assert(index < d.num, "chunk_index out of bounds")
	n.assert(!n.paid[[2]uint64{id, index}], "Chunk already released")
	n.assert(verdict == "", verdict)
	n.paid[[2]uint64{id, index}] = true
	d.released++
	if d.released == d.num {
		d.state = "completed"
	}
	n.deals[int64(id)] = d
	n.transfer(d.provider, d.chunk)
	n.log = append(n.log, slastream.ChunkReleased{
		DealID: word(id), ChunkIndex: index, Amount: naiveAmount(d.chunk), Provider: d.provider,
	})
	if d.state == "completed" {
		n.transfer(d.provider, d.collateral)
		total := new(big.Int).Mul(d.chunk, new(big.Int).SetUint64(d.num))
		n.log = append(n.log, slastream.DealCompleted{DealID: word(id), Provider: d.provider, TotalPaid: naiveAmount(total)})
	}
}

func (n *naive) slash(call escrow.Call, id uint64) {
	d := n.deals[int64(id)]
	n.assert(d.state == "active", "Deal not active")
	n.assert(call.At >= d.deadline, "SLA deadline not reached")
	unpaid := new(big.Int).Mul(d.chunk, new(big.Int).SetUint64(d.num-d.released))
	back := unpaid.Add(unpaid, d.collateral)
	d.state = "slashed"
	n.deals[int64(id)] = d
	n.transfer(d.client, back)
	n.log = append(n.log, slastream.DealSlashed{
		DealID: word(id), Provider: d.provider, SlashAmount: naiveAmount(back), Client: d.client,
	})
}

func (n *naive) setPaused(call escrow.Call, v bool) {
	n.assert(call.From == n.ownerAddr, "Not owner")
	n.paused = v
	if v {
		n.log = append(n.log, slastream.Paused{By: call.From})
	} else {
		n.log = append(n.log, slastream.Unpaused{By: call.From})
	}
}

// state is everything that can be seen of an escrow and its token.
type state struct {
	deals      []slastream.Deal
	paid       map[[2]uint64]bool
	paused     bool
	balances   map[slastream.Address]slastream.Amount
	allowances map[slastream.Address]slastream.Amount // for the escrow to spend
	log        []any
}

// chunkLimit bounds the chunks of deals in the property tests, so that a state
// can list them all.
const chunkLimit = 4

func (n *naive) state(accounts []slastream.Address) state {
	s := state{
		paid: map[[2]uint64]bool{}, paused: n.paused, log: append([]any{}, n.log...),
		balances: map[slastream.Address]slastream.Amount{}, allowances: map[slastream.Address]slastream.Amount{},
	}
	for id := int64(1); id <= int64(len(n.deals)); id++ {
		d := n.deals[id]
		total := new(big.Int).Mul(d.chunk, new(big.Int).SetUint64(d.num))
		s.deals = append(s.deals, slastream.Deal{
			ID: word(uint64(id)), Client: d.client, Provider: d.provider, Total: naiveAmount(total),
			ChunkAmount: naiveAmount(d.chunk), Chunks: d.num, Released: d.released,
			Collateral: naiveAmount(d.collateral), Deadline: d.deadline,
			Active: d.state == "active", Slashed: d.state == "slashed",
		})
	}
	for slot, paid := range n.paid {
		if paid {
			s.paid[slot] = true
		}
	}
	for _, a := range accounts {
		s.balances[a] = naiveAmount(valueIn(n.rich, a))
		s.allowances[a] = naiveAmount(valueIn(n.allowed, [2]slastream.Address{a, n.escrow}))
	}
	return s
}

func (c *chain) state(accounts []slastream.Address) state {
	s := state{
		paid: map[[2]uint64]bool{}, paused: c.Paused(), log: append([]any{}, c.host.log...),
		balances: map[slastream.Address]slastream.Amount{}, allowances: map[slastream.Address]slastream.Amount{},
	}
	count, _ := c.DealCount().Uint64()
	for id := uint64(1); id <= count; id++ {
		s.deals = append(s.deals, c.Deal(word(id)))
	}
	for id := range count + 3 {
		for index := range uint64(chunkLimit + 1) {
			if c.ChunkReleased(word(id), index) {
				s.paid[[2]uint64{id, index}] = true
			}
		}
	}
	for _, a := range accounts {
		s.balances[a] = c.ledger.Balance(a)
		s.allowances[a] = c.ledger.Allowance(a, c.Params().Address)
	}
	return s
}

// signatures makes and remembers the signatures of the property tests, with
// what the check says to each of them.
type signatures map[signatureKey]attestation.Signed

type signatureKey struct {
	deal, index uint64
	kind        string
}

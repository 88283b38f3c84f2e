package escrow

import (
	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// Params are what the constructor of the escrow stores, and where it is.
//
// The compatible class checks none of them: a key off the curve makes an escrow
// that never pays, and the key (0, 0) one that anybody can empty. What the
// extended class checks is [Params.Check].
type Params struct {
	Class   Class
	Owner   slastream.Address     // may pause; of the compatible class the deployer contract (the UDC) if one deployed it
	Key     attestation.PublicKey // attestation key
	Token   slastream.Address     // ERC-20 that deals are paid in
	Rules   attestation.Rules     // corelib of the compatible class; the zero value is low-s. Extended is low-s always
	Address slastream.Address     // the escrow itself
	ChainID attestation.Word      // felt of the Starknet chain, which a batch is signed for. Extended class only
}

// A Call is the context of one call: get_caller_address and
// get_block_timestamp.
type Call struct {
	From slastream.Address
	At   uint64 // block timestamp, Unix seconds
}

// A Host is the chain around the contract: its token and its event log.
//
// An error of Transfer or TransferFrom is the token's revert; the contract
// returns it as it is. That a token answers false instead is [ErrFalse], which
// the compatible class ignores and the extended class does not.
//
// A Host that a call may reach before the call fails should be an [Undoer]
// too, unless whoever makes the call undoes a failed one as a whole.
type Host interface {
	// Transfer is token.transfer(to, amount), called by from.
	Transfer(from, to slastream.Address, amount slastream.Amount) error
	// TransferFrom is token.transfer_from(from, to, amount), called by caller.
	TransferFrom(caller, from, to slastream.Address, amount slastream.Amount) error
	// Emit records an event of the escrow, after the token's events that
	// precede it.
	Emit(slastream.Event)
}

// An Undoer takes back what happened to a [Host] since a snapshot, events
// included. If the Host given to [New] is one, a call of the contract that
// fails after it moved tokens undoes the move.
type Undoer interface {
	Snapshot() int
	Revert(id int) bool
}

// A Contract is one deployed escrow. Its methods are the entry points of
// sla_escrow.cairo, with the same checks in the same order.
//
// A call that fails changes nothing. Calls may nest, as when a token calls
// back. A Contract is not safe for concurrent use; make one with [New].
type Contract struct {
	params   Params
	host     Host
	undoer   Undoer // host, or nil
	verifier *attestation.Verifier

	journal  journal
	deals    table[attestation.Word, slastream.Deal]
	released table[chunk, bool]
	vars     table[variable, uint64]
	owners   table[role, slastream.Address]
}

// chunk is a key of the chunk_released map.
type chunk struct {
	deal  attestation.Word
	index uint64
}

// variable names a storage variable outside the maps.
type variable uint8

const (
	dealCounter variable = iota
	paused               // 0 or 1
)

// New returns an escrow without deals, not paused.
//
// It does not run the constructor of the extended class: see [Params.Check].
func New(p Params, h Host) *Contract {
	if p.Class == Extended {
		p.Rules = attestation.RulesLowS
	}
	c := &Contract{params: p, host: h, verifier: attestation.NewVerifier(p.Rules, p.Key)}
	c.undoer, _ = h.(Undoer)
	c.deals = newTable[attestation.Word, slastream.Deal](&c.journal)
	c.released = newTable[chunk, bool](&c.journal)
	c.vars = newTable[variable, uint64](&c.journal)
	c.owners = newTable[role, slastream.Address](&c.journal)
	return c
}

// Params returns what the contract was made with.
func (c *Contract) Params() Params { return c.params }

// Deal is get_deal: the zero Deal if there is none.
func (c *Contract) Deal(id attestation.Word) slastream.Deal { return c.deals.get(id) }

// DealCount is get_deal_counter: the id of the newest deal, 0 before the first.
func (c *Contract) DealCount() attestation.Word {
	return attestation.WordFromUint64(c.vars.get(dealCounter))
}

// ChunkReleased reports whether a chunk was paid: the chunk_released map, which
// has no getter on chain.
func (c *Contract) ChunkReleased(deal attestation.Word, index uint64) bool {
	return c.released.get(chunk{deal, index})
}

// Paused reports whether the owner stopped the escrow: a variable without a
// getter on chain.
func (c *Contract) Paused() bool { return c.vars.get(paused) != 0 }

// Snapshot names the present state for [Contract.Revert], [Contract.At] and
// [Contract.Forget]. Names grow with time and cost nothing.
func (c *Contract) Snapshot() int { return c.journal.mark() }

// Revert goes back to the state that Snapshot named and reports true. Names
// given since then lose their meaning. If the state was forgotten or never
// named, nothing changes and Revert reports false. It does not touch the Host.
//
// The cost is proportional to the number of changes undone.
func (c *Contract) Revert(id int) bool { return c.journal.revert(id) }

// At runs f while the contract is in the state that Snapshot named, then comes
// back to the present; what f changed is dropped. It is how a node answers a
// call at an old block or estimates one. Inside f, states before id are not
// known. At reports false, without running f, if the state was forgotten or
// never named. It does not touch the Host.
func (c *Contract) At(id int, f func()) bool { return c.journal.at(id, f) }

// Forget drops the history before the state that Snapshot named: memory stays
// bounded for who calls it now and then. It reports false if the state was
// forgotten already or never named.
func (c *Contract) Forget(id int) bool { return c.journal.forget(id) }

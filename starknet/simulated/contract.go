package simulated

import (
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/starknet"
)

// getter is an entry point without arguments that reads.
func getter(name string, read func(*state, *call) []hexFelt) entry {
	return entry{name: name, cost: cost{done: 100_000, undone: 100_000, failed: 0}, run: func(s *state, c *call, r *reader) ([]hexFelt, error) {
		if err := r.end(); err != nil {
			return nil, err
		}
		return read(s, c), nil
	}}
}

func (c *call) escrow() escrow.Call { return escrow.Call{From: c.caller, At: c.at} }

// escrowEntries is the ABI of the escrow: sla_escrow.cairo.
var escrowEntries = []entry{
	{"create_deal", cost{done: 1_198_720, undone: 700_000, failed: 75_840, data: 704}, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		t, err := starknet.DecodeCreateDeal(refs(r.in))
		if err != nil {
			return nil, err
		}
		id, err := s.escrow.CreateDeal(c.escrow(), t)
		if err != nil {
			return nil, err
		}
		low, high := split(id)
		return []hexFelt{low, high}, nil
	}},
	{"release_chunk", cost{done: 23_788_480, undone: 466_560, failed: 346_560, data: 320}, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		signed, err := starknet.DecodeReleaseChunk(refs(r.in))
		if err != nil {
			return nil, err
		}
		return nil, s.escrow.ReleaseChunk(c.escrow(), signed)
	}},
	{"slash", cost{done: 932_160, undone: 400_000, failed: 50_240, data: 320}, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		id := r.u256()
		if err := r.end(); err != nil {
			return nil, err
		}
		return nil, s.escrow.Slash(c.escrow(), id)
	}},
	{"pause", cost{done: 350_000, undone: 100_000, data: 128}, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		if err := r.end(); err != nil {
			return nil, err
		}
		return nil, s.escrow.Pause(c.escrow())
	}},
	{"unpause", cost{done: 350_000, undone: 100_000, data: 128}, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		if err := r.end(); err != nil {
			return nil, err
		}
		return nil, s.escrow.Unpause(c.escrow())
	}},
	{"get_deal", cost{done: 300_000, undone: 300_000}, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		id := r.u256()
		if err := r.end(); err != nil {
			return nil, err
		}
		return values(starknet.EncodeDeal(s.escrow.Deal(id))), nil
	}},
	getter("get_deal_counter", func(s *state, _ *call) []hexFelt {
		low, high := split(s.escrow.DealCount())
		return []hexFelt{low, high}
	}),
	getter("get_pkp_public_key", func(s *state, _ *call) []hexFelt {
		key := s.world.params.Key
		xLow, xHigh := split(key.X)
		yLow, yHigh := split(key.Y)
		return []hexFelt{xLow, xHigh, yLow, yHigh}
	}),
}

// extendedEntries is what the extended class has besides.
var extendedEntries = []entry{
	// The cost is that of a batch of 480; a node charges less for less.
	{"release_batch", cost{done: 182_300_000, undone: 100_000_000, failed: 20_000_000, data: 320}, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		items, sig, err := starknet.DecodeReleaseBatch(refs(r.in))
		if err != nil {
			return nil, err
		}
		return nil, s.escrow.ReleaseBatch(c.escrow(), items, sig)
	}},
	{"transfer_ownership", cost{done: 350_000, undone: 100_000, data: 128}, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		to := r.address()
		if err := r.end(); err != nil {
			return nil, err
		}
		return nil, s.escrow.TransferOwnership(c.escrow(), to)
	}},
	{"accept_ownership", cost{done: 350_000, undone: 100_000, data: 128}, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		if err := r.end(); err != nil {
			return nil, err
		}
		return nil, s.escrow.AcceptOwnership(c.escrow())
	}},
	{"is_chunk_released", costView, func(s *state, _ *call, r *reader) ([]hexFelt, error) {
		deal, index := r.u256(), r.uint(8)
		if err := r.end(); err != nil {
			return nil, err
		}
		return []hexFelt{flag(s.escrow.ChunkReleased(deal, index))}, nil
	}},
	getter("is_paused", func(s *state, _ *call) []hexFelt { return []hexFelt{flag(s.escrow.Paused())} }),
	getter("get_owner", func(s *state, _ *call) []hexFelt { return []hexFelt{word(s.escrow.Owner())} }),
	getter("get_pending_owner", func(s *state, _ *call) []hexFelt { return []hexFelt{word(s.escrow.PendingOwner())} }),
	getter("get_token", func(s *state, _ *call) []hexFelt { return []hexFelt{word(s.world.params.Token)} }),
	getter("get_version", func(*state, *call) []hexFelt { return []hexFelt{text("SLAStream extended 1")} }),
}

// Costs of the token's entry points.
var (
	costApprove  = cost{done: 286_080, undone: 110_720, failed: 60_000, data: 64}
	costTransfer = cost{done: 400_000, undone: 150_000, failed: 80_000, data: 128}
	costView     = cost{done: 120_000, undone: 120_000}
)

// tokenEntries is the part of STRK's ABI that holders use, and the minter's
// permissioned_mint.
var tokenEntries = []entry{
	getter("name", func(*state, *call) []hexFelt { return []hexFelt{text("Starknet Token")} }),
	getter("symbol", func(*state, *call) []hexFelt { return []hexFelt{text("STRK")} }),
	getter("decimals", func(*state, *call) []hexFelt { return []hexFelt{number(18)} }),
	getter("total_supply", supply),
	getter("totalSupply", supply),
	{"balance_of", costView, balanceOf},
	{"balanceOf", costView, balanceOf},
	{"allowance", costView, func(s *state, _ *call, r *reader) ([]hexFelt, error) {
		owner, spender := r.address(), r.address()
		if err := r.end(); err != nil {
			return nil, err
		}
		return amount(s.ledger.Allowance(owner, spender)), nil
	}},
	{"approve", costApprove, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		spender, value := r.address(), r.amount()
		if err := r.end(); err != nil {
			return nil, err
		}
		return yes(s.ledger.Approve(c.caller, spender, value))
	}},
	{"transfer", costTransfer, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		to, value := r.address(), r.amount()
		if err := r.end(); err != nil {
			return nil, err
		}
		return yes(s.ledger.Transfer(c.caller, to, value))
	}},
	{"transfer_from", costTransfer, transferFrom},
	{"transferFrom", costTransfer, transferFrom},
	{"permissioned_mint", costTransfer, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		to, value := r.address(), r.amount()
		if err := r.end(); err != nil {
			return nil, err
		}
		if c.caller != s.world.minter.Address {
			return nil, &slastream.RevertError{Reason: "MINTER_ONLY"}
		}
		return nil, s.ledger.Mint(to, value)
	}},
}

func supply(s *state, _ *call) []hexFelt { return amount(s.ledger.Supply()) }

func balanceOf(s *state, _ *call, r *reader) ([]hexFelt, error) {
	a := r.address()
	if err := r.end(); err != nil {
		return nil, err
	}
	return amount(s.ledger.Balance(a)), nil
}

func transferFrom(s *state, c *call, r *reader) ([]hexFelt, error) {
	from, to, value := r.address(), r.address(), r.amount()
	if err := r.end(); err != nil {
		return nil, err
	}
	return yes(s.ledger.TransferFrom(c.caller, from, to, value))
}

// yes is the bool that ERC-20 calls return.
func yes(err error) ([]hexFelt, error) {
	if err != nil {
		return nil, err
	}
	return []hexFelt{flag(true)}, nil
}

// accountEntries are the views of OpenZeppelin's account, and what its
// __validate__ and __execute__ say outside of a transaction.
var accountEntries = []entry{
	{"__validate__", costView, func(_ *state, c *call, r *reader) ([]hexFelt, error) {
		return nil, refuseCall(c, r, "Account: invalid signature")
	}},
	{"__execute__", costView, func(_ *state, c *call, r *reader) ([]hexFelt, error) {
		if c.caller.IsZero() {
			return nil, refuseCall(c, r, "Account: invalid tx version")
		}
		return nil, refuseCall(c, r, "Account: invalid caller")
	}},
	getter("get_public_key", publicKey),
	getter("getPublicKey", publicKey),
	{"is_valid_signature", costView, isValidSignature},
	{"isValidSignature", costView, isValidSignature},
}

// refuseCall is the panic after the account has read its calls.
func refuseCall(c *call, r *reader, reason string) error {
	if _, cannotRead := decodeCalls(c.to, r.in, c.at); cannotRead != "" {
		reason = cannotRead
	}
	return &slastream.RevertError{Reason: reason}
}

func publicKey(s *state, c *call) []hexFelt {
	return []hexFelt{s.world.byAddress[c.to].key.publicKey()}
}

func isValidSignature(s *state, c *call, r *reader) ([]hexFelt, error) {
	hash, sig := r.felt(), r.felts()
	if err := r.end(); err != nil {
		return nil, err
	}
	if s.world.byAddress[c.to].valid(hash, sig) {
		return []hexFelt{text("VALID")}, nil
	}
	return []hexFelt{{}}, nil
}

// valid reports whether sig is the account's signature of hash.
func (a *account) valid(hash hexFelt, sig []hexFelt) bool {
	return len(sig) == 2 && a.key.verify(hash, sig[0], sig[1])
}

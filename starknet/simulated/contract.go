package simulated

import (
	"github.com/slastream/slastream-go/attestation"
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
		id, err := c.self.escrow.CreateDeal(c.escrow(), t)
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
		return nil, c.self.escrow.ReleaseChunk(c.escrow(), signed)
	}},
	{"slash", cost{done: 932_160, undone: 400_000, failed: 50_240, data: 320}, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		id := r.u256()
		if err := r.end(); err != nil {
			return nil, err
		}
		return nil, c.self.escrow.Slash(c.escrow(), id)
	}},
	{"pause", cost{done: 350_000, undone: 100_000, data: 128}, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		if err := r.end(); err != nil {
			return nil, err
		}
		return nil, c.self.escrow.Pause(c.escrow())
	}},
	{"unpause", cost{done: 350_000, undone: 100_000, data: 128}, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		if err := r.end(); err != nil {
			return nil, err
		}
		return nil, c.self.escrow.Unpause(c.escrow())
	}},
	{"get_deal", cost{done: 300_000, undone: 300_000}, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		id := r.u256()
		if err := r.end(); err != nil {
			return nil, err
		}
		return values(starknet.EncodeDeal(c.self.escrow.Deal(id))), nil
	}},
	getter("get_deal_counter", func(_ *state, c *call) []hexFelt {
		low, high := split(c.self.escrow.DealCount())
		return []hexFelt{low, high}
	}),
	getter("get_pkp_public_key", func(_ *state, c *call) []hexFelt {
		key := c.self.escrow.Params().Key
		xLow, xHigh := split(key.X)
		yLow, yHigh := split(key.Y)
		return []hexFelt{xLow, xHigh, yLow, yHigh}
	}),
}

// viewEntries are the views of the classes of starknet/cairo, which the
// reference has not.
var viewEntries = []entry{
	{"is_chunk_released", costView, func(_ *state, c *call, r *reader) ([]hexFelt, error) {
		deal, index := r.u256(), r.uint(8)
		if err := r.end(); err != nil {
			return nil, err
		}
		return []hexFelt{flag(c.self.escrow.ChunkReleased(deal, index))}, nil
	}},
	getter("is_paused", func(_ *state, c *call) []hexFelt { return []hexFelt{flag(c.self.escrow.Paused())} }),
	getter("get_owner", func(_ *state, c *call) []hexFelt { return []hexFelt{word(c.self.escrow.Owner())} }),
	getter("get_token", func(_ *state, c *call) []hexFelt { return []hexFelt{word(c.self.escrow.Params().Token)} }),
}

var compatibleEntries = []entry{
	getter("get_version", func(*state, *call) []hexFelt { return []hexFelt{text("SLAStream compatible 1")} }),
}

// extendedEntries is what the extended class has besides.
var extendedEntries = []entry{
	{"release_batch", cost{}, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		items, sig, err := starknet.DecodeReleaseBatch(refs(r.in))
		if err != nil {
			return nil, err
		}
		return nil, c.self.escrow.ReleaseBatch(c.escrow(), items, sig)
	}},
	{"transfer_ownership", cost{done: 350_000, undone: 100_000, data: 128}, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		to := r.address()
		if err := r.end(); err != nil {
			return nil, err
		}
		return nil, c.self.escrow.TransferOwnership(c.escrow(), to)
	}},
	{"accept_ownership", cost{done: 350_000, undone: 100_000, data: 128}, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		if err := r.end(); err != nil {
			return nil, err
		}
		return nil, c.self.escrow.AcceptOwnership(c.escrow())
	}},
	getter("get_pending_owner", func(_ *state, c *call) []hexFelt { return []hexFelt{word(c.self.escrow.PendingOwner())} }),
	getter("get_version", func(*state, *call) []hexFelt { return []hexFelt{text("SLAStream extended 1")} }),
}

// batchCost is linear in the number of items: starknet/cairo/README.md.
func batchCost(_ *state, c *call) cost {
	var n uint64
	if len(c.calldata) > 0 {
		n, _ = attestation.Word(c.calldata[0].bytes()).Uint64()
	}
	n = min(n, escrow.MaxBatch)
	return cost{
		done:   23_790_000 + 328_660*n,
		undone: 500_000 + 250_000*n,
		failed: 100_000 + 100_000*n,
		data:   256 + 64*n,
	}
}

// constructEscrow is the constructor of all escrow classes.
func constructEscrow(s *state, c *call, r *reader) error {
	class := c.self.class
	p := escrow.Params{
		Class: class.kind, Rules: class.rules, Address: c.self.address, ChainID: chainID.bytes(),
		Key:   attestation.PublicKey{X: r.u256(), Y: r.u256()},
		Token: r.address(),
		Owner: c.caller,
	}
	if class.kind == escrow.Extended {
		p.Owner = r.address()
	}
	if err := r.end(); err != nil {
		return err
	}
	if err := p.Check(); err != nil {
		return err
	}
	host := escrowHost{s, c.self}
	c.self.escrow = escrow.New(p, host)
	if class.kind == escrow.Extended {
		host.Emit(slastream.OwnershipTransferred{New: p.Owner})
	}
	return nil
}

// An escrowHost is the chain as an escrow sees it. It is no escrow.Undoer: who
// runs a transaction undoes a failed one as a whole.
type escrowHost struct {
	s    *state
	self *contract
}

var (
	selCreateDeal       = selector("create_deal")
	selReleaseChunk     = selector("release_chunk")
	selTransferCall     = selector("transfer")
	selTransferFromCall = selector("transfer_from")
)

func (h escrowHost) Transfer(from, to slastream.Address, value slastream.Amount) error {
	return h.token(from, selTransferCall, append([]hexFelt{word(to)}, amount(value)...))
}

func (h escrowHost) TransferFrom(caller, from, to slastream.Address, value slastream.Amount) error {
	return h.token(caller, selTransferFromCall, append([]hexFelt{word(from), word(to)}, amount(value)...))
}

// token calls the token and reads the bool that it returns.
func (h escrowHost) token(caller slastream.Address, sel hexFelt, calldata []hexFelt) error {
	c := &call{caller: caller, to: h.self.escrow.Params().Token, selector: sel, calldata: calldata, at: h.s.clock}
	_, out, fault := h.s.run(c)
	switch {
	case fault != nil:
		return fault
	case len(out) == 0 || out[0] != flag(true) && out[0] != (hexFelt{}):
		return &slastream.RevertError{Reason: "Returned data too short"}
	case out[0] == (hexFelt{}):
		return escrow.ErrFalse
	}
	return nil
}

func (h escrowHost) Emit(e slastream.Event) {
	keys, data := starknet.EncodeEvent(e)
	h.s.emit(h.self.address, values(keys), values(data))
}

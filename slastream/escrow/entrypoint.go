package escrow

import (
	"errors"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// CreateDeal is create_deal: it takes [slastream.Terms.Locked] from the caller,
// who must have approved it, and returns the id of the new deal.
//
// In order: ErrPaused, ErrNoChunks, ErrNoChunkAmount, ErrNoDuration,
// ErrMulOverflow, ErrAddOverflow, the token's revert, ErrDeadlineOverflow (all
// in package slastream). The provider may be anybody, the zero address too; the
// extended class refuses that one after ErrNoDuration, with ErrProviderZero.
func (c *Contract) CreateDeal(call Call, t slastream.Terms) (attestation.Word, error) {
	var id attestation.Word
	err := c.atomically(func() (err error) {
		id, err = c.createDeal(call, t)
		return err
	})
	return id, err
}

func (c *Contract) createDeal(call Call, t slastream.Terms) (attestation.Word, error) {
	none := attestation.Word{}
	if c.Paused() {
		return none, slastream.ErrPaused
	}
	if err := t.Check(c.params.Class); err != nil {
		return none, err
	}
	total, err := t.Total() // neither can fail after Check
	if err != nil {
		return none, err
	}
	locked, err := t.Locked()
	if err != nil {
		return none, err
	}
	if err := c.answered(c.host.TransferFrom(c.params.Address, call.From, c.params.Address, locked)); err != nil {
		return none, err
	}
	// Read after the token call: a token that calls back may have opened a deal.
	count := c.vars.get(dealCounter) + 1
	deadline, err := t.Deadline(call.At)
	if err != nil {
		return none, err
	}
	deal := slastream.Deal{
		ID:          attestation.WordFromUint64(count),
		Client:      call.From,
		Provider:    t.Provider,
		Total:       total,
		ChunkAmount: t.ChunkAmount,
		Chunks:      t.Chunks,
		Collateral:  t.Collateral,
		Deadline:    deadline,
		Active:      true,
	}
	c.vars.set(dealCounter, count)
	c.deals.set(deal.ID, deal)
	c.host.Emit(slastream.DealCreated{
		DealID:      deal.ID,
		Client:      deal.Client,
		Provider:    deal.Provider,
		TotalAmount: deal.Total,
		NumChunks:   deal.Chunks,
		SLADeadline: deal.Deadline,
	})
	return deal.ID, nil
}

// ReleaseChunk is release_chunk: it pays one chunk to the provider, and the
// collateral with the last chunk. Anybody may call it, for the chunks in any
// order, also after the deadline.
//
// In order: ErrPaused, ErrDealNotActive, ErrChunkOutOfBounds, ErrChunkReleased,
// the signature (ErrRecovery, ErrNoInverse, ErrInvalidArgument, ErrKeyX,
// ErrKeyY, all in package slastream), the token's revert. The contract reads
// neither the caller nor the time of this call.
func (c *Contract) ReleaseChunk(_ Call, s attestation.Signed) error {
	return c.atomically(func() error { return c.releaseChunk(s) })
}

func (c *Contract) releaseChunk(s attestation.Signed) error {
	a := s.Attestation
	if c.Paused() {
		return slastream.ErrPaused
	}
	deal, err := c.claim(a)
	if err != nil {
		return err
	}
	if err := verdict(c.verifier.Verify(s)); err != nil {
		return err
	}
	deal.Released++
	deal.Active = deal.Released != deal.Chunks
	c.deals.set(deal.ID, deal)

	if err := c.pay(deal.Provider, deal.ChunkAmount); err != nil {
		return err
	}
	c.host.Emit(slastream.ChunkReleased{
		DealID:     deal.ID,
		ChunkIndex: a.ChunkIndex,
		Amount:     deal.ChunkAmount,
		Provider:   deal.Provider,
	})
	if deal.Active {
		return nil
	}
	if err := c.pay(deal.Provider, deal.Collateral); err != nil {
		return err
	}
	c.host.Emit(slastream.DealCompleted{DealID: deal.ID, Provider: deal.Provider, TotalPaid: deal.Total})
	return nil
}

// claim checks that a chunk can be paid and marks it as paid. The signature is
// checked after it; what is refused then is undone as a whole.
func (c *Contract) claim(a attestation.Attestation) (slastream.Deal, error) {
	deal, slot := c.deals.get(a.DealID), chunk{a.DealID, a.ChunkIndex}
	if err := deal.CheckRelease(a.ChunkIndex, c.released.get(slot)); err != nil {
		return deal, err
	}
	c.released.set(slot, true)
	return deal, nil
}

// verdict returns what the contract says where package attestation gives err.
func verdict(err error) error {
	if refused, ok := errors.AsType[*attestation.VerifyError](err); ok {
		return &slastream.RevertError{Reason: refused.Reason}
	}
	return err
}

// pay sends tokens of the escrow.
func (c *Contract) pay(to slastream.Address, amount slastream.Amount) error {
	return c.answered(c.host.Transfer(c.params.Address, to, amount))
}

// answered returns what the class makes of the token's answer.
func (c *Contract) answered(err error) error {
	switch {
	case !errors.Is(err, ErrFalse):
		return err
	case c.params.Class == Extended:
		return slastream.ErrTokenFailed
	}
	return nil
}

// Slash is slash: from the deadline on, anybody ends the deal, and collateral
// and unpaid chunks go back to the client. A pause does not stop it.
//
// In order: ErrDealNotActive, ErrDeadline (package slastream), the token's
// revert.
func (c *Contract) Slash(call Call, id attestation.Word) error {
	return c.atomically(func() error { return c.slash(call, id) })
}

func (c *Contract) slash(call Call, id attestation.Word) error {
	deal := c.deals.get(id)
	if err := deal.CheckSlash(call.At); err != nil {
		return err
	}
	amount, err := deal.Refund()
	if err != nil {
		return err
	}
	deal.Active, deal.Slashed = false, true
	c.deals.set(id, deal)
	if err := c.pay(deal.Client, amount); err != nil {
		return err
	}
	c.host.Emit(slastream.DealSlashed{
		DealID:      id,
		Provider:    deal.Provider,
		SlashAmount: amount,
		Client:      deal.Client,
	})
	return nil
}

// Pause is pause: it stops CreateDeal and ReleaseChunk, not Slash. Only the
// owner may, else ErrNotOwner. Pausing twice emits twice.
func (c *Contract) Pause(call Call) error {
	return c.setPaused(call, 1, slastream.Paused{By: call.From})
}

// Unpause is unpause, the reverse of [Contract.Pause].
func (c *Contract) Unpause(call Call) error {
	return c.setPaused(call, 0, slastream.Unpaused{By: call.From})
}

func (c *Contract) setPaused(call Call, v uint64, e slastream.Event) error {
	if call.From != c.Owner() {
		return slastream.ErrNotOwner
	}
	c.vars.set(paused, v)
	c.host.Emit(e)
	return nil
}

// atomically undoes f if it fails.
func (c *Contract) atomically(f func() error) error {
	mark, hostMark := c.journal.mark(), 0
	if c.undoer != nil {
		hostMark = c.undoer.Snapshot()
	}
	err := f()
	if err != nil {
		c.journal.revert(mark)
		if c.undoer != nil {
			c.undoer.Revert(hostMark)
		}
	}
	return err
}

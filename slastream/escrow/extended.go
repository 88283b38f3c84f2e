package escrow

import (
	"errors"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// Class is the escrow class that a [Contract] models.
type Class = slastream.Class

// The two classes.
const (
	Compatible = slastream.ClassCompatible
	Extended   = slastream.ClassExtended
)

// MaxBatch is how many chunks [Contract.ReleaseBatch] takes at most. Source:
// MAX_BATCH of starknet/cairo/src/extended.cairo.
const MaxBatch = 480

// ErrFalse is what a [Host] returns when the token answers false. It never
// leaves a [Contract].
var ErrFalse = errors.New("escrow: the token answered false")

// Check returns what the constructor of the class says of the parameters: nil,
// or of the extended class, in order, ErrKeyNotOnCurve, ErrTokenZero or
// ErrOwnerZero of package slastream.
func (p Params) Check() error {
	if p.Class != Extended {
		return nil
	}
	point := append(p.Key.X[:], p.Key.Y[:]...)
	if _, err := attestation.ParsePublicKey(point); err != nil {
		return slastream.ErrKeyNotOnCurve
	}
	switch {
	case p.Token.IsZero():
		return slastream.ErrTokenZero
	case p.Owner.IsZero():
		return slastream.ErrOwnerZero
	}
	return nil
}

// role is a variable that holds an address of somebody in charge.
type role uint8

const (
	newOwner role = iota // zero as long as the owner is that of Params
	pendingOwner
)

// Owner is get_owner of the extended class; the compatible class has it in
// storage only, and never another than that of Params.
func (c *Contract) Owner() slastream.Address {
	if owner := c.owners.get(newOwner); !owner.IsZero() {
		return owner
	}
	return c.params.Owner
}

// PendingOwner is get_pending_owner: who may accept the ownership, or the zero
// address.
func (c *Contract) PendingOwner() slastream.Address { return c.owners.get(pendingOwner) }

// errEntryPoint is what a node says of an entry point that a class has not.
var errEntryPoint error = &slastream.RevertError{Reason: "ENTRYPOINT_NOT_FOUND"}

// TransferOwnership is transfer_ownership: the owner, else ErrNotOwner, offers
// the escrow to somebody, or with the zero address takes an offer back.
// Extended class only.
func (c *Contract) TransferOwnership(call Call, to slastream.Address) error {
	switch {
	case c.params.Class != Extended:
		return errEntryPoint
	case call.From != c.Owner():
		return slastream.ErrNotOwner
	}
	c.owners.set(pendingOwner, to)
	c.host.Emit(slastream.OwnershipTransferStarted{Previous: c.Owner(), New: to})
	return nil
}

// AcceptOwnership is accept_ownership: the pending owner, else
// ErrNotPendingOwner, becomes the owner. Extended class only.
func (c *Contract) AcceptOwnership(call Call) error {
	switch {
	case c.params.Class != Extended:
		return errEntryPoint
	case call.From != c.PendingOwner() || call.From.IsZero():
		return slastream.ErrNotPendingOwner
	}
	e := slastream.OwnershipTransferred{Previous: c.Owner(), New: call.From}
	c.owners.set(pendingOwner, slastream.Address{})
	c.owners.set(newOwner, call.From)
	c.host.Emit(e)
	return nil
}

// ReleaseBatch is release_batch: it pays many chunks of any deals, for one
// signature of their [attestation.Batch] in the domain of this escrow. All are
// paid or none. The events are those of releases one by one, before the token's;
// what follows each other to one provider is paid in one transfer. Extended
// class only.
//
// In order: ErrPaused, ErrBatchEmpty, ErrBatchTooLarge (more than [MaxBatch]),
// for each item what ReleaseChunk says before the signature, then the signature
// (ErrRecovery, ErrKeyX, ErrKeyY), then the token's revert or ErrTokenFailed.
// All but the token's are in package slastream.
func (c *Contract) ReleaseBatch(_ Call, items []attestation.Attestation, sig attestation.Signature) error {
	if c.params.Class != Extended {
		return errEntryPoint
	}
	return c.atomically(func() error { return c.releaseBatch(items, sig) })
}

func (c *Contract) releaseBatch(items []attestation.Attestation, sig attestation.Signature) error {
	switch {
	case c.Paused():
		return slastream.ErrPaused
	case len(items) == 0:
		return slastream.ErrBatchEmpty
	case len(items) > MaxBatch:
		return slastream.ErrBatchTooLarge
	}
	// Every deal counts as it was before the batch, every chunk also as the items
	// before it left it.
	for _, a := range items {
		if _, err := c.claim(a); err != nil {
			return err
		}
	}
	if err := c.verifyBatch(items, sig); err != nil {
		return err
	}
	payouts, err := c.book(items)
	if err != nil {
		return err
	}
	for _, p := range payouts {
		if err := c.pay(p.to, p.amount); err != nil {
			return err
		}
	}
	return nil
}

func (c *Contract) verifyBatch(items []attestation.Attestation, sig attestation.Signature) error {
	domain := attestation.Domain{ChainID: c.params.ChainID, Escrow: c.params.Address.Word()}
	digest := attestation.Batch{Domain: domain, Items: items}.Digest()
	key, err := attestation.Recover(c.params.Rules, digest, sig)
	switch {
	case err != nil:
		return verdict(err)
	case key.X != c.params.Key.X:
		return slastream.ErrKeyX
	case key.Y != c.params.Key.Y:
		return slastream.ErrKeyY
	}
	return nil
}

// A payout is one transfer at the end of a batch.
type payout struct {
	to     slastream.Address
	amount slastream.Amount
}

// book counts the chunks of a batch as released and returns what they pay. A
// deal ends after the last of the items that follow each other.
func (c *Contract) book(items []attestation.Attestation) ([]payout, error) {
	var payouts []payout
	for i := 0; i < len(items); {
		deal := c.deals.get(items[i].DealID)
		var paid slastream.Amount
		for id := deal.ID; i < len(items) && items[i].DealID == id; i++ {
			c.host.Emit(slastream.ChunkReleased{DealID: id, ChunkIndex: items[i].ChunkIndex, Amount: deal.ChunkAmount, Provider: deal.Provider})
			deal.Released++
			sum, err := paid.Add(deal.ChunkAmount)
			if err != nil {
				return nil, slastream.ErrAddOverflow
			}
			paid = sum
		}
		if deal.Released == deal.Chunks {
			deal.Active = false
			sum, err := paid.Add(deal.Collateral)
			if err != nil {
				return nil, slastream.ErrAddOverflow
			}
			paid = sum
			c.host.Emit(slastream.DealCompleted{DealID: deal.ID, Provider: deal.Provider, TotalPaid: deal.Total})
		}
		c.deals.set(deal.ID, deal)
		if last := len(payouts) - 1; last >= 0 && payouts[last].to == deal.Provider {
			sum, err := payouts[last].amount.Add(paid)
			if err != nil {
				return nil, slastream.ErrAddOverflow
			}
			payouts[last].amount = sum
			continue
		}
		payouts = append(payouts, payout{deal.Provider, paid})
	}
	return payouts, nil
}

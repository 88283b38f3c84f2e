package slastream

import "math"

// Check says what create_deal of the class says of terms, whoever proposes them
// and whenever: nil or, in the order of sla_escrow.cairo, [ErrNoChunks],
// [ErrNoChunkAmount], [ErrNoDuration], of the extended class [ErrProviderZero],
// then [ErrMulOverflow] and [ErrAddOverflow].
//
// Before all of these the contract says [ErrPaused]; after them come the token's
// refusal and [Terms.Deadline].
func (t Terms) Check(c Class) error {
	switch {
	case t.Chunks == 0:
		return ErrNoChunks
	case t.ChunkAmount.IsZero():
		return ErrNoChunkAmount
	case t.Duration == 0:
		return ErrNoDuration
	case c == ClassExtended && t.Provider.IsZero():
		return ErrProviderZero
	}
	if _, err := t.Total(); err != nil {
		return ErrMulOverflow
	}
	if _, err := t.Locked(); err != nil {
		return ErrAddOverflow
	}
	return nil
}

// Deadline returns the deadline of a deal that is created at that block
// timestamp, both in Unix seconds, or [ErrDeadlineOverflow].
func (t Terms) Deadline(at uint64) (uint64, error) {
	if t.Duration > math.MaxUint64-at {
		return 0, ErrDeadlineOverflow
	}
	return at + t.Duration, nil
}

// CheckRelease says what release_chunk says of a chunk before it looks at the
// signature: nil or, in order, [ErrDealNotActive], [ErrChunkOutOfBounds] or
// [ErrChunkReleased]. released is what [Reader] answers for the chunk.
//
// The contract also checks 'Deal already slashed' and 'All chunks already
// released' after the first; neither can fail for an active deal.
func (d Deal) CheckRelease(chunk uint64, released bool) error {
	switch {
	case !d.Active:
		return ErrDealNotActive
	case chunk >= d.Chunks:
		return ErrChunkOutOfBounds
	case released:
		return ErrChunkReleased
	}
	return nil
}

// CheckSlash says what slash says at a block timestamp in Unix seconds: nil or,
// in order, [ErrDealNotActive] or [ErrDeadline].
func (d Deal) CheckSlash(at uint64) error {
	switch {
	case !d.Active:
		return ErrDealNotActive
	case at < d.Deadline:
		return ErrDeadline
	}
	return nil
}

// Refund returns what slash pays the client of an active deal as it stands now:
// collateral and unpaid chunks. No deal that a contract opened fails; others do
// with [ErrSubOverflow], [ErrMulOverflow] or [ErrAddOverflow].
func (d Deal) Refund() (Amount, error) { return d.refund(d.Released) }

// refund is Refund after so many chunks were released.
func (d Deal) refund(released uint64) (Amount, error) {
	if released > d.Chunks {
		return Amount{}, ErrSubOverflow
	}
	unpaid, err := d.ChunkAmount.Mul(d.Chunks - released)
	if err != nil {
		return Amount{}, ErrMulOverflow
	}
	amount, err := d.Collateral.Add(unpaid)
	if err != nil {
		return Amount{}, ErrAddOverflow
	}
	return amount, nil
}

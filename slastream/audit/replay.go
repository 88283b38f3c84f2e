package audit

import (
	"fmt"
	"math/big"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// books are the deals of a log and the money that they lock, by the rules of the
// contract: the checks of slastream.Deal are those of escrow.Contract, and the
// token is its escrow.Ledger. A contract as a whole would want deals with the ids
// from 1 on, check each signature alone, and keep a flag for each chunk.
type books struct {
	class  slastream.Class
	escrow slastream.Address
	token  *escrow.Ledger
	deals  map[attestation.Word]*dealState
	order  []*dealState
	sets   map[attestation.PeriodKey]*backing
}

func newBooks(h Header) books {
	return books{
		class:  h.Class,
		escrow: slastream.Address(h.Domain.Escrow),
		token:  escrow.NewLedger(nil),
		deals:  map[attestation.Word]*dealState{},
		sets:   map[attestation.PeriodKey]*backing{},
	}
}

// A dealState is a deal as far as the log has been read.
type dealState struct {
	report DealReport
	history
	slashed    uint64 // line of the slash
	slashBlock uint64
	// late is how many chunks the slash says were paid that the log did not have
	// then: lines of one deal need not be in the order of the chain.
	late uint64
}

// open is create_deal, with the money that it takes from the client.
func (b *books) open(d slastream.Deal, line uint64) error {
	t := slastream.Terms{Provider: d.Provider, Chunks: d.Chunks, ChunkAmount: d.ChunkAmount, Collateral: d.Collateral, Duration: d.Deadline}
	if err := t.Check(b.class); err != nil {
		return err
	}
	locked, err := t.Locked()
	if err != nil {
		return err
	}
	if err := b.token.Mint(d.Client, locked); err != nil {
		return err
	}
	if err := b.transfer(d.Client, b.escrow, locked); err != nil {
		return err
	}
	state := &dealState{report: DealReport{Deal: d, Line: line, Totals: Totals{Deals: 1}}}
	b.deals[d.ID] = state
	b.order = append(b.order, state)
	return nil
}

// transfer moves tokens and forgets how it was before.
func (b *books) transfer(from, to slastream.Address, amount slastream.Amount) error {
	err := b.token.Transfer(from, to, amount)
	b.token.Forget(b.token.Snapshot())
	return err
}

// pay is release_chunk, for a chunk of a line.
func (v *verification) pay(d *dealState, r *Release, c *Chunk) {
	a := c.Signed.Attestation
	deal := &d.report.Deal
	late := deal.Slashed && d.late > 0 && (r.Block == 0 || d.slashBlock == 0 || r.Block <= d.slashBlock)
	state := *deal
	if late {
		state.Active = true
	}
	if err := state.CheckRelease(a.ChunkIndex, d.has(a.ChunkIndex)); err != nil {
		reason := ReasonLedger
		if d.has(a.ChunkIndex) {
			reason = ReasonTwice
		}
		v.fail(reason, a.DealID, "chunk %d: the escrow refuses it: %s", a.ChunkIndex, reasonOf(err))
		return
	}
	v.place(d, c)
	if r.TxHash.IsZero() {
		d.report.Foreign++
	}
	if late {
		d.late--
	}
	v.paid(d, 1)
}

// paid books chunks of a deal, and its end with the last.
func (v *verification) paid(d *dealState, chunks uint64) {
	deal, b := &d.report.Deal, &v.books
	amount, err := deal.ChunkAmount.Mul(chunks)
	if err == nil {
		err = b.transfer(b.escrow, deal.Provider, amount)
	}
	deal.Released += chunks
	t := Totals{Chunks: chunks, Paid: amount}
	if deal.Active && deal.Released == deal.Chunks {
		deal.Active = false
		t.Collateral = deal.Collateral
		if err == nil {
			err = b.transfer(b.escrow, deal.Provider, deal.Collateral)
		}
	}
	if err != nil {
		v.fail(ReasonLedger, deal.ID, "the token refuses the payment: %s", reasonOf(err))
	}
	d.report.Totals.add(t)
}

// place puts a chunk into the order of periods.
func (v *verification) place(d *dealState, c *Chunk) {
	a, key := c.Signed.Attestation, c.Proof.Key()
	period := key.Period
	key.Period = 0
	if d.line == 0 {
		d.set, d.line = key, v.line
	}
	problem := d.fits(a.ChunkIndex, period)
	if d.set != key {
		problem = &misfit{ReasonOrder, fmt.Sprintf("data set %s of chain %d and verifier %v, and line %d has another: one data set backs a deal", key.SetID.Big(), key.ChainID, key.Verifier, d.line)}
	}
	deals := v.books.sets[d.set]
	if deals == nil {
		deals = new(backing)
		v.books.sets[d.set] = deals
	}
	if problem == nil {
		problem = deals.overlap(d, period)
	}
	if problem != nil {
		v.fail(problem.reason, a.DealID, "chunk %d: %s", a.ChunkIndex, problem.text)
		d.addOdd(a.ChunkIndex)
		return
	}
	first := len(d.runs) == 0
	d.add(a.ChunkIndex, period, v.line)
	if first {
		deals.insert(d)
	}
}

// again compares a chunk with what an earlier line has of it. No money moves: the
// transaction that paid it before is gone.
func (v *verification) again(d *dealState, c *Chunk) {
	index := c.Signed.Attestation.ChunkIndex
	i, ok := d.find(index)
	if ok && !d.runs[i].allows(index, c.Proof.Period) || d.set.SetID != c.Proof.SetID {
		v.fail(ReasonOrder, d.report.Deal.ID, "chunk %d: a line before has it for another period than %d of data set %s", index, c.Proof.Period, c.Proof.SetID.Big())
	}
}

// allows reports whether a chunk of the run can be that of a period.
func (r run) allows(chunk, period uint64) bool {
	return r.from <= period && period <= r.to &&
		period-r.from >= chunk-r.first && r.to-period >= r.last-chunk &&
		(chunk != r.first || period == r.from) && (chunk != r.last || period == r.to)
}

// slash is slash, with the refund that the line has.
func (v *verification) slash(s *Slash) {
	d, ok := v.books.deals[s.Deal]
	if !ok {
		v.fail(ReasonLedger, s.Deal, "it is slashed, and no line before has its terms")
		return
	}
	deal := &d.report.Deal
	if deal.Slashed {
		v.fail(ReasonTwice, s.Deal, "line %d has slashed it already", d.slashed)
		return
	}
	if err := deal.CheckSlash(s.At); err != nil {
		v.fail(ReasonLedger, s.Deal, "the escrow refuses the slash at %d: %s", s.At, reasonOf(err))
		if !deal.Active {
			return
		}
	}
	refund, err := deal.Refund()
	if err == nil && s.Amount != refund {
		if d.late, ok = paidBesides(*deal, refund, s.Amount); ok {
			refund = s.Amount
		} else {
			v.fail(ReasonLedger, s.Deal, "the refund is %v, and %v is right after %d of %d chunks", s.Amount, refund, deal.Released, deal.Chunks)
		}
	}
	if err == nil {
		err = v.books.transfer(v.books.escrow, deal.Client, refund)
	}
	if err != nil {
		v.fail(ReasonLedger, s.Deal, "the token refuses the refund: %s", reasonOf(err))
	}
	deal.Active, deal.Slashed = false, true
	d.slashed, d.slashBlock = v.line, s.Block
	d.report.Refunded = refund
}

// paidBesides returns how many more chunks were paid than the log has if a refund
// is smaller than the one expected.
func paidBesides(d slastream.Deal, want, got slastream.Amount) (uint64, bool) {
	less, err := want.Sub(got)
	if err != nil {
		return 0, false
	}
	n, rest := new(big.Int).DivMod(less.Word().Big(), d.ChunkAmount.Word().Big(), new(big.Int))
	if rest.Sign() != 0 || !n.IsUint64() || n.Uint64() >= d.Chunks-d.Released {
		return 0, false // with the last chunk the deal would have completed
	}
	return n.Uint64(), true
}

// settle says what is missing of a deal at the end of the log.
func (v *verification) settle(d *dealState) {
	deal := &d.report.Deal
	d.report.Missing = d.top - d.paid
	if d.late > 0 {
		v.note(Finding{Line: d.slashed, Reason: ReasonMissing, Deal: deal.ID, Text: fmt.Sprintf("the refund says that %d more chunks were paid than the log has", d.late)})
		d.report.Foreign += d.late
		v.paid(d, d.late)
	}
	// The refund of a slash accounts for the chunks that nobody was paid for.
	if first, last, line, ok := d.gap(); ok && d.slashed == 0 {
		v.note(Finding{Line: line, Reason: ReasonMissing, Deal: deal.ID, Text: fmt.Sprintf("the log has no chunk %s: paid by somebody else, on its way, or left out; %d are missing", span(first, last), d.report.Missing)})
	}
}

func span(first, last uint64) string {
	if first == last {
		return fmt.Sprint(first)
	}
	return fmt.Sprintf("%d to %d", first, last)
}

// add sums.
func (t *Totals) add(o Totals) {
	t.Deals += o.Deals
	t.Chunks += o.Chunks
	t.Paid = sum(t.Paid, o.Paid)
	t.Collateral = sum(t.Collateral, o.Collateral)
	t.Refunded = sum(t.Refunded, o.Refunded)
}

// sum returns a + b, or the greatest amount that there is: only a log whose
// payments the token refuses comes to more.
func sum(a, b slastream.Amount) slastream.Amount {
	if s, err := a.Add(b); err == nil {
		return s
	}
	var most attestation.Word
	for i := range most {
		most[i] = 0xff
	}
	return slastream.AmountFromWord(most)
}

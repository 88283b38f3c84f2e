package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// signatureBatch is how many signatures are checked at once. VerifyBatch gains
// little beyond it.
const signatureBatch = 1024

// defaultFindings is how many findings a report has at most if Options does not
// say.
const defaultFindings = 1000

// genesisTimes are the Unix seconds of epoch 0 of the public Filecoin networks.
var genesisTimes = map[uint64]uint64{314: 1598306400, 314159: 1667326380}

// Options is what [Verify] is told from elsewhere. The zero value believes the
// header and says nothing about the end of the log.
type Options struct {
	// Header is what the header has to say. Without it a log proves only that it
	// fits the key that it names itself.
	Header *Header
	// Head is one that the log had at some time, noted elsewhere: [Log.Head], or
	// Report.Head. The log must still contain it; it may have grown. The zero
	// value is not looked for, and then nobody notices that the end was cut off,
	// or that the whole chain was made anew.
	Head Head
	// Genesis is the Unix time of epoch 0 by EIP-155 chain id, for chains that are
	// not Mainnet (314) or Calibration (314159).
	Genesis map[uint64]uint64
	// Findings is how many findings the report has at most. 0 means 1000. The
	// others are counted.
	Findings int
}

// Verify replays a log without any chain and reports all that is wrong with it.
// It goes on after a finding as well as it can, so a wrong line may bring
// findings for lines after it.
//
// The error is ctx.Err(), an error of r, [ErrVersion], or a *[Finding] for a log
// that cannot be read on: without a header, or with a line of more than 1 MiB. The
// report is about what was read until then. A log with findings is no error: see
// [Report.OK].
//
// It uses one core, and some 1.5 KB of memory for each deal, with 40 bytes for each
// gap between its chunks, whatever the number of lines.
func Verify(ctx context.Context, r io.Reader, o Options) (Report, error) {
	v := &verification{options: o}
	v.limit = cmp.Or(max(o.Findings, 0), defaultFindings)
	err := v.run(ctx, r)
	v.finish()
	return v.report, err
}

// A verification is one call of Verify.
type verification struct {
	options Options
	limit   int
	report  Report

	line   uint64           // the one that is looked at
	number uint64           // of the last line, as it says
	sum    attestation.Word // of the last line, as it says
	lost   bool             // the last line has no sum to follow from

	verifier *attestation.Verifier
	pending  []attestation.Signed
	where    []uint64 // lines of pending

	books books
}

// fail notes a finding of the line.
func (v *verification) fail(reason Reason, deal attestation.Word, format string, args ...any) {
	v.note(Finding{Line: v.line, Reason: reason, Deal: deal, Text: fmt.Sprintf(format, args...)})
}

func (v *verification) note(f Finding) {
	if len(v.report.Findings) >= v.limit {
		v.report.Omitted++
		return
	}
	v.report.Findings = append(v.report.Findings, f)
}

func (v *verification) run(ctx context.Context, r io.Reader) error {
	for line, err := range lines(r) {
		v.line++
		if v.line%256 == 1 && ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errTorn) && v.line > 1 {
			v.fail(ReasonLine, attestation.Word{}, "%v", err)
			return nil
		}
		if err == nil {
			err = v.next(line)
		}
		if err != nil {
			return at(v.line, err)
		}
	}
	if v.line == 0 {
		return at(1, errors.New("the log is empty: want a header"))
	}
	return nil
}

// next looks at one line. Its errors end the verification.
func (v *verification) next(line []byte) error {
	s, err := split(line)
	v.report.Head = Head{Lines: v.line, Sum: s.sum}
	if err != nil {
		v.number, v.lost = v.number+1, true
		return v.unreadable(err)
	}
	changed := s.check()
	if changed != nil {
		v.fail(ReasonLine, attestation.Word{}, "%v", changed)
	}
	l, err := decodeEntry(s.entry)
	if v.line == v.options.Head.Lines && s.sum != v.options.Head.Sum {
		v.fail(ReasonLine, attestation.Word{}, "the sum is %v, and that of the head %v", s.sum, v.options.Head.Sum)
	}
	if err != nil {
		v.sum, v.number, v.lost = s.says, v.number+1, false
		if v.line == 1 && changed != nil {
			return changed
		}
		return v.unreadable(err)
	}
	if v.line == 1 && l.Header == nil {
		return errors.New("want a header")
	}
	prev := v.sum
	if v.lost {
		prev = l.prev
	}
	if err := l.follows(Head{Lines: v.number, Sum: prev}); err != nil {
		v.fail(ReasonLine, attestation.Word{}, "%v", err)
	}
	v.sum, v.number, v.lost = s.says, l.number, false
	v.entry(&l.Entry)
	return nil
}

// unreadable notes a line that has no meaning. Without a header none has.
func (v *verification) unreadable(err error) error {
	if v.line == 1 || errors.Is(err, ErrVersion) {
		return err
	}
	if f, ok := errors.AsType[*Finding](at(v.line, err)); ok {
		v.note(*f)
	}
	return nil
}

func (v *verification) entry(e *Entry) {
	switch {
	case e.Header != nil && v.line == 1:
		v.header(*e.Header)
	case e.Deal != nil:
		v.deal(*e.Deal)
	case e.Release != nil:
		v.release(e.Release)
	case e.Slash != nil:
		v.slash(e.Slash)
	}
}

func (v *verification) header(h Header) {
	v.report.Header = h
	if want := v.options.Header; want != nil && *want != h {
		v.fail(ReasonLine, attestation.Word{}, "the header is of another escrow or key: chain %v, escrow %v, key %v, %v, %v", h.Domain.ChainID, h.Domain.Escrow, h.Key, h.Rules, h.Class)
	}
	v.verifier = attestation.NewVerifier(h.Rules, h.Key)
	v.books = newBooks(h)
}

func (v *verification) deal(d slastream.Deal) {
	if old, ok := v.books.deals[d.ID]; ok {
		v.fail(ReasonTwice, d.ID, "line %d has its terms already", old.report.Line)
		return
	}
	if err := v.books.open(d, v.line); err != nil {
		v.fail(ReasonLedger, d.ID, "the escrow opens no such deal: %s", reasonOf(err))
	}
}

func (v *verification) release(r *Release) {
	v.report.Releases++
	if r.Batched {
		v.batch(r)
	}
	replaced := false
	for i := range r.Chunks {
		c := &r.Chunks[i]
		v.statement(c)
		if !r.Batched && c.Signed.Signature != (attestation.Signature{}) {
			v.sign(c.Signed)
		}
		a := c.Signed.Attestation
		d, ok := v.books.deals[a.DealID]
		if !ok {
			v.fail(ReasonLedger, a.DealID, "chunk %d is paid, and no line before has the terms of the deal", a.ChunkIndex)
			continue
		}
		if c.Amount != d.report.Deal.ChunkAmount {
			v.fail(ReasonLedger, a.DealID, "chunk %d paid %v, and the deal has %v for each", a.ChunkIndex, c.Amount, d.report.Deal.ChunkAmount)
		}
		if !r.Replaces.IsZero() && d.has(a.ChunkIndex) {
			replaced = true
			v.again(d, c)
		} else {
			v.pay(d, r, c)
		}
	}
	if !r.Replaces.IsZero() && !replaced {
		v.fail(ReasonLedger, attestation.Word{}, "transaction %v is to be replaced, and no line before pays one of the chunks", r.Replaces)
	}
}

// statement compares an attestation with the proof beside it.
func (v *verification) statement(c *Chunk) {
	a, p := c.Signed.Attestation, &c.Proof
	fail := func(format string, args ...any) {
		v.fail(ReasonAttestation, a.DealID, "chunk %d: "+format, append([]any{a.ChunkIndex}, args...)...)
	}
	if a.ProofSetID != p.SetID {
		fail("it is for data set %s, and the proof of %s", a.ProofSetID.Big(), p.SetID.Big())
	}
	if a.RootCID != p.RootCID {
		fail("it is for the root %v, and the proof of %v", a.RootCID, p.RootCID)
	}
	if a.Timestamp != p.Timestamp {
		fail("it has the time %d, and the proof %d", a.Timestamp, p.Timestamp)
	}
	if p.BlockNumber < p.Period {
		fail("the proof is in epoch %d, before its challenge epoch %d", p.BlockNumber, p.Period)
	}
	genesis, ok := v.options.Genesis[p.ChainID]
	if !ok {
		genesis, ok = genesisTimes[p.ChainID]
	}
	if !ok {
		v.report.Unclocked++
		return
	}
	high, seconds := bits.Mul64(p.BlockNumber, slastream.EpochSeconds)
	at, carry := bits.Add64(genesis, seconds, 0)
	if high != 0 || carry != 0 || p.Timestamp != at {
		fail("the proof has the time %d, and its epoch %d began at %d + %d·%d", p.Timestamp, p.BlockNumber, genesis, uint64(slastream.EpochSeconds), p.BlockNumber)
	}
}

// sign puts a signature with those to check.
func (v *verification) sign(s attestation.Signed) {
	v.pending, v.where = append(v.pending, s), append(v.where, v.line)
	if len(v.pending) == signatureBatch {
		v.signatures()
	}
}

func (v *verification) signatures() {
	if len(v.pending) == 0 {
		return
	}
	v.report.Signatures += uint64(len(v.pending))
	for i, err := range v.verifier.VerifyBatch(v.pending) {
		if err != nil {
			a := v.pending[i].Attestation
			v.note(Finding{Line: v.where[i], Reason: ReasonSignature, Deal: a.DealID, Text: fmt.Sprintf("chunk %d: %s", a.ChunkIndex, reasonOf(err))})
		}
	}
	v.pending, v.where = v.pending[:0], v.where[:0]
}

// batch checks the one signature of a batch.
func (v *verification) batch(r *Release) {
	h := v.report.Header
	if h.Class != slastream.ClassExtended {
		v.fail(ReasonLedger, attestation.Word{}, "a batch, and the escrow's class has no release_batch")
	}
	b := attestation.Batch{Domain: h.Domain, Items: make([]attestation.Attestation, len(r.Chunks))}
	for i, c := range r.Chunks {
		b.Items[i] = c.Signed.Attestation
	}
	v.report.Signatures++
	key, err := attestation.Recover(h.Rules, b.Digest(), r.Chunks[0].Signed.Signature)
	switch {
	case err != nil:
	case key.X != h.Key.X:
		err = slastream.ErrKeyX
	case key.Y != h.Key.Y:
		err = slastream.ErrKeyY
	}
	if err != nil {
		v.fail(ReasonSignature, attestation.Word{}, "batch of %d chunks: %s", len(r.Chunks), reasonOf(err))
	}
}

// reasonOf returns what a contract said, or the text of another error.
func reasonOf(err error) string {
	if revert, ok := errors.AsType[*slastream.RevertError](err); ok {
		return revert.Reason
	}
	if refused, ok := errors.AsType[*attestation.VerifyError](err); ok {
		return refused.Reason
	}
	return err.Error()
}

// finish completes the report.
func (v *verification) finish() {
	v.signatures()
	if h := v.options.Head; h.Lines > v.report.Head.Lines {
		v.fail(ReasonLine, attestation.Word{}, "the log has %d lines, and its head was that of line %d: its end was cut off", v.report.Head.Lines, h.Lines)
	}
	v.report.Providers = map[slastream.Address]Totals{}
	for _, d := range v.books.order {
		v.settle(d)
		v.report.Deals = append(v.report.Deals, d.report)
		provider := v.report.Providers[d.report.Deal.Provider]
		provider.add(d.report.Totals)
		v.report.Providers[d.report.Deal.Provider] = provider
		v.report.Totals.add(d.report.Totals)
	}
	slices.SortStableFunc(v.report.Findings, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) })
}

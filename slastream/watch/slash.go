package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slastream/slastream-go/slastream"
)

// stale is how old the answers may be on which a slash is sent; older ones are
// asked for again. One account sends one slash after the other, and so the last
// of many deals would be slashed for what it was long before.
const stale = 2 * time.Second

var (
	// errUnsent says that the turn ended before a slash was sent.
	errUnsent = errors.New("watch: not sent")
	// errHeld says that meanwhile a release is pending, or may be.
	errHeld = errors.New("watch: not sent: a release is pending")
)

// slash ends deals. Before it sends anything it asks for pending releases, then
// for the deal once more, in this order: what was pending then and no longer is
// shows in the deal. What is sent is stored first, so that a crash does not send
// it twice; what became of it is read from the deal, whatever Slash returned.
func (t *Tower) slash(ctx context.Context, doomed []visit, report *Report, problems *faults) {
	if len(doomed) == 0 {
		return
	}
	asked := time.Now()
	pending := t.releases(ctx, doomed, problems)
	t.read(ctx, report.Now, doomed)
	chosen := t.prepare(ctx, doomed, pending, report, problems)
	if len(chosen) == 0 {
		return
	}
	errs := make([]error, len(chosen))
	parallel(len(chosen), t.config.Parallel, func(i int) {
		if ctx.Err() != nil {
			errs[i] = errUnsent
			return
		}
		if time.Since(asked) > stale {
			if errs[i] = t.recheck(ctx, report.Now, &chosen[i]); errs[i] != nil {
				return
			}
		}
		ctx, cancel := context.WithTimeout(ctx, t.config.Retry)
		defer cancel()
		errs[i] = t.config.Slasher.Slash(ctx, chosen[i].word())
	})
	t.read(ctx, report.Now, chosen)
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range chosen {
		t.sent(report, &chosen[i], errs[i], problems)
	}
}

// releases asks for which deals a release is pending; not to know counts as yes.
func (t *Tower) releases(ctx context.Context, doomed []visit, problems *faults) []bool {
	pending := make([]bool, len(doomed))
	if t.config.Pending == nil {
		return pending
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	errs := make([]error, len(doomed))
	parallel(len(doomed), t.config.Parallel, func(i int) {
		pending[i], errs[i] = t.config.Pending.ReleasePending(ctx, doomed[i].word())
	})
	for i, err := range errs {
		if err != nil {
			pending[i] = true
			problems.add(fmt.Errorf("watch: asking for pending releases of deal %d: %w", doomed[i].id, err))
		}
	}
	return pending
}

// recheck asks once more, in the same order. It returns errUnsent or errHeld if
// the deal is not to be slashed now.
func (t *Tower) recheck(ctx context.Context, now uint64, v *visit) error {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	if t.config.Pending != nil && !t.graceOver(now, v.deal.Deadline) {
		if pending, err := t.config.Pending.ReleasePending(ctx, v.word()); err != nil {
			return fmt.Errorf("%w, or may be: deal %d: %w", errHeld, v.id, err)
		} else if pending {
			return errHeld
		}
	}
	if d, err := t.config.Escrow.Deal(ctx, v.word()); err != nil || !d.Active {
		return errUnsent // it is read once more anyway
	}
	return nil
}

// graceOver reports whether a release that is pending no longer counts.
func (t *Tower) graceOver(now, deadline uint64) bool {
	return t.config.Grace > 0 && now >= later(deadline, t.config.Grace)
}

// onTheWay reports whether a slash was sent that may still be accepted.
func (t *Tower) onTheWay(now, id uint64) bool {
	sent, ok := t.state.Sent[id]
	return ok && now < later(sent, t.config.Retry)
}

// nextTry returns when a deal may be slashed again after a slash that may be on
// its way or was refused, 0 if there was none. Times that lie ahead come from a
// clock that was wrong: they count as now.
func (t *Tower) nextTry(now uint64, v *visit) uint64 {
	for _, m := range []map[uint64]uint64{t.state.Sent, t.state.Refused} {
		if m[v.id] > now {
			m[v.id], t.dirty = now, true
		}
	}
	next := uint64(0)
	if sent, ok := t.state.Sent[v.id]; ok {
		next = later(sent, t.config.Retry)
	}
	if refused, ok := t.state.Refused[v.id]; ok {
		next = max(next, again(refused, v.deal.Deadline), refused+readAgain)
	}
	return next
}

// prepare returns the deals to slash, after it has stored that they will be.
func (t *Tower) prepare(ctx context.Context, doomed []visit, pending []bool, report *Report, problems *faults) []visit {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := report.Now
	var chosen []visit
	for i := range doomed {
		v := &doomed[i]
		problems.add(v.err)
		deadline := v.deal.Deadline
		switch {
		case v.err != nil:
			t.retry(ctx, now, v)
		case !v.deal.Active:
			report.Lost = append(report.Lost, v.word())
			t.conclude(now, v, false)
		case t.onTheWay(now, v.id): // it stood here twice
			t.soon(now, 1, v.id)
		case pending[i] && !t.graceOver(now, deadline):
			t.hold(report, v)
		case t.config.Observer:
			report.Would = append(report.Would, v.word())
			if !t.state.Slashing.has(v.id) {
				t.state.Slashing.add(v.id)
				t.dirty = true
				t.config.Logger.Info("watch: an observer would slash", "deal", v.id)
			}
			t.soon(now, again(now, deadline)-now, v.id)
		default:
			t.announce(now, v)
			chosen = append(chosen, *v)
		}
	}
	// Slashing goes on if the store fails: the contract ends a deal once, and the
	// worst is a transaction that says so.
	problems.add(t.save(ctx))
	return chosen
}

// hold puts a slash off because a release is pending.
func (t *Tower) hold(report *Report, v *visit) {
	report.Held = append(report.Held, v.word())
	at := again(report.Now, v.deal.Deadline)
	if t.config.Grace > 0 {
		at = max(min(at, later(v.deal.Deadline, t.config.Grace)), report.Now)
	}
	t.soon(report.Now, at-report.Now, v.id)
}

// announce stores that a slash is about to be sent.
func (t *Tower) announce(now uint64, v *visit) {
	if t.state.Sent == nil {
		t.state.Sent = map[uint64]uint64{}
	}
	t.state.Sent[v.id], t.dirty = now, true
	refund, _ := v.deal.Refund() // no deal of a contract fails
	if !t.state.Slashing.has(v.id) && t.emit(KindSlashed, PhasePending, now, v.deal, v.deal.Deadline, refund) {
		t.state.Slashing.add(v.id)
	}
	t.config.Logger.Info("watch: slashing", "deal", v.id, "refund", refund)
}

// sent takes what a slash came to; v was read after it.
func (t *Tower) sent(report *Report, v *visit, err error, problems *faults) {
	now, id := report.Now, v.id
	refusal, reverted := errors.AsType[*slastream.RevertError](err)
	held := errors.Is(err, errHeld)
	wait := uint64(1)
	t.dirty = true
	switch {
	case reverted && !refusal.TxHash.IsZero(): // it cost a fee: not at once again, whatever the reason
		t.refuse(now, id)
	case reverted, held, errors.Is(err, errUnsent):
		delete(t.state.Sent, id) // nothing is on its way
	}
	switch {
	case err == nil:
		report.Slashed = append(report.Slashed, v.word())
	case errors.Is(err, slastream.ErrDealNotActive): // somebody else was first
		report.Lost = append(report.Lost, v.word())
	case errors.Is(err, slastream.ErrDeadline): // the block was older than the clock said
		wait = again(now, v.deal.Deadline) - now
	case reverted:
		t.refuse(now, id)
		wait = max(again(now, v.deal.Deadline)-now, readAgain)
		problems.add(fmt.Errorf("watch: slashing deal %d: %w", id, refusal))
	case errors.Is(err, errUnsent), err == errHeld:
	default:
		problems.add(fmt.Errorf("watch: slashing deal %d: %w", id, err))
	}
	problems.add(v.err)
	switch {
	case v.err == nil && !v.deal.Active:
		if errors.Is(err, errUnsent) {
			report.Lost = append(report.Lost, v.word())
		}
		t.conclude(now, v, false)
	case held:
		t.hold(report, v)
	default:
		t.soon(now, wait, id)
	}
}

// refuse keeps when a slash was refused, so that another run waits as this one.
func (t *Tower) refuse(now, id uint64) {
	if t.state.Refused == nil {
		t.state.Refused = map[uint64]uint64{}
	}
	t.state.Refused[id] = now
}

package watch

import (
	"context"
	"errors"
	"fmt"

	"github.com/slastream/slastream-go/slastream"
)

// errUnsent says that the turn ended before a slash was sent.
var errUnsent = errors.New("watch: not sent")

// slash ends deals. Before it sends anything it asks for pending releases, then
// for the deal once more, in this order: what was pending then and no longer is
// shows in the deal. What is sent is stored first, so that a crash does not send
// it twice; what became of it is read from the deal, whatever Slash returned.
func (t *Tower) slash(ctx context.Context, doomed []visit, report *Report, problems *faults) {
	if len(doomed) == 0 {
		return
	}
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
		_, twice := t.state.Sent[v.id]
		twice = twice && now < later(t.state.Sent[v.id], t.config.Retry)
		switch {
		case v.err != nil:
			t.retry(ctx, now, v)
		case !v.deal.Active:
			report.Lost = append(report.Lost, v.word())
			t.conclude(now, v, false)
		case twice:
			t.schedule.push(appointment{now + 1, v.id})
		case pending[i] && (t.config.Grace < 0 || now < later(deadline, t.config.Grace)):
			report.Held = append(report.Held, v.word())
			at := again(now, deadline)
			if t.config.Grace > 0 {
				at = min(at, later(deadline, t.config.Grace))
			}
			t.schedule.push(appointment{at, v.id})
		case t.config.Observer:
			report.Would = append(report.Would, v.word())
			if !t.state.Slashing.has(v.id) {
				t.state.Slashing.add(v.id)
				t.dirty = true
				t.config.Logger.Info("watch: an observer would slash", "deal", v.id)
			}
			t.schedule.push(appointment{again(now, deadline), v.id})
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
	now := report.Now
	refused, reverted := errors.AsType[*slastream.RevertError](err)
	ended := v.err == nil && !v.deal.Active
	at := now + 1
	switch {
	case err == nil:
		report.Slashed = append(report.Slashed, v.word())
	case reverted:
		delete(t.state.Sent, v.id) // nothing is on its way
		t.dirty = true
		switch {
		case errors.Is(err, slastream.ErrDealNotActive):
			report.Lost = append(report.Lost, v.word()) // somebody else was first
		case errors.Is(err, slastream.ErrDeadline): // the block was older than the clock said
		default:
			at = max(again(now, v.deal.Deadline), now+readAgain)
			problems.add(fmt.Errorf("watch: slashing deal %d: %w", v.id, refused))
		}
	case errors.Is(err, errUnsent):
		delete(t.state.Sent, v.id)
		t.dirty = true
	default:
		problems.add(fmt.Errorf("watch: slashing deal %d: %w", v.id, err))
	}
	problems.add(v.err)
	if ended {
		t.conclude(now, v, false)
		return
	}
	t.schedule.push(appointment{at, v.id})
}

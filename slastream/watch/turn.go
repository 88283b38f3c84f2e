package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

const (
	// readTime bounds the requests of one step of a turn, so that a node that
	// hangs does not stop the tower.
	readTime = time.Minute
	// readAgain is when to read a deal again that could not be read, seconds. One
	// that can never be read costs the others little then.
	readAgain = 30
	// maxUnread is how many new deals may fail in one turn before the node counts
	// as broken and the rest waits.
	maxUnread = 8
	// maxTime is the end of the year 9999. A block time after it is none.
	maxTime = 253402300799
)

// A visit is one look at a deal.
type visit struct {
	id    uint64
	scan  bool // the deal is new to this run, and has no appointment
	woken bool // an event asked for it; it keeps its appointment

	deal     slastream.Deal
	cadence  slastream.Cadence
	progress slastream.Progress
	err      error // of the read
	guess    error // of Config.Outlook
}

func (v *visit) word() attestation.Word { return attestation.WordFromUint64(v.id) }

// turn reads what is new and due, and slashes.
func (t *Tower) turn(ctx context.Context) (Report, error) {
	t.turning.Lock()
	defer t.turning.Unlock()
	now, count, err := t.head(ctx)
	if err != nil && now == 0 {
		return Report{}, err
	}
	report, problems := Report{Now: now}, new(faults)
	problems.add(err)

	visits := t.visits(now, count)
	t.read(ctx, now, visits)
	report.Read = len(visits)
	doomed := t.judge(ctx, now, visits, problems)
	t.slash(ctx, doomed, &report, problems)

	t.mu.Lock()
	defer t.mu.Unlock()
	problems.add(t.save(ctx))
	report.More = ctx.Err() == nil && (t.scanned < count && report.Read > 0 || len(t.schedule) > 0 && t.schedule[0].at <= now)
	return report, problems.err()
}

// head returns the block time and the id of the newest deal. If only the deals
// cannot be counted, those that are known still have their turn.
func (t *Tower) head(ctx context.Context) (now, count uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	now, err = t.config.Clock.Now(ctx)
	switch {
	case err != nil:
		return 0, 0, fmt.Errorf("watch: reading the block time: %w", err)
	case now == 0:
		return 0, 0, errors.New("watch: the block time is 0")
	case now > maxTime:
		return 0, 0, fmt.Errorf("watch: the block time is %d: want Unix seconds up to the year 9999", now)
	}
	t.mark(now)
	newest, err := t.config.Escrow.DealCount(ctx)
	if err != nil {
		return now, 0, fmt.Errorf("watch: reading the number of deals: %w", err)
	}
	count, ok := newest.Uint64()
	if !ok || count > maxDeals {
		return now, 0, fmt.Errorf("watch: the escrow counts %v deals: want at most %d", newest, maxDeals)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fresh {
		t.fresh, t.dirty, t.state.History = false, true, count
	}
	return now, count, nil
}

// visits lists the deals to look at in this turn.
func (t *Tower) visits(now, count uint64) []visit {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []visit
	for id := range t.woken {
		if _, ended := t.state.Ended[id]; ended || t.state.Open.has(id) && id <= t.scanned {
			list = append(list, visit{id: id, woken: true})
		}
	}
	clear(t.woken)
	for range t.config.Batch {
		a, ok := t.schedule.pop(now)
		if !ok {
			break
		}
		id := uint64(a.deal)
		if _, ended := t.state.Ended[id]; ended || t.state.Open.has(id) {
			list = append(list, visit{id: id})
		}
	}
	for n := 0; n < t.config.Batch && t.scanned < count; n++ {
		id := t.scanned + 1
		if id <= t.state.Deals && !t.config.Rescan { // known: only the open ones matter
			open, ok := t.state.Open.next(id)
			if !ok {
				open = t.state.Deals + 1
			}
			if id = min(open, t.state.Deals+1); id > count {
				t.scanned = count
				break
			}
		}
		t.scanned = id
		list = append(list, visit{id: id, scan: true})
	}
	return list
}

// read asks for deals and, where it matters, for their outlook.
func (t *Tower) read(ctx context.Context, now uint64, visits []visit) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	parallel(len(visits), t.config.Parallel, func(i int) {
		v := &visits[i]
		v.deal, v.err = t.config.Escrow.Deal(ctx, v.word())
		switch {
		case v.err != nil:
			v.err = fmt.Errorf("watch: reading deal %d: %w", v.id, v.err)
		case !v.deal.Exists():
			v.err = fmt.Errorf("watch: deal %d: %w", v.id, slastream.ErrNoDeal)
		case v.deal.ID != v.word():
			v.err = fmt.Errorf("watch: asked for deal %d, and the escrow answered with deal %v", v.id, v.deal.ID)
		case v.deal.Active && now < v.deal.Deadline && t.config.Outlook != nil:
			v.cadence, v.progress, v.guess = t.config.Outlook(ctx, v.deal)
		}
	})
}

// judge decides about deals that were read, and returns those to slash. Every
// visit ends with an appointment, or the deal is no longer watched.
func (t *Tower) judge(ctx context.Context, now uint64, visits []visit, problems *faults) []visit {
	t.mu.Lock()
	defer t.mu.Unlock()
	var doomed []visit
	unread := 0
	for i := range visits {
		v := &visits[i]
		_, ended := t.state.Ended[v.id]
		if !v.scan && !ended && !t.state.Open.has(v.id) {
			continue // it stood here twice
		}
		problems.add(v.err)
		if v.scan && v.err != nil && !ended {
			if unread++; errors.Is(v.err, slastream.ErrNoDeal) || unread > maxUnread {
				t.scanned = v.id - 1
				break
			}
			if t.state.Open.has(v.id) {
				t.unchosen[v.id] = true // an earlier run has read it: its end is no history
			} else {
				t.adopt(v.id)
				t.state.Unread.add(v.id)
			}
		}
		if v.err != nil {
			t.retry(ctx, now, v)
			continue
		}
		if ended {
			if !t.review(now, v) {
				continue
			}
			v.woken = false // it needs an appointment of an open deal
		}
		first := !ended && !t.state.Open.has(v.id) || t.state.Unread.has(v.id)
		if !t.chosen(v) {
			continue
		}
		t.adopt(v.id)
		t.state.Unread.remove(v.id)
		switch {
		case !v.deal.Active:
			t.conclude(now, v, first && v.id <= t.state.History)
		case v.woken:
		case now < v.deal.Deadline:
			problems.add(t.warn(now, v))
		case t.overdue(now, v):
			doomed = append(doomed, *v)
		}
	}
	return doomed
}

// retry makes the appointment after a deal that could not be read.
func (t *Tower) retry(ctx context.Context, now uint64, v *visit) {
	switch {
	case v.woken:
		t.woken[v.id] = true
	case ctx.Err() != nil: // the turn was cut short
		t.meet(now, v.id)
	default:
		t.soon(now, readAgain, v.id)
	}
}

// adopt makes a deal one that is watched and open.
func (t *Tower) adopt(id uint64) {
	if id > t.state.Deals {
		t.state.Deals, t.dirty = id, true
	}
	if !t.state.Open.has(id) {
		t.state.Watched.add(id)
		t.state.Open.add(id)
		t.open++
		t.dirty = true
	}
}

// chosen applies the filter to a deal that is new to this run.
func (t *Tower) chosen(v *visit) bool {
	again := v.scan || t.unchosen[v.id] || t.state.Unread.has(v.id)
	delete(t.unchosen, v.id)
	if !again || t.config.Filter == nil || t.config.Filter(v.deal) {
		return true
	}
	if v.id > t.state.Deals {
		t.state.Deals, t.dirty = v.id, true
	}
	t.state.Settled.remove(v.id)
	if t.state.Watched.has(v.id) {
		t.drop(v.id)
		t.state.Watched.remove(v.id)
	}
	return false
}

// drop ends the watch over a deal. Its appointment is void.
func (t *Tower) drop(id uint64) {
	if t.state.Open.has(id) {
		t.open--
	}
	t.state.forget(id)
	t.dirty = true
}

// warn looks at a deal before its deadline.
func (t *Tower) warn(now uint64, v *visit) error {
	at, err := v.deal.Deadline, v.guess
	due, risky := v.deal.Deadline, true
	if err == nil && v.cadence.Period != 0 {
		var f slastream.Forecast
		if f, err = v.deal.Forecast(v.cadence, v.progress, now); err == nil {
			due, risky = lastMoment(f, v.cadence)
			due = min(due, v.deal.Deadline)
		}
	}
	if err != nil {
		t.soon(now, min(readAgain, at-now), v.id)
		return fmt.Errorf("watch: the outlook of deal %d: %w", v.id, err)
	}
	early := due - min(due, uint64(t.config.Warn/time.Second))
	told := true
	switch {
	case !risky:
	case now > due:
		told = t.tell(KindUnreachable, now, v, due)
	case t.config.Warn > 0 && now >= early:
		told = t.tell(KindAtRisk, now, v, due)
		at = min(at, due+1)
	case t.config.Warn > 0:
		at = min(at, early)
	case due < at:
		at = due + 1
	}
	if told {
		t.meet(at, v.id)
	} else {
		t.soon(now, 1, v.id)
	}
	return nil
}

// overdue looks at a deal whose deadline has passed, and reports whether it is
// this tower's turn to slash it.
func (t *Tower) overdue(now uint64, v *visit) bool {
	t.tell(KindDeadline, now, v, v.deal.Deadline) // again in the next turn if it could not be told
	next := t.nextTry(now, v)
	switch at := t.slashAt(v.deal); {
	case now < at:
		t.meet(at, v.id)
	case t.onTheWay(now, v.id):
		t.soon(now, 1, v.id)
	case now < next:
		t.soon(now, next-now, v.id)
	default:
		return true
	}
	return false
}

// tell emits an alert of an open deal once; false says that it could not.
func (t *Tower) tell(k Kind, now uint64, v *visit, due uint64) bool {
	told := t.state.told(k)
	if told.has(v.id) {
		return true
	}
	if !t.emit(k, PhaseFinal, now, v.deal, due, slastream.Amount{}) {
		return false
	}
	told.add(v.id)
	return true
}

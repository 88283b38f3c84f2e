package watch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/slastream/slastream-go/slastream"
)

const (
	// maxQueue bounds the alerts to deliver. When it is reached, deals and events
	// wait for room; slashes do not.
	maxQueue = 10_000
	// maxDead bounds the dead letters; the oldest are dropped.
	maxDead = 10_000
	// firstPause and lastPause bound the wait before another attempt: at random
	// between 0 and firstPause, doubled with each attempt up to lastPause.
	firstPause = time.Second
	lastPause  = time.Hour
	// passTime is how long deliveries go on before what they came to is stored.
	passTime = time.Second
)

// A Letter is an alert on its way to the [Notifier].
type Letter struct {
	Alert    Alert     `json:"alert"`
	Attempts int       `json:"attempts,omitempty"` // that failed
	Failure  string    `json:"failure,omitempty"`  // what the last one said, at most about 200 bytes
	Next     time.Time `json:"next,omitzero"`      // when another one is due; of no meaning for a dead letter
}

// due reports whether another attempt may be made. A time too far ahead comes
// from a clock that was wrong.
func (l *Letter) due(now time.Time) bool {
	return !l.Next.After(now) || l.Next.After(now.Add(2*lastPause))
}

// emit puts an alert of a deal into the queue; false says that it is full. t.mu
// is held.
func (t *Tower) emit(k Kind, p Phase, now uint64, d slastream.Deal, due uint64, amount slastream.Amount) bool {
	return t.enqueue(Alert{Kind: k, Phase: p, DealID: d.ID, Deal: d, At: now, Due: due, Amount: amount})
}

func (t *Tower) enqueue(a Alert) bool {
	if t.config.Notifier == nil {
		t.dirty = true // what was told is stored
		return true
	}
	if len(t.state.Queue) >= t.room {
		return false
	}
	a.ChainID, a.Escrow = t.config.Domain.ChainID, slastream.Address(t.config.Domain.Escrow)
	a.identify()
	t.state.Queue = append(t.state.Queue, Letter{Alert: a})
	t.tally.alerts++
	t.dirty = true
	wake(t.mail)
	return true
}

// post delivers until ctx is done.
func (t *Tower) post(ctx context.Context) {
	for {
		next, _, err := t.deliver(ctx)
		if err != nil && ctx.Err() == nil {
			t.config.Logger.Warn("watch: delivering alerts", "err", err)
			next = time.Now().Add(t.config.Poll)
		}
		pause := lastPause
		if !next.IsZero() {
			pause = max(time.Until(next), 0)
		}
		if !wait(ctx, pause, t.mail) {
			return
		}
	}
}

// deliver makes one attempt for alerts that are due, and returns when the next
// one is, the zero time if there is none, and how many were delivered. Only what
// is stored is delivered, so that nothing is told that a crash could make untold.
func (t *Tower) deliver(ctx context.Context) (next time.Time, delivered int, err error) {
	t.posting.Lock()
	defer t.posting.Unlock()
	letters, err := t.outbox(ctx)
	if err != nil {
		return time.Time{}, 0, err
	}
	outcome := t.attempt(ctx, letters)
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.tally.delivered
	t.sort(outcome, ctx.Err() != nil)
	delivered = t.tally.delivered - before
	if t.dirty { // what was delivered is stored even if ctx has ended
		rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = t.save(rest)
	}
	for i := range t.state.Queue {
		if l := &t.state.Queue[i]; next.IsZero() || l.Next.Before(next) {
			next = l.Next
			if next.IsZero() {
				next = time.Now()
			}
		}
	}
	return next, delivered, err
}

// attempt returns what became of alerts, those left out for which there was no
// time.
func (t *Tower) attempt(ctx context.Context, alerts []Alert) map[string]error {
	outcome := map[string]error{}
	begin := time.Now()
	for wave := range slices.Chunk(alerts, t.config.Parallel) {
		if ctx.Err() != nil || time.Since(begin) > passTime {
			break
		}
		errs := make([]error, len(wave))
		parallel(len(wave), t.config.Parallel, func(i int) {
			ctx, cancel := context.WithTimeout(ctx, t.config.Timeout)
			defer cancel()
			errs[i] = t.config.Notifier.Notify(ctx, wave[i])
		})
		for i, a := range wave {
			outcome[a.ID] = errs[i]
		}
	}
	return outcome
}

// outbox returns the alerts that are due.
func (t *Tower) outbox(ctx context.Context) ([]Alert, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.save(ctx); err != nil {
		return nil, err
	}
	var list []Alert
	for i, now := 0, time.Now(); i < len(t.state.Queue) && len(list) < t.config.Batch; i++ {
		if l := &t.state.Queue[i]; l.due(now) {
			list = append(list, l.Alert)
		}
	}
	return list, nil
}

// sort takes the outcome of attempts: out of the queue, back or to the dead.
// interrupted says that failures do not count.
func (t *Tower) sort(outcome map[string]error, interrupted bool) {
	keep := t.state.Queue[:0]
	for _, l := range t.state.Queue {
		err, tried := outcome[l.Alert.ID]
		switch {
		case !tried || err != nil && interrupted:
			keep = append(keep, l)
		case err == nil:
			t.tally.delivered++
			t.dirty = true
		default:
			t.dirty = true
			t.tally.failed++
			l.Attempts++
			l.Failure = clip(err.Error())
			if l.Attempts < t.config.Attempts {
				l.Next = time.Now().Add(rand.N(min(firstPause<<min(l.Attempts-1, 20), lastPause)))
				keep = append(keep, l)
				continue
			}
			t.tally.dead++
			t.state.Dead = append(t.state.Dead, l)
			t.config.Logger.Error("watch: an alert was given up", "id", l.Alert.ID, "kind", l.Alert.Kind, "deal", number(l.Alert.DealID), "attempts", l.Attempts, "failure", l.Failure)
		}
	}
	clear(t.state.Queue[len(keep):])
	t.state.Queue = keep
	if extra := len(t.state.Dead) - maxDead; extra > 0 {
		t.state.Dead = slices.Delete(t.state.Dead, 0, extra)
		t.config.Logger.Error("watch: too many dead letters, the oldest were dropped", "dropped", extra)
	}
}

// Dead returns the dead letters, oldest first: alerts that the [Notifier] failed
// to deliver Config.Attempts times. The newest ten thousand are kept. It fails as
// [Tower.Step] does if the state cannot be loaded.
func (t *Tower) Dead(ctx context.Context) ([]Letter, error) {
	leave, err := t.enter(ctx)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	dead := slices.Clone(t.state.Dead)
	t.mu.Unlock()
	return dead, leave()
}

// Requeue delivers dead letters again, with new attempts: those with the given
// ids, or all. It returns how many. An error says that this is not stored yet.
func (t *Tower) Requeue(ctx context.Context, ids ...string) (n int, err error) {
	leave, err := t.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, leave()) }()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state.Dead = slices.DeleteFunc(t.state.Dead, func(l Letter) bool {
		if len(ids) > 0 && !slices.Contains(ids, l.Alert.ID) {
			return false
		}
		t.state.Queue = append(t.state.Queue, Letter{Alert: l.Alert})
		n++
		return true
	})
	if n == 0 {
		return 0, nil
	}
	t.dirty = true
	wake(t.mail)
	if err := t.save(ctx); err != nil {
		return n, fmt.Errorf("watch: requeuing %d alerts: %w", n, err)
	}
	return n, nil
}

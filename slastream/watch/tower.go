package watch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/slastream/slastream-go/attestation"
)

// A Tower watches the deals of one escrow. Make one with [New]. Its methods are
// safe for concurrent use; turns wait for one another.
type Tower struct {
	config Config
	room   int // alerts that the queue holds at most

	turning sync.Mutex // held during a turn
	posting sync.Mutex // held while alerts are delivered

	mu       sync.Mutex // guards what follows; not held during requests but those to the store
	loaded   bool
	fresh    bool              // the store was empty, and no turn was taken yet
	dirty    bool              // state is not what the store has
	users    int               // calls that work with the state
	unlock   func() error      // gives the store back; nil if it is not taken
	stored   [sha256.Size]byte // of the document that was last read or saved
	tried    [sha256.Size]byte // of the one whose Save was last tried
	newest   uint64            // block time of the last turn
	state    state
	schedule schedule        // one appointment at least for each open deal up to scanned
	scanned  uint64          // deals up to it were looked at since the tower was made
	open     int             // members of state.Open
	woken    map[uint64]bool // open deals that an event says have ended
	unchosen map[uint64]bool // open deals that Config.Filter is still to be asked for in this run
	tally    tally

	mail    chan struct{} // wakes who delivers
	turnNow chan struct{} // wakes who takes turns
}

// tally counts deliveries for the next report.
type tally struct{ alerts, delivered, failed, dead int }

// A Report is what one turn came to. The lists are deal ids, each at most once.
type Report struct {
	Now  uint64 // block time, Unix seconds
	Open int    // deals that are watched and have not ended
	Read int    // deals that were read

	Slashed []attestation.Word // whose slash was sent by this tower
	Lost    []attestation.Word // that had ended, or been slashed by somebody else, when this tower was about to slash or just had
	Would   []attestation.Word // that an observer would have slashed
	Held    []attestation.Word // not slashed because a release is pending

	Alerts    int  // new ones
	Delivered int  // attempts that succeeded
	Failed    int  // attempts that failed, the last ones of dead letters included
	Dead      int  // alerts that became dead letters
	Queue     int  // alerts to be delivered
	More      bool // deals are waiting for their turn now: take the next one at once
}

// Step takes one turn: it reads the deals that are new or due, slashes, and
// delivers alerts, up to those that wait for their next attempt or until a second
// went by without one that succeeded. It returns when all of that is done, and
// may be called from cron; watchers are not followed. An error, joined from several, is what went
// wrong on the way; what is not done is due again in a later turn.
//
// It fails at once, and does nothing, with what Store.Load says, with
// [ErrCorrupt], with [ErrInUse], and for a store of another escrow.
func (t *Tower) Step(ctx context.Context) (report Report, err error) {
	leave, err := t.enter(ctx)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, leave()) }()
	report, err = t.turn(ctx)
	for t.config.Notifier != nil {
		next, delivered, errDeliver := t.deliver(ctx)
		err = errors.Join(err, errDeliver)
		if delivered == 0 || errDeliver != nil || next.IsZero() || next.After(time.Now()) {
			break
		}
	}
	t.settle(&report)
	return report, err
}

// Run takes turns, delivers alerts and follows the watchers until ctx is done,
// and returns ctx.Err(). These do not wait for one another: a receiver that hangs
// delays no slash. What goes wrong in a turn is logged and tried again. When Run
// returns, its goroutines have ended.
//
// It fails as Step does if the state cannot be loaded.
func (t *Tower) Run(ctx context.Context) (err error) {
	leave, err := t.enter(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if e := leave(); e != nil {
			err = errors.Join(err, e)
		}
	}()
	var wg sync.WaitGroup
	if t.config.Notifier != nil {
		wg.Go(func() { t.post(ctx) })
	}
	if t.config.Accepted != nil {
		wg.Go(func() { t.follow(ctx, feedAccepted, t.config.Accepted, PhasePending) })
	}
	if t.config.Settled != nil {
		wg.Go(func() { t.follow(ctx, feedSettled, t.config.Settled, PhaseFinal) })
	}
	t.turns(ctx)
	wg.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := t.save(rest); err != nil {
		return errors.Join(ctx.Err(), err)
	}
	return ctx.Err()
}

func (t *Tower) turns(ctx context.Context) {
	for {
		report, err := t.turn(ctx)
		if ctx.Err() != nil {
			return
		}
		t.settle(&report)
		if err != nil {
			t.config.Logger.Warn("watch: turn", "err", err)
		}
		if t.config.OnTurn != nil {
			t.config.OnTurn(report, err)
		}
		if report.More && err == nil {
			continue
		}
		if !wait(ctx, t.config.Poll, t.turnNow) {
			return
		}
	}
}

// settle completes a report with what happened beside the turn.
func (t *Tower) settle(r *Report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.Alerts, r.Delivered, r.Failed, r.Dead = t.tally.alerts, t.tally.delivered, t.tally.failed, t.tally.dead
	t.tally = tally{}
	r.Open, r.Queue = t.open, len(t.state.Queue)
}

// wait waits for a time or to be woken; it reports false if ctx is done.
func wait(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-wake:
	}
	return true
}

// wake wakes who waits for a channel, now or when it next waits.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// parallel calls f for each of n, some at the same time, and waits for all.
func parallel(n, atOnce int, f func(i int)) {
	if n == 1 || atOnce == 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, atOnce) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// faults joins the first errors of a turn and counts the rest.
type faults struct {
	errs []error
	more int
}

func (f *faults) add(err error) {
	switch {
	case err == nil:
	case len(f.errs) == 8:
		f.more++
	default:
		f.errs = append(f.errs, err)
	}
}

func (f *faults) err() error {
	if f.more > 0 {
		return errors.Join(append(f.errs, fmt.Errorf("watch: and %d more errors", f.more))...)
	}
	return errors.Join(f.errs...)
}

package pgstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/slastream/slastream-go/slastream/relay"
)

// A Stepper takes turns: *relay.Relay does.
type Stepper interface {
	Step(ctx context.Context) (relay.Report, error)
}

var _ Stepper = (*relay.Relay)(nil)

// DefaultGrace is what [Options].Grace means when it is 0.
const DefaultGrace = 10 * time.Second

// Options say for whom [Store.Run] takes turns. What is left out of the first four
// is that of the *relay.Relay which takes the turns; around another [Stepper],
// Account and Owner are required.
type Options struct {
	Account string        // name of the lease: the address of the sending account, Escrow.Account().String()
	Owner   string        // who holds the lease: relay.Config.Name, another one in each process
	Poll    time.Duration // pause between two turns; less than 1 s is by this process's timer alone; 0 is relay.DefaultPoll
	Lease   time.Duration // relay.Config.Lease; 0 is relay.DefaultLease
	Grace   time.Duration // how long the last turn may go on after ctx is done
	Logger  *slog.Logger  // nil discards
}

func (o Options) withDefaults(step Stepper) (Options, error) {
	if r, ok := step.(*relay.Relay); ok {
		o.Account, o.Owner = cmp.Or(o.Account, r.Escrow.Account().String()), cmp.Or(o.Owner, r.Name)
		o.Poll, o.Lease = cmp.Or(o.Poll, r.Poll), cmp.Or(o.Lease, r.Config.Lease)
	}
	switch {
	case o.Account == "":
		return o, errors.New("pgstore: Options.Account is missing")
	case o.Owner == "":
		return o, errors.New("pgstore: Options.Owner is missing")
	case o.Poll < 0 || o.Lease < 0 || o.Grace < 0:
		return o, errors.New("pgstore: Options.Poll, Lease or Grace is negative")
	}
	if o.Poll == 0 {
		o.Poll = relay.DefaultPoll
	}
	if o.Lease == 0 {
		o.Lease = relay.DefaultLease
	}
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// River keeps jobs that are done for as long; its cleaner comes every 30 s.
const keepJobs = time.Minute

// fetchers is how many wake-ups are taken at once. They make one turn together.
const fetchers = 16

// A run is one call of Run.
type run struct {
	Options
	store *Store
	step  Stepper
	every time.Duration // pause between two turns
	jobs  *river.Client[pgx.Tx]

	wake    chan struct{} // holds a token if a turn is wanted
	able    atomic.Bool   // nobody else has the lease
	taking  bool          // the queue is ours to take from
	stepped time.Time     // when the last turn began
}

// Run takes turns until ctx is done, waits for the one under way, gives the
// lease up and returns ctx.Err(). Errors of turns are logged and tried again.
// Another error says that Run could not start.
//
// While another process has the lease, this one only waits for it to run out:
// then it takes a turn at once. Otherwise a turn comes with each wake-up that
// River delivers, and without one when 4/3 of the pause have passed. The pause
// is Poll, or a quarter of Lease if that is less, for a lease is renewed by turns.
//
// Call [relay.Relay.Check] before. Call Run for an account once in a process.
func (s *Store) Run(ctx context.Context, step Stepper, options Options) error {
	o, err := options.withDefaults(step)
	if err != nil {
		return err
	}
	if n := s.pool.Config().MaxConns; n < 4 {
		return fmt.Errorf("pgstore: a pool of %d connections, want 4 or more to run", n)
	}
	r := &run{Options: o, store: s, step: step, every: max(min(o.Poll, o.Lease/4), time.Millisecond), wake: make(chan struct{}, 1)}
	if err := r.connect(); err != nil {
		return fmt.Errorf("pgstore: River: %w", err)
	}
	// River ends when Run says so, after the last turn.
	if err := r.jobs.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("pgstore: River: %w", err)
	}
	r.taking = true
	s.runs.add(o.Account, o.Owner)
	defer s.runs.remove(o.Account)
	r.loop(ctx)
	r.close(context.WithoutCancel(ctx))
	return ctx.Err()
}

// connect makes the River client: one periodic job, inserted by whichever
// process River has elected, and a worker that hands wake-ups to the loop.
func (r *run) connect() (err error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(context.Context, *river.Job[wakeUp]) error {
		if !r.able.Load() {
			// The lease went to another process after the job was fetched.
			return river.JobSnooze(time.Second)
		}
		select {
		case r.wake <- struct{}{}:
		default: // a turn is wanted already
		}
		return nil
	}))
	// No more than one tick in a period, whoever is elected. The key has the
	// period in it, so a job that nobody finishes blocks no later one.
	period := max(r.every, time.Second)
	tick := river.NewPeriodicJob(river.PeriodicInterval(period), func() (river.JobArgs, *river.InsertOpts) {
		return wakeUp{r.Account}, &river.InsertOpts{
			Queue:       queue(r.Account),
			MaxAttempts: 1,
			UniqueOpts:  river.UniqueOpts{ByArgs: true, ByPeriod: period},
		}
	}, &river.PeriodicJobOpts{RunOnStart: true})
	r.jobs, err = river.NewClient(riverpgxv5.New(r.store.pool), &river.Config{
		ID:                          rand.Text(),
		Schema:                      r.store.schema,
		Logger:                      r.Logger,
		Workers:                     workers,
		Queues:                      map[string]river.QueueConfig{queue(r.Account): {MaxWorkers: fetchers}},
		PeriodicJobs:                []*river.PeriodicJob{tick},
		CompletedJobRetentionPeriod: keepJobs,
		CancelledJobRetentionPeriod: keepJobs,
		DiscardedJobRetentionPeriod: keepJobs,
		JobTimeout:                  keepJobs,
		RescueStuckJobsAfter:        2 * keepJobs,
	})
	return err
}

func (r *run) loop(ctx context.Context) {
	// A turn outlives ctx by Grace.
	turns, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(r.Grace, cancel) })()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		woken := false
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
			woken = true
		case <-timer.C:
		}
		before := r.able.Load()
		pause := r.look(ctx)
		if !r.able.Load() {
			timer.Reset(pause)
			continue
		}
		if woken || !before || time.Since(r.stepped) >= r.patience() {
			r.turn(turns)
			// The turn may have taken the lease, or lost it to another.
			pause = r.look(ctx)
		}
		timer.Reset(pause)
	}
}

// patience is how long the process that may send waits for a wake-up.
func (r *run) patience() time.Duration { return r.every * 4 / 3 }

func (r *run) turn(ctx context.Context) {
	r.stepped = time.Now()
	report, err := r.step.Step(ctx)
	if err != nil && ctx.Err() == nil {
		r.Logger.Warn("relay turn", "err", err)
	}
	if report.Observed+report.Released+report.Refused > 0 {
		r.Logger.Info("relay turn", "observed", report.Observed, "released", report.Released, "refused", report.Refused, "open", report.Open)
	}
}

// look asks the rows who may send, has River bring the wake-ups here or not, and
// returns the pause until the next look.
func (r *run) look(ctx context.Context) time.Duration {
	// Short, so that a lease that was given up is seen.
	soon := min(r.every, r.Lease/4)
	owner, left, err := r.store.held(ctx, r.Account)
	if err != nil {
		if ctx.Err() == nil {
			r.Logger.Warn("relay lease", "err", err)
		}
		return soon
	}
	able := owner == r.Owner || left <= 0
	r.able.Store(able)
	if able != r.taking {
		if err := r.take(ctx, able); err != nil {
			r.Logger.Warn("relay queue", "err", err)
		}
	}
	if !able {
		return min(soon, left+time.Millisecond)
	}
	return min(soon, max(r.patience()-time.Since(r.stepped), time.Millisecond))
}

// take begins to take jobs from the queue of the account, or ends it.
func (r *run) take(ctx context.Context, begin bool) error {
	ctx, cancel := context.WithTimeout(ctx, r.Lease)
	defer cancel()
	if !begin {
		if err := r.jobs.Queues().Remove(ctx, queue(r.Account)); err != nil {
			return err
		}
		r.taking = false
		return nil
	}
	if err := r.jobs.Queues().Add(queue(r.Account), river.QueueConfig{MaxWorkers: fetchers}); err != nil {
		// What failed to start is in the list of queues all the same.
		return errors.Join(err, r.jobs.Queues().Remove(ctx, queue(r.Account)))
	}
	r.taking = true
	return nil
}

// close gives the lease up, so that nobody has to wait for it, and ends River's
// part.
func (r *run) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.Grace)
	defer cancel()
	r.able.Store(false)
	if owner, left, err := r.store.held(ctx, r.Account); err == nil && owner == r.Owner && left > 0 {
		if _, err := r.store.Lease(ctx, r.Account, r.Owner, 0); err != nil {
			r.Logger.Warn("relay lease", "err", err)
		}
	}
	if err := r.jobs.StopAndCancel(ctx); err != nil {
		r.Logger.Warn("River", "err", err)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/slastream/slastream-go/slastream/relay"
)

// grace is how long the turn that is under way has after SIGTERM.
const grace = 10 * time.Second

// run takes turns until ctx is done, which is no error.
func (d *daemon) run(ctx context.Context) (err error) {
	server, err := d.listen()
	if err != nil {
		return err
	}
	d.rebuilding.began, d.rebuilding.first = time.Now(), max(d.progress.upTo.Load(), d.config.Relay.FromBlock)
	// What runs beside the turns ends after them.
	beside, end := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { d.monitor(beside) })
	server.serve(&wg)
	defer func() {
		end()
		server.close()
		wg.Wait()
		d.saveCheckpoint()
	}()
	d.log.Info("listening", "http", server.address(), "store", d.config.Relay.place(), "account", d.account.Address(), "escrow", d.escrow.Address())
	turns, stop := afterGrace(ctx)
	defer stop()
	if err := d.bindFirst(ctx, turns); err != nil || ctx.Err() != nil {
		return err
	}
	wake := d.hints(beside, &wg)
	if d.watcher != nil {
		wg.Go(func() { d.watcher.run(beside) })
	}
	if d.runner != nil {
		wg.Go(func() { d.standBy(beside) })
		err := d.runner(ctx, stepFunc(func(ctx context.Context) (relay.Report, error) { return d.turn(ctx), nil }))
		if ctx.Err() == nil && err != nil {
			return err
		}
	} else {
		d.loop(ctx, turns, wake)
	}
	d.log.Info("stopped")
	return nil
}

// A stepFunc is a pgstore.Stepper.
type stepFunc func(context.Context) (relay.Report, error)

// Step takes one turn.
func (f stepFunc) Step(ctx context.Context) (relay.Report, error) { return f(ctx) }

// afterGrace returns a context that ends some time after ctx does.
func afterGrace(ctx context.Context) (context.Context, func()) {
	turns, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-turns.Done():
		}
		cancel()
	})
	return turns, func() { stop(); cancel() }
}

// bindFirst looks at the escrow's key and binds the deals of the configuration
// before the first turn. What is wrong for good ends the daemon; the rest is tried
// again.
func (d *daemon) bindFirst(ctx, turns context.Context) error {
	turns = working(turns)
	if err := d.relay.Check(turns); err != nil && ctx.Err() == nil {
		if bad := judge(err); bad != nil {
			return bad
		}
		d.log.Warn("the escrow's key could not be asked for; it is tried again with each turn", "err", oneLine(err))
	}
	if bad := d.bindPending(turns); bad != nil && ctx.Err() == nil {
		return bad
	}
	return nil
}

// loop takes a turn with each tick, and with each new block.
func (d *daemon) loop(ctx, turns context.Context, wake <-chan struct{}) {
	ticker := time.NewTicker(time.Duration(d.config.Relay.Poll))
	defer ticker.Stop()
	for ctx.Err() == nil {
		d.turn(turns)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		case <-wake:
		}
	}
}

// turn takes one turn and says what it did.
func (d *daemon) turn(ctx context.Context) relay.Report {
	began := time.Now()
	asking := d.starknet.pin(working(ctx))
	_ = d.bindPending(asking) // it is logged, and others go on
	report, err := d.relay.Step(asking)
	d.metrics.turnDuration.Observe(time.Since(began).Seconds())
	switch {
	case errors.Is(err, context.Canceled):
		d.log.Warn("the last turn was cut off", "after", fmt.Sprint(time.Since(began).Round(time.Millisecond)))
	case err != nil:
		d.complain(err)
	default:
		d.complained = ""
	}
	if report.Observed+report.Sent+report.Released+report.Refused+report.Wasted > 0 {
		d.log.Info("turn", "observed", report.Observed, "sent", report.Sent, "released", report.Released,
			"refused", report.Refused, "wasted", report.Wasted, "open", report.Open)
	}
	if err == nil {
		if behind, countErr := d.count(ctx, relay.TrackQuery{Behind: true, Limit: 1}); countErr == nil && behind == 0 {
			d.rebuilding.finish(d)
		}
	}
	d.checkpointNow(ctx)
	select {
	case d.turned <- struct{}{}:
	default:
	}
	return report
}

// complainEvery is how often the same complaint is repeated.
const complainEvery = time.Minute

// complain logs what went wrong in a turn, the same thing once a minute.
func (d *daemon) complain(err error) {
	text := oneLine(err)
	same := withoutDigits(text) == withoutDigits(d.complained) // epochs go on
	if same && time.Since(d.complainedAt) < complainEvery {
		return
	}
	d.complained, d.complainedAt = text, time.Now()
	d.log.Warn("turn", "err", text)
}

func withoutDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, s)
}
